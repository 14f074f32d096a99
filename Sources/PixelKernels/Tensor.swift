// Converts samples to float32 by one table a channel. A fused multiply-add would be off by many units in the last place near zero,
// where the offset cancels the product. It would not be faster either, because memory is the limit.

/// Converts interleaved bytes to planes of red, green and blue, which follow each other.
///
/// - Parameters:
///   - input: `pixels * channels` samples. One channel is repeated in all planes; of three channels, each has its own plane.
///   - tables: 3 × 256 values.
///   - output: `pixels * 3` values.
public func tensorPlanes(
  _ input: UnsafePointer<UInt8>, channels: Int, pixels: Int, tables: UnsafePointer<Float>,
  output: UnsafeMutablePointer<Float>
) {
  planes(input, channels, pixels, tables, 256, output)
}

/// Converts interleaved bytes to interleaved red, green and blue.
///
/// - Parameters: As ``tensorPlanes(_:channels:pixels:tables:output:)``.
public func tensorPixels(
  _ input: UnsafePointer<UInt8>, channels: Int, pixels: Int, tables: UnsafePointer<Float>,
  output: UnsafeMutablePointer<Float>
) {
  interleaved(input, channels, pixels, tables, 256, output)
}

/// Does for words what ``tensorPlanes(_:channels:pixels:tables:output:)`` does for bytes, with 3 × 65 536 values.
public func tensorPlanesOfWords(
  _ input: UnsafePointer<UInt16>, channels: Int, pixels: Int, tables: UnsafePointer<Float>,
  output: UnsafeMutablePointer<Float>
) {
  planes(input, channels, pixels, tables, 65_536, output)
}

/// Does for words what ``tensorPixels(_:channels:pixels:tables:output:)`` does for bytes, with 3 × 65 536 values.
public func tensorPixelsOfWords(
  _ input: UnsafePointer<UInt16>, channels: Int, pixels: Int, tables: UnsafePointer<Float>,
  output: UnsafeMutablePointer<Float>
) {
  interleaved(input, channels, pixels, tables, 65_536, output)
}

@inline(__always)
private func planes<Sample: FixedWidthInteger>(
  _ input: UnsafePointer<Sample>, _ channels: Int, _ pixels: Int, _ tables: UnsafePointer<Float>, _ levels: Int,
  _ output: UnsafeMutablePointer<Float>
) {
  let (second, third) = (channels == 1 ? 0 : 1, channels == 1 ? 0 : 2)
  let (red, green, blue) = (tables, tables + levels, tables + 2 * levels)
  for x in 0..<pixels {
    let pixel = input + x &* channels
    output[x] = red[Int(truncatingIfNeeded: pixel[0])]
    output[pixels &+ x] = green[Int(truncatingIfNeeded: pixel[second])]
    output[2 &* pixels &+ x] = blue[Int(truncatingIfNeeded: pixel[third])]
  }
}

@inline(__always)
private func interleaved<Sample: FixedWidthInteger>(
  _ input: UnsafePointer<Sample>, _ channels: Int, _ pixels: Int, _ tables: UnsafePointer<Float>, _ levels: Int,
  _ output: UnsafeMutablePointer<Float>
) {
  let (second, third) = (channels == 1 ? 0 : 1, channels == 1 ? 0 : 2)
  let (red, green, blue) = (tables, tables + levels, tables + 2 * levels)
  for x in 0..<pixels {
    let pixel = input + x &* channels
    let values = output + x &* 3
    values[0] = red[Int(truncatingIfNeeded: pixel[0])]
    values[1] = green[Int(truncatingIfNeeded: pixel[second])]
    values[2] = blue[Int(truncatingIfNeeded: pixel[third])]
  }
}
