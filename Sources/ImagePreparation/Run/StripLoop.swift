internal import Ground

/// Decodes and resizes an image in one loop: strips flow from a decoder through rings into resamplers, whose rows a sink takes.
struct StripLoop {
  /// The result of the loop.
  struct Result {
    /// The small image in stored orientation: its planes, or one raster of interleaved rows or merged planes.
    var planes: [Raster]
    /// The file, if the sink has encoded the rows while they arrived.
    var file: [UInt8]?
    /// The damage that the decoder overlooked.
    var damage: DecodingDamage
  }

  private let planes: [StripPlane]
  /// One resampler for each plane.
  private let resamplers: [PlaneResampler]
  private let merged: MergedPlanes?
  private let source: StripSource
  private let sink: any RowSink
  private let threads: Int

  /// Makes a loop.
  ///
  /// - Parameters:
  ///   - decoder: A started decoder.
  ///   - resamplers: One resampler for each of the decoder's planes.
  ///   - merged: Receives the rows of all planes after every strip and makes RGB of them; nil to keep planes.
  ///   - sink: Receives the rows of the small image.
  ///   - threads: 2 to decode on a separate thread.
  ///   - cancellation: Stops the loop when it is raised.
  init(
    _ decoder: any StripDecoder, _ resamplers: [PlaneResampler], _ merged: MergedPlanes?, into sink: any RowSink,
    threads: Int,
    cancellation: CancellationFlag?
  ) {
    planes = decoder.planes
    precondition(planes.count == resamplers.count, "\(resamplers.count) resamplers for \(planes.count) planes")
    self.resamplers = resamplers
    self.merged = merged
    source = StripSource(decoder, rings: resamplers.map(\.ring), cancellation: cancellation)
    self.sink = sink
    self.threads = threads
  }

  /// Runs the decoder to its end.
  ///
  /// - Returns: Nil if the file has to be decoded in order (``DecodingPlan/independentStrips``).
  /// - Throws: A ``PreparationError``.
  consuming func run(_ clock: inout StageClock) throws(PreparationError) -> Result? {
    guard try threads > 1 ? runOnTwoThreads(&clock) : runOnOneThread(&clock) else { return nil }
    let damage = try source.check()
    clock.enter(.encode)
    let file = try sink.finish(grown)
    clock.enter(nil)
    return Result(planes: merged.map { [$0.result] } ?? resamplers.map(\.result), file: file, damage: damage)
  }

  private func runOnOneThread(_ clock: inout StageClock) throws(PreparationError) -> Bool {
    for index in 0..<source.stripCount {
      clock.enter(.decode)
      try source.readStrip(index)
      guard source.completeStrip(index) else { return false }
      clock.enter(.resize)
      advance(strips: index + 1)
      _ = try encodeSome(&clock)
    }
    clock.enter(.decode)
    try source.finish()
    return true
  }

  private func runOnTwoThreads(_ clock: inout StageClock) throws(PreparationError) -> Bool {
    let queue = StripQueue(room: room(taken: 0), stripCount: source.stripCount, deferred: source.deferred)
    let source = source
    guard let thread = WorkerThread({ source.run(into: queue) }) else { throw .outOfMemory("a thread") }
    var failure: PreparationError?
    do throws(PreparationError) {
      for index in 0..<source.stripCount {
        guard try waitForStrip(index, in: queue, &clock) else { break }
        clock.enter(.resize)
        advance(strips: index + 1)
        queue.release(upTo: room(taken: index + 1))
      }
    } catch {
      failure = error
      queue.abandon()
    }
    clock.enter(nil)
    thread.join()
    clock.add(source.time, to: .decode)
    if queue.mustDecodeInOrder { return false }
    if let failure = failure ?? source.failure { throw failure }
    return true
  }

  /// Waits until strip `index` may be consumed; false if it cannot be. Meanwhile it completes strips and encodes rows, or sleeps if there
  /// is nothing to do.
  private func waitForStrip(
    _ index: Int, in queue: StripQueue, _ clock: inout StageClock
  ) throws(PreparationError) -> Bool {
    // Only this thread can encode rows while they arrive, but either thread can complete strips. So this thread encodes first, unless both
    // threads share the encoding that is left for the end.
    let first: StripQueue.Patience = sink.finishesOnTwoThreads ? .helps : .none
    var patience = first
    while true {
      if patience == .waits { clock.enter(nil) }
      switch try queue.nextForConsumer(index: index, patience) {
      case .go: return true
      case .end: return false
      case .complete(let strip):
        clock.enter(.decode)
        queue.didComplete(strip, isIntact: source.completeStrip(strip))
        patience = first
      case .wait: patience = try encodeSome(&clock) ? first : .waits
      }
    }
  }

  private func encodeSome(_ clock: inout StageClock) throws(PreparationError) -> Bool {
    clock.enter(.encode)
    return try sink.takeRows(of: grown)
  }

  /// The small image while its rows are made.
  private var grown: [any GrowingPlane] { merged.map { [$0] } ?? resamplers }

  private func advance(strips: Int) {
    for (plane, resampler) in zip(planes, resamplers) {
      resampler.advance(rowsArrived: plane.rows(inStrips: strips))
    }
    merged?.takeRows(of: resamplers)
  }

  /// The strip before which all strips may be written once `taken` strips are consumed. The rows that the resamplers still need are not
  /// overwritten.
  private func room(taken: Int) -> Int {
    let released = resamplers.map { min($0.firstNeededStrip, taken) + $0.ring.stripCapacity }.min() ?? .max
    return taken + min(released - taken, source.stripsInFlight)
  }
}
