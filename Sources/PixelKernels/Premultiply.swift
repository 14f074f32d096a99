internal import CPixelIntrinsics

// Conversions between decoded rows and the 16-bit rows of the resize. Straight alpha comes last in a pixel.
//
// Three scales are used. Bytes without alpha stay 0…255. Bytes with alpha become exact products, color · alpha and
// alpha · 255, 0…65 025. Words (16-bit samples, linear light) are 0…65 535, with alpha color · alpha / 65 535 rounded.

/// Converts bytes to words of the same value.
public func widenBytes(_ input: UnsafePointer<UInt8>, count: Int, output: UnsafeMutablePointer<UInt16>) {
  for i in 0..<count { output[i] = UInt16(input[i]) }
}

/// Converts words of 0…255 to bytes.
public func narrowToBytes(_ input: UnsafePointer<UInt16>, count: Int, output: UnsafeMutablePointer<UInt8>) {
  for i in 0..<count { output[i] = UInt8(truncatingIfNeeded: input[i]) }
}

/// Converts bytes to words of 256 times the value.
public func scaleToFine(_ input: UnsafePointer<UInt8>, count: Int, output: UnsafeMutablePointer<UInt16>) {
  for i in 0..<count { output[i] = UInt16(input[i]) &<< 8 }
}

/// Makes pixels without alpha all zeros, in place.
///
/// - Parameter sampleBytes: 1 or 2.
public func clearTransparent(_ row: UnsafeMutableRawPointer, sampleBytes: Int, channels: Int, pixels: Int) {
  if sampleBytes == 1 {
    clear(row.assumingMemoryBound(to: UInt8.self), channels, pixels)
  } else {
    clear(row.assumingMemoryBound(to: UInt16.self), channels, pixels)
  }
}

@inline(__always)
private func clear<Sample: FixedWidthInteger>(_ row: UnsafeMutablePointer<Sample>, _ channels: Int, _ pixels: Int) {
  for x in 0..<pixels {
    let pixel = row + x &* channels
    let kept: Sample = pixel[channels &- 1] == 0 ? 0 : ~0
    for c in 0..<channels &- 1 { pixel[c] &= kept }
  }
}

/// Converts straight bytes to exact products: color · alpha, and alpha · 255.
public func premultiplyBytes(
  _ input: UnsafePointer<UInt8>, channels: Int, pixels: Int, output: UnsafeMutablePointer<UInt16>
) {
  for x in 0..<pixels {
    let pixel = x &* channels
    let alpha = UInt16(input[pixel &+ channels &- 1])
    for c in 0..<channels &- 1 { output[pixel &+ c] = UInt16(input[pixel &+ c]) &* alpha }
    output[pixel &+ channels &- 1] = alpha &* 255
  }
}

/// Converts exact products to straight bytes, rounded. A pixel whose alpha rounds to 0 becomes all zeros.
public func unpremultiplyProducts(
  _ input: UnsafePointer<UInt16>, channels: Int, pixels: Int, output: UnsafeMutablePointer<UInt8>
) {
  for x in 0..<pixels {
    let pixel = x &* channels
    let product = UInt32(input[pixel &+ channels &- 1])
    let alpha = (product &+ 127) / 255
    output[pixel &+ channels &- 1] = UInt8(truncatingIfNeeded: alpha)
    for c in 0..<channels &- 1 {
      let color = alpha == 0 ? 0 : (UInt32(input[pixel &+ c]) &* 255 &+ product / 2) / product
      output[pixel &+ c] = UInt8(truncatingIfNeeded: min(color, 255))
    }
  }
}

/// Converts straight words to premultiplied words, in place.
public func premultiplyWords(_ row: UnsafeMutablePointer<UInt16>, channels: Int, pixels: Int) {
  for x in 0..<pixels {
    let pixel = row + x &* channels
    let alpha = UInt32(pixel[channels &- 1])
    for c in 0..<channels &- 1 {
      pixel[c] = UInt16(truncatingIfNeeded: (UInt32(pixel[c]) &* alpha &+ 32_767) / 65_535)
    }
  }
}

/// Converts premultiplied words to straight words, in place; a pixel with an alpha of 0 becomes all zeros.
public func unpremultiplyWords(_ row: UnsafeMutablePointer<UInt16>, channels: Int, pixels: Int) {
  for x in 0..<pixels {
    let pixel = row + x &* channels
    let alpha = UInt32(pixel[channels &- 1])
    for c in 0..<channels &- 1 {
      let color = alpha == 0 ? 0 : (UInt32(pixel[c]) &* 65_535 &+ alpha / 2) / alpha
      pixel[c] = UInt16(truncatingIfNeeded: min(color, 65_535))
    }
  }
}

// The narrow resize has a scale of its own: centered words with 7 fraction bits, and sums of them with up to 23.

