extension CancellationFlag {
  /// Throws once the flag is raised.
  func check(_ stage: Stage) throws(PreparationError) { if isCanceled { throw .canceled(stage) } }
}

// Work on the whole small image is done in bands, and the flag is checked before each, because the small image may be as large as the
// source.
extension Raster {
  /// The rows of a band.
  static let bandRows = 64

  /// The bands of an image of this many rows, from the first one on.
  static func bands(_ height: Int) -> [Range<Int>] {
    stride(from: 0, to: height, by: bandRows).map { $0..<min($0 + bandRows, height) }
  }

  /// The rows of a range.
  private func rows(_ range: Range<Int>) -> Raster {
    Raster(
      size: ImageSize(width: size.width, height: range.count), channels: channels, bitDepth: bitDepth,
      bytes: Array(bytes[range.lowerBound * rowBytes..<range.upperBound * rowBytes]))
  }

  /// The raster of the same size that `change` makes of this one, one band after the other. Each row of the result may therefore depend
  /// only on the same row of this raster.
  ///
  /// - Throws: `canceled` once the flag is raised.
  func inBands(
    _ cancellation: CancellationFlag?, _ stage: Stage, _ change: (Raster) -> Raster
  ) throws(PreparationError) -> Raster {
    let bands = Self.bands(size.height)
    guard bands.count > 1 else {
      try cancellation?.check(stage)
      return change(self)
    }
    var result: Raster?
    for band in bands {
      try cancellation?.check(stage)
      let changed = change(rows(band))
      if result == nil { result = Raster(uninitialized: size, channels: changed.channels, bitDepth: changed.bitDepth) }
      result!.replaceRows(from: band.lowerBound, with: changed)
    }
    return result!
  }

  /// Copies whole rows of the same layout to their place here.
  private mutating func replaceRows(from first: Int, with band: Raster) {
    let start = first * rowBytes
    unsafe bytes.withUnsafeMutableBytes { target in
      unsafe band.bytes.withUnsafeBytes {
        unsafe (target.baseAddress! + start).copyMemory(from: $0.baseAddress!, byteCount: $0.count)
      }
    }
  }
}
