// Colors of one RGB space to another whose primaries and transfer functions differ: a table into light, a matrix, a table out of it.

/// Converts pixels in place. Alpha, where there is a fourth channel, stays as it is.
///
/// - Parameters:
///   - levels: Entries of one input table: 256 or 65 536.
///   - toLight: 3 × `levels` amounts of light, 0 to 1.
///   - matrix: 9 values, row by row, that give light in 65 535ths.
///   - fromLight: For each of 65 536 amounts of light, its encoded level.
public func convertMatrixBytes(
  _ row: UnsafeMutablePointer<UInt8>, channels: Int, pixels: Int, levels: Int, toLight: UnsafePointer<Float>,
  matrix: UnsafePointer<Float>, fromLight: UnsafePointer<UInt16>
) {
  for x in 0..<pixels {
    let pixel = row + x &* channels
    let red = toLight[Int(pixel[0])]
    let green = toLight[levels &+ Int(pixel[1])]
    let blue = toLight[2 &* levels &+ Int(pixel[2])]
    for c in 0..<3 {
      let light = lightIndex(matrix + 3 &* c, red, green, blue)
      pixel[c] = UInt8(truncatingIfNeeded: fromLight[light])
    }
  }
}

/// As ``convertMatrixBytes(_:channels:pixels:levels:toLight:matrix:fromLight:)``, of words.
public func convertMatrixWords(
  _ row: UnsafeMutablePointer<UInt16>, channels: Int, pixels: Int, levels: Int, toLight: UnsafePointer<Float>,
  matrix: UnsafePointer<Float>, fromLight: UnsafePointer<UInt16>
) {
  for x in 0..<pixels {
    let pixel = row + x &* channels
    let red = toLight[Int(pixel[0])]
    let green = toLight[levels &+ Int(pixel[1])]
    let blue = toLight[2 &* levels &+ Int(pixel[2])]
    for c in 0..<3 { pixel[c] = fromLight[lightIndex(matrix + 3 &* c, red, green, blue)] }
  }
}

/// One row of the matrix, in 0…65 535.
@inline(__always)
private func lightIndex(_ row: UnsafePointer<Float>, _ red: Float, _ green: Float, _ blue: Float) -> Int {
  let light = row[0] * red + row[1] * green + row[2] * blue + 0.5
  return Int(light > 0 ? (light < 65_535 ? light : 65_535) : 0)
}

/// Looks the first channel of each pixel up in a table, in place: gray, with or without alpha.
public func mapGrayBytes(
  _ row: UnsafeMutablePointer<UInt8>, channels: Int, pixels: Int, table: UnsafePointer<UInt16>
) {
  for x in 0..<pixels { row[x &* channels] = UInt8(truncatingIfNeeded: table[Int(row[x &* channels])]) }
}

/// As ``mapGrayBytes(_:channels:pixels:table:)``, of words.
public func mapGrayWords(
  _ row: UnsafeMutablePointer<UInt16>, channels: Int, pixels: Int, table: UnsafePointer<UInt16>
) {
  for x in 0..<pixels { row[x &* channels] = table[Int(row[x &* channels])] }
}
