/// Delivers an image in strips of rows, one ring a plane.
protocol StripFeed: ~Copyable, Sendable {
  /// The rows of each plane.
  var planes: [StripPlane] { get }
  /// Strips of the image.
  var stripCount: Int { get }
  /// What was overlooked so far.
  var damage: DecodingDamage { get }
  /// What is left to do of a strip before it is consumed, by whichever thread has time; nil when strips arrive ready.
  var finisher: (any StripFinisher)? { get }
  /// Strips that may be read before the finisher has seen the first of them.
  var stripsInFlight: Int { get }

  /// Decodes strip `index`, the one after the last one, into its place in the rings.
  mutating func readStrip(_ index: Int, into rings: [RowRing]) throws(PreparationError)

  /// Reads to the end of the image after the last strip, so that checksums and end markers are seen too.
  mutating func finish() throws(PreparationError)

  /// After ``finish()``: what can be told only when the finisher has seen all strips.
  mutating func check() throws(PreparationError)
}

extension StripFeed where Self: ~Copyable {
  var finisher: (any StripFinisher)? { nil }
  var stripsInFlight: Int { .max }
  func check() throws(PreparationError) {}
}

/// The share of decoding that either thread can do, so that both are busy. One of them at a time, in order.
protocol StripFinisher: AnyObject, Sendable {
  /// Turns strip `index`, the one after the last one, as the feed left it in the rings into rows.
  func finishStrip(_ index: Int, in rings: [RowRing])
}

/// The rows of one plane of a feed.
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

/// The interleaved rows of a decoder as a feed.
struct RowFeed<Decoder: RowDecoder & ~Copyable & Sendable>: StripFeed, ~Copyable {
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
