internal import Ground

/// Reads a TGA (Truevision TGA 2.0): gray, true color and color-mapped, with or without run-length codes.
///
/// A TGA has no signature, and names are not trusted. So a file counts as a TGA if no kind with a signature recognizes it, and if every
/// field of its header makes sense. Alpha counts if the descriptor has attribute bits, unless the extension area declares them meaningless.
/// Premultiplied colors are divided by alpha.
final class TGAReader: RowReader {
  static let format = ImageDescription.Format.tga

  static func recognizes(_ head: [UInt8]) -> Bool {
    guard head.count >= 18, head[1] <= 1, [1, 2, 3, 9, 10, 11].contains(head[2]) else { return false }
    let isMapped = head[2] & 7 == 1
    // True colors may have a color map too; without one, the fields of the color map are zero.
    if head[1] == 0 {
      guard !isMapped, head[3..<8].allSatisfy({ $0 == 0 }) else { return false }
    } else {
      guard [15, 16, 24, 32].contains(head[7]), Int(head[5]) | Int(head[6]) << 8 > 0 else { return false }
    }
    let sides = [Int(head[12]) | Int(head[13]) << 8, Int(head[14]) | Int(head[15]) << 8]
    guard !sides.contains(0), head[17] & 0xC0 == 0 else { return false }
    let attributes = head[17] & 15
    return switch (head[2] & 7, head[16]) {
    case (1, 8), (1, 16): true
    case (2, 15), (2, 16): attributes <= 1
    case (2, 24): attributes == 0 || attributes == 8
    case (2, 32): attributes == 0 || attributes == 8
    case (3, 8): attributes == 0 || attributes == 8
    case (3, 16): attributes == 0 || attributes == 8
    default: false
    }
  }

  let description: ImageDescription
  /// A row as stored.
  private let coded: AlignedBuffer<UInt8>
  private let pixelBytes: Int
  private let isRunLengthCoded: Bool
  private let isMapped: Bool
  private let isPremultiplied: Bool
  private let attributeBits: Int
  private let channels: Int
  /// The pixels of the color map, expanded, for every index of 8 bits.
  private let colors: AlignedBuffer<UInt8>
  /// The first index that has no color.
  private let colorCount: Int
  private(set) var overlooked: OverlookedDamage?

  /// The pixels that are left of the present packet, and whether they are all alike.
  private var packet = (count: 0, isRun: false)
  /// The pixel of a run.
  private let pixel = AlignedBuffer<UInt8>(count: 4, zeroed: true)

  init(_ bytes: inout ByteReader, limits: Limits, keepsDamaged: Bool) throws(ReadFault) {
    let header = try bytes.bytes(18)
    func word(_ at: Int) -> Int { Int(header[at]) | Int(header[at + 1]) << 8 }
    let size = ImageSize(width: word(12), height: word(14))
    try limits.allow(size)
    let (type, depth) = (Int(header[2]), Int(header[16]))
    isRunLengthCoded = type & 8 != 0
    isMapped = type & 7 == 1
    guard !isMapped || depth == 8 else { throw .unsupported("indices of \(depth) bits") }
    try bytes.skip(Int(header[0]))

    let attributes = TGAAttributes(bytes)
    let sampleBits = isMapped ? Int(header[7]) : depth
    var attributeBits = Int(header[17] & 15)
    // A color of 15 bits in a table has no bit of alpha, whatever the descriptor declares.
    let hasRoom = sampleBits != 8 && sampleBits != 24 && !(isMapped && sampleBits == 15)
    if !hasRoom || attributes == .meaningless { attributeBits = 0 }
    self.attributeBits = attributeBits
    isPremultiplied = attributes == .premultiplied && attributeBits > 0
    pixelBytes = (depth + 7) / 8
    let isGray = type & 7 == 3
    channels = (isGray ? 1 : 3) + (attributeBits > 0 ? 1 : 0)

    var description = ImageDescription(
      format: .tga, storedSize: size, bitDepth: 8, colorModel: isGray ? .gray : isMapped ? .palette : .rgb)
    description.hasAlpha = attributeBits > 0
    description.orientation =
      switch header[17] >> 4 & 3 {
      case 0: .flipped
      case 1: .upsideDown
      case 2: .upright
      default: .mirrored
      }
    self.description = description

    let entryBytes = (Int(header[7]) + 7) / 8
    let colors = AlignedBuffer<UInt8>(count: isMapped ? 256 * 4 : 0, zeroed: true)
    let (first, count) = (word(3), header[1] == 1 ? word(5) : 0)
    if isMapped {
      let entry = AlignedBuffer<UInt8>(count: 4, zeroed: true)
      for index in first..<first + count {
        try unsafe bytes.read(into: entry.base, count: entryBytes)
        guard index < 256 else { continue }
        unsafe Self.expand(
          entry.base, count: 1, bits: entryBytes * 8, hasAlpha: attributeBits > 0, into: colors.base + index * channels)
      }
    } else {
      try bytes.skip(count * entryBytes)
    }
    colorCount = min(first + count, 256)
    coded = AlignedBuffer(count: size.width * pixelBytes, zeroed: true)
    self.colors = colors
  }

