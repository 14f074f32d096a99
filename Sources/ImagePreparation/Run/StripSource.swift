/// The decoder's side of a strip loop. It runs on the loop's own thread, or on another thread that is joined before its results are
/// read.
final class StripSource: @unchecked Sendable {
  // Unchecked: only one thread at a time uses this value, except for `completeStrip`. A `StripQueue` orders the calls of `completeStrip` if
  // their order matters. Joining the thread orders the other accesses.
  private let decoder: any StripDecoder
  /// The deferred part of decoding; nil when strips are complete once read.
  let deferred: (any DeferredDecoding)?
  private let rings: [RowRing]
  private let cancellation: CancellationFlag?
  /// The error that ended ``run(into:)`` early.
  private(set) var failure: PreparationError?
  /// The working time of ``run(into:)``.
  private(set) var time = Duration.zero

  /// The number of strips of the image.
  let stripCount: Int
  /// The number of strips that may be read before the first of them is completed.
  let stripsInFlight: Int

  init(_ decoder: any StripDecoder, rings: [RowRing], cancellation: CancellationFlag?) {
    deferred = decoder.deferred
    stripCount = decoder.stripCount
    stripsInFlight = decoder.stripsInFlight
    self.decoder = decoder
    self.rings = rings
    self.cancellation = cancellation
  }

  /// Decodes a strip into the rings, except for the deferred part.
  func readStrip(_ index: Int) throws(PreparationError) {
    if let cancellation, cancellation.isCanceled { throw .canceled(.decode) }
    try decoder.readStrip(index, into: rings)
  }

  /// Does the deferred part of a strip's decoding; false if the file has to be decoded in order.
  func completeStrip(_ index: Int) -> Bool { deferred?.finishStrip(index, in: rings) ?? true }

  /// Reads the rest of the file after the last strip.
  func finish() throws(PreparationError) { try decoder.finish() }

  /// Ends the checks, once all strips are completed.
  ///
  /// - Returns: The damage that was overlooked.
  func check() throws(PreparationError) -> DecodingDamage {
    try decoder.check()
    return decoder.damage
  }

  /// Decodes all strips, and completes strips while it has to wait.
  func run(into queue: StripQueue) {
    do throws(PreparationError) {
      for index in 0..<stripCount {
        guard completeUntilRoom(for: index, in: queue) else { return }
        let start = ContinuousClock.now
        try readStrip(index)
        time += ContinuousClock.now - start
        queue.didDecode(index: index)
      }
      while let strip = queue.nextAfterDecoding() { complete(strip, in: queue) }
      try finish()
    } catch {
      failure = error
      queue.fail(error)
    }
  }

  /// Completes strips until strip `index` may be written; false when the loop needs no more strips.
  private func completeUntilRoom(for index: Int, in queue: StripQueue) -> Bool {
    while true {
      switch queue.nextForDecoder(index: index) {
      case .go: return true
      case .complete(let strip): complete(strip, in: queue)
      case .wait, .end: return false
      }
    }
  }

  private func complete(_ strip: Int, in queue: StripQueue) {
    let start = ContinuousClock.now
    let isIntact = completeStrip(strip)
    time += ContinuousClock.now - start
    queue.didComplete(strip, isIntact: isIntact)
  }
}
