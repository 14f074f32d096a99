/// Encodes rows of RGB or RGBA as PNG while they arrive, with the same bytes as ``PNGEncoder`` for the whole image.
///
/// Half of the rows must be there before any row is encoded. They decide on the method. If they leave it open whether fewer channels or a
/// palette are enough, only the whole image can decide, and is encoded at once.
final class PNGRowStream: RowSink {
  private let encoder: PNGEncoder
  private let color: PNGEncoder.Color
  private let form: PNGEncoderForm
  private var pieces: [RowCompressor] = []
  private var isDecided = false

  /// True for images that may be encoded while their rows arrive.
  static func takes(
    _ size: ImageSize, _ channels: RowLayout.Channels, bits: Int, _ compression: Recipe.Compression
  ) -> Bool {
    guard channels == .rgb || channels == .rgba, compression != .small else { return false }
    return PNGEncoder.hasPieces(form(size, channels, bits))
  }

  private static func form(_ size: ImageSize, _ channels: RowLayout.Channels, _ bits: Int) -> PNGEncoderForm {
    PNGEncoderForm(size: size, colorType: channels == .rgb ? .rgb : .rgba, bitDepth: bits, rows: [])
  }

  /// - Precondition: ``takes(_:_:bits:_:)``.
  init(_ encoder: PNGEncoder, size: ImageSize, channels: RowLayout.Channels, bits: Int, color: PNGEncoder.Color) {
    precondition(
      Self.takes(size, channels, bits: bits, encoder.compression), "\(size) of \(channels) is encoded from the whole")
    self.encoder = encoder
    self.color = color
    form = Self.form(size, channels, bits)
  }

  var finishesOnTwoThreads: Bool { encoder.threads > 1 }

  /// Compresses one batch of rows; false when no batch is complete.
  func takeRows(of planes: [any GrowingPlane]) throws(PreparationError) -> Bool {
    let plane = planes[0]
    let rowsDone = plane.rowsDone
    let half = (form.size.height + 1) / 2
    guard rowsDone >= half else { return false }
    let next = pieces.first { $0.nextRow < $0.rows.upperBound }
    if isDecided {
      guard let next, next.batchEnd <= rowsDone else { return false }
    }
    return try unsafe plane.result.bytes.withUnsafeBufferPointer { rows throws(PreparationError) in
      let rows = rows.baseAddress!
      if let next {
        try unsafe next.compressBatch(rows)
      } else {
        isDecided = true
        guard unsafe form.isIrreducible(rows, count: half * form.size.width) else { return false }
        pieces = try encoder.makePieces(form, unsafe encoder.chooseMethod(plain: form, rows, reduced: nil).1)
      }
      return true
    }
  }

  /// Compresses the remaining rows and returns the file; nil if the whole image has to be encoded at once.
  func finish(_ planes: [any GrowingPlane]) throws(PreparationError) -> [UInt8]? {
    if !isDecided { _ = try takeRows(of: planes) }
    guard !pieces.isEmpty else { return nil }
    try unsafe planes[0].result.bytes.withUnsafeBufferPointer { rows throws(PreparationError) in
      try unsafe encoder.compress(pieces, rows.baseAddress!)
    }
    return try encoder.write(form, pieces, color: color)
  }
}
