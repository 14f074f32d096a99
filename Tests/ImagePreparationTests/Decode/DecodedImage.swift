import TestSupport

@testable import ImagePreparation

/// All rows of a decoded image, without padding.
struct DecodedImage: Equatable {
  var description: ImageDescription
  var layout: RowLayout
  var height = 0
  var bytes: [UInt8] = []
  var damage = DecodingDamage()

  /// Opens, decodes and finishes an image. It requests `rowsPerCall` rows at a time with a stride that is larger than a row, and checks
  /// that the bytes between the rows are not written to.
  static func decode(
    _ source: ImageSource, scale: JPEGScale = .full, output: JPEGDecoder.Output? = nil,
    limits: Limits = Limits(), policy: DamagePolicy = .truncated,
    cancellation: CancellationFlag? = nil, window: Int = ByteSource.defaultWindow, rowsPerCall: Int = 7
  ) throws(PreparationError) -> DecodedImage {
    let bytes = try ByteSource(source, cancellation: cancellation, window: window)
    switch try ImageSniffer.kind(of: bytes.peek(ImageSniffer.byteCount)).format {
    case .jpeg:
      var decoder = try JPEGDecoder(bytes, limits: limits, policy: policy)
      try decoder.start(scale: scale, output: output)
      return try read(&decoder, rowsPerCall: rowsPerCall)
    case .png:
      var decoder = try PNGDecoder(bytes, limits: limits, policy: policy)
      try decoder.start()
      return try read(&decoder, rowsPerCall: rowsPerCall)
    case let other: preconditionFailure("\(other.name) has tests of its own")
    }
  }

  private static func read<Decoder: RowDecoder & ~Copyable>(
    _ decoder: inout Decoder, rowsPerCall: Int
  ) throws(PreparationError) -> DecodedImage {
    var image = DecodedImage(description: decoder.description, layout: decoder.layout)
    let (rowBytes, gap) = (decoder.layout.rowBytes, 5)
    let stride = rowBytes + gap
    var rows = [UInt8](repeating: 0xA5, count: stride * rowsPerCall)
    var done = false
    while !done {
      let count = try unsafe rows.withUnsafeMutableBufferPointer { buffer throws(PreparationError) in
        try unsafe decoder.readRows(into: buffer.baseAddress!, stride: stride, count: rowsPerCall)
      }
      for y in 0..<count {
        image.bytes += rows[y * stride..<y * stride + rowBytes]
        precondition(rows[y * stride + rowBytes..<(y + 1) * stride].allSatisfy { $0 == 0xA5 }, "wrote past a row")
      }
      image.height += count
      done = count == 0
    }
    try decoder.finish()
    image.damage = decoder.damage
    return image
  }
}

/// A table beside the fixtures: lines with columns that tabs separate, of which the last is an offset into a file of pixels.
struct ExpectedPixels {
  let columns: [String]
  private let offset: Int

  init(line: Substring) {
    columns = line.split(separator: "\t").map(String.init)
    offset = Int(columns.last!)!
  }

  /// All lines of a table.
  static func table(_ name: String) throws -> [ExpectedPixels] {
    String(decoding: try Fixtures.bytes(name), as: UTF8.self).split(separator: "\n").map(ExpectedPixels.init)
  }

  func bytes(in pixels: [UInt8], count: Int) -> ArraySlice<UInt8> { pixels[offset..<offset + count] }
}

/// The error a call throws, for tables of expected codes.
func failure<Value>(_ body: () throws(PreparationError) -> Value) -> PreparationError? {
  do {
    _ = try body()
    return nil
  } catch {
    return error
  }
}
