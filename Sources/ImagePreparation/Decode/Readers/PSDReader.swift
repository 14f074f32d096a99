internal import Ground

/// Reads the composite of a PSD or PSB (Adobe Photoshop File Formats Specification): the flattened picture after the layers. Files contain
/// the composite if they were saved with "maximize compatibility".
///
/// Channels are stored one after another. Each row is read at its place in the file, so that only one row is in memory. The composite of a
/// pipe is kept in memory in its stored form. An extra channel is transparency if the layers declare this; otherwise the channel is a
/// selection, and is left out. Photoshop blends the colors of transparent composites with white, which this reader undoes.
final class PSDReader: RowReader {
  static let format = ImageDescription.Format.psd

  static func recognizes(_ head: [UInt8]) -> Bool {
    head.starts(with: Array("8BPS".utf8) + [0, 1]) || head.starts(with: Array("8BPS".utf8) + [0, 2])
  }

  let description: ImageDescription
  private let keepsDamaged: Bool
  private let isRunLengthCoded: Bool
  private let isInked: Bool
  private let isBlended: Bool
  /// Bytes of a row of a channel.
  private let rowBytes: Int
  /// Channels that are delivered.
  private let channels: Int
  /// The offsets at which the coded data of each row begin and end, channel after channel. If rows are not coded, only the first offset.
  private let offsets: [Int]
  /// The stored composite of a pipe, from the first offset on.
  private var stored: [UInt8] = []
  private let isPipe: Bool
  private let colors: [UInt8]
  private let coded: AlignedBuffer<UInt8>
  private let line: AlignedBuffer<UInt8>
  private var nextRow = 0
  private(set) var overlooked: OverlookedDamage?

  init(_ bytes: inout ByteReader, limits: Limits, keepsDamaged: Bool) throws(ReadFault) {
    let header = try PSDHeader(&bytes, limits: limits)
    self.keepsDamaged = keepsDamaged
    let size = header.size
    rowBytes = size.width * header.depth / 8
    colors = header.colors

    var description = ImageDescription(
      format: .psd, storedSize: size, bitDepth: header.depth, colorModel: header.colorModel)
    let base = header.colorModel == .gray || header.colorModel == .palette ? 1 : header.colorModel == .cmyk ? 4 : 3
    guard header.channels >= base else { throw .corrupt("\(header.channels) channels for \(base)") }
    isInked = base == 4
    description.hasAlpha = header.hasTransparency && header.channels > base && base != 4
    isBlended = description.hasAlpha && header.colorModel != .palette && header.resources.isOfPhotoshop
    let used = base + (description.hasAlpha ? 1 : 0)
    channels = used
    let leftOut = header.channels - used
    if leftOut > 0 {
      description.notes.append(
        leftOut == 1
          ? "a channel besides the colors was left out" : "\(leftOut) channels besides the colors were left out")
    }
    header.resources.describe(&description)
    self.description = description

    isRunLengthCoded = header.isRunLengthCoded
    if header.isRunLengthCoded {
      let countBytes = header.isLarge ? 4 : 2
      let most = 2 * rowBytes + 64
      var sizes: [Int] = []
      for _ in 0..<used * size.height {
        let count = try bytes.big(countBytes)
        guard count <= most else { throw .corrupt("a row of \(count) bytes") }
        sizes.append(count)
      }
      try bytes.skip((header.channels - used) * size.height * countBytes)
      var offsets = [bytes.offset]
      for size in sizes { offsets.append(offsets.last! + size) }
      self.offsets = offsets
      coded = AlignedBuffer(count: most, zeroed: false)
    } else {
      offsets = [bytes.offset]
      coded = AlignedBuffer(count: 0, zeroed: false)
    }
    line = AlignedBuffer(count: rowBytes, zeroed: true)
    isPipe = bytes.end == nil
  }

  private var storedBytes: Int {
    isRunLengthCoded ? offsets.last! - offsets[0] : rowBytes * description.storedSize.height * channels
  }

  var wholeImageBytes: Int { isPipe ? storedBytes : 0 }

  func start(_ bytes: inout ByteReader) throws(ReadFault) {
    if isPipe { stored = try bytes.bytesThere(storedBytes) }
  }

