internal import Ground

/// Reads the first frame of a GIF (GIF89a) on the logical screen. The area around a smaller frame, and pixels of the transparent index, are
/// transparent.
///
/// As in browsers, a frame that reaches out of the screen makes the screen larger, and the background color is not used.
final class GIFReader: RowReader {
  static let format = ImageDescription.Format.gif

  static func recognizes(_ head: [UInt8]) -> Bool {
    head.starts(with: "GIF87a".utf8) || head.starts(with: "GIF89a".utf8)
  }

  let description: ImageDescription
  private let frame: FrameRect
  private let isInterlaced: Bool
  private let hasAlpha: Bool
  private let keepsDamaged: Bool
  /// The pixel of each index.
  private let colors: AlignedBuffer<UInt8>
  /// The first index that has no color.
  private let colorCount: Int
  private var codes: LZWDecoder
  /// Indices: one row, or all of an interlaced frame.
  private var indices: AlignedBuffer<UInt8>
  private var nextRow = 0
  private(set) var overlooked: OverlookedDamage?

  init(_ bytes: inout ByteReader, limits: Limits, keepsDamaged: Bool) throws(ReadFault) {
    let header = try GIFHeader(&bytes, limits: limits)
    self.keepsDamaged = keepsDamaged
    frame = header.frame
    isInterlaced = header.isInterlaced
    hasAlpha = header.transparentIndex != nil || header.frame.size != header.size
    colorCount = header.colors.count / 3

    var description = ImageDescription(format: .gif, storedSize: header.size, bitDepth: 8, colorModel: .palette)
    description.hasAlpha = hasAlpha
    description.isProgressive = isInterlaced
    description.isAnimated = header.isAnimated
    description.hasText = header.hasComment
    if let profile = header.profile { description.setICCProfile(profile) }
    if let packet = header.xmp { description.setMetadata(exif: [], xmp: [packet]) }
    description.hasXMP = header.hasXMP
    description.setLocation(LocationReader(exif: nil, xmp: header.xmp, isCut: header.isCut))
    self.description = description

    let channels = hasAlpha ? 4 : 3
    colors = AlignedBuffer(count: 256 * channels, zeroed: true)
    for index in 0..<256 {
      for channel in 0..<3 where index < colorCount {
        unsafe colors.base[index * channels + channel] = header.colors[index * 3 + channel]
      }
      if hasAlpha { unsafe colors.base[index * channels + 3] = index == header.transparentIndex ? 0 : 255 }
    }
    codes = try LZWDecoder(codeBits: Int(try bytes.next()))
    indices = AlignedBuffer(count: 0, zeroed: false)
  }

  /// The indices of an interlaced frame, which come in four passes.
  var wholeImageBytes: Int { isInterlaced ? frame.size.pixelCount : 0 }

  func start(_ bytes: inout ByteReader) throws(ReadFault) {
    indices = AlignedBuffer(count: max(wholeImageBytes, frame.size.width), zeroed: true)
    guard isInterlaced else { return }
    let (width, height) = (frame.size.width, frame.size.height)
    // Appendix E: every 8th row from 0, from 4, every 4th from 2, every 2nd from 1.
    let order = [(0, 8), (4, 8), (2, 4), (1, 2)].flatMap { Array(stride(from: $0.0, to: height, by: $0.1)) }
    for (count, row) in order.enumerated() {
      if count % 64 == 0 { try bytes.checkCanceled() }
      do throws(ReadFault) {
        try unsafe codes.read(into: indices.base + row * width, count: width, from: &bytes)
      } catch {
        guard keepsDamaged, let message = error.damage else { throw error }
        overlooked = OverlookedDamage(message: message, row: frame.y + order[count...].min()!)
        fillRows(from: count, in: order)
        return
      }
    }
  }

  /// Fills each missing row with the nearest row above it that was decoded.
  private func fillRows(from count: Int, in order: [Int]) {
    let width = frame.size.width
    let missing = Set(order[count...])
    for row in missing.sorted() where row > 0 {
      unsafe (indices.base + row * width).update(from: indices.base + (row - 1) * width, count: width)
    }
  }

