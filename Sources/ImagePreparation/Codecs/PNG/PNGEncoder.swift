internal import CImageCodecs
internal import PixelKernels

/// Encodes 8-bit gray, gray and alpha, RGB or RGBA as PNG.
///
/// libpng writes the chunks; filters and deflate are the package's own (ISA-L deflates for `fast`). The bytes do not depend
/// on the number of threads, nor on the instruction set except through ISA-L.
struct PNGEncoder: Sendable {
  /// What a PNG says about its colors.
  enum Color: Sendable, Equatable {
    /// Nothing.
    case unspecified
    /// An sRGB chunk, perceptual.
    case srgb
    /// An iCCP chunk.
    case profile([UInt8])
  }

  /// Time against size.
  var compression: Recipe.Compression
  /// The kernels.
  var instructionSet: InstructionSet
  /// Threads to use, up to 2.
  var threads: Int
  /// Polled every half megabyte.
  var cancellation: CancellationFlag?

  init(
    compression: Recipe.Compression = .balanced, instructionSet: InstructionSet = .best, threads: Int = 1,
    cancellation: CancellationFlag? = nil
  ) {
    self.compression = compression
    self.instructionSet = instructionSet
    self.threads = threads
    self.cancellation = cancellation
  }

  /// Filtered bytes from which on an image is compressed in two pieces.
  private static let leastForPieces = 256 * 1024
  /// Literals and matches of a block.
  private static let blockTokens = 32 * 1024
  /// Candidates a byte of `small`.
  private static let smallWays = 8

  /// Encodes an image.
  ///
  /// Pixels come back exactly; channels and depth may be fewer where nothing is lost.
  /// - Throws: A ``PreparationError`` of stage `encode`: `unsupportedFeature` when libpng refuses the profile, `canceled`, or
  ///   `outOfMemory`.
  func encode(_ raster: Raster, color: Color) throws(PreparationError) -> [UInt8] {
    let hasProfile = if case .profile = color { true } else { false }
    let plain = PNGEncoderForm(raster, keepsColor: hasProfile)
    let reduced = plain.reduced(allowsPalette: !(hasProfile && plain.pixelBytes < 3))
    let kernels = PNGEncoderKernels(instructionSet)
    let (form, method) = try chooseMethod(plain: plain, reduced: reduced, kernels: kernels)
    var pieces = try compress(form, method, kernels: kernels)
    if compression == .small {
      // Which blocks fit better is known only when both are there.
      var other = method
      other.deflate = .matches(ways: Self.smallWays, blockTokens: Self.blockTokens / 4)
      let finer = try compress(form, other, kernels: kernels)
      if finer.reduce(0, { unsafe $0 + $1.output.count }) < pieces.reduce(0, { unsafe $0 + $1.output.count }) {
        pieces = finer
      }
    }

    // RFC 1950: deflate with a window of 32 KiB, no dictionary; the last byte makes the first two a multiple of 31.
    let writer = try PNGWriter(form, color: color)
    try unsafe [0x78, 0x5E].withUnsafeBufferPointer { bytes throws(PreparationError) in try unsafe writer.write(bytes) }
    var adler = pieces[0].adler
    for (k, piece) in pieces.enumerated() {
      try unsafe writer.write(piece.output)
      if k > 0 { adler = cic_adler32_combine(adler, piece.adler, piece.filteredBytes) }
    }
    let checksum = (0..<4).map { UInt8(truncatingIfNeeded: adler >> (24 - 8 * $0)) }
    try unsafe checksum.withUnsafeBufferPointer { bytes throws(PreparationError) in try unsafe writer.write(bytes) }
    return try writer.finish()
  }
}

