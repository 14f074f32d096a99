import Foundation
import GessoPipeline
import ScenarioAPI
import TestSupport
import Testing

@Suite("The limit of a day")
struct SpendingTests {
  let path = TestFolder.url.appending(path: "gesso-spending-\(UUID().uuidString)/l.sqlite").path

  /// 2026-11-29T23:59:00Z
  private static let late = 1_795_996_740.0

  private func intent(_ key: String, account: String = "proj_1", service: String = "https://example.com/v1")
    -> LedgerIntent
  {
    LedgerIntent(
      key: key, account: account, baseURL: service, projectID: "proj_1", source: "forest.jpg", sourceSHA256: "aa",
      preparedSHA256: nil, preparedPath: nil, geometry: nil, model: "flux.1-dev", prompt: "a forest", parameters: "{}",
      seed: "7", folder: "/out", nameTemplate: "{stem}-{index}", stem: "forest")
  }

  private func submit(_ price: Decimal?, limit: Decimal? = nil) -> Ledger.Submit {
    Ledger.Submit(model: "flux.1-dev", parameters: "{}", price: price, dailyLimit: limit)
  }

  /// A run that was submitted at a time, with a state after that.
  private func spend(
    _ ledger: Ledger, _ intent: LedgerIntent, price: Decimal?, cost: String?, at time: Double,
    ends: String = "submitted"
  ) throws {
    let run = try ledger.claim(intent, again: false).entry.id
    try ledger.recordSubmitting(run, submit(price), now: time)
    switch ends {
    case "submitted": try ledger.recordSubmission(run, job: JobID(rawValue: "job_\(intent.key)"), cost: cost)
    case "refused": try ledger.recordNotSubmitted(run)
    case "parked": try ledger.recordNeedsDecision(run, reason: "who knows", candidates: [])
    case "dropped": try ledger.recordFailure(run, reason: "dropped")
    default: break
    }
  }

  @Test(
    "the day's jobs of the account count, those of unknown outcome at their price",
    arguments: [
      // What was spent, and whether a job of 5 is within a limit of 12.
      ("nothing", true), ("5", true), ("7.25", false), ("5, price 9", true), ("price 8, outstanding", false),
      ("price 8, parked", false), ("price 8, refused", true), ("price 8, dropped", false), ("8 yesterday", true),
      ("8 tomorrow", true), ("8 of another account", true), ("8 at another service", true), ("no cost, price 8", false),
      ("three without cost or price", false),
    ])
  func counts(spent: String, fits: Bool) throws {
    let ledger = try Ledger(path: path)
    let time = Self.late
    switch spent {
    case "nothing": break
    case "5": try spend(ledger, intent("a"), price: 5, cost: "5", at: time - 60)
    case "7.25": try spend(ledger, intent("a"), price: 5, cost: "7.25", at: time - 86_000)
    case "5, price 9": try spend(ledger, intent("a"), price: 9, cost: "5", at: time)
    case "price 8, outstanding": try spend(ledger, intent("a"), price: 8, cost: nil, at: time, ends: "outstanding")
    case "price 8, parked": try spend(ledger, intent("a"), price: 8, cost: nil, at: time, ends: "parked")
    case "price 8, refused": try spend(ledger, intent("a"), price: 8, cost: nil, at: time, ends: "refused")
    case "price 8, dropped": try spend(ledger, intent("a"), price: 8, cost: nil, at: time, ends: "dropped")
    case "8 yesterday": try spend(ledger, intent("a"), price: 8, cost: "8", at: time - 86_400)
    case "8 tomorrow": try spend(ledger, intent("a"), price: 8, cost: "8", at: time + 60)
    case "8 of another account": try spend(ledger, intent("a", account: "proj_2"), price: 8, cost: "8", at: time)
    case "8 at another service":
      try spend(ledger, intent("a", service: "http://127.0.0.1/v1"), price: 8, cost: "8", at: time)
    case "no cost, price 8": try spend(ledger, intent("a"), price: 8, cost: nil, at: time)
    case "three without cost or price":
      for key in ["a", "b", "c"] { try spend(ledger, intent(key), price: nil, cost: nil, at: time) }
    default: Issue.record("no such case")
    }
    let run = try ledger.claim(intent("new"), again: false).entry.id
    if fits {
      try ledger.recordSubmitting(run, submit(5, limit: 12), now: time)
      #expect(try ledger.entry(run: run).state == .submitting)
    } else {
      let error = #expect(throws: PipelineError.self) {
        try ledger.recordSubmitting(run, submit(5, limit: 12), now: time)
      }
      #expect(error?.code == .tooExpensive && error?.message.contains("the limit per day is 12") == true)
      #expect(try ledger.entry(run: run).state == .planned, "nothing is recorded")
    }
  }

  @Test("two processes cannot both find room for the last job")
  func race() async throws {
    let path = path
    let intents = (0..<8).map { intent("\($0)") }
    let submit = submit(5, limit: 12)
    let passed = await withTaskGroup(of: Bool.self) { group in
      for intent in intents {
        group.addTask {
          // Each has its own connection, as processes have.
          guard let ledger = try? Ledger(path: path), let claim = try? ledger.claim(intent, again: false) else {
            return false
          }
          return (try? ledger.recordSubmitting(claim.entry.id, submit, now: Self.late)) != nil
        }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(passed == 2, "10 of 12 are spent")
  }
}
