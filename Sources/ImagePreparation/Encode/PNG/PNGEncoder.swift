internal import CImageCodecs
internal import Ground

/// Encodes gray, gray and alpha, RGB or RGBA of 8 or 16 bits as PNG.
///
/// libpng writes the chunks; filters and deflate are the package's own (ISA-L deflates for `fast`). The bytes do not depend
/// on the number of threads, nor on the instruction set except through ISA-L.
struct PNGEncoder: Sendable {
  /// The color chunk of a PNG.
  enum Color: Sendable, Equatable {
    /// No color chunk.
    case unspecified
    /// An sRGB chunk with perceptual intent.
    case srgb
    /// An iCCP chunk.
    case profile([UInt8])
  }

  /// The balance of time and size.
  var compression: Recipe.Compression
  /// The kernels.
  var kernels: KernelTable
  /// The threads to use, 1 or 2.
  var threads: Int
  /// The flag that is polled every half megabyte.
  var cancellation: CancellationFlag?

  init(
    compression: Recipe.Compression, kernels: KernelTable, threads: Int = 1, cancellation: CancellationFlag? = nil
  ) {
    self.compression = compression
    self.kernels = kernels
    self.threads = threads
    self.cancellation = cancellation
  }

  /// The number of filtered bytes from which on an image is compressed in two pieces.
  private static let leastForPieces = 256 * 1024
  /// The block size in literals and matches.
  private static let blockTokens = 32 * 1024

  /// Encodes an image.
  ///
  /// Decoding gives the same pixels. Fewer channels, or fewer than 8 bits, are stored if that is lossless.
  ///
  /// - Throws: A ``PreparationError`` of stage `encode`: `unsupportedFeature` when libpng refuses the profile, `canceled`, or
  ///   `outOfMemory`.
  func encode(_ raster: Raster, color: Color) throws(PreparationError) -> [UInt8] {
    let hasProfile = if case .profile = color { true } else { false }
    let plain = try PNGEncoderForm(raster, keepsColor: hasProfile, cancellation: cancellation)
    let reduced = try plain.reduced(
      allowsPalette: !(hasProfile && plain.pixelBytes < 3), cancellation: cancellation)
    let (form, method) = try unsafe plain.rows.withUnsafeBufferPointer { rows throws(PreparationError) in
      try unsafe chooseMethod(plain: plain, rows.baseAddress!, reduced: reduced)
    }
    return try unsafe form.rows.withUnsafeBufferPointer { rows throws(PreparationError) in
      var pieces = try makePieces(form, method)
      try unsafe compress(pieces, rows.baseAddress!)
      if compression == .small {
        // Both block sizes are tried, because it is known only afterwards which file is smaller.
        var other = method
        other.deflate = .matches(thorough: true, blockTokens: Self.blockTokens / 4)
        let finer = try makePieces(form, other)
        try unsafe compress(finer, rows.baseAddress!)
        if finer.reduce(0, { unsafe $0 + $1.deflater.output.count })
          < pieces.reduce(0, { unsafe $0 + $1.deflater.output.count })
        {
          pieces = finer
        }
      }
      return try write(form, pieces, color: color)
    }
  }
}

extension PNGEncoder {
  /// True when an image is large enough for two pieces.
  static func hasPieces(_ form: PNGEncoderForm) -> Bool {
    form.size.height * (form.rowBytes + 1) >= leastForPieces
  }

  /// The pieces in which an image's rows are compressed.
  func makePieces(
    _ form: PNGEncoderForm, _ method: PNGEncoderMethod
  ) throws(PreparationError) -> [RowCompressor] {
    let height = form.size.height
    let isOne = method.isOnePiece || !Self.hasPieces(form)
    var pieces: [RowCompressor] = []
    for rows in isOne ? [0..<height] : [0..<height / 2, height / 2..<height] {
      let deflater: any Deflater
      switch method.deflate {
      case .isal: deflater = try ISALDeflater()
      case .matches(let thorough, let blockTokens):
        deflater = BlockDeflater(
          kernels: kernels, isThorough: thorough, blockTokens: blockTokens,
          inputBytes: rows.count * (form.rowBytes + 1))
      }
      pieces.append(
        RowCompressor(
          rows: rows, rowBytes: form.rowBytes, pixelBytes: form.pixelBytes, isOfWords: form.bitDepth == 16,
          filter: method.filter, batchBytes: method.batchBytes, kernels: kernels,
          ending: rows.upperBound == height ? .stream : .piece,
          deflater: deflater))
    }
    return pieces
  }

  /// Compresses the remaining rows of the pieces.
  func compress(_ pieces: [RowCompressor], _ rows: UnsafePointer<UInt8>) throws(PreparationError) {
    let works = pieces.map { unsafe PieceWork(piece: $0, rows: rows, cancellation: cancellation) }
    let thread = threads > 1 && works.count > 1 ? WorkerThread({ works[1].run() }) : nil
    works[0].run()
    if let thread { thread.join() } else if works.count > 1 { works[1].run() }
    for work in works { if let failure = work.failure { throw failure } }
  }

