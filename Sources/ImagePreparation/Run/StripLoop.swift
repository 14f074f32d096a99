/// Decodes and resizes in one pass: strips flow from a feed through rings into resamplers.
struct StripLoop {
  /// One resampler a plane.
  let resamplers: [PlaneResampler]
  /// Strips that may be decoded ahead of the window when two threads share the work.
  static let stripsAhead = 6

  private let planes: [StripPlane]

  /// - Parameters:
  ///   - plans: One a plane of the feed.
  ///   - isFine: True to keep 8 fraction bits in the results.
  init(
    planes: [StripPlane], plans: [ResamplingPlan], scale: SampleScale, isFine: Bool, kernels: KernelTable, threads: Int
  ) {
    self.planes = planes
    resamplers = zip(planes, plans).map { plane, plan in
      PlaneResampler(
        plan: plan, layout: plane.layout, scale: scale, isFine: isFine, kernels: kernels, stripRows: plane.stripRows,
        rowBytes: plane.rowBytes, ahead: threads > 1 ? Self.stripsAhead : 1)
    }
  }

  /// Runs the feed, whose planes are those that the pass was made for, to its end.
  ///
  /// - Parameters:
  ///   - threads: 2 to decode on a thread of its own.
  ///   - encode: Called on this thread when it has nothing better to do: encodes some of the rows that are done, and says
  ///     whether there were any.
  /// - Returns: What was overlooked.
  func run(
    _ feed: consuming some StripDecoder & ~Copyable, threads: Int, cancellation: CancellationFlag?,
    clock: inout StageClock, encode: (inout StageClock) throws(PreparationError) -> Bool
  ) throws(PreparationError) -> DecodingDamage {
    precondition(feed.planes == planes, "the decoder delivers \(feed.planes), \(planes) were planned")
    if threads > 1 {
      return try runOnTwoThreads(feed, cancellation: cancellation, clock: &clock, encode: encode)
    }
    let rings = resamplers.map(\.ring)
    let deferred = feed.deferred
    for index in 0..<feed.stripCount {
      clock.enter(.decode)
      if let cancellation, cancellation.isCanceled { throw .canceled(.decode) }
      try feed.readStrip(index, into: rings)
      deferred?.finishStrip(index, in: rings)
      clock.enter(.resize)
      advance(strips: index + 1)
      _ = try encode(&clock)
    }
    clock.enter(.decode)
    try feed.finish()
    try feed.check()
    return feed.damage
  }

  private func advance(strips: Int) {
    for (plane, resampler) in zip(planes, resamplers) {
      resampler.advance(rowsArrived: plane.rows(inStrips: strips))
    }
  }

  /// Strips that there is room for once `taken` have been taken, given what the resamplers still need.
  private func room(taken: Int, stripsInFlight: Int) -> Int {
    let released = resamplers.map { min($0.firstNeededStrip, taken) + $0.ring.stripCapacity }.min() ?? .max
    return taken + min(released - taken, stripsInFlight)
  }

  private func runOnTwoThreads<Feed: StripDecoder & ~Copyable>(
    _ feed: consuming Feed, cancellation: CancellationFlag?, clock: inout StageClock,
    encode: (inout StageClock) throws(PreparationError) -> Bool
  ) throws(PreparationError) -> DecodingDamage {
    let stripsInFlight = feed.stripsInFlight
    let stripCount = feed.stripCount
    let rings = resamplers.map(\.ring)
    let deferred = feed.deferred
    let exchange = StripQueue(room: room(taken: 0, stripsInFlight: stripsInFlight), finishes: deferred != nil)
    let decoding = Decoding(feed, deferred: deferred, rings: rings, exchange: exchange, cancellation: cancellation)
    guard let thread = WorkerThread({ decoding.run() }) else { throw .outOfMemory("a thread") }
    var failure: PreparationError?
    do throws(PreparationError) {
      for index in 0..<stripCount {
        var waits = false
        arrival: while true {
          if waits { clock.enter(nil) }
          switch try exchange.nextForConsumer(index: index, waits: waits) {
          case .go, .end: break arrival
          case .finish(let strip):
            clock.enter(.decode)
            deferred?.finishStrip(strip, in: rings)
            exchange.didFinish()
            waits = false
          case .wait: waits = try !encode(&clock)
          }
        }
        clock.enter(.resize)
        advance(strips: index + 1)
        exchange.makeRoom(room(taken: index + 1, stripsInFlight: stripsInFlight))
      }
    } catch {
      failure = error
      exchange.abandon()
    }
    clock.enter(nil)
    thread.join()
    clock.add(decoding.time, to: .decode)
    if let failure = failure ?? decoding.failure { throw failure }
    return try decoding.check()
  }

  /// The decoder's side, run on its own thread and read after it was joined.
  private final class Decoding<Feed: StripDecoder & ~Copyable>: @unchecked Sendable {
    // Unchecked: used by one thread at a time; joining it orders the accesses.
    private var feed: Feed
    private let deferred: (any DeferredDecoding)?
    private let rings: [RowRing]
    private let exchange: StripQueue
    private let cancellation: CancellationFlag?
    private(set) var failure: PreparationError?
    private(set) var time = Duration.zero

    init(
      _ feed: consuming Feed, deferred: (any DeferredDecoding)?, rings: [RowRing], exchange: StripQueue,
      cancellation: CancellationFlag?
    ) {
      self.feed = feed
      self.deferred = deferred
      self.rings = rings
      self.exchange = exchange
      self.cancellation = cancellation
    }

    /// Ends the checks, and says what was overlooked.
    func check() throws(PreparationError) -> DecodingDamage {
      try feed.check()
      return feed.damage
    }

    func run() {
      do throws(PreparationError) {
        for index in 0..<feed.stripCount {
          guard finishUntilRoom(index: index) else { return }
          if let cancellation, cancellation.isCanceled { throw .canceled(.decode) }
          let start = ContinuousClock.now
          try feed.readStrip(index, into: rings)
          time += ContinuousClock.now - start
          exchange.didDecode(index: index)
        }
        try feed.finish()
      } catch {
        failure = error
        exchange.fail(error)
      }
    }

    /// Finishes strips for the other side until there is room for strip `index`; false when nobody wants it any more.
    private func finishUntilRoom(index: Int) -> Bool {
      while true {
        switch exchange.nextForDecoder(index: index) {
        case .go: return true
        case .finish(let strip):
          let start = ContinuousClock.now
          deferred?.finishStrip(strip, in: rings)
          time += ContinuousClock.now - start
          exchange.didFinish()
        case .wait, .end: return false
        }
      }
    }
  }
}