/// Converts bytes to centered words.
public func centerBytes(_ input: UnsafePointer<UInt8>, count: Int, output: UnsafeMutablePointer<Int16>) {
  for i in 0..<count { output[i] = Int16(input[i]) &<< 7 &- 16_384 }
}

/// Converts straight bytes to premultiplied centered words, 128 · (color · alpha / 255 − 128), within 0.75 units; exact
/// if alpha is 0 or 255.
///
/// - Parameter channels: 2 or 4, alpha last.
public func premultiplyCentered(
  _ input: UnsafePointer<UInt8>, channels: Int, pixels: Int, output: UnsafeMutablePointer<Int16>
) {
  let count = pixels &* channels
  var i = 0
  if channels == 4 {
    while i &+ 16 <= count {
      cpi_premultiply_rgba_x4(input + i, output + i)
      i &+= 16
    }
  } else {
    while i &+ 16 <= count {
      cpi_premultiply_gray_x8(input + i, output + i)
      i &+= 16
    }
  }
  premultiplyCenteredReference(input, channels: channels, from: i, count: count, output: output)
}

/// The definition of ``premultiplyCentered(_:channels:pixels:output:)``, for samples `from` to `count`.
public func premultiplyCenteredReference(
  _ input: UnsafePointer<UInt8>, channels: Int, from: Int, count: Int, output: UnsafeMutablePointer<Int16>
) {
  var i = from
  while i < count {
    let alpha = Int32(input[i &+ channels &- 1])
    for c in 0..<channels {
      let color = c == channels &- 1 ? 255 : Int32(input[i &+ c])
      let product = color &* alpha
      output[i &+ c] = Int16(truncatingIfNeeded: (product &+ (product &+ 127) / 255 &+ 1) &>> 1 &- 16_384)
    }
    i &+= channels
  }
}

/// Converts sums of premultiplied samples to straight bytes; a pixel whose alpha rounds to 0 becomes all zeros. Alpha is clamped to 255
/// only after the colors were divided by it, because dividing by the clamped alpha would change the colors.
///
/// - Parameters:
///   - sums: Pixels that are `step` sums apart.
///   - channels: 2 or 4, alpha last.
///   - shift: Fraction bits of the sums.
///   - output: `pixels * channels` bytes.
public func unpremultiplySums(
  _ sums: UnsafePointer<Int32>, step: Int, channels: Int, pixels: Int, shift: Int, output: UnsafeMutablePointer<UInt8>
) {
  let unit = 1 / Float(1 &<< shift)
  var first = 0
  while channels == 4, first &+ 4 <= pixels {
    unpremultiplyFour(sums + first &* step, step, cpi_f32x4(repeating: unit), output + first &* 4)
    first &+= 4
  }
  var x = first
  while x < pixels {
    let pixel = sums + x &* step
    let target = output + x &* channels
    let alpha = Float(pixel[channels &- 1]) * unit + 128
    let alphaByte = roundedByte(alpha)
    target[channels &- 1] = alphaByte
    let scale = alphaByte == 0 ? 0 : 255 / alpha
    for c in 0..<channels &- 1 { target[c] = roundedByte((Float(pixel[c]) * unit + 128) * scale) }
    x &+= 1
  }
}

/// Does the same for four pixels of four channels.
@inline(__always)
private func unpremultiplyFour(
  _ sums: UnsafePointer<Int32>, _ step: Int, _ unit: cpi_f32x4, _ output: UnsafeMutablePointer<UInt8>
) {
  let (center, largest) = (cpi_f32x4(repeating: 128), cpi_f32x4(repeating: 255))
  func value(_ sums: cpi_i32x4) -> cpi_f32x4 { cpi_convert_i32x4(sums) * unit + center }
  func rounded(_ value: cpi_f32x4) -> cpi_f32x4 {
    cpi_larger_f32x4(cpi_smaller_f32x4(value, largest), cpi_f32x4(repeating: 0)) + cpi_f32x4(repeating: 8_388_608)
  }
  let pixels = cpi_load_pixels_i32x4(sums, step)
  let alpha = value(pixels.a)
  // An alpha of one half rounds to 0, because halves round to even numbers.
  let scale = cpi_keep_greater_f32x4(largest / alpha, alpha, cpi_f32x4(repeating: 0.5))
  cpi_store_pixels_u8(
    output, rounded(value(pixels.r) * scale), rounded(value(pixels.g) * scale), rounded(value(pixels.b) * scale),
    rounded(alpha))
}

/// The nearest byte. Adding 2^23 rounds to an integer and leaves it in the lowest bits (IEEE 754 binary32).
@inline(__always)
private func roundedByte(_ value: Float) -> UInt8 {
  UInt8(truncatingIfNeeded: (max(0, min(value, 255)) + 8_388_608).bitPattern)
}
