internal import CPixelIntrinsics

// Converts colors of one RGB space to another with other primaries and transfer functions: a table to linear light, a matrix, and a table
// from linear light.
//
// For bytes, the tables to linear light are multiplied by the matrix beforehand. The entry of a byte in the table of its channel is that
// channel's share of red, green, blue and 0, in 65 535ths with `entryFraction` fraction bits. A pixel is the sum of three entries, rounded
// down and saturated to signed words. The table of red also contains one half for rounding, and −32 768. The bits of the words, read
// without a sign, are the indices of the encoded bytes in the table from linear light. Each entry lies within ±4 · 65535, and each sum
// within ±2^31.

/// Fraction bits of the tables into light.
public let entryFraction = 11

/// The definition of the conversion of one pixel.
///
/// - Parameters:
///   - toLight: 3 × 256 × 4 values.
///   - fromLight: 65 536 bytes.
public func convertMatrixReference(
  _ red: UInt8, _ green: UInt8, _ blue: UInt8, toLight: UnsafePointer<Int32>, fromLight: UnsafePointer<UInt8>
) -> (red: UInt8, green: UInt8, blue: UInt8) {
  func encoded(_ c: Int) -> UInt8 {
    let sum = toLight[Int(red) * 4 + c] + toLight[(256 + Int(green)) * 4 + c] + toLight[(512 + Int(blue)) * 4 + c]
    return fromLight[Int(UInt16(bitPattern: Int16(clamping: sum >> Int32(entryFraction))))]
  }
  return (encoded(0), encoded(1), encoded(2))
}

/// Converts pixels in place. Alpha, if there is a fourth channel, stays as it is.
///
/// - Parameters:
///   - channels: 3 or 4.
///   - toLight, fromLight: As for ``convertMatrixReference(_:_:_:toLight:fromLight:)``.
public func convertMatrixBytes(
  _ row: UnsafeMutablePointer<UInt8>, channels: Int, pixels: Int, toLight: UnsafePointer<Int32>,
  fromLight: UnsafePointer<UInt8>
) {
  for x in 0..<pixels {
    let pixel = row + x &* channels
    let words = cpi_sum_of_entries(
      toLight + Int(pixel[0]) &* 4, toLight + 1_024 + Int(pixel[1]) &* 4, toLight + 2_048 + Int(pixel[2]) &* 4)
    pixel[0] = fromLight[Int(UInt16(truncatingIfNeeded: words))]
    pixel[1] = fromLight[Int(UInt16(truncatingIfNeeded: words &>> 16))]
    pixel[2] = fromLight[Int(UInt16(truncatingIfNeeded: words &>> 32))]
  }
}

/// Converts pixels of words in place, in the same steps as for bytes, but in single precision: a row of the matrix gives light in units of
/// 1/65535.
///
/// - Parameters:
///   - levels: Entries of one input table: 65 536.
///   - toLight: 3 × `levels` amounts of light, 0 to 1.
///   - matrix: 9 values, row by row, that give light in 65 535ths.
///   - fromLight: For each of 65 536 amounts of light its encoded level, and the last one again. Between two amounts the level is
///     interpolated: near black 13 levels have the same nearest amount.
public func convertMatrixWords(
  _ row: UnsafeMutablePointer<UInt16>, channels: Int, pixels: Int, levels: Int, toLight: UnsafePointer<Float>,
  matrix: UnsafePointer<Float>, fromLight: UnsafePointer<Float>
) {
  for x in 0..<pixels {
    let pixel = row + x &* channels
    let red = toLight[Int(pixel[0])]
    let green = toLight[levels &+ Int(pixel[1])]
    let blue = toLight[2 &* levels &+ Int(pixel[2])]
    for c in 0..<3 { pixel[c] = encoded(light(matrix + 3 &* c, red, green, blue), fromLight) }
  }
}

/// One row of the matrix, in 0…65 535.
@inline(__always)
private func light(_ row: UnsafePointer<Float>, _ red: Float, _ green: Float, _ blue: Float) -> Float {
  let light = row[0] * red + row[1] * green + row[2] * blue
  return light > 0 ? (light < 65_535 ? light : 65_535) : 0
}

/// The encoded level of a light value in units of 1/65535.
@inline(__always)
private func encoded(_ light: Float, _ fromLight: UnsafePointer<Float>) -> UInt16 {
  let place = Int(light)
  let (level, next) = (fromLight[place], fromLight[place &+ 1])
  return UInt16(truncatingIfNeeded: Int(level + (next - level) * (light - Float(place)) + 0.5))
}

/// Looks the first channel of each pixel up in a table, in place: gray, with or without alpha.
public func mapGrayBytes(
  _ row: UnsafeMutablePointer<UInt8>, channels: Int, pixels: Int, table: UnsafePointer<UInt16>
) {
  for x in 0..<pixels { row[x &* channels] = UInt8(truncatingIfNeeded: table[Int(row[x &* channels])]) }
}

/// Does for words what ``mapGrayBytes(_:channels:pixels:table:)`` does for bytes.
public func mapGrayWords(
  _ row: UnsafeMutablePointer<UInt16>, channels: Int, pixels: Int, table: UnsafePointer<UInt16>
) {
  for x in 0..<pixels { row[x &* channels] = table[Int(row[x &* channels])] }
}
