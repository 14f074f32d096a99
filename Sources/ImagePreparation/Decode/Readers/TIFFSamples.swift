internal import CImageCodecs
internal import Ground

/// The samples of a TIFF's pixels, and their conversion to the samples that a decoder delivers.
struct TIFFSamples {
  let colorModel: ImageDescription.ColorModel
  /// Bits of a stored sample.
  let bits: Int
  let isFloat: Bool
  /// The index of the sample of alpha; nil without one.
  let alpha: Int?
  /// Extra samples that are not delivered.
  let leftOut: Int
  /// The number of rows that libtiff delivers for a row of pixels: 1 if samples are stored by pixel.
  let planes: Int
  /// True if stored rows are delivered without a change.
  let isStoredAsDelivered: Bool
  /// The distance in bytes between the rows of two planes: a multiple of 16, so that samples are aligned.
  let lineBytes: Int
  private let width: Int
  /// Samples of a stored pixel, in one plane.
  private let stored: Int
  /// Colors of a stored pixel: 1, 3 or 4.
  private let base: Int
  /// Channels of a delivered pixel.
  private let channels: Int
  /// True if white is 0.
  private let isInverted: Bool
  private let isPremultiplied: Bool
  private let colors: [UInt8]

  init(_ header: cic_tiff_header, colors: [UInt8]) throws(ReadFault) {
    (colorModel, base) = try Self.model(header)
    bits = Int(header.bits)
    isFloat = header.sample_format == 3
    let (depth, samples) = (bits, Int(header.samples))
    switch header.sample_format {
    case 1, 4:
      let depths = colorModel == .gray ? [1, 2, 4, 8, 16] : colorModel == .palette ? [1, 2, 4, 8] : [8, 16]
      guard depths.contains(depth) else { throw .unsupported("\(depth) bits per sample of \(colorModel.rawValue)") }
    case 3:
      guard depth == 32, colorModel == .gray || colorModel == .rgb else {
        throw .unsupported("floating-point samples of \(depth) bits")
      }
    case 2: throw .unsupported("signed samples")
    case let other: throw .unsupported("sample format \(other)")
    }
    guard samples - Int(header.extra_count) >= base else { throw .corrupt("\(samples) samples for \(base) colors") }
    let found = header.alpha >= 0 && base != 4 ? Int(header.alpha) : nil
    alpha = found
    leftOut = samples - base - (found == nil ? 0 : 1)
    planes = header.has_planes ? (found ?? base - 1) + 1 : 1
    guard planes <= 5 else { throw .unsupported("transparency behind other channels, in planes") }
    stored = header.has_planes ? 1 : samples
    width = Int(header.width)
    channels = (colorModel == .palette ? 3 : base) + (found == nil ? 0 : 1)
    isInverted = header.photometric == 0
    isPremultiplied = found != nil && header.is_premultiplied
    self.colors = colorModel == .palette ? try Self.table(colors, bits: depth) : []
    isStoredAsDelivered =
      !header.has_planes && samples == channels && (found == nil || found == base) && (depth == 8 || depth == 16)
      && !isInverted && !isPremultiplied && colorModel != .palette

    let expected = (UInt64(width) * UInt64(stored) * UInt64(depth) + 7) / 8
    lineBytes = (Int(expected) + 15) / 16 * 16
    guard header.row_bytes == expected else { throw .unsupported("rows of \(header.row_bytes) bytes") }
    // Rows of tiles are joined byte by byte, so each row of a tile has to be a whole number of bytes.
    guard header.tile_bytes == 0 || UInt64(header.tile_width) * UInt64(stored * depth) == 8 * header.tile_row_bytes
    else {
      throw .unsupported("tiles of \(header.tile_width) columns of \(stored * depth) bits")
    }
  }

  private static func model(
    _ header: cic_tiff_header
  ) throws(ReadFault) -> (ImageDescription.ColorModel, colors: Int) {
    switch header.photometric {
    case 0, 1: return (.gray, 1)
    case 2: return (.rgb, 3)
    case 3: return (.palette, 1)
    case 5:
      guard header.ink_set == 1 else { throw .unsupported("inks other than CMYK") }
      return (.cmyk, 4)
    case 6:
      // libtiff converts YCbCr to RGB.
      guard header.compression == 7, !header.has_planes else { throw .unsupported("YCbCr without JPEG") }
      return (.ycbcr, 3)
    case 4: throw .unsupported("a transparency mask")
    case 8, 9, 10: throw .unsupported("the color space Lab")
    case 32_803, 34_892: throw .unsupported("raw data of a camera")
    case 32_844, 32_845: throw .unsupported("SGI LogLuv")
    case let other: throw .unsupported("color space \(other)")
    }
  }

