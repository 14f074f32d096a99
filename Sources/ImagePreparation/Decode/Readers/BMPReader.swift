internal import Ground

/// Reads a BMP (Windows GDI: BITMAPFILEHEADER, BITMAPCOREHEADER to BITMAPV5HEADER; OS/2 2.x headers, but not the compressions of OS/2).
///
/// Alpha counts only if a mask describes it: without masks, the fourth byte of a pixel is unused. Pixels that run-length codes leave out
/// get the first color of the table.
final class BMPReader: RowReader {
  static let format = ImageDescription.Format.bmp

  /// The signature, and a header of a known size.
  static func recognizes(_ head: [UInt8]) -> Bool {
    head.count >= 18 && head.starts(with: "BM".utf8) && BMPHeader.sizes.contains(Int(head[14]))
      && head[15..<18].allSatisfy { $0 == 0 }
  }

  let description: ImageDescription
  private let header: BMPHeader
  private let pixels: BMPPixels
  private var runs = BMPRuns()
  private var rowsLeft: Int
  private(set) var overlooked: OverlookedDamage?

  init(_ bytes: inout ByteReader, limits: Limits, keepsDamaged: Bool) throws(ReadFault) {
    let header = try BMPHeader(&bytes, limits: limits)
    var description = ImageDescription(
      format: .bmp, storedSize: header.size, bitDepth: min(header.bitsPerPixel, 8),
      colorModel: header.bitsPerPixel <= 8 ? .palette : .rgb)
    description.hasAlpha = header.masks?.alpha.isEmpty == false
    if !header.isTopDown { description.orientation = .flipped }
    switch header.profile {
    case .none: break
    case .linked: description.notes.append("the color profile is in a file of its own and was ignored")
    case .embedded(let offset, let count):
      try limits.allow(profileBytes: count)
      if let profile = bytes.copy(at: offset, count: count) {
        description.setICCProfile(profile)
      } else {
        description.notes.append("the embedded color profile cannot be read and was ignored")
      }
    }
    self.description = description
    pixels = BMPPixels(header)
    rowsLeft = header.size.height
    self.header = header
    if header.pixelOffset > bytes.offset { try bytes.skip(header.pixelOffset - bytes.offset) }
  }

  func readRow(into row: UnsafeMutablePointer<UInt8>, from bytes: inout ByteReader) throws(ReadFault) {
    rowsLeft -= 1
    if header.isRunLengthCoded {
      try unsafe runs.readRow(
        into: pixels.coded.base, width: header.size.width, has16Colors: header.bitsPerPixel == 4, from: &bytes)
      if runs.lacksRows { overlook("the run-length codes end before the last row") }
    } else {
      try unsafe bytes.read(into: pixels.coded.base, count: pixels.codedBytes)
      // Some writers leave out the padding of the last row.
      if rowsLeft > 0 { try bytes.skip(pixels.padding) }
    }
    unsafe pixels.expand(into: row)
    if pixels.lacksColor { overlook("an index without a color") }
  }

  private func overlook(_ message: String) { overlooked = overlooked ?? OverlookedDamage(message: message) }
}

/// The headers and the color table of a BMP.
struct BMPHeader {
  /// The sizes of headers: core, two of OS/2 2.x, info, with masks, with alpha mask, V4, V5.
  static let sizes = [12, 16, 40, 52, 56, 64, 108, 124]

  /// The bits of one channel in a pixel.
  struct Mask {
    var shift = 0
    var bits = 0
    var isEmpty: Bool { bits == 0 }

    /// - Throws: `corrupt` for bits that are not next to each other.
    init(_ mask: Int) throws(ReadFault) {
      guard mask != 0 else { return }
      shift = mask.trailingZeroBitCount
      bits = (mask >> shift).trailingZeroBitCount(of: false)
      guard mask >> shift == 1 << bits - 1 else { throw .corrupt("the bits of a color mask are not contiguous") }
    }
  }

  /// The masks of a pixel of 16 or 32 bits.
  struct Masks {
    var red: Mask
    var green: Mask
    var blue: Mask
    var alpha: Mask
  }

  /// The place of the color profile.
  enum Profile {
    case none, linked
    case embedded(offset: Int, count: Int)
  }

  let size: ImageSize
  let isTopDown: Bool
  /// 1, 2, 4, 8, 16, 24 or 32.
  let bitsPerPixel: Int
  let isRunLengthCoded: Bool
  /// Nil if each channel is a byte, or if there is a color table.
  let masks: Masks?
  /// Red, green and blue of each entry.
  let colors: [UInt8]
  /// The offset of the first pixel according to the file header. It may be 0 or wrong: an offset within the headers is ignored.
  let pixelOffset: Int
  let profile: Profile

