internal import Foundation
internal import Ground
internal import ScenarioAPI
internal import Synchronization

/// Keeps the records of a batch while its orders are carried out, and stops the batch after a failure that all orders
/// share.
final class BatchFlow<Value: Sendable>: Sendable {
  typealias Report = @Sendable (Img2ImgBatch.Event<Value>) -> Void
  typealias Work =
    @Sendable (Img2ImgOrder, OrderTerms, @escaping @Sendable (Img2ImgEvent) -> Void) async throws -> Value

  private struct State {
    var failures = 0
    /// The number of consecutive orders that got no answer from the service.
    var unanswered = 0
  }

  /// After this number of consecutive orders without an answer, the service counts as down.
  private static var mostUnanswered: Int { 8 }

  let brake: Brake
  private let batch: Img2ImgBatch
  /// False when the batch is not recorded in the ledger.
  private let isOrdered: Bool
  private let report: Report
  /// Nil when ends are reported at once, in any order.
  private let ends: EndsInOrder<Img2ImgBatch.Event<Value>>?
  private let state = Mutex(State())

  init(_ batch: Img2ImgBatch, isOrdered: Bool, _ report: @escaping Report) {
    self.batch = batch
    self.isOrdered = isOrdered
    self.report = report
    ends = batch.keepsOrder ? EndsInOrder(report) : nil
    brake = Brake(maxJobs: isOrdered ? batch.maxJobs : nil)
  }

  /// Carries out one order, records its end and reports it.
  ///
  /// - Parameters:
  ///   - index: The index of the order, from 0.
  ///   - item: The order, if it has been made already; otherwise nil.
  ///   - keys: The keys of the orders that share the limit.
  ///   - place: The place to give up once the order has its job.
  ///   - work: The work on the order.
  func carryOut(_ index: Int, _ item: Img2ImgBatch.Item?, keys: Set<String>, _ place: HeldPlace, _ work: Work) async {
    var row: BatchRowRecord?
    do {
      let item = try item ?? batch.item(index)
      if isOrdered, let onRecord = batch.batch, let planned = item.row {
        let known = try BatchRowRecord(planned, of: onRecord, in: batch.pipeline.ledger)
        if let failure = known.earlierFailure, !batch.retriesFailed {
          return end(index, .leftAlone(index: index, failure))
        }
        row = known
      }
      var order = try await item.order()
      // The service has lost the results: only a new job can make them again.
      if row?.earlierFailure?.code == PipelineError.Code.resultsGone.rawValue { order.again = true }
      if let maxCost = batch.maxCost { order.maxCost = maxCost }
      let terms = OrderTerms(keys: keys, place: row?.place, patience: batch.patience, brake: brake)
      let value = try await work(order, terms) { [row, report] event in
        row?.note(event)
        if case .submitted = event { place.leave() }
        report(.progress(index: index, event))
      }
      state.withLock { $0.unanswered = 0 }
      try row?.end(as: .done)
      end(index, .ended(index: index, .success(value)))
    } catch {
      end(index, with: publicError(error), row)
    }
  }

  private func end(_ index: Int, with error: any Error, _ row: BatchRowRecord?) {
    let meaning = BatchFailure(error)
    if meaning != .none {
      // A ledger that cannot be written must not hide the error of the order.
      try? row?.end(as: meaning == .own ? .failed : .open, batch.words(error))
    }
    if let reason = reasonToStop(after: error, meaning), brake.stop(reason) { report(.stopping(reason)) }
    end(index, error is Brake.Stopped ? .stopped(index: index) : .ended(index: index, .failure(error)))
  }

  private func reasonToStop(after error: any Error, _ meaning: BatchFailure) -> (any Error)? {
    state.withLock { state in
      switch meaning {
      case .none: return nil
      case .ofAll: return error
      case .passing:
        state.unanswered += 1
        return state.unanswered >= Self.mostUnanswered ? error : nil
      case .own:
        state.failures += 1
        state.unanswered = 0
        guard let most = batch.maxFailures, state.failures >= most else { return nil }
        return PipelineError(
          .tooManyFailures, stage: .submit, "\(state.failures) failed, and no more are allowed to",
          remedy: "look at them before the rest is begun")
      }
    }
  }

  private func end(_ index: Int, _ event: Img2ImgBatch.Event<Value>) {
    if let ends { ends.add(index, event) } else { report(event) }
  }
}

/// The ledger's record of one row, while its order is carried out.
final class BatchRowRecord: Sendable {
  /// The row, recorded when the run of its order is claimed.
  let place: LedgerBatchPlace
  /// The reason why the row failed in an earlier run of the batch.
  let earlierFailure: FailureRecord?
  private let ledger: Ledger
  /// True for a row that was done in an earlier run of the batch.
  private let wasDone: Bool
  private let times: Mutex<[LedgerBatchRow.Moment: Double]>

  /// Reads the record of a row.
  init(_ planned: LedgerBatchRow, of batch: LedgerBatch, in ledger: Ledger) throws(PipelineError) {
    self.ledger = ledger
    var row = planned
    let earlier = try ledger.row(planned.key, of: batch)
    wasDone = earlier?.state == .done
    earlierFailure = earlier?.state == .failed ? earlier?.failure : nil
    times = Mutex([.began: Date.now.timeIntervalSince1970])
    if wasDone, let earlier {
      // The record of the row is kept, unless the row now makes another order than before.
      (row.state, row.times, row.runID) = (.done, earlier.times, earlier.runID)
    } else {
      row.times = times.withLock(\.self)
    }
    place = LedgerBatchPlace(batch: batch.id, row: row)
  }

  /// Records the time of an event that begins or ends a stage.
  func note(_ event: Img2ImgEvent) {
    let moment: LedgerBatchRow.Moment? =
      switch event {
      case .preparing: .preparing
      case .prepared: .prepared
      case .uploading(let progress):
        progress.sentBytes < progress.totalBytes ? .uploading : .uploaded
      case .submitting: .submitting
      case .submitted: .submitted
      case .downloading: .downloading
      default: nil
      }
    guard let moment else { return }
    times.withLock { times in
      // The first part marks the beginning of the upload, even if it is also the last part.
      let first = moment == .uploaded && times[.uploading] == nil ? LedgerBatchRow.Moment.uploading : moment
      if moment == .uploading, times[.uploading] != nil { return }
      let now = Date.now.timeIntervalSince1970
      times[first] = now
      times[moment] = now
    }
  }

  /// Records the end of the row.
  func end(as state: LedgerBatchRow.State, _ failure: FailureRecord? = nil) throws(PipelineError) {
    var times = times.withLock(\.self)
    // Nothing was done for this row in this run of the batch, so its record stays as it is.
    if wasDone, state == .done, times.count == 1 { return }
    times[.ended] = Date.now.timeIntervalSince1970
    var ended = place
    (ended.row.state, ended.row.failure, ended.row.times, ended.row.runID) = (state, failure, times, nil)
    try ledger.recordRow(ended)
  }
}
