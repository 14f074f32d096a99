/// The planes of a ``RowReader``, strip by strip.
final class PlanarStrips<Reader: RowReader>: StripDecoder, @unchecked Sendable {
  // Unchecked: it is used by one thread at a time.

  let planes: [StripPlane]
  let stripCount: Int
  private var rows: ReaderRows<Reader>

  /// Makes strips of rows of luma, whose first one is next, and of Cb and Cr.
  init(_ rows: consuming ReaderRows<Reader>, planes: [StripPlane]) {
    self.planes = planes
    stripCount = (planes[0].height + planes[0].stripRows - 1) / planes[0].stripRows
    self.rows = rows
  }

  var damage: DecodingDamage { rows.damage }

  func readStrip(_ index: Int, into rings: [RowRing]) throws(PreparationError) {
    var y = index * planes[0].stripRows
    let end = planes[0].rows(inStrips: index + 1)
    while y < end {
      let count = try unsafe rows.readRows(into: rings[0].row(y), stride: rings[0].stride, count: end - y)
      precondition(count > 0, "readers fill or throw, they do not end early")
      y += count
    }
    for plane in planes.indices.dropFirst() {
      for y in index * planes[plane].stripRows..<planes[plane].rows(inStrips: index + 1) {
        let row = unsafe rings[plane].row(y).assumingMemoryBound(to: UInt8.self)
        unsafe rows.copyChromaRow(y, plane: plane, width: planes[plane].layout.width, into: row)
      }
    }
  }

  func finish() throws(PreparationError) { try rows.finish() }
}
