internal import CImageCodecs
internal import CPixelIntrinsics
internal import Ground

/// Decodes an interlaced PNG without libpng: its seven passes (PNG third edition, 8.2), each an image of its own, are put into the whole
/// image when the first rows are requested.
///
/// Damage is refused. Under a policy that overlooks damage, libpng decodes the image instead: it also fills the places of later passes with
/// the pixels of early ones.
struct PNGPasses: RowDecoder, ~Copyable {
  var description: ImageDescription { decoder.description }
  var layout: RowLayout { decoder.layout }
  var damage: DecodingDamage { decoder.damage }

  private var decoder: PNGDecoder
  private let expansion: PNGRowExpansion
  /// The whole image.
  private let image: AlignedBuffer<UInt8>
  /// The first row that was not delivered yet.
  private var nextRow = 0
  private var isDecoded = false
  /// Adler-32 of the coded rows.
  private var adler: UInt32 = 1
  private let kernels: KernelTable

  /// A pass: its first column and row, and the distances to the next ones.
  private struct Pass {
    let x, y, columnStep, rowStep: Int

    static let all = [
      Pass(x: 0, y: 0, columnStep: 8, rowStep: 8), Pass(x: 4, y: 0, columnStep: 8, rowStep: 8),
      Pass(x: 0, y: 4, columnStep: 4, rowStep: 8), Pass(x: 2, y: 0, columnStep: 4, rowStep: 4),
      Pass(x: 0, y: 2, columnStep: 2, rowStep: 4), Pass(x: 1, y: 0, columnStep: 2, rowStep: 2),
      Pass(x: 0, y: 1, columnStep: 1, rowStep: 2),
    ]

    /// The columns that the pass has in an image of this width. A pass without columns has no rows either.
    func width(in width: Int) -> Int { max(0, (width - x + columnStep - 1) / columnStep) }
  }

  /// Bytes after a row that kernels may read.
  private static let slack = 8

  /// Starts `decoder`, whose headers are read.
  ///
  /// - Throws: The errors of ``PNGDecoder/startStrips(kernels:)``.
  init(_ decoder: consuming PNGDecoder, kernels: KernelTable) throws(PreparationError) {
    let (layout, height) = (decoder.layout, decoder.description.storedSize.height)
    expansion = PNGRowExpansion(
      coding: try decoder.startStrips(kernels: kernels), bitDepth: decoder.description.bitDepth,
      channelCount: layout.channelCount, kernels: kernels)
    image = AlignedBuffer(count: layout.rowBytes * height, zeroed: false)
    unsafe adviseLargePages(image.base, count: image.count)
    self.kernels = kernels
    self.decoder = decoder
  }

  mutating func readRows(
    into base: UnsafeMutableRawPointer, stride: Int, count: Int
  ) throws(PreparationError) -> Int {
    if !isDecoded { for pass in Pass.all { try decode(pass) } }
    isDecoded = true
    let wanted = min(count, description.storedSize.height - nextRow)
    for row in 0..<max(0, wanted) {
      unsafe (base + row * stride).copyMemory(
        from: image.base + (nextRow + row) * layout.rowBytes, byteCount: layout.rowBytes)
    }
    nextRow += max(0, wanted)
    return max(0, wanted)
  }

  mutating func finish() throws(PreparationError) {
    try decoder.finish()
    try decoder.checkData(adler: adler)
  }

  private mutating func decode(_ pass: Pass) throws(PreparationError) {
    let (layout, height) = (layout, description.storedSize.height)
    let width = pass.width(in: layout.width)
    guard width > 0 else { return }
    let pixelBits = expansion.bitDepth < 8 ? expansion.bitDepth : Int(expansion.coding.pixel_bytes) * 8
    let count = (width * pixelBits + 7) / 8
    // The coded row and the row above it, which change places after each row.
    let rows = AlignedBuffer<UInt8>(count: 2 * (1 + count + Self.slack), zeroed: true)
    var (coded, above) = unsafe (rows.base, rows.base + 1 + count + Self.slack)
    let pixelBytes = layout.rowBytes / layout.width
    let expanded = AlignedBuffer<UInt8>(count: width * pixelBytes + Self.slack, zeroed: false)
    for y in stride(from: pass.y, to: height, by: pass.rowStep) {
      try unsafe decoder.readRow(into: coded, count: 1 + count, row: y)
      adler = unsafe cic_adler32(adler, coded, 1 + count)
      unsafe kernels.decoding.unfilter_rows(coded, 1, above + 1, Int(expansion.coding.pixel_bytes), count)
      let row = unsafe image.base + y * layout.rowBytes
      // A pass of whole rows is expanded directly into the image, unless it has a palette: entries are written four bytes at a time, past
      // the end of a row.
      if pass.columnStep == 1, !expansion.coding.indexed {
        unsafe expansion.expand(coded + 1, width: width, to: row)
      } else {
        unsafe expansion.expand(coded + 1, width: width, to: expanded.base)
        unsafe Self.spread(
          expanded.base, width, pixelBytes, to: row + pass.x * pixelBytes, step: pass.columnStep * pixelBytes)
      }
      unsafe swap(&coded, &above)
    }
  }

  /// Puts pixels `step` bytes apart.
  private static func spread(
    _ pixels: UnsafeMutablePointer<UInt8>, _ count: Int, _ pixelBytes: Int, to output: UnsafeMutablePointer<UInt8>,
    step: Int
  ) {
    func move<Part: BitwiseCopyable>(_: Part.Type, _ offset: Int) {
      for i in 0..<count {
        let part = unsafe UnsafeRawPointer(pixels + i * pixelBytes + offset).loadUnaligned(as: Part.self)
        unsafe UnsafeMutableRawPointer(output + i * step + offset).storeBytes(of: part, as: Part.self)
      }
    }
    switch pixelBytes {
    case 1: move(UInt8.self, 0)
    case 2: move(UInt16.self, 0)
    case 3:
      move(UInt16.self, 0)
      move(UInt8.self, 2)
    case 4: move(UInt32.self, 0)
    case 6:
      move(UInt32.self, 0)
      move(UInt16.self, 4)
    default: move(UInt64.self, 0)
    }
  }
}
