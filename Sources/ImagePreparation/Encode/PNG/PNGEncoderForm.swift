internal import PixelKernels

/// Pixels in the form that a PNG stores: color type, bit depth, palette and packed rows.
struct PNGEncoderForm: Sendable {
  /// PNG's color types (PNG third edition, table 9).
  enum ColorType: Int32, Sendable {
    case gray = 0
    case rgb = 2
    case palette = 3
    case grayAlpha = 4
    case rgba = 6
  }

  var size: ImageSize
  var colorType: ColorType
  /// Bits per sample: 1, 2, 4, 8 or 16.
  var bitDepth: Int
  /// Red, green and blue of each color of the palette; empty without a palette.
  var palette: [UInt8] = []
  /// Alpha of the palette's first colors; the others are opaque.
  var paletteAlpha: [UInt8] = []
  /// Rows of whole bytes, without filter bytes. Samples of 16 bits are in native byte order.
  var rows: [UInt8]

  /// Bits per pixel.
  private var pixelBits: Int {
    let samples =
      switch colorType {
      case .gray, .palette: 1
      case .grayAlpha: 2
      case .rgb: 3
      case .rgba: 4
      }
    return samples * bitDepth
  }
  /// Bytes per pixel as filters count them, at least 1.
  var pixelBytes: Int { max(pixelBits / 8, 1) }
  /// Bytes per row.
  var rowBytes: Int { (size.width * pixelBits + 7) / 8 }

  /// Makes a form from rows.
  init(size: ImageSize, colorType: ColorType, bitDepth: Int, rows: [UInt8]) {
    self.size = size
    self.colorType = colorType
    self.bitDepth = bitDepth
    self.rows = rows
  }

  /// True when no image that has this form and begins with these pixels (RGB or RGBA) can be stored with fewer channels or a palette.
  func isIrreducible(_ pixels: UnsafePointer<UInt8>, count: Int) -> Bool {
    let channels = colorType == .rgb ? 3 : 4
    if bitDepth == 16 {
      let words = unsafe UnsafeRawPointer(pixels).assumingMemoryBound(to: UInt16.self)
      let isOpaque = channels == 3 || (0..<count).allSatisfy { unsafe words[$0 * 4 + 3] == UInt16.max }
      return unsafe (channels == 3 || !isOpaque) && !isGrayOfWords(words, channels: channels, count: count)
    }
    var table = [UInt64](repeating: 0, count: ColorTable.entries)
    var colors = [UInt32](repeating: 0, count: ColorTable.colors)
    let isOpaque = channels == 3 || (0..<count).allSatisfy { unsafe pixels[$0 * 4 + 3] == 255 }
    guard channels == 3 || !isOpaque, unsafe !isGray(pixels, channels: channels, count: count) else { return false }
    let found = unsafe collectColors(pixels, channels: channels, count: count, table: &table, colors: &colors)
    return found > ColorTable.colors
  }

  /// Makes a form of a raster's samples without opaque alpha, and as gray if no pixel has a hue. `keepsColor` is true when a profile
  /// needs three channels.
  ///
  /// - Throws: `canceled` once the flag is raised.
  init(_ raster: Raster, keepsColor: Bool, cancellation: CancellationFlag? = nil) throws(PreparationError) {
    precondition(raster.channels != .cmyk, "a PNG has no inks")
    var image = raster
    if raster.channels.hasAlpha, try raster.isOpaque(inBits: raster.bitDepth, cancellation, .encode) {
      image = try raster.inBands(cancellation, .encode) { $0.withoutAlpha() }
    }
    if image.channelCount >= 3, !keepsColor, try image.hasNoHue(cancellation) {
      image = try image.inBands(cancellation, .encode) { $0.withoutHue() }
    }
    self.init(image)
  }

  /// Makes a form of a raster's samples as they are.
  private init(_ image: Raster) {
    size = image.size
    bitDepth = image.bitDepth
    colorType =
      switch image.channels {
      case .gray: .gray
      case .grayAlpha: .grayAlpha
      case .rgba: .rgba
      case .rgb, .cmyk: .rgb
      }
    rows = image.bytes
  }