  func readRow(into row: UnsafeMutablePointer<UInt8>, from bytes: inout ByteReader) throws(ReadFault) {
    let y = nextRow
    nextRow += 1
    let channels = hasAlpha ? 4 : 3
    // With alpha, the area outside of the frame is transparent. Without alpha, the frame covers the whole canvas.
    if hasAlpha { unsafe row.update(repeating: 0, count: description.storedSize.width * channels) }
    guard frame.rows.contains(y) else { return }
    let width = frame.size.width
    if !isInterlaced { try unsafe codes.read(into: indices.base, count: width, from: &bytes) }
    let line = unsafe indices.base + (isInterlaced ? (y - frame.y) * width : 0)
    let output = unsafe row + frame.x * channels
    for x in 0..<width {
      let index = unsafe Int(line[x])
      if index >= colorCount, overlooked == nil { overlooked = OverlookedDamage(message: "an index without a color") }
      for channel in 0..<channels { unsafe output[x * channels + channel] = colors.base[index * channels + channel] }
    }
  }
}

/// A frame on a larger canvas.
struct FrameRect: Sendable {
  var x = 0
  var y = 0
  var size: ImageSize

  /// The rows of the canvas that the frame covers.
  var rows: Range<Int> { y..<y + size.height }
}

/// The blocks of a GIF before its first image, and whether there is a second one.
struct GIFHeader {
  let size: ImageSize
  let frame: FrameRect
  let isInterlaced: Bool
  /// Red, green and blue of each index.
  let colors: [UInt8]
  let transparentIndex: Int?
  let isAnimated: Bool
  let hasComment: Bool
  /// The ICC profile of an application extension.
  let profile: [UInt8]?
  let xmp: [UInt8]?
  /// True if there is a packet, also one that is not read.
  let hasXMP: Bool
  /// True if a packet is too large, not the first one or damaged, or follows the image.
  let isCut: Bool

  /// The bytes after an XMP packet, which is not divided into blocks. A reader of blocks takes some byte of the packet for a length and
  /// arrives anywhere in this trailer; from each of its bytes, it reaches the end of the trailer.
  private static let packetTrailer: [UInt8] = [1] + (0...255).reversed() + [0]
  private static let packetName = Array("XMP DataXMP".utf8)

  init(_ bytes: inout ByteReader, limits: Limits) throws(ReadFault) {
    try bytes.skip(6)
    let (width, height) = (try bytes.little(2), try bytes.little(2))
    let flags = try bytes.next()
    try bytes.skip(2)
    var colors = flags & 0x80 != 0 ? try bytes.bytes(3 << Int(flags & 7 + 1)) : []
    var transparentIndex: Int?
    var (isAnimated, hasComment, isCut) = (false, false, false)
    var (profile, xmp): ([UInt8]?, [UInt8]?) = (nil, nil)

    while true {
      let block = try bytes.next()
      if block == 0x2C { break }
      if block == 0x3B { throw .corrupt("it has no image") }
      guard block == 0x21 else { throw .corrupt("a block of an unknown kind") }
      let label = try bytes.next()
      if label == 0xFF {
        let name = try bytes.bytes(Int(try bytes.next()))
        if name.starts(with: "ICCRGBG1012".utf8) {
          let parts = try Self.blocks(&bytes, limit: limits.maxProfileBytes)
          try limits.allow(profileBytes: parts.count)
          profile = parts
        } else if name == Self.packetName {
          let parts = try Self.blocks(&bytes, limit: limits.maxMetadataBytes, withLengths: true)
          let packet = parts.dropLast(Self.packetTrailer.count)
          let isWhole = packet.count <= limits.maxMetadataBytes && parts[packet.endIndex...] == Self.packetTrailer[...]
          if xmp == nil, isWhole { xmp = Array(packet) } else { isCut = true }
        } else {
          isAnimated = isAnimated || name.starts(with: "NETSCAPE2.0".utf8) || name.starts(with: "ANIMEXTS1.0".utf8)
          try Self.skipBlocks(&bytes)
        }
      } else if label == 0xF9 {
        let control = try Self.blocks(&bytes, limit: 255)
        guard control.count >= 4 else { throw .corrupt("a graphic control extension of \(control.count) bytes") }
        transparentIndex = control[0] & 1 == 1 ? Int(control[3]) : nil
        isAnimated = isAnimated || control[1] != 0 || control[2] != 0
      } else {
        hasComment = hasComment || label == 0xFE
        try Self.skipBlocks(&bytes)
      }
    }

    let (x, y) = (try bytes.little(2), try bytes.little(2))
    let frameSize = ImageSize(width: try bytes.little(2), height: try bytes.little(2))
    guard frameSize.width > 0, frameSize.height > 0 else { throw .corrupt("a frame of \(frameSize)") }
    frame = FrameRect(x: x, y: y, size: frameSize)
    size = ImageSize(width: max(width, x + frameSize.width), height: max(height, y + frameSize.height))
    try limits.allow(size)
    let imageFlags = try bytes.next()
    isInterlaced = imageFlags & 0x40 != 0
    if imageFlags & 0x80 != 0 { colors = try bytes.bytes(3 << Int(imageFlags & 7 + 1)) }
    guard !colors.isEmpty else { throw .corrupt("it has no color table") }
    self.colors = colors
    self.transparentIndex = transparentIndex
    self.hasComment = hasComment
    self.profile = profile
    self.xmp = xmp
    let (hasImage, hasPacket) = try Self.blocksBehindImage(bytes)
    hasXMP = xmp != nil || isCut || hasPacket
    self.isAnimated = isAnimated || hasImage
    self.isCut = isCut || hasPacket
  }