extension PNGEncoder {
  /// Compresses all rows, large images in two pieces.
  private func compress(
    _ form: PNGEncoderForm, _ method: PNGEncoderMethod, kernels: PNGEncoderKernels
  ) throws(PreparationError) -> [Piece] {
    let filtered = form.size.height * (form.rowBytes + 1)
    let middle = method.isOnePiece || filtered < Self.leastForPieces ? 0 : form.size.height / 2
    let ranges = (middle == 0 ? [0..<form.size.height] : [0..<middle, middle..<form.size.height])
    let pieces = ranges.map { rows in
      Piece(
        form: form, rows: rows, method: method, kernels: kernels,
        ending: rows.upperBound == form.size.height ? .stream : .piece, cancellation: cancellation)
    }
    let thread = threads > 1 && pieces.count > 1 ? WorkerThread({ pieces[1].run() }) : nil
    pieces[0].run()
    if let thread { thread.join() } else if pieces.count > 1 { pieces[1].run() }
    for piece in pieces { if let failure = piece.failure { throw failure } }
    return pieces
  }

  /// Chooses what compresses best, by trying it on some of the rows.
  private func chooseMethod(
    plain: PNGEncoderForm, reduced: PNGEncoderForm?, kernels: PNGEncoderKernels
  ) throws(PreparationError) -> (PNGEncoderForm, PNGEncoderMethod) {
    if compression == .fast {
      return (reduced ?? plain, PNGEncoderMethod(filter: reduced == nil ? .logarithms : .none, deflate: .isal))
    }
    let deflate = PNGEncoderMethod.Deflate.matches(
      ways: compression == .small ? Self.smallWays : 1, blockTokens: Self.blockTokens)
    // Samples below a byte and indices have no neighbors that predict them (PNG third edition, 12.7).
    var candidates = [PNGEncoderMethod.FilterChoice.sum, .logarithms, .none].map {
      (form: plain, method: PNGEncoderMethod(filter: $0, deflate: deflate))
    }
    if let reduced {
      candidates.append((reduced, PNGEncoderMethod(filter: .none, deflate: deflate)))
    }
    var (best, least): ((form: PNGEncoderForm, method: PNGEncoderMethod), Int) = (candidates[0], .max)
    for candidate in candidates {
      let bytes = try sampledBytes(candidate.form, candidate.method, kernels: kernels)
      if bytes < least { (best, least) = (candidate, bytes) }
    }
    // Where so little is left, every block's header weighs.
    if least < Self.leastForPieces / 16 {
      best.method.isOnePiece = true
      best.method.batchBytes = 4 * 1024 * 1024
    }
    return best
  }

  /// The compressed size of four bands of an image and of its palette.
  private func sampledBytes(
    _ form: PNGEncoderForm, _ method: PNGEncoderMethod, kernels: PNGEncoderKernels
  ) throws(PreparationError) -> Int {
    let height = form.size.height
    // The same rows of every form.
    let share = max(24 * 1024 / (form.size.width * 4 + 1), height / (compression == .small ? 4 : 16))
    let bandRows = max(share / 4, 8)
    let bands =
      bandRows * 4 >= height
      ? [0..<height]
      : (0..<4).map { band in
        let first = (2 * band + 1) * height / 8 - bandRows / 2
        return first..<first + bandRows
      }
    let deflater = BlockDeflater(kernels: kernels, ways: 1, blockTokens: Self.blockTokens)
    for rows in bands {
      _ = try unsafe form.rows.withUnsafeBufferPointer { bytes throws(PreparationError) in
        try unsafe compressRows(
          bytes.baseAddress!, rowBytes: form.rowBytes, pixelBytes: form.pixelBytes, rows: rows,
          filter: method.filter, batchBytes: method.batchBytes, kernels: kernels, ending: .piece,
          cancellation: cancellation,
          into: deflater)
      }
    }
    let sampled = bands.reduce(0) { $0 + $1.count }
    return unsafe deflater.output.count * height / sampled + form.palette.count + form.paletteAlpha.count
  }
}

/// One piece of an image's rows, compressed on whatever thread runs it.
private final class Piece: @unchecked Sendable {
  // Unchecked: used by one thread at a time; joining it orders the accesses.
  private let form: PNGEncoderForm
  private let rows: Range<Int>
  private let method: PNGEncoderMethod
  private let kernels: PNGEncoderKernels
  private let ending: DeflateEnding
  private let cancellation: CancellationFlag?
  private var deflater: (any Deflater)?
  private(set) var failure: PreparationError?
  private(set) var adler: UInt32 = 1
  private(set) var filteredBytes = 0

