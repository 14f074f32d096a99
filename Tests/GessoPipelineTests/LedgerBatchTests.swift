import Foundation
import GRDB
import ScenarioAPI
import TestSupport
import Testing

@testable import GessoPipeline

@Suite("Batches in the ledger")
struct LedgerBatchTests {
  let path = TestFolder.url.appending(path: "gesso-batches-\(UUID().uuidString)/l.sqlite").path

  private static let failure = FailureRecord(
    code: "truncated", stage: "decode", message: "the file ends early", remedy: "send it again")

  private func begin(_ ledger: Ledger, rowCount: Int = 3) throws -> LedgerBatch {
    try ledger.beginBatch(
      named: "photos-1a2b3c", input: "/photos", folder: "/out", command: "gesso batch photos -o out", rowCount: rowCount
    )
  }

  @Test("the next opener of the file reads a batch and its rows in the order of their positions")
  func persists() throws {
    let ledger = try Ledger(path: path)
    let batch = try begin(ledger)
    let rows = [
      LedgerBatchRow(
        position: 2, key: "b.jpg", input: "b.jpg", path: "/photos/b.jpg", state: .failed, failure: Self.failure,
        times: [.began: 10.5, .ended: 11]),
      LedgerBatchRow(position: 1, key: "a.jpg", input: "a.jpg", path: "/photos/a.jpg", times: [.began: 10]),
      LedgerBatchRow(position: 3, key: "c", input: "https://example.com/c.jpg", state: .done),
    ]
    for row in rows { try ledger.recordRow(LedgerBatchPlace(batch: batch.id, row: row)) }

    let reader = try Ledger(path: path)
    #expect(try reader.batches() == [batch])
    #expect(try reader.batch(named: "photos-1a2b3c") == batch)
    #expect(try reader.rows(of: batch) == rows.sorted { $0.position < $1.position })
    #expect(try reader.rows(of: batch, after: 1, limit: 1).map(\.key) == ["b.jpg"])
    #expect(try reader.row("b.jpg", of: batch) == rows[0])
    #expect(try reader.row("d.jpg", of: batch) == nil)
    #expect(try reader.counts(of: batch) == [.open: 1, .done: 1, .failed: 1])
  }

  @Test("a batch that is started again is the same one, with its present values")
  func beginsAgain() throws {
    let ledger = try Ledger(path: path)
    let first = try begin(ledger)
    try ledger.recordRow(LedgerBatchPlace(batch: first.id, row: LedgerBatchRow(position: 1, key: "a", input: "a")))
    let second = try begin(ledger, rowCount: 4)
    #expect(second.id == first.id)
    #expect(second.rowCount == 4)
    #expect(second.createdAt == first.createdAt)
    #expect(try ledger.rows(of: second).count == 1)
  }

  @Test("a batch that is not there is refused by name, with those that are")
  func unknown() throws {
    let ledger = try Ledger(path: path)
    func refusal() -> PipelineError? {
      do throws(PipelineError) {
        _ = try ledger.batch(named: "x")
        return nil
      } catch {
        return error
      }
    }
    #expect(refusal()?.code == .unknownBatch)
    #expect(refusal()?.description == "the ledger \(path) knows no batch x: it has none yet")
    _ = try begin(ledger)
    #expect(refusal()?.description == "the ledger \(path) knows no batch x: its last ones are photos-1a2b3c")
  }

  @Test("claiming an order for a row records its run, which a later record of the row without one keeps")
  func claims() throws {
    let ledger = try Ledger(path: path)
    let batch = try begin(ledger)
    let row = LedgerBatchRow(position: 1, key: "a", input: "a.jpg")
    let run = try ledger.claim(
      LedgerTests.intent(key: "k"), again: false, for: LedgerBatchPlace(batch: batch.id, row: row)
    ).entry.id
    #expect(try ledger.row("a", of: batch)?.runID == run)
    var ended = row
    ended.state = .done
    try ledger.recordRow(LedgerBatchPlace(batch: batch.id, row: ended))
    ended.runID = run
    #expect(try ledger.row("a", of: batch) == ended)
  }

  @Test(
    "the limit of a batch counts every attempt at its orders, and no other order",
    arguments: [
      // The limit, and whether another job of 4 units is within it. Two attempts at the batch's first order have cost 5 units each.
      (13.0, false), (14.0, true),
    ])
  func limit(limit: Double, isAllowed: Bool) throws {
    let ledger = try Ledger(path: path)
    let batch = try begin(ledger)
    let submit = Ledger.Submit(account: "proj_1", model: "m", parameters: "{}", price: 5)
    func order(_ key: String, row: String?) throws -> LedgerClaim {
      try ledger.claim(
        LedgerTests.intent(key: key), again: true,
        for: row.map {
          LedgerBatchPlace(batch: batch.id, row: LedgerBatchRow(position: 1, key: $0, input: $0))
        })
    }
    // Two paid attempts at one order of the batch, whose row names only the last attempt, and one order that does not belong to the batch.
    for row in [nil, "a"] {
      let claim = try order("k", row: row)
      try ledger.recordSubmitting(claim.entry.id, submit)
      try ledger.recordFailure(claim.entry.id, reason: "the job failed")
    }
    let other = try order("other", row: nil)
    try ledger.recordSubmitting(other.entry.id, submit)

    let next = try order("l", row: "b")
    var last = submit
    (last.price, last.limits) = (4, [SpendingLimit(.batch(batch.id), Decimal(limit))])
    do throws(PipelineError) {
      try ledger.recordSubmitting(next.entry.id, last)
      #expect(isAllowed)
    } catch {
      #expect(!isAllowed)
      #expect(error.code == .tooExpensive)
      #expect(
        error.message == "it costs 4 creative units, 10 were spent on this batch, and its limit is 13")
    }
  }

  @Test("a job whose cost and price are not on record is counted as unknown, and the others are summed")
  func unknownCost() throws {
    let ledger = try Ledger(path: path)
    let batch = try begin(ledger)
    for (key, price) in [("a", 5), ("b", nil), ("c", 2)] as [(String, Decimal?)] {
      let claim = try ledger.claim(
        LedgerTests.intent(key: key), again: false,
        for: LedgerBatchPlace(batch: batch.id, row: LedgerBatchRow(position: 1, key: key, input: key)))
      try ledger.recordSubmitting(
        claim.entry.id, Ledger.Submit(account: "proj_1", model: "m", parameters: "{}", price: price))
    }
    let cost = try ledger.cost(of: batch)
    #expect(cost.sum == 7 && cost.unknown == 1)
  }

  @Test("a row in a state that this version does not know is an error of the ledger")
  func unknownState() throws {
    let ledger = try Ledger(path: path)
    let batch = try begin(ledger)
    try ledger.recordRow(LedgerBatchPlace(batch: batch.id, row: LedgerBatchRow(position: 1, key: "a", input: "a")))
    let database = try DatabaseQueue(path: path)
    try database.write { try $0.execute(sql: "UPDATE batchRow SET state = 'dreaming'") }
    let error = #expect(throws: PipelineError.self) { try ledger.rows(of: batch) }
    #expect(error?.code == .ledgerUnavailable && error?.message.contains("unknown state dreaming") == true)
  }
}