  /// 256 colors, black after those of the file.
  private static func table(_ colors: [UInt8], bits: Int) throws(ReadFault) -> [UInt8] {
    guard colors.count == 3 << bits else { throw .corrupt("a palette of \(colors.count / 3) colors") }
    return colors + [UInt8](repeating: 0, count: 768 - colors.count)
  }

  /// Makes a delivered row of the rows of all planes, which lie ``lineBytes`` apart.
  func convert(_ lines: UnsafePointer<UInt8>, into row: UnsafeMutablePointer<UInt8>) {
    if colorModel == .palette {
      for x in 0..<width {
        let color = unsafe 3 * index(lines, x, 0)
        for place in 0..<3 { unsafe row[x * channels + place] = colors[color + place] }
      }
      if let alpha { unsafe scatter(lines, sample: alpha, to: 3, of: row) }
    } else {
      for color in 0..<base { unsafe scatter(lines, sample: color, to: color, of: row) }
      if let alpha { unsafe scatter(lines, sample: alpha, to: base, of: row) }
    }
    if bits > 8 {
      unsafe UnsafeMutableRawPointer(row).withMemoryRebound(to: UInt16.self, capacity: width * channels) {
        unsafe finish($0)
      }
    } else {
      unsafe finish(row)
    }
  }

  /// Copies one sample of each pixel to its place in the row.
  private func scatter(
    _ lines: UnsafePointer<UInt8>, sample: Int, to place: Int, of row: UnsafeMutablePointer<UInt8>
  ) {
    let line = unsafe lines + (planes > 1 ? sample * lineBytes : 0)
    let first = planes > 1 ? 0 : sample
    switch bits {
    case 8:
      let input = unsafe line + first
      for x in 0..<width { unsafe row[x * channels + place] = input[x * stored] }
    case 16:
      unsafe UnsafeMutableRawPointer(row).withMemoryRebound(to: UInt16.self, capacity: width * channels) { output in
        let input = unsafe UnsafeRawPointer(line)
        for x in 0..<width {
          unsafe output[x * channels + place] = input.load(fromByteOffset: (x * stored + first) * 2, as: UInt16.self)
        }
      }
    case 32:
      unsafe UnsafeMutableRawPointer(row).withMemoryRebound(to: UInt16.self, capacity: width * channels) { output in
        let input = unsafe UnsafeRawPointer(line)
        for x in 0..<width {
          let value = unsafe input.load(fromByteOffset: (x * stored + first) * 4, as: Float.self)
          // A value that is not a number is black.
          unsafe output[x * channels + place] = value > 0 ? UInt16((min(value, 1) * 65_535).rounded()) : 0
        }
      }
    default:
      let scale = 255 / (1 << bits - 1)
      for x in 0..<width { unsafe row[x * channels + place] = UInt8(index(line, x, first) * scale) }
    }
  }

  /// A sample of up to 8 bits.
  private func index(_ line: UnsafePointer<UInt8>, _ x: Int, _ sample: Int) -> Int {
    let place = (x * stored + sample) * bits
    return unsafe Int(line[place / 8]) >> (8 - bits - place % 8) & (1 << bits - 1)
  }

  /// Inverts gray whose white is 0, and divides premultiplied colors by alpha.
  private func finish<Sample: FixedWidthInteger & UnsignedInteger>(_ row: UnsafeMutablePointer<Sample>) {
    let colors = alpha == nil ? channels : channels - 1
    if isInverted {
      for x in 0..<width { unsafe row[x * channels] = ~row[x * channels] }
    }
    guard isPremultiplied else { return }
    let most = Int(Sample.max)
    for x in 0..<width {
      let pixel = unsafe row + x * channels
      let alpha = unsafe Int(pixel[colors])
      guard alpha < most else { continue }
      for channel in 0..<colors {
        let color = unsafe Int(pixel[channel])
        unsafe pixel[channel] = alpha == 0 ? 0 : Sample(min(most, (color * most + alpha / 2) / alpha))
      }
    }
  }
}