  init(
    form: PNGEncoderForm, rows: Range<Int>, method: PNGEncoderMethod, kernels: PNGEncoderKernels,
    ending: DeflateEnding, cancellation: CancellationFlag?
  ) {
    self.form = form
    self.rows = rows
    self.method = method
    self.kernels = kernels
    self.ending = ending
    self.cancellation = cancellation
  }

  var output: UnsafeBufferPointer<UInt8> { unsafe deflater?.output ?? UnsafeBufferPointer(start: nil, count: 0) }

  func run() {
    do throws(PreparationError) {
      switch method.deflate {
      case .isal: try run(ISALDeflater())
      case .matches(let ways, let blockTokens):
        try run(BlockDeflater(kernels: kernels, ways: ways, blockTokens: blockTokens))
      }
    } catch {
      failure = error
    }
  }

  private func run(_ deflater: some Deflater) throws(PreparationError) {
    (adler, filteredBytes) = try unsafe form.rows.withUnsafeBufferPointer { bytes throws(PreparationError) in
      try unsafe compressRows(
        bytes.baseAddress!, rowBytes: form.rowBytes, pixelBytes: form.pixelBytes, rows: rows,
        filter: method.filter, batchBytes: method.batchBytes, kernels: kernels, ending: ending,
        cancellation: cancellation, into: deflater)
    }
    self.deflater = deflater
  }
}

/// Writes the chunks of a PNG through libpng.
private struct PNGWriter: ~Copyable {
  private let handle: PNGEncoderHandle

  /// Writes what stands before the image data.
  init(_ form: PNGEncoderForm, color: PNGEncoder.Color) throws(PreparationError) {
    let handle = try PNGEncoderHandle()
    let profile: [UInt8] = if case .profile(let bytes) = color { bytes } else { [] }
    let status = unsafe profile.withUnsafeBufferPointer { profile in
      unsafe form.palette.withUnsafeBufferPointer { palette in
        unsafe form.paletteAlpha.withUnsafeBufferPointer { alpha in
          var options = unsafe cic_png_encoder_options(
            width: UInt32(form.size.width), height: UInt32(form.size.height), bit_depth: Int32(form.bitDepth),
            color_type: form.colorType.rawValue, srgb: color == .srgb,
            icc: profile.isEmpty ? nil : profile.baseAddress, icc_count: profile.count,
            palette: palette.isEmpty ? nil : palette.baseAddress, palette_count: Int32(palette.count / 3),
            alpha: alpha.isEmpty ? nil : alpha.baseAddress, alpha_count: Int32(alpha.count))
          return unsafe cic_png_encoder_start(handle.pointer, &options)
        }
      }
    }
    try handle.check(status)
    self.handle = handle
  }

  /// Writes bytes of the zlib stream.
  func write(_ bytes: UnsafeBufferPointer<UInt8>) throws(PreparationError) {
    guard let base = bytes.baseAddress else { return }
    try handle.check(unsafe cic_png_write_data(handle.pointer, base, bytes.count))
  }

  /// Ends the file and gives its bytes.
  func finish() throws(PreparationError) -> [UInt8] {
    var bytes: UnsafePointer<UInt8>?
    var count = 0
    try handle.check(unsafe cic_png_encoder_finish(handle.pointer, &bytes, &count))
    return unsafe Array(UnsafeBufferPointer(start: bytes, count: count))
  }
}

/// Owns one C encoder.
@safe
private struct PNGEncoderHandle: ~Copyable {
  let pointer: OpaquePointer

  init() throws(PreparationError) {
    guard let pointer = unsafe cic_png_encoder_create() else { throw .outOfMemory("the PNG encoder") }
    unsafe self.pointer = pointer
  }

  deinit { unsafe cic_png_encoder_destroy(pointer) }

  func check(_ status: cic_status) throws(PreparationError) {
    guard status != .CIC_OK else { return }
    throw .encoding("PNG", status, unsafe String(cString: cic_png_encoder_message(pointer)))
  }
}
