// Conversions between decoded rows and the 16-bit rows of the wide resize. Straight alpha comes last in a pixel.
//
// Three scales are used. Bytes without alpha stay 0…255. Bytes with alpha become exact products, color · alpha and
// alpha · 255, 0…65 025. Words (16-bit samples, linear light) are 0…65 535, with alpha color · alpha / 65 535 rounded.

/// Bytes to words of the same value.
public func widenBytes(_ input: UnsafePointer<UInt8>, count: Int, output: UnsafeMutablePointer<UInt16>) {
  for i in 0..<count { output[i] = UInt16(input[i]) }
}

/// Words of 0…255 to bytes.
public func narrowToBytes(_ input: UnsafePointer<UInt16>, count: Int, output: UnsafeMutablePointer<UInt8>) {
  for i in 0..<count { output[i] = UInt8(truncatingIfNeeded: input[i]) }
}

/// Straight bytes to exact products: color · alpha, and alpha · 255.
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

/// Exact products back to straight bytes, rounded; a pixel whose alpha rounds to 0 becomes all zeros.
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

/// Straight words to premultiplied words, in place.
public func premultiplyWords(_ row: UnsafeMutablePointer<UInt16>, channels: Int, pixels: Int) {
  for x in 0..<pixels {
    let pixel = row + x &* channels
    let alpha = UInt32(pixel[channels &- 1])
    for c in 0..<channels &- 1 {
      pixel[c] = UInt16(truncatingIfNeeded: (UInt32(pixel[c]) &* alpha &+ 32_767) / 65_535)
    }
  }
}

/// Premultiplied words back to straight words, in place; a pixel without alpha becomes all zeros.
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
