/// The interleaved rows of a decoder, strip by strip.
final class InterleavedStrips<Decoder: RowDecoder & ~Copyable>: StripDecoder, @unchecked Sendable {
  // Unchecked: it is used by one thread at a time.

  let planes: [StripPlane]
  let stripCount: Int
  private var decoder: Decoder
  private let conversion: (any RowConversion)?

  /// Makes strips of the rows of a decoder.
  ///
  /// - Parameters:
  ///   - decoder: A started decoder, whose first row is next.
  ///   - height: The number of rows.
  ///   - conversion: The conversion of colors before the resize, in place; nil for none.
  init(_ decoder: consuming Decoder, height: Int, conversion: (any RowConversion)?) {
    self.conversion = conversion
    let layout = decoder.layout
    planes = [StripPlane(layout: layout, height: height, stripRows: RowStrip.rows, rowBytes: layout.rowBytes)]
    stripCount = (height + RowStrip.rows - 1) / RowStrip.rows
    self.decoder = decoder
  }

  var damage: DecodingDamage { decoder.damage }

  func readStrip(_ index: Int, into rings: [RowRing]) throws(PreparationError) {
    let ring = rings[0]
    var y = index * RowStrip.rows
    let end = planes[0].rows(inStrips: index + 1)
    while y < end {
      let count = try unsafe decoder.readRows(into: ring.row(y), stride: ring.stride, count: end - y)
      precondition(count > 0, "decoders fill or throw, they do not end early")
      if let conversion {
        for row in y..<y + count { unsafe conversion.convertInPlace(ring.row(row), pixels: planes[0].layout.width) }
      }
      y += count
    }
  }

  func finish() throws(PreparationError) { try decoder.finish() }
}