  func readRow(into row: UnsafeMutablePointer<UInt8>, from bytes: inout ByteReader) throws(ReadFault) {
    let width = description.storedSize.width
    let outputChannels = description.decodedChannels == .cmyk ? 4 : description.decodedChannels.rawValue
    let isDeep = description.bitDepth == 16
    for channel in 0..<channels {
      do throws(ReadFault) {
        try readLine(channel, bytes)
      } catch {
        // A file that ends early has the first channels of every row. The other channels are filled.
        guard keepsDamaged, channel > 0, let message = error.damage else { throw error }
        overlooked = overlooked ?? OverlookedDamage(message: message, row: nextRow)
        // Missing colors become gray, missing alpha becomes opaque, and missing black becomes no ink.
        let isColor = channel < (description.hasAlpha ? channels - 1 : 3)
        unsafe line.base.update(repeating: isColor ? 128 : 255, count: rowBytes)
      }
      let input = unsafe line.base
      if isInked { for x in 0..<rowBytes { unsafe input[x] = ~input[x] } }
      if description.colorModel == .palette, channel == 0 {
        for x in 0..<width {
          for color in 0..<3 { unsafe row[x * outputChannels + color] = colors[color * 256 + Int(input[x])] }
        }
      } else {
        let place = description.colorModel == .palette ? 3 : channel
        if isDeep {
          // Samples of 16 bits are delivered in native byte order, which is little-endian on all supported machines.
          for x in 0..<width {
            unsafe row[(x * outputChannels + place) * 2] = input[2 * x + 1]
            unsafe row[(x * outputChannels + place) * 2 + 1] = input[2 * x]
          }
        } else {
          for x in 0..<width { unsafe row[x * outputChannels + place] = input[x] }
        }
      }
    }
    if isBlended {
      if isDeep {
        unsafe UnsafeMutableRawPointer(row).withMemoryRebound(to: UInt16.self, capacity: width * outputChannels) {
          unsafe Self.unblend($0, pixels: width, channels: outputChannels)
        }
      } else {
        unsafe Self.unblend(row, pixels: width, channels: outputChannels)
      }
    }
    nextRow += 1
  }

  /// Reads the next row of a channel into `line`.
  private func readLine(_ channel: Int, _ bytes: borrowing ByteReader) throws(ReadFault) {
    let index = channel * description.storedSize.height + nextRow
    guard isRunLengthCoded else {
      return try unsafe read(offsets[0] + index * rowBytes, rowBytes, into: line.base, bytes)
    }
    let count = offsets[index + 1] - offsets[index]
    try unsafe read(offsets[index], count, into: coded.base, bytes)
    guard unsafe PackBits.decode(coded.base, count: count, into: line.base, count: rowBytes) else {
      throw .corrupt("a row has too few pixels")
    }
  }

  private func read(
    _ offset: Int, _ count: Int, into output: UnsafeMutablePointer<UInt8>, _ bytes: borrowing ByteReader
  ) throws(ReadFault) {
    if isPipe {
      let start = offset - offsets[0]
      guard start + count <= stored.count else { throw .truncated }
      for at in 0..<count { unsafe output[at] = stored[start + at] }
    } else if unsafe !bytes.copy(at: offset, count: count, to: output) {
      throw .truncated
    }
  }

  /// Takes the white out of colors that are blended with it.
  private static func unblend<Sample: FixedWidthInteger & UnsignedInteger>(
    _ row: UnsafeMutablePointer<Sample>, pixels: Int, channels: Int
  ) {
    let white = Int(Sample.max)
    for x in 0..<pixels {
      let pixel = unsafe row + x * channels
      let alpha = unsafe Int(pixel[channels - 1])
      guard alpha > 0, alpha < white else { continue }
      for channel in 0..<channels - 1 {
        let color = unsafe (Int(pixel[channel]) - (white - alpha)) * white
        unsafe pixel[channel] = Sample(max(0, min(white, (color + alpha / 2) / alpha)))
      }
    }
  }
}

/// The run-length codes of Macintosh (TIFF 6.0, section 9).
enum PackBits {
  /// Decodes a row; false if it has too few bytes. Bytes after its end are left out.
  static func decode(
    _ input: UnsafePointer<UInt8>, count: Int, into output: UnsafeMutablePointer<UInt8>, count wanted: Int
  ) -> Bool {
    var (at, done) = (0, 0)
    while done < wanted, at < count {
      let head = unsafe Int(Int8(bitPattern: input[at]))
      at += 1
      if head >= 0 {
        let part = min(head + 1, count - at, wanted - done)
        unsafe (output + done).update(from: input + at, count: part)
        at += head + 1
        done += part
      } else if head != -128, at < count {
        let part = min(1 - head, wanted - done)
        unsafe (output + done).update(repeating: input[at], count: part)
        at += 1
        done += part
      }
    }
    return done == wanted
  }
}