  init(_ bytes: inout ByteReader, limits: Limits) throws(ReadFault) {
    try bytes.skip(10)
    let declaredOffset = try bytes.little(4)
    let start = bytes.offset
    let headerSize = try bytes.little(4)
    func signed(_ value: Int) -> Int { Int(Int32(truncatingIfNeeded: value)) }
    let isCore = headerSize == 12
    let width = try isCore ? bytes.little(2) : signed(bytes.little(4))
    let height = try isCore ? bytes.little(2) : signed(bytes.little(4))
    try bytes.skip(2)
    let bitsPerPixel = try bytes.little(2)
    guard width > 0, height != 0 else { throw .corrupt("a size of \(width)×\(height)") }
    size = ImageSize(width: width, height: abs(height))
    isTopDown = height < 0
    try limits.allow(size)
    guard [1, 2, 4, 8, 16, 24, 32].contains(bitsPerPixel) else {
      throw .unsupported("\(bitsPerPixel) bits per pixel")
    }

    func field(at offset: Int) throws(ReadFault) -> Int {
      guard offset + 4 <= headerSize else { return 0 }
      try bytes.skip(start + offset - bytes.offset)
      return try bytes.little(4)
    }
    let compression = try field(at: 16)
    var colorCount = try field(at: 32)
    let hasMasks = compression == 3 || compression == 6
    let isOS2 = headerSize == 64
    switch (compression, bitsPerPixel) {
    case (0, _), (1, 8), (2, 4), (3, 16), (3, 32), (6, 16), (6, 32): break
    case (3, _) where isOS2: throw .unsupported("Huffman codes of OS/2")
    case (4, _) where isOS2: throw .unsupported("run-length codes of 24 bits")
    case (4, _): throw .unsupported("a JPEG inside")
    case (5, _): throw .unsupported("a PNG inside")
    case (1, _), (2, _), (3, _), (6, _):
      throw .corrupt("compression \(compression) with \(bitsPerPixel) bits per pixel")
    default: throw .unsupported("compression \(compression)")
    }
    guard !(isOS2 && compression == 3) else { throw .unsupported("Huffman codes of OS/2") }
    isRunLengthCoded = compression == 1 || compression == 2
    self.bitsPerPixel = bitsPerPixel

    // If the header has no room for the masks, they follow it.
    var values = [0, 0, 0, 0]
    if hasMasks {
      if headerSize == 40 {
        try bytes.skip(start + 40 - bytes.offset)
        for channel in 0..<(compression == 6 ? 4 : 3) { values[channel] = try bytes.little(4) }
      } else {
        for channel in 0..<4 { values[channel] = try field(at: 40 + 4 * channel) }
      }
      guard values[0...2].contains(where: { $0 != 0 }) else { throw .corrupt("its color masks are empty") }
    } else if bitsPerPixel == 16 {
      values = [0x7C00, 0x03E0, 0x001F, 0]
    }
    masks =
      hasMasks || bitsPerPixel == 16
      ? Masks(
        red: try Mask(values[0]), green: try Mask(values[1]), blue: try Mask(values[2]), alpha: try Mask(values[3]))
      : nil

    // 'LINK' and 'MBED' of a V5 header.
    let space = try field(at: 56)
    let profileOffset = try field(at: 112)
    let profileBytes = try field(at: 116)
    switch headerSize == 124 ? space : 0 {
    case 0x4C49_4E4B: profile = .linked
    case 0x4D42_4544 where profileBytes > 0: profile = .embedded(offset: start + profileOffset, count: profileBytes)
    default: profile = .none
    }
    if start + headerSize > bytes.offset { try bytes.skip(start + headerSize - bytes.offset) }

    // The table ends at the first byte of the pixels at the latest, because old writers leave its length out.
    var colors: [UInt8] = []
    if bitsPerPixel <= 8 {
      let entryBytes = isCore ? 3 : 4
      if colorCount == 0 || colorCount > 1 << bitsPerPixel { colorCount = 1 << bitsPerPixel }
      if declaredOffset > bytes.offset { colorCount = min(colorCount, (declaredOffset - bytes.offset) / entryBytes) }
      for _ in 0..<colorCount {
        let entry = try bytes.little(entryBytes)
        colors += [UInt8(entry >> 16 & 255), UInt8(entry >> 8 & 255), UInt8(entry & 255)]
      }
    }
    self.colors = colors
    pixelOffset = declaredOffset
  }
}

extension Int {
  /// The number of lowest bits before the first one that equals `bit`.
  fileprivate func trailingZeroBitCount(of bit: Bool) -> Int { (bit ? self : ~self).trailingZeroBitCount }
}

/// Expands the rows of a BMP to RGB or RGBA.
@safe
final class BMPPixels {
  /// A row as stored, without padding; for run-length codes, one index for each pixel.
  let coded: AlignedBuffer<UInt8>
  let codedBytes: Int
  let padding: Int
  private let width: Int
  /// Bits of an index, or of a pixel.
  private let bits: Int
  /// Red, green and blue of each index, 256 of them.
  private let colors: AlignedBuffer<UInt8>
  /// The first index that has no color.
  private let colorCount: Int
  /// True after an index without a color.
  private(set) var lacksColor = false
  private let masks: BMPHeader.Masks?
  /// The samples of 8 bits for each value of a channel of up to 8 bits: red, green, blue, alpha.
  private let levels: AlignedBuffer<UInt8>

