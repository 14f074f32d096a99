/// The planes of a flawless JPEG with restart markers, strip by strip, which two threads decode at the same time.
///
/// Reading a strip only reads its bytes; the deferred part decodes them (``IntervalDecoder``). A file that turns out to be damaged has to be
/// decoded again in order, by ``JPEGPlaneStrips``.
final class JPEGIntervalStrips: StripDecoder, @unchecked Sendable {
  // Unchecked: it is used by one thread at a time.

  let planes: [StripPlane]
  let stripCount: Int
  private let reader: JPEGPlaneReader
  private let decoder: IntervalDecoder

  /// Makes strips of a reader's planes. `decoder` was made for the same reader.
  init(_ reader: consuming JPEGPlaneReader, _ decoder: IntervalDecoder) {
    planes = reader.stripPlanes
    stripCount = reader.stripCount
    self.reader = reader
    self.decoder = decoder
  }

  var damage: DecodingDamage { reader.damage }
  var deferred: (any DeferredDecoding)? { decoder }
  var stripsInFlight: Int { decoder.stripsInFlight }

  func readStrip(_ index: Int, into rings: [RowRing]) { decoder.readStrip(index) }

  // There is nothing left to check: the last strip counts as intact only if the end marker follows it.
  func finish() {}
}