  /// The content of blocks up to the one without content. Content after `limit` is left out; a result that is longer than `limit` shows
  /// that there was more.
  private static func blocks(
    _ bytes: inout ByteReader, limit: Int, withLengths: Bool = false
  ) throws(ReadFault) -> [UInt8] {
    var content: [UInt8] = []
    while true {
      let count = try bytes.next()
      if withLengths { content.append(count) }
      if count == 0 { return content }
      let part = try bytes.bytes(Int(count))
      if content.count <= limit { content += part }
    }
  }

  private static func skipBlocks(_ bytes: inout ByteReader) throws(ReadFault) {
    while true {
      let count = try bytes.next()
      if count == 0 { return }
      try bytes.skip(Int(count))
    }
  }

  /// Finds out whether an image and a packet follow the first image. The next byte is the code size of the first image. Both results are
  /// false for a pipe, because its bytes can be read only once.
  private static func blocksBehindImage(
    _ bytes: borrowing ByteReader
  ) throws(ReadFault) -> (hasImage: Bool, hasPacket: Bool) {
    let window = 64 * 1024
    var (at, start, end) = (bytes.offset + 1, 0, 0)
    var part: [UInt8] = []
    func byte(_ offset: Int) throws(ReadFault) -> UInt8? {
      if !(start..<end).contains(offset) {
        try bytes.checkCanceled()
        guard let last = bytes.end, offset < last, offset >= bytes.offset,
          let next = bytes.copy(at: offset, count: min(window, last - offset))
        else { return nil }
        (part, start, end) = (next, offset, offset + next.count)
      }
      return part[offset - start]
    }
    func skipBlocks() throws(ReadFault) {
      while let count = try byte(at) {
        at += 1 + Int(count)
        if count == 0 { return }
      }
    }
    try skipBlocks()
    var (hasImage, hasPacket) = (false, false)
    while let block = try byte(at), block == 0x21 || block == 0x2C, !(hasImage && hasPacket) {
      if block == 0x2C {
        hasImage = true
        // The place, flags and colors of the image, and the size of its codes.
        guard let flags = try byte(at + 9) else { break }
        at += 11 + (flags & 0x80 != 0 ? 3 << Int(flags & 7 + 1) : 0)
      } else {
        var name: [UInt8] = []
        for place in at + 2..<at + 3 + packetName.count {
          if let next = try byte(place) { name.append(next) }
        }
        let isPacket = try byte(at + 1) == 0xFF && name.elementsEqual([UInt8(packetName.count)] + packetName)
        hasPacket = hasPacket || isPacket
        at += 2
      }
      try skipBlocks()
    }
    return (hasImage, hasPacket)
  }
}

