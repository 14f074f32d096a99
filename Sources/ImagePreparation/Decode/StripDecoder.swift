/// A decoder that delivers its image in strips of rows, one ring a plane. It knows neither the loop that calls it nor the plan.
protocol StripDecoder: ~Copyable, Sendable {
  /// The rows of each plane.
  var planes: [StripPlane] { get }
  /// Strips of the image.
  var stripCount: Int { get }
  /// What was overlooked so far.
  var damage: DecodingDamage { get }
  /// The rest of a strip's decoding, done by whichever thread has time before the strip is consumed; nil when strips arrive ready.
  var deferred: (any DeferredDecoding)? { get }
  /// Strips that may be read before ``deferred`` has completed the first of them.
  var stripsInFlight: Int { get }

  /// Decodes strip `index`, the one after the last one, into its place in the rings.
  mutating func readStrip(_ index: Int, into rings: [RowRing]) throws(PreparationError)

  /// Reads to the end of the image after the last strip, so that checksums and end markers are seen too.
  mutating func finish() throws(PreparationError)

  /// After ``finish()``: the checks that need every strip completed.
  mutating func check() throws(PreparationError)
}

extension StripDecoder where Self: ~Copyable {
  var deferred: (any DeferredDecoding)? { nil }
  var stripsInFlight: Int { .max }
  func check() throws(PreparationError) {}
}

/// The part of decoding that either of two threads can do, so that both are busy: one strip at a time, in order.
protocol DeferredDecoding: AnyObject, Sendable {
  /// Turns strip `index`, the one after the last one, into rows, from what the decoder left of it in the rings.
  func finishStrip(_ index: Int, in rings: [RowRing])
}
