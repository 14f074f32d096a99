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
  /// - Throws: A ``PreparationError``.
  consuming func run(_ clock: inout StageClock) throws(PreparationError) -> Result {
    if threads > 1 { try runOnTwoThreads(&clock) } else { try runOnOneThread(&clock) }
    let damage = try source.check()
    clock.enter(.encode)
    let file = try sink.finish(grown)
    clock.enter(nil)
    return Result(planes: merged.map { [$0.result] } ?? resamplers.map(\.result), file: file, damage: damage)
  }

  private func runOnOneThread(_ clock: inout StageClock) throws(PreparationError) {
    for index in 0..<source.stripCount {
      clock.enter(.decode)
      try source.readStrip(index)
      source.completeStrip(index)
      clock.enter(.resize)
      advance(strips: index + 1)
      _ = try encodeSome(&clock)
    }
    clock.enter(.decode)
    try source.finish()
  }

  private func runOnTwoThreads(_ clock: inout StageClock) throws(PreparationError) {
    let queue = StripQueue(room: room(taken: 0), defers: source.defers)
    let source = source
    guard let thread = WorkerThread({ source.run(into: queue) }) else { throw .outOfMemory("a thread") }
    var failure: PreparationError?
    do throws(PreparationError) {
      for index in 0..<source.stripCount {
        try waitForStrip(index, in: queue, &clock)
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
    if let failure = failure ?? source.failure { throw failure }
  }

  /// Waits until strip `index` may be consumed. Meanwhile it completes strips and encodes rows, and sleeps if there are none.
  private func waitForStrip(
    _ index: Int, in queue: StripQueue, _ clock: inout StageClock
  ) throws(PreparationError) {
    var waits = false
    while true {
      if waits { clock.enter(nil) }
      switch try queue.nextForConsumer(index: index, waits: waits) {
      case .go, .end: return
      case .complete(let strip):
        clock.enter(.decode)
        source.completeStrip(strip)
        queue.didComplete()
        waits = false
      case .wait: waits = try !encodeSome(&clock)
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

  /// The strip before which all strips may be written once `taken` strips are consumed. The resamplers still need earlier rows.
  private func room(taken: Int) -> Int {
    let released = resamplers.map { min($0.firstNeededStrip, taken) + $0.ring.stripCapacity }.min() ?? .max
    return taken + min(released - taken, source.stripsInFlight)
  }
}