  /// Writes the file of compressed pieces.
  func write(
    _ form: PNGEncoderForm, _ pieces: [RowCompressor], color: Color
  ) throws(PreparationError) -> [UInt8] {
    let dataBytes = pieces.reduce(0) { unsafe $0 + $1.deflater.output.count }
    var writer = try PNGWriter(form, color: color, dataBytes: dataBytes, cancellation: cancellation)
    // The zlib header (RFC 1950): deflate with a window of 32 KiB, and no dictionary. The check bits make the number a multiple of 31.
    try unsafe [0x78, 0x5E].withUnsafeBufferPointer { bytes throws(PreparationError) in try unsafe writer.write(bytes) }
    var adler = pieces[0].adler
    for (k, piece) in pieces.enumerated() {
      try unsafe writer.write(piece.deflater.output)
      if k > 0 { adler = cic_adler32_combine(adler, piece.adler, piece.count) }
    }
    let checksum = (0..<4).map { UInt8(truncatingIfNeeded: adler >> (24 - 8 * $0)) }
    try unsafe checksum.withUnsafeBufferPointer { bytes throws(PreparationError) in try unsafe writer.write(bytes) }
    return writer.finish()
  }

  /// Chooses the form and the method that compress best, by trying them on some of the rows. For `small`, and for small images, these are
  /// rows of the whole image; otherwise they are rows of its upper half. `rows` are the rows of the plain form.
  func chooseMethod(
    plain: PNGEncoderForm, _ rows: UnsafePointer<UInt8>, reduced: PNGEncoderForm?
  ) throws(PreparationError) -> (PNGEncoderForm, PNGEncoderMethod) {
    if compression == .fast {
      return (reduced ?? plain, PNGEncoderMethod(filter: reduced == nil ? .logarithms : .none, deflate: .isal))
    }
    let deflate = PNGEncoderMethod.Deflate.matches(
      thorough: compression == .small, blockTokens: Self.blockTokens)
    var best = (form: plain, method: PNGEncoderMethod(filter: .sum, deflate: deflate))
    var least = try unsafe sampledBytes(plain, rows, .sum)
    for filter in [PNGEncoderMethod.FilterChoice.logarithms, .none] {
      let bytes = try unsafe sampledBytes(plain, rows, filter)
      if bytes < least { (best.method.filter, least) = (filter, bytes) }
    }
    if let reduced {
      // Filters do not help samples of less than a byte and palette indices (PNG third edition, 12.7).
      let bytes = try unsafe reduced.rows.withUnsafeBufferPointer { rows throws(PreparationError) in
        try unsafe sampledBytes(reduced, rows.baseAddress!, .none)
      }
      if bytes < least { (best, least) = ((reduced, PNGEncoderMethod(filter: .none, deflate: deflate)), bytes) }
    }
    // In a file this small the headers of additional blocks would cost too much.
    if least < Self.leastForPieces / 16 {
      best.method.isOnePiece = true
      best.method.batchBytes = 4 * 1024 * 1024
    }
    return best
  }

  /// The compressed size of four bands of an image, with its palette.
  private func sampledBytes(
    _ form: PNGEncoderForm, _ rows: UnsafePointer<UInt8>, _ filter: PNGEncoderMethod.FilterChoice
  ) throws(PreparationError) -> Int {
    let height = form.size.height
    // The share does not depend on the form, so that every form is tried on the same rows.
    let share = max(24 * 1024 / (form.size.width * 4 + 1), height / (compression == .small ? 4 : 32))
    let bandRows = max(share / 4, 8)
    let sampledHeight = compression != .small && Self.hasPieces(form) && bandRows * 8 <= height ? height / 2 : height
    let bands =
      bandRows * 4 >= height
      ? [0..<height]
      : (0..<4).map { band in
        let first = (2 * band + 1) * sampledHeight / 8 - bandRows / 2
        return first..<first + bandRows
      }
    let sampled = bands.reduce(0) { $0 + $1.count }
    let deflater = BlockDeflater(
      kernels: kernels, isThorough: false, blockTokens: Self.blockTokens, inputBytes: sampled * (form.rowBytes + 1))
    for band in bands {
      try unsafe RowCompressor(
        rows: band, rowBytes: form.rowBytes, pixelBytes: form.pixelBytes, isOfWords: form.bitDepth == 16,
        filter: filter, batchBytes: 512 * 1024, kernels: kernels, ending: .piece, deflater: deflater
      ).compressAll(rows, cancellation: cancellation)
    }
    return unsafe deflater.output.count * height / sampled + form.palette.count + form.paletteAlpha.count
  }
}

/// The remaining rows of one piece, compressed on any thread.
@safe
private final class PieceWork: @unchecked Sendable {
  // Unchecked: it is used by one thread at a time; joining the thread orders the accesses.
  private let piece: RowCompressor
  private let rows: UnsafePointer<UInt8>
  private let cancellation: CancellationFlag?
  private(set) var failure: PreparationError?

  init(piece: RowCompressor, rows: UnsafePointer<UInt8>, cancellation: CancellationFlag?) {
    self.piece = piece
    unsafe self.rows = rows
    self.cancellation = cancellation
  }

  func run() {
    do throws(PreparationError) {
      try unsafe piece.compressAll(rows, cancellation: cancellation)
    } catch {
      failure = error
    }
  }
}