  func readRow(into row: UnsafeMutablePointer<UInt8>, from bytes: inout ByteReader) throws(ReadFault) {
    let width = description.storedSize.width
    if isRunLengthCoded {
      try readPackets(width, from: &bytes)
    } else {
      try unsafe bytes.read(into: coded.base, count: width * pixelBytes)
    }
    let input = unsafe coded.base
    if isMapped {
      for x in 0..<width {
        let index = unsafe Int(input[x])
        if index >= colorCount, overlooked == nil {
          overlooked = OverlookedDamage(message: "an index without a color")
        }
        for channel in 0..<channels { unsafe row[x * channels + channel] = colors.base[index * channels + channel] }
      }
    } else {
      unsafe Self.expand(
        input, count: width, bits: pixelBytes * 8, isGray: channels < 3, hasAlpha: attributeBits > 0, into: row)
    }
    if isPremultiplied { unsafe Self.divideByAlpha(row, count: width, channels: channels) }
  }

  /// Reads pixels with run-length codes. A packet may continue in the next row.
  private func readPackets(_ width: Int, from bytes: inout ByteReader) throws(ReadFault) {
    var x = 0
    while x < width {
      if packet.count == 0 {
        let head = try bytes.next()
        packet = (Int(head & 127) + 1, head & 128 != 0)
        if packet.isRun {
          try unsafe bytes.read(into: pixel.base, count: pixelBytes)
        }
      }
      let count = min(packet.count, width - x)
      let output = unsafe coded.base + x * pixelBytes
      if packet.isRun {
        for at in 0..<pixelBytes { unsafe output[at] = pixel.base[at] }
        for at in pixelBytes..<max(count, 1) * pixelBytes { unsafe output[at] = output[at - pixelBytes] }
      } else {
        try unsafe bytes.read(into: output, count: count * pixelBytes)
      }
      packet.count -= count
      x += count
    }
  }

  /// Expands pixels of 8, 15, 16, 24 or 32 bits: blue, green, red, alpha, or gray and alpha.
  private static func expand(
    _ input: UnsafePointer<UInt8>, count: Int, bits: Int, isGray: Bool = false, hasAlpha: Bool,
    into row: UnsafeMutablePointer<UInt8>
  ) {
    let channels = (isGray ? 1 : 3) + (hasAlpha ? 1 : 0)
    switch (bits, isGray) {
    case (8, _): unsafe row.update(from: input, count: count)
    case (_, true):
      for x in 0..<count {
        unsafe row[x * channels] = input[2 * x]
        if hasAlpha { unsafe row[x * channels + 1] = input[2 * x + 1] }
      }
    case (15, _), (16, _):
      for x in 0..<count {
        let value = unsafe Int(input[2 * x]) | Int(input[2 * x + 1]) << 8
        for channel in 0..<3 {
          let level = value >> (10 - 5 * channel) & 31
          unsafe row[x * channels + channel] = UInt8((level * 255 + 15) / 31)
        }
        if hasAlpha { unsafe row[x * channels + 3] = value & 0x8000 != 0 ? 255 : 0 }
      }
    default:
      let pixelBytes = bits / 8
      for x in 0..<count {
        let (from, to) = unsafe (input + x * pixelBytes, row + x * channels)
        unsafe to[0] = from[2]
        unsafe to[1] = from[1]
        unsafe to[2] = from[0]
        if hasAlpha { unsafe to[3] = from[3] }
      }
    }
  }

  private static func divideByAlpha(_ row: UnsafeMutablePointer<UInt8>, count: Int, channels: Int) {
    for x in 0..<count {
      let pixel = unsafe row + x * channels
      let alpha = unsafe Int(pixel[channels - 1])
      guard alpha > 0, alpha < 255 else { continue }
      for channel in 0..<channels - 1 {
        unsafe pixel[channel] = UInt8(min(255, (Int(pixel[channel]) * 255 + alpha / 2) / alpha))
      }
    }
  }
}

/// The meaning of alpha according to the extension area of a TGA; `.declaredNowhere` without such an area, and for a pipe.
enum TGAAttributes {
  case declaredNowhere, meaningless, straight, premultiplied

  /// Reads the footer and the extension area, which are at the end of the file.
  init(_ bytes: borrowing ByteReader) {
    self = .declaredNowhere
    guard let end = bytes.end, end > 44, let footer = bytes.copy(at: end - 26, count: 26),
      footer[8..<24].elementsEqual("TRUEVISION-XFILE".utf8)
    else { return }
    let area = footer[0..<4].reversed().reduce(0) { $0 << 8 | Int($1) }
    // The type of alpha is byte 494 of 495.
    guard area > 0, let type = bytes.copy(at: area + 494, count: 1)?.first else { return }
    switch type {
    case 0, 1, 2: self = .meaningless
    case 3: self = .straight
    case 4: self = .premultiplied
    default: break
    }
  }
}
