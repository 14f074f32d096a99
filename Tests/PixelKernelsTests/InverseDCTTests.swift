import CPixelIntrinsics
import PixelKernels
import TestSupport
import Testing

#if GESSO_X86V3
import PixelKernelsX86v3
#endif

/// The vector kernels against their scalar definition, sample for sample.
///
/// That the definition is libjpeg's is shown where files are decoded (EntropyDecoderTests).
@Suite("Inverse DCT")
struct InverseDCTTests {
  typealias InverseDCT =
    @Sendable (UnsafePointer<Int16>, Int, UnsafePointer<Int16>, UnsafeMutablePointer<UInt8>, Int)
    -> Void

  static let kernels: [(name: String, side: Int, InverseDCT)] = {
    let baseline: [(name: String, side: Int, InverseDCT)] = [
      ("baseline", 8, PixelKernels.inverseDCT8), ("baseline", 4, PixelKernels.inverseDCT4),
    ]
    #if GESSO_X86V3
    guard cpi_runs_x86_64_v3() else { return baseline }
    return baseline + [
      ("x86-64-v3", 8, PixelKernelsX86v3.inverseDCT8), ("x86-64-v3", 4, PixelKernelsX86v3.inverseDCT4),
    ]
    #else
    return baseline
    #endif
  }()

  /// The natural indices of coefficients whose zigzag position is at most so much.
  static func places(to last: Int) -> [Int] {
    let inZigzag = (0..<64).sorted { a, b in
      let (p, q) = (a / 8 + a % 8, b / 8 + b % 8)
      return p != q ? p < q : (p % 2 == 0 ? a % 8 < b % 8 : a % 8 > b % 8)
    }
    return Array(inZigzag[...last])
  }

  @Test("blocks with their last coefficient at every position", arguments: 0..<64)
  func isItsDefinition(last: Int) {
    var random = SplitMix64(seed: UInt64(last))
    let places = Self.places(to: last)
    for (blockCount, size) in [(1, 60), (2, 2), (7, 12), (7, 60)] {
      var quantization = [Int16](repeating: 1, count: 64)
      for k in 0..<64 { quantization[k] = Int16.random(in: 1...4, using: &random) }
      // Sums of eight times eight dequantized coefficients must fit what libjpeg-turbo keeps between its passes.
      var coefficients = [Int16](repeating: 0, count: (blockCount + 1) * 64)
      for block in 0..<blockCount {
        // Neighbors in one vector that end at other places.
        let end = block % 3 == 2 ? Int.random(in: 0...last, using: &random) : last
        for place in places[...end] {
          coefficients[block * 64 + place] = Int16.random(in: -Int16(size)...Int16(size), using: &random)
        }
      }
      for (name, side, transform) in Self.kernels {
        let stride = (blockCount + 1) * side + 8
        var actual = [UInt8](repeating: 0, count: side * stride + 64)
        transform(coefficients, blockCount, quantization, &actual, stride)
        var scratch = [Int](repeating: 0, count: 128)
        var expected = [UInt8](repeating: 0, count: side * side)
        for block in 0..<blockCount {
          coefficients.withUnsafeBufferPointer {
            PixelKernels.inverseDCTReference(
              coefficients: $0.baseAddress! + block * 64, quantization: quantization, side: side, scratch: &scratch,
              output: &expected)
          }
          var rows: [UInt8] = []
          for y in 0..<side { rows += actual[(y * stride + block * side)...].prefix(side) }
          #expect(rows == expected, "\(name), \(side), block \(block) of \(blockCount), up to \(size)")
        }
      }
    }
  }
}
