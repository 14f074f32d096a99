import Foundation
import GessoPipeline
import ScenarioAPI
import TestSupport
import Testing

/// The state tables of the pages on paid jobs are compared with the ledger and the state machine.
@Suite("Pages on paid jobs")
struct PaidJobsPageTests {
  static let pages = ["Documentation/PaidJobs.md", "Sources/GessoPipeline/GessoPipeline.docc/PaidJobs.md"]

  private static let job = JobID(rawValue: "job_1")
  private static let beforeSubmit = "`failed` before a submit"
  private static let afterSubmit = "`failed` after a submit"

  /// The state table of a page: from each state in the first column to the text in the second one. If a row lists several states, each of
  /// them has an entry.
  private static func table(of page: String) throws -> [String: String] {
    let text = try String(
      contentsOf: Fixtures.folder.deletingLastPathComponent().appending(path: page), encoding: .utf8)
    let start = try #require(text.firstRange(of: "| State on record |")).upperBound
    var table: [String: String] = [:]
    for line in text[start...].split(separator: "\n", omittingEmptySubsequences: false).dropFirst(2) {
      guard line.hasPrefix("|") else { break }
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      for state in cells[0].split(separator: ", ") { table[String(state)] = cells[1] }
    }
    return table
  }

  /// A ledger with a run that has come as far as `state`.
  private static func ledger(at state: LedgerEntry.State) throws -> Ledger {
    let ledger = try Ledger(path: TestFolder.url.appending(path: "paid-jobs-\(UUID().uuidString)/l.sqlite").path)
    try record(state, of: try ledger.claim(intent, again: false).entry.id, in: ledger)
    return ledger
  }

  private static let intent = LedgerIntent(
    key: "k", account: "", baseURL: "https://example.com/v1", projectID: nil, source: "forest.jpg",
    sourceSHA256: "aa", preparedSHA256: nil, preparedPath: nil, geometry: nil, model: "flux.1-dev", prompt: "a forest",
    parameters: "{}", seed: "7", folder: "/out", nameTemplate: "{stem}-{index}", stem: "forest")

  /// Puts every step up to `state` on record.
  private static func record(_ state: LedgerEntry.State, of run: Int64, in ledger: Ledger) throws {
    switch state {
    case .planned: break
    case .prepared:
      try ledger.recordPrepared(run, sha256: "bb", path: "/out/forest.prepared.jpg", geometry: "{}", parameters: "{}")
    case .uploaded:
      try record(.prepared, of: run, in: ledger)
      try ledger.recordUpload(run, asset: AssetID(rawValue: "asset_1"), parameters: "{}")
    case .submitting:
      try record(.uploaded, of: run, in: ledger)
      try ledger.recordSubmitting(run, Ledger.Submit(account: "", model: "flux.1-dev", parameters: "{}"))
    case .needsDecision:
      try record(.submitting, of: run, in: ledger)
      try ledger.recordNeedsDecision(run, reason: "two jobs are possible", candidates: [])
    case .submitted:
      try record(.submitting, of: run, in: ledger)
      try ledger.recordSubmission(run, job: job, cost: "10")
    case .succeeded:
      try record(.submitted, of: run, in: ledger)
      try ledger.recordSuccess(run)
    case .downloaded:
      try record(.succeeded, of: run, in: ledger)
      try ledger.recordDownloads(run)
    case .failed:
      try record(.submitted, of: run, in: ledger)
      try ledger.recordFailure(run, reason: "the job failed")
    }
  }

  /// The words on the pages for the first action of a claimed run. If the run first waits for a place, the action after that counts.
  private static func words(for entry: LedgerEntry) -> String? {
    var state = RunState(goal: .results)
    var action = state.next(.claimed(entry.state, job: entry.jobID))
    if case .takePlace = action { action = state.next(.placeTaken) }
    return switch action {
    case .prepare(reusing: false): (entry.attempt > 0 ? "makes a new attempt, which " : "") + "prepares the image"
    case .prepare(reusing: true):
      "uses the prepared file if its bytes are unchanged, otherwise prepares the image"
    case .checkUpload: "asks whether the service still has the image"
    case .reconcile: "asks the service which job the submit started, and submits nothing"
    case .follow(job): "follows the job and downloads its results"
    case .lookForResults: "checks the files on disk, and follows the job again if one is missing"
    default: nil
    }
  }

  @Test("each state on record has a row, with the first action of the same order", arguments: pages)
  func tableIsTrue(of page: String) throws {
    var table = try Self.table(of: page)
    for state in LedgerEntry.State.allCases {
      let again = try Self.ledger(at: state).claim(Self.intent, again: false).entry
      let words = try #require(Self.words(for: again), "\(state)")
      #expect(table.removeValue(forKey: state == .failed ? Self.afterSubmit : "`\(state.rawValue)`") == words)
    }
    #expect(Set(table.keys) == [Self.beforeSubmit], "rows of no state")
  }

  @Test("an order that failed before a submit continues from the state it had", arguments: pages)
  func continuesBeforeSubmit(of page: String) throws {
    let cell = try #require(try Self.table(of: page)[Self.beforeSubmit])
    let listed = cell.matches(of: #/`([a-z\-]+)`/#).map { String($0.1) }
    let states = LedgerEntry.State.allCases.filter(\.isBeforeSubmit)
    #expect(listed == states.map(\.rawValue))
    for state in states {
      let ledger = try Self.ledger(at: state)
      try ledger.recordFailure(ledger.entries()[0].id, reason: "the disk is full")
      #expect(try ledger.claim(Self.intent, again: false).entry.state == state)
    }
  }
}
