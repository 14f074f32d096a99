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

/// The rows of one plane as a decoder delivers them.
struct StripPlane: Sendable, Equatable {
  /// What a row holds.
  var layout: RowLayout
  /// Rows of the whole plane.
  var height: Int
  /// Rows of a strip, except in the last one.
  var stripRows: Int
  /// Bytes that are written to a row: at least the layout's.
  var rowBytes: Int

  /// Rows of the first `strips` strips.
  func rows(inStrips strips: Int) -> Int { min(strips * stripRows, height) }
}

/// Strips of interleaved rows.
enum RowStrip {
  /// Rows of a strip: one row of MCUs of the usual 4:2:0.
  static let rows = 16
}

/// The interleaved rows of a library's decoder, strip by strip.
struct LibraryRowStrips<Decoder: RowDecoder & ~Copyable & Sendable>: StripDecoder, ~Copyable {
  let planes: [StripPlane]
  let stripCount: Int
  private var decoder: Decoder
  private let conversion: ProfileConversion?

  /// - Parameters:
  ///   - decoder: A started decoder, whose first row is next.
  ///   - conversion: What happens to colors before the resize, in place; nil for nothing.
  init(_ decoder: consuming Decoder, height: Int, conversion: ProfileConversion?) {
    self.conversion = conversion
    let layout = decoder.layout
    planes = [StripPlane(layout: layout, height: height, stripRows: RowStrip.rows, rowBytes: layout.rowBytes)]
    stripCount = (height + RowStrip.rows - 1) / RowStrip.rows
    self.decoder = decoder
  }

  var damage: DecodingDamage { decoder.damage }

  mutating func readStrip(_ index: Int, into rings: [RowRing]) throws(PreparationError) {
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

  mutating func finish() throws(PreparationError) { try decoder.finish() }
}
