/// A decoder that delivers its image in strips of rows, with one ring for each plane. It depends neither on the loop that calls it nor
/// on the plan.
///
/// One thread at a time may use it. Conformers are classes that own a noncopyable decoder, because Swift 6.3 would destroy the second of
/// two such decoders twice if they were in existential containers.
protocol StripDecoder: AnyObject, Sendable {
  /// The rows of each plane.
  var planes: [StripPlane] { get }
  /// The number of strips of the image.
  var stripCount: Int { get }
  /// The damage that was overlooked so far.
  var damage: DecodingDamage { get }
  /// The deferred part of decoding, which any thread may do before a strip is consumed; nil when strips are complete once read.
  var deferred: (any DeferredDecoding)? { get }
  /// The number of strips that may be read before ``deferred`` has completed the first of them.
  var stripsInFlight: Int { get }

  /// Decodes strip `index` into its place in the rings. Strips are decoded in order.
  func readStrip(_ index: Int, into rings: [RowRing]) throws(PreparationError)

  /// Reads to the end of the file after the last strip, to check checksums and end markers.
  func finish() throws(PreparationError)

  /// Runs the checks that need all strips. Call it after ``finish()``.
  func check() throws(PreparationError)
}

extension StripDecoder {
  var deferred: (any DeferredDecoding)? { nil }
  var stripsInFlight: Int { .max }
  func check() throws(PreparationError) {}
}

/// The part of decoding that either of two threads can do.
protocol DeferredDecoding: AnyObject, Sendable {
  /// The number of strips in a group. A group begins at each multiple of this number and is decoded without the strips before it, so
  /// that two threads may work at the same time. Nil if strips are completed one at a time, in order.
  var independentStrips: Int? { get }

  /// Completes the rows of strip `index`, which the decoder has read into the rings, or of ``independentStrips`` from it on.
  ///
  /// - Returns: False if the file has to be decoded in order, because it is damaged.
  func finishStrip(_ index: Int, in rings: [RowRing]) -> Bool
}

extension DeferredDecoding {
  var independentStrips: Int? { nil }
}
