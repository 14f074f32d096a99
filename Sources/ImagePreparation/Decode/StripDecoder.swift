/// A decoder that delivers its image in strips of rows, one ring a plane. It knows neither the loop that calls it nor the plan.
///
/// One thread at a time calls it. Conformers are classes that own a decoder which cannot be copied: Swift 6.3 destroys the second
/// one of two such values twice where they are in existential containers.
protocol StripDecoder: AnyObject, Sendable {
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
  func readStrip(_ index: Int, into rings: [RowRing]) throws(PreparationError)

  /// Reads to the end of the image after the last strip, so that checksums and end markers are seen too.
  func finish() throws(PreparationError)

  /// After ``finish()``: the checks that need every strip completed.
  func check() throws(PreparationError)
}

extension StripDecoder {
  var deferred: (any DeferredDecoding)? { nil }
  var stripsInFlight: Int { .max }
  func check() throws(PreparationError) {}
}

/// The part of decoding that either of two threads can do, so that both are busy: one strip at a time, in order.
protocol DeferredDecoding: AnyObject, Sendable {
  /// Turns strip `index`, the one after the last one, into rows, from what the decoder left of it in the rings.
  func finishStrip(_ index: Int, in rings: [RowRing])
}
