import TestSupport

#if GESSO_X86V3_CASES
import PixelKernelsX86v3
#else
import PixelKernels
#endif

/// Blocks with their last coefficient at every position.
///
/// EntropyDecoderTests shows with whole files that libjpeg-turbo gives the same results as this definition.
func inverseDCTCases() -> [KernelCase] {
  (0..<64).map { last in
    KernelCase("inverseDCT8, 4, 2, 1: coefficients up to \(last)") { transforms(last, &$0) }
  }
}

/// The natural indices of the coefficients up to the zigzag position `last`.
private func places(to last: Int) -> [Int] {
  let inZigzag = (0..<64).sorted { a, b in
    let (p, q) = (a / 8 + a % 8, b / 8 + b % 8)
    return p != q ? p < q : (p % 2 == 0 ? a % 8 < b % 8 : a % 8 > b % 8)
  }
  return Array(inZigzag[...last])
}

private func transforms(_ last: Int, _ check: inout KernelCheck) {
  var random = SplitMix64(seed: UInt64(last))
  let places = places(to: last)
  for (blockCount, size) in [(1, 60), (2, 2), (7, 12), (7, 60)] {
    let quantization = (0..<64).map { _ in Int16.random(in: 1...4, using: &random) }
    // The sums of 8 times 8 dequantized coefficients must fit into the values that libjpeg-turbo keeps between its two passes.
    var coefficients = [Int16](repeating: 0, count: (blockCount + 1) * 64)
    for block in 0..<blockCount {
      // Every third block has its last coefficient at another position than the other blocks in the same vector.
      let end = block % 3 == 2 ? Int.random(in: 0...last, using: &random) : last
      for place in places[...end] {
        coefficients[block * 64 + place] = Int16.random(in: -Int16(size)...Int16(size), using: &random)
      }
    }
    for side in [8, 4, 2, 1] {
      let stride = (blockCount + 1) * side + 8
      var samples = [UInt8](repeating: 0, count: side * stride + 64)
      switch side {
      case 8:
        inverseDCT8(
          coefficients: coefficients, blockCount: blockCount, quantization: quantization, output: &samples,
          stride: stride)
      case 4:
        inverseDCT4(
          coefficients: coefficients, blockCount: blockCount, quantization: quantization, output: &samples,
          stride: stride)
      case 2:
        inverseDCT2(
          coefficients: coefficients, blockCount: blockCount, quantization: quantization, output: &samples,
          stride: stride)
      default:
        inverseDCT1(
          coefficients: coefficients, blockCount: blockCount, quantization: quantization, output: &samples,
          stride: stride)
      }
      for block in 0..<blockCount {
        var actual: [UInt8] = []
        for y in 0..<side { actual += samples[(y * stride + block * side)...].prefix(side) }
        let inputs = "\(side), block \(block) of \(blockCount), up to \(size)"
        let dequantized = (0..<64).map { Double(coefficients[block * 64 + $0] * quantization[$0]) }
        switch side {
        case 8, 4:
          var scratch = [Int](repeating: 0, count: 128)
          var expected = [UInt8](repeating: 0, count: side * side)
          coefficients.withUnsafeBufferPointer {
            inverseDCTReference(
              coefficients: $0.baseAddress! + block * 64, quantization: quantization, side: side, scratch: &scratch,
              output: &expected)
          }
          check.expect(actual, is: expected, inputs)
        case 2: check.expect(actual, within: 0.55, of: halves(dequantized), largest: 255, inputs)
        default: check.expect(actual, within: 0.5, of: [128 + dequantized[0] / 8], largest: 255, inputs)
        }
      }
    }
  }
}

/// The four samples of a block at a quarter of its size. The rounding between the two dimensions is left out (jidctred.c, `jpeg_idct_2x2`).
private func halves(_ coefficients: [Double]) -> [Double] {
  let factors: [(index: Int, factor: Double)] = [(0, 32_768), (1, 29_692), (3, -10_426), (5, 6_967), (7, -5_906)]
  var samples: [Double] = []
  for y in 0..<2 {
    for x in 0..<2 {
      var sum = 0.0
      for (v, rowFactor) in factors {
        for (u, columnFactor) in factors {
          // In the second row and in the second column the odd part has the opposite sign.
          let sign: Double = (y == 1 && v > 0) != (x == 1 && u > 0) ? -1 : 1
          sum += sign * rowFactor * columnFactor * coefficients[v * 8 + u]
        }
      }
      samples.append(128 + sum / 8_589_934_592)
    }
  }
  return samples
}
