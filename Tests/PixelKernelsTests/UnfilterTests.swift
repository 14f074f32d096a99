import CPixelIntrinsics
import PixelKernels
import TestSupport
import Testing

#if GESSO_X86V3
import PixelKernelsX86v3
#endif

/// The vector kernels against their scalar definition, byte for byte, at lengths around every vector length.
///
/// That the definition is PNG's is shown where files are decoded (PNGSuiteTests, PNGStripTests).
@Suite("Unfiltering")
struct UnfilterTests {
  typealias UnfilterRow =
    @Sendable (
      Int, UnsafePointer<UInt8>, UnsafePointer<UInt8>, Int, Int, UnsafeMutablePointer<UInt8>
    ) -> Void

  static let kernels: [(name: String, UnfilterRow)] = {
    let baseline = (name: "baseline", PixelKernels.unfilterRow as UnfilterRow)
    #if GESSO_X86V3
    guard cpi_runs_x86_64_v3() else { return [baseline] }
    return [baseline, (name: "x86-64-v3", PixelKernelsX86v3.unfilterRow as UnfilterRow)]
    #else
    return [baseline]
    #endif
  }()

  /// Where the result goes: elsewhere, onto the filtered bytes, or before them in the same memory.
  static let distances: [Int?] = [nil, 0, 32, 56]

  @Test(arguments: 0...4, [1, 2, 3, 4, 6, 8])
  func isItsDefinition(filter: Int, pixelBytes: Int) {
    var random = SplitMix64(seed: UInt64(filter * 10 + pixelBytes))
    let slack = 8
    for pixels in Array(1...40) + [255] {
      let count = pixels * pixelBytes
      let source = (0..<count + slack).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      // Few values, so that predictors tie.
      let prior = (0..<count + slack).map { _ in UInt8(truncatingIfNeeded: random.next() % 5 * 60) }
      var expected = [UInt8](repeating: 0, count: count)
      PixelKernels.unfilterRowReference(
        filter: filter, source: source, prior: prior, pixelBytes: pixelBytes, from: 0, count: count, output: &expected)
      for (name, unfilterRow) in Self.kernels {
        for distance in Self.distances {
          var memory = [UInt8](repeating: 0xA5, count: 64) + source
          if distance == nil { memory += [UInt8](repeating: 0xA5, count: count + slack) }
          let start = 64 - (distance ?? -source.count)
          let before = memory
          memory.withUnsafeMutableBufferPointer { memory in
            unfilterRow(
              filter, memory.baseAddress! + 64, prior, pixelBytes, count, memory.baseAddress! + start)
          }
          #expect(Array(memory[start..<start + count]) == expected, "\(name), \(pixels) pixels, \(distance ?? -1)")
          #expect(
            memory[(start + count)...] == before[(start + count)...], "wrote past the row: \(name), \(pixels) pixels")
          #expect(memory[..<start] == before[..<start], "wrote before the row: \(name), \(pixels) pixels")
        }
      }
    }
  }
}
