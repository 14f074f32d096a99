extension Raster {
  /// The raster of 8-bit pixels.
  init(_ image: PixelImage<UInt8>) {
    guard let channels = RowLayout.Channels(rawValue: image.channels) else { preconditionFailure("1 to 4 channels") }
    self.init(size: image.size, channels: channels, bitDepth: 8, bytes: image.samples)
  }

  /// The raster of 16-bit pixels.
  init(_ image: PixelImage<UInt16>) {
    guard let channels = RowLayout.Channels(rawValue: image.channels) else { preconditionFailure("1 to 4 channels") }
    let bytes = unsafe image.samples.withUnsafeBytes { unsafe Array($0) }
    self.init(size: image.size, channels: channels, bitDepth: 16, bytes: bytes)
  }

  /// The samples of a raster of 16 bits.
  var words: [UInt16] {
    unsafe bytes.withUnsafeBytes { unsafe Array($0.bindMemory(to: UInt16.self)) }
  }
}