  /// The same pixels, of 8 bits per sample, in a form of fewer bits if there are few colors: gray of 1, 2 or 4 bits, or a palette.
  /// Otherwise nil. `allowsPalette` is false when a profile needs gray.
  ///
  /// - Throws: `canceled` once the flag is raised.
  func reduced(
    allowsPalette: Bool, cancellation: CancellationFlag? = nil
  ) throws(PreparationError) -> PNGEncoderForm? {
    guard bitDepth == 8 else { return nil }
    let (channels, count) = (pixelBytes, size.pixelCount)
    var table = [UInt64](repeating: 0, count: ColorTable.entries)
    var colors = [UInt32](repeating: 0, count: ColorTable.colors)
    var found = 0
    for band in Raster.bands(size.height) {
      try cancellation?.check(.encode)
      found = unsafe rows.withUnsafeBufferPointer { rows in
        unsafe collectColors(
          rows.baseAddress! + band.lowerBound * rowBytes, channels: channels, count: band.count * size.width,
          table: &table, colors: &colors, found: found)
      }
      guard found <= ColorTable.colors else { return nil }
    }
    colors.removeLast(colors.count - found)
    if colorType == .gray, let depth = Self.grayDepth(colors) {
      var form = self
      form.bitDepth = depth
      form.rows = try packed(rows, depth: depth, shift: 8 - depth, cancellation)
      return form
    }
    let depth = found <= 2 ? 1 : found <= 4 ? 2 : found <= 16 ? 4 : 8
    guard allowsPalette, depth < 8 || channels > 1 else { return nil }

    // Colors are sorted by alpha, so that the tRNS chunk can be truncated before the opaque colors; then by color, so that
    // neighbors in the palette are similar.
    let ordered = colors.indices.map { (entry: Entry(colors[$0], colorType), index: $0) }.sorted { $0.entry < $1.entry }
    var places = [UInt8](repeating: 0, count: found)
    for (place, color) in ordered.enumerated() { places[color.index] = UInt8(place) }
    var form = self
    form.colorType = .palette
    form.bitDepth = depth
    form.palette = ordered.flatMap { [$0.entry.red, $0.entry.green, $0.entry.blue] }
    form.paletteAlpha = ordered.map(\.entry.alpha)
    while form.paletteAlpha.last == 255 { form.paletteAlpha.removeLast() }
    // 24 bytes: the lengths, types and checksums of PLTE and tRNS.
    guard form.palette.count + form.paletteAlpha.count + 24 < rows.count - (count * depth + 7) / 8 else { return nil }
    var isCanceled = false
    let indices = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      unsafe rows.withUnsafeBufferPointer { rows in
        for band in Raster.bands(size.height) {
          if cancellation?.isCanceled == true { return isCanceled = true }
          let first = band.lowerBound * size.width
          unsafe indexPixels(
            rows.baseAddress! + first * channels, channels: channels, count: band.count * size.width, table: table,
            places: places, output: buffer.baseAddress! + first)
        }
        initialized = count
      }
    }
    if isCanceled { throw .canceled(.encode) }
    form.rows = try depth == 8 ? indices : packed(indices, depth: depth, shift: 0, cancellation)
    return form
  }

  /// The smallest bit depth that represents all these levels exactly (PNG third edition, 13.12: decoders repeat the bits).
  private static func grayDepth(_ levels: [UInt32]) -> Int? {
    [(1, 255), (2, 85), (4, 17)].first { step in levels.allSatisfy { Int($0) % step.1 == 0 } }?.0
  }

  /// Packs samples of one byte each into fewer bits; every row begins with a new byte.
  private func packed(
    _ samples: [UInt8], depth: Int, shift: Int, _ cancellation: CancellationFlag?
  ) throws(PreparationError) -> [UInt8] {
    let rowBytes = (size.width * depth + 7) / 8
    var isCanceled = false
    let rows = unsafe [UInt8](unsafeUninitializedCapacity: rowBytes * size.height) { buffer, initialized in
      unsafe samples.withUnsafeBufferPointer { samples in
        for y in 0..<size.height {
          if y % Raster.bandRows == 0, cancellation?.isCanceled == true { return isCanceled = true }
          unsafe packSamples(
            samples.baseAddress! + y * size.width, count: size.width, depth: depth, shift: shift,
            output: buffer.baseAddress! + y * rowBytes)
        }
        initialized = rowBytes * size.height
      }
    }
    if isCanceled { throw .canceled(.encode) }
    return rows
  }

  /// A color with its order in a palette.
  private struct Entry: Comparable {
    let red, green, blue, alpha: UInt8

    init(_ color: UInt32, _ type: ColorType) {
      let samples = (0..<4).map { UInt8(truncatingIfNeeded: color >> ($0 * 8)) }
      let isGray = type == .gray || type == .grayAlpha
      red = samples[0]
      green = isGray ? samples[0] : samples[1]
      blue = isGray ? samples[0] : samples[2]
      alpha = type == .grayAlpha ? samples[1] : type == .rgba ? samples[3] : 255
    }

    static func < (a: Entry, b: Entry) -> Bool {
      (a.alpha, a.green, a.red, a.blue) < (b.alpha, b.green, b.red, b.blue)
    }
  }
}
