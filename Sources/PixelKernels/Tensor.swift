// Bytes to float32, one table of 256 values a channel: a fused multiply and add would be many units off near zero, where
// the offset cancels the product, and would be no faster than memory either.

/// Interleaved bytes to planes of red, green and blue, one behind the other.
///
/// - Parameters:
///   - input: `pixels * channels` samples. With 1 channel it is repeated, with 3 each has its own plane.
///   - tables: 3 × 256 values.
///   - output: `pixels * 3` values.
public func tensorPlanes(
  _ input: UnsafePointer<UInt8>, channels: Int, pixels: Int, tables: UnsafePointer<Float>,
  output: UnsafeMutablePointer<Float>
) {
  let (second, third) = (channels == 1 ? 0 : 1, channels == 1 ? 0 : 2)
  let (red, green, blue) = (tables, tables + 256, tables + 512)
  for x in 0..<pixels {
    let pixel = input + x &* channels
    output[x] = red[Int(pixel[0])]
    output[pixels &+ x] = green[Int(pixel[second])]
    output[2 &* pixels &+ x] = blue[Int(pixel[third])]
  }
}

/// Interleaved bytes to interleaved red, green and blue.
///
/// - Parameters: As ``tensorPlanes(_:channels:pixels:tables:output:)``.
public func tensorPixels(
  _ input: UnsafePointer<UInt8>, channels: Int, pixels: Int, tables: UnsafePointer<Float>,
  output: UnsafeMutablePointer<Float>
) {
  let (second, third) = (channels == 1 ? 0 : 1, channels == 1 ? 0 : 2)
  let (red, green, blue) = (tables, tables + 256, tables + 512)
  for x in 0..<pixels {
    let pixel = input + x &* channels
    let values = output + x &* 3
    values[0] = red[Int(pixel[0])]
    values[1] = green[Int(pixel[second])]
    values[2] = blue[Int(pixel[third])]
  }
}
