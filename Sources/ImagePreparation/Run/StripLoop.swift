internal import Ground

/// Decodes and resizes an image in one loop: strips flow from a decoder through rings into resamplers, whose rows a sink takes.
struct StripLoop {
  /// What the loop makes.
  struct Result {
    /// The small image in stored orientation, plane by plane; one of interleaved rows, which merged planes are too.
    var planes: [Raster]
    /// The file, where the sink has encoded the rows as they came.
    var file: [UInt8]?
    /// What the decoder overlooked.
    var damage: DecodingDamage
  }

  private let planes: [StripPlane]
  /// One a plane.
  private let resamplers: [PlaneResampler]
  private let merged: MergedPlanes?
  private let source: StripSource
  private let sink: any RowSink
  private let threads: Int

  /// - Parameters:
  ///   - decoder: A started decoder.
  ///   - resamplers: One for each of the decoder's planes.
  ///   - merged: What takes the rows of all planes after every strip; nil to leave them planes.
  ///   - sink: What takes their rows.
  ///   - threads: 2 to decode on a thread of its own.
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
    let file = try sink.finish(resamplers)
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
        queue.makeRoom(room(taken: index + 1))
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

  /// Completes strips and encodes rows until strip `index` may be consumed, and sleeps where there is neither to do.
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
    return try sink.takeRows(of: resamplers)
  }

  private func advance(strips: Int) {
    for (plane, resampler) in zip(planes, resamplers) {
      resampler.advance(rowsArrived: plane.rows(inStrips: strips))
    }
    merged?.takeRows(of: resamplers)
  }

  /// Strips that there is room for once `taken` have been taken, given what the resamplers still need.
  private func room(taken: Int) -> Int {
    let released = resamplers.map { min($0.firstNeededStrip, taken) + $0.ring.stripCapacity }.min() ?? .max
    return taken + min(released - taken, source.stripsInFlight)
  }
}