/// Decodes the codes of a GIF's image data (GIF89a, appendix F).
@safe
final class LZWDecoder {
  private static let mostCodes = 4096

  private let clear: Int
  private let firstBits: Int
  private var bits: Int
  private var codeCount: Int
  private var previous: Int?
  private var isEnded = false
  /// The string of a code is the string of its prefix, followed by its last index.
  private let prefixes = AlignedBuffer<UInt16>(count: mostCodes, zeroed: true)
  private let suffixes = AlignedBuffer<UInt8>(count: mostCodes, zeroed: true)
  /// Indices that are decoded and not yet delivered. The next one is the last.
  private let stack = AlignedBuffer<UInt8>(count: mostCodes + 1, zeroed: false)
  private var stacked = 0
  private var buffer = 0
  private var bufferBits = 0
  private var blockBytes = 0

  /// - Throws: `corrupt` for a first code size that GIF does not have.
  init(codeBits: Int) throws(ReadFault) {
    guard (1...8).contains(codeBits) else { throw .corrupt("a code size of \(codeBits) bits") }
    clear = 1 << codeBits
    firstBits = codeBits + 1
    bits = firstBits
    codeCount = clear + 2
    for code in 0..<clear { unsafe suffixes.base[code] = UInt8(code) }
  }

  /// Decodes `count` indices.
  func read(
    into output: UnsafeMutablePointer<UInt8>, count: Int, from bytes: inout ByteReader
  ) throws(ReadFault) {
    var done = 0
    while done < count {
      while stacked > 0, done < count {
        stacked -= 1
        unsafe output[done] = stack.base[stacked]
        done += 1
      }
      if done < count { try decodeCode(&bytes) }
    }
  }

  /// Puts the string of the next code on the stack.
  private func decodeCode(_ bytes: inout ByteReader) throws(ReadFault) {
    guard !isEnded else { throw .truncated }
    let code = try nextCode(&bytes)
    if code == clear {
      (bits, codeCount, previous) = (firstBits, clear + 2, nil)
      return
    }
    if code == clear + 1 {
      isEnded = true
      return
    }
    guard let previous else {
      guard code < clear else { throw .corrupt("a code before its string") }
      push(code)
      self.previous = code
      return
    }
    guard code < codeCount || (code == codeCount && codeCount < Self.mostCodes) else {
      throw .corrupt("a code before its string")
    }
    // A code that is not in the table yet stands for the previous string and that string's first index.
    if code == codeCount {
      stacked = 1
      push(previous)
      unsafe stack.base[0] = stack.base[stacked - 1]
    } else {
      push(code)
    }
    if codeCount < Self.mostCodes {
      unsafe prefixes.base[codeCount] = UInt16(previous)
      unsafe suffixes.base[codeCount] = stack.base[stacked - 1]
      codeCount += 1
      if codeCount == 1 << bits, bits < 12 { bits += 1 }
    }
    self.previous = code
  }

  /// Pushes the string of a code of the table. The prefix of a code is always a smaller code, so the string ends.
  private func push(_ code: Int) {
    var code = code
    while code >= clear {
      unsafe stack.base[stacked] = suffixes.base[code]
      stacked += 1
      code = unsafe Int(prefixes.base[code])
    }
    unsafe stack.base[stacked] = suffixes.base[code]
    stacked += 1
  }

  private func nextCode(_ bytes: inout ByteReader) throws(ReadFault) -> Int {
    while bufferBits < bits {
      if blockBytes == 0 {
        blockBytes = Int(try bytes.next())
        guard blockBytes > 0 else {
          isEnded = true
          throw .truncated
        }
      }
      blockBytes -= 1
      buffer |= Int(try bytes.next()) << bufferBits
      bufferBits += 8
    }
    defer {
      buffer >>= bits
      bufferBits -= bits
    }
    return buffer & (1 << bits - 1)
  }
}