  init(_ header: BMPHeader) {
    width = header.size.width
    bits = header.isRunLengthCoded ? 8 : header.bitsPerPixel
    codedBytes = (width * bits + 7) / 8
    padding = (4 - codedBytes % 4) % 4
    coded = AlignedBuffer(count: codedBytes, zeroed: true)
    colors = AlignedBuffer(count: 256 * 3, zeroed: true)
    colorCount = header.colors.count / 3
    for (index, color) in header.colors.enumerated() { unsafe colors.base[index] = color }
    masks = header.masks
    levels = AlignedBuffer(count: 4 * 256, zeroed: true)
    guard let masks else { return }
    for (channel, mask) in [masks.red, masks.green, masks.blue, masks.alpha].enumerated() where !mask.isEmpty {
      // More than 8 bits are cut to 8.
      let most = 1 << min(mask.bits, 8) - 1
      for value in 0...most { unsafe levels.base[channel * 256 + value] = UInt8((value * 255 + most / 2) / most) }
    }
  }

  /// Expands the coded row.
  func expand(into row: UnsafeMutablePointer<UInt8>) {
    let input = unsafe coded.base
    switch bits {
    case 24:
      for x in 0..<width {
        unsafe row[3 * x] = input[3 * x + 2]
        unsafe row[3 * x + 1] = input[3 * x + 1]
        unsafe row[3 * x + 2] = input[3 * x]
      }
    case 16, 32:
      if let masks {
        unsafe expand(input, masks, into: row)
      } else {
        for x in 0..<width {
          unsafe row[3 * x] = input[4 * x + 2]
          unsafe row[3 * x + 1] = input[4 * x + 1]
          unsafe row[3 * x + 2] = input[4 * x]
        }
      }
    default:
      let perByte = 8 / bits
      let mask = UInt8(truncatingIfNeeded: 1 << bits - 1)
      let table = unsafe colors.base
      var largest = 0
      for x in 0..<width {
        let shift = 8 - bits - bits * (x % perByte)
        let index = unsafe Int(input[x / perByte] >> UInt8(shift) & mask)
        largest = max(largest, index)
        let color = unsafe table + 3 * index
        unsafe row[3 * x] = color[0]
        unsafe row[3 * x + 1] = color[1]
        unsafe row[3 * x + 2] = color[2]
      }
      lacksColor = lacksColor || largest >= colorCount
    }
  }

  private func expand(
    _ input: UnsafeMutablePointer<UInt8>, _ masks: BMPHeader.Masks, into row: UnsafeMutablePointer<UInt8>
  ) {
    let channels = [masks.red, masks.green, masks.blue] + (masks.alpha.isEmpty ? [] : [masks.alpha])
    let (count, pixelBytes) = (channels.count, bits / 8)
    for (channel, mask) in channels.enumerated() {
      let shift = mask.shift + max(mask.bits - 8, 0)
      let most = 1 << min(mask.bits, 8) - 1
      let table = unsafe levels.base + channel * 256
      for x in 0..<width {
        let at = unsafe input + x * pixelBytes
        var pixel = unsafe Int(at[0]) | Int(at[1]) << 8
        if pixelBytes == 4 { pixel |= unsafe Int(at[2]) << 16 | Int(at[3]) << 24 }
        unsafe row[x * count + channel] = table[pixel >> shift & most]
      }
    }
  }
}

/// The run-length codes of 4 and 8 bits per pixel.
struct BMPRuns {
  /// The column at which the codes of the next row that has some begin.
  private var column = 0
  /// The number of rows without codes before that row.
  private var emptyRows = 0
  private var isEnded = false
  /// True after a row for which there are no codes, because the bitmap ends before it.
  private(set) var lacksRows = false

  /// Decodes a row of indices. Pixels after the end of the row are left out.
  mutating func readRow(
    into row: UnsafeMutablePointer<UInt8>, width: Int, has16Colors: Bool, from bytes: inout ByteReader
  ) throws(ReadFault) {
    unsafe row.update(repeating: 0, count: width)
    if isEnded {
      lacksRows = true
      return
    }
    if emptyRows > 0 {
      emptyRows -= 1
      return
    }
    var x = column
    column = 0
    while true {
      let (count, value) = (Int(try bytes.next()), try bytes.next())
      switch (count, value) {
      case (0, 0): return
      case (0, 1):
        isEnded = true
        if x == 0 { lacksRows = true }
        return
      case (0, 2):
        x += Int(try bytes.next())
        let rows = Int(try bytes.next())
        guard rows > 0 else { continue }
        (column, emptyRows) = (x, rows - 1)
        return
      case (0, _):
        var pair: UInt8 = 0
        for index in 0..<Int(value) {
          if !has16Colors || index % 2 == 0 { pair = try bytes.next() }
          if x < width { unsafe row[x] = !has16Colors ? pair : index % 2 == 0 ? pair >> 4 : pair & 15 }
          x += 1
        }
        let stored = has16Colors ? (Int(value) + 1) / 2 : Int(value)
        if stored % 2 == 1 { try bytes.skip(1) }
      default:
        for index in 0..<count {
          if x < width { unsafe row[x] = !has16Colors ? value : index % 2 == 0 ? value >> 4 : value & 15 }
          x += 1
        }
      }
    }
  }
}
