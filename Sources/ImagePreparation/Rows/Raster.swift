internal import Ground

/// The small image between resize and encoder: interleaved rows from top to bottom without padding, alpha straight.
struct Raster: Sendable {
  /// Width and height in pixels.
  var size: ImageSize
  /// The meaning of the channels.
  var channels: RowLayout.Channels
  /// 8 or 16.
  var bitDepth: Int
  /// The samples; 16-bit samples are in native byte order.
  var bytes: [UInt8]

  /// Makes a raster from bytes.
  init(size: ImageSize, channels: RowLayout.Channels, bitDepth: Int, bytes: [UInt8]) {
    self.size = size
    self.channels = channels
    self.bitDepth = bitDepth
    self.bytes = bytes
    precondition(bytes.count == size.height * rowBytes, "\(bytes.count) bytes do not fill \(size)")
  }

  /// Makes a raster of zeros.
  init(size: ImageSize, channels: RowLayout.Channels, bitDepth: Int) {
    let layout = RowLayout(channels: channels, bitDepth: bitDepth, width: size.width)
    self.init(
      size: size, channels: channels, bitDepth: bitDepth,
      bytes: [UInt8](repeating: 0, count: size.height * layout.rowBytes))
  }

  /// Makes a raster without initializing its memory: every byte must be written before it is read.
  init(uninitialized size: ImageSize, channels: RowLayout.Channels, bitDepth: Int = 8) {
    let count = size.height * RowLayout(channels: channels, bitDepth: bitDepth, width: size.width).rowBytes
    self.init(
      size: size, channels: channels, bitDepth: bitDepth,
      bytes: unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        if let first = buffer.baseAddress { unsafe adviseLargePages(first, count: count) }
        initialized = count
      })
  }

  /// Samples per pixel.
  var channelCount: Int { channels == .cmyk ? 4 : channels.rawValue }
  /// Bytes per pixel.
  var pixelBytes: Int { channelCount * (bitDepth / 8) }
  /// Bytes per row.
  var rowBytes: Int { size.width * pixelBytes }
}
