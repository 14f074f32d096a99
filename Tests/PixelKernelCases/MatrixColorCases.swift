import TestSupport

#if GESSO_X86V3_CASES
import PixelKernelsX86v3
#else
import PixelKernels
#endif

/// Conversions by tables and a matrix are compared with their definitions.
func matrixColorCases() -> [KernelCase] {
  var cases: [KernelCase] = []
  for channels in [3, 4] {
    cases.append(KernelCase("convertMatrixBytes: \(channels) channels") { convertBytes(channels, &$0) })
    cases.append(KernelCase("convertMatrixWords: \(channels) channels") { convertWords(channels, &$0) })
  }
  for isHalved in [false, true] {
    let chroma = isHalved ? "halved" : "whole"
    cases.append(KernelCase("convertMatrixPlanes: \(chroma) chroma") { convertPlanes(isHalved, &$0) })
  }
  return cases
}

/// A table that converts to light, whose sums saturate at both ends, and a table of random bytes that converts from light.
private func tables(_ random: inout SplitMix64) -> (toLight: [Int32], fromLight: [UInt8]) {
  let limit: Int32 = 65_535 << Int32(entryFraction)
  var toLight: [Int32] = []
  for _ in 0..<768 {
    for _ in 0..<3 { toLight.append(Int32.random(in: -limit...limit, using: &random)) }
    toLight.append(0)
  }
  return (toLight, randomBytes(65_536, &random))
}

private func randomBytes(_ count: Int, _ random: inout SplitMix64) -> [UInt8] {
  (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
}

private func convertBytes(_ channels: Int, _ check: inout KernelCheck) {
  for pixels in [0, 1, 7, 64, 333] {
    var random = SplitMix64(seed: UInt64(channels * 1_000 + pixels))
    let (toLight, fromLight) = tables(&random)
    let input = randomBytes(pixels * channels, &random)
    var expected = input
    for i in stride(from: 0, to: input.count, by: channels) {
      let color = convertMatrixReference(input[i], input[i + 1], input[i + 2], toLight: toLight, fromLight: fromLight)
      (expected[i], expected[i + 1], expected[i + 2]) = color
    }
    var actual = input
    convertMatrixBytes(&actual, channels: channels, pixels: pixels, toLight: toLight, fromLight: fromLight)
    check.expect(actual, is: expected, "\(pixels) pixels")
  }
}

private func convertWords(_ channels: Int, _ check: inout KernelCheck) {
  let (levels, pixels) = (65_536, 700)
  var random = SplitMix64(seed: UInt64(channels * 100 + 16))
  let input = (0..<pixels * channels).map { _ in UInt16.random(in: 0...65_535, using: &random) }
  // Each channel has its own curve, and some results are below 0 or above 1.
  let toLight = (0..<3 * levels).map { i in
    let x = Float(i % levels) / Float(levels - 1)
    return x * (x + Float(i / levels)) / Float(1 + i / levels)
  }
  let matrix = [1.3, -0.25, 0.02, -0.1, 1.15, -0.05, 0.01, -0.3, 1.2].map { Float($0 * 65_535) }
  // The curve changes its slope at every entry, so that the interpolation between two entries has an effect.
  let fromLight = (0...levels).map { Float(min($0, levels - 1)) - ($0 % 2 == 0 ? 0 : 0.75) }
  var actual = input
  convertMatrixWords(
    &actual, channels: channels, pixels: pixels, levels: levels, toLight: toLight, matrix: matrix, fromLight: fromLight)
  var exact: [Double] = []
  for x in 0..<pixels {
    let light = (0..<3).map { Double(toLight[$0 * levels + Int(input[x * channels + $0])]) }
    for c in 0..<3 {
      let sum = Double(matrix[3 * c]) * light[0] + Double(matrix[3 * c + 1]) * light[1]
      let amount = min(max(sum + Double(matrix[3 * c + 2]) * light[2], 0), 65_535)
      let (level, next) = (Double(fromLight[Int(amount)]), Double(fromLight[Int(amount) + 1]))
      exact.append(level + (next - level) * (amount - Double(Int(amount))))
    }
    if channels == 4 { exact.append(Double(input[x * 4 + 3])) }
  }
  check.expect(actual, within: 0.52, of: exact, largest: 65_535, "\(pixels) pixels")
}

/// If chroma is halved, an odd last column or row is its own neighbor.
private func convertPlanes(_ isHalved: Bool, _ check: inout KernelCheck) {
  for (width, rows) in [(1, 1), (2, 2), (5, 3), (63, 8), (64, 16), (65, 7), (200, 4)] {
    var random = SplitMix64(seed: UInt64(width * 100 + rows))
    let (toLight, fromLight) = tables(&random)
    let step = isHalved ? 2 : 1
    let lumaStride = (width + 63) / 64 * 64 + 64
    let (chromaStride, chromaRows) = (lumaStride / step, (rows + step - 1) / step)
    let input = (
      luma: randomBytes(lumaStride * rows, &random), blue: randomBytes(chromaStride * chromaRows, &random),
      red: randomBytes(chromaStride * chromaRows, &random)
    )
    var expected = input
    for top in stride(from: 0, to: rows, by: step) {
      for left in stride(from: 0, to: width, by: step) {
        let chroma = top / step * chromaStride + left / step
        var (red, green, blue) = (Int32(0), Int32(0), Int32(0))
        for i in 0..<step * step {
          let (y, x) = (min(top + i / step, rows - 1), min(left + i % step, width - 1))
          let luma = y * lumaStride + x
          let stored = splitReference(input.luma[luma], input.blue[chroma], input.red[chroma])
          let color = convertMatrixReference(
            stored.red, stored.green, stored.blue, toLight: toLight, fromLight: fromLight)
          expected.luma[luma] = lumaReference(color.red, color.green, color.blue)
          red += Int32(color.red)
          green += Int32(color.green)
          blue += Int32(color.blue)
        }
        let four = Int32(4 / (step * step))
        (expected.blue[chroma], expected.red[chroma]) = chromaReference(red * four, green * four, blue * four)
      }
    }
    var actual = input
    var scratch = [UInt16](repeating: 9, count: planeScratchWords)
    convertMatrixPlanes(
      luma: &actual.luma, lumaStride: lumaStride, blue: &actual.blue, red: &actual.red, chromaStride: chromaStride,
      width: width, rows: rows, isHalved: isHalved, toLight: toLight, fromLight: fromLight, scratch: &scratch)
    for y in 0..<rows {
      let row = y * lumaStride..<y * lumaStride + width
      check.expect(Array(actual.luma[row]), is: Array(expected.luma[row]), "\(width) × \(rows), luma of row \(y)")
    }
    for y in 0..<chromaRows {
      let row = y * chromaStride..<y * chromaStride + (width + step - 1) / step
      check.expect(Array(actual.blue[row]), is: Array(expected.blue[row]), "\(width) × \(rows), Cb of row \(y)")
      check.expect(Array(actual.red[row]), is: Array(expected.red[row]), "\(width) × \(rows), Cr of row \(y)")
    }
  }
}
