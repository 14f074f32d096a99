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
  typealias UnfilterRows =
    @Sendable (UnsafeMutablePointer<UInt8>, Int, UnsafePointer<UInt8>, Int, Int) -> Void

  static let kernels: [(name: String, UnfilterRows)] = {
    let baseline = (name: "baseline", PixelKernels.unfilterRows as UnfilterRows)
    #if GESSO_X86V3
    guard cpi_runs_x86_64_v3() else { return [baseline] }
    return [baseline, (name: "x86-64-v3", PixelKernelsX86v3.unfilterRows as UnfilterRows)]
    #else
    return [baseline]
    #endif
  }()

  @Test(arguments: 0...5, [1, 2, 3, 4, 6, 8])
  func isItsDefinition(filter: UInt8, pixelBytes: Int) {
    var random = SplitMix64(seed: UInt64(filter) * 10 + UInt64(pixelBytes))
    let slack = 8
    for (pixels, rowCount) in (Array(1...40) + [255]).flatMap({ pixels in [1, 2, 3, 7].map { (pixels, $0) } }) {
      let count = pixels * pixelBytes
      // Every second time few values, so that predictors tie. 5: any filter, changing from row to row.
      let factor = random.next() & 1 == 0 ? UInt8(1) : 60
      var expected = (0..<rowCount * (count + 1) + slack).map { _ in
        UInt8(truncatingIfNeeded: random.next()) / factor &* factor
      }
      for row in 0..<rowCount {
        expected[row * (count + 1)] = filter < 5 ? filter : UInt8(truncatingIfNeeded: random.next() % 5)
      }
      let coded = expected
      let prior = (0..<count + slack).map { _ in UInt8(truncatingIfNeeded: random.next() % 5 * 60) }
      PixelKernels.unfilterRowsReference(
        rows: &expected, rowCount: rowCount, prior: prior, pixelBytes: pixelBytes, count: count)
      for (name, unfilterRows) in Self.kernels {
        var actual = coded
        unfilterRows(&actual, rowCount, prior, pixelBytes, count)
        #expect(actual == expected, "\(name), \(rowCount) rows of \(pixels) pixels")
      }
    }
  }

  /// Rows of zeros with a few other bytes, below runs of one color: what is flat is not looked at pixel by pixel.
  @Test(arguments: [3, 4] as [UInt8], [2, 3, 4, 6, 8])
  func isItsDefinitionInFlatAreas(filter: UInt8, pixelBytes: Int) {
    var random = SplitMix64(seed: UInt64(filter) * 10 + UInt64(pixelBytes))
    let slack = 8
    for (pixels, others) in [200, 301, 640].flatMap({ pixels in [0, 1, 5, 60].map { (pixels, $0) } }) {
      let (count, rowCount) = (pixels * pixelBytes, 5)
      var expected = [UInt8](repeating: 0, count: rowCount * (count + 1) + slack)
      for _ in 0..<others {
        expected[Int(random.next() % UInt64(rowCount * (count + 1)))] = UInt8(truncatingIfNeeded: random.next())
      }
      for row in 0..<rowCount { expected[row * (count + 1)] = filter }
      // Now and then a color that differs in one channel, or by one level, from the one before.
      var color = [UInt8](repeating: 100, count: pixelBytes)
      var prior: [UInt8] = []
      for _ in 0..<pixels {
        if random.next() % 40 == 0 {
          color[Int(random.next() % UInt64(pixelBytes))] &+= random.next() & 1 == 0 ? 1 : 90
        }
        prior += color
      }
      prior += [UInt8](repeating: 0xA5, count: slack)
      // The rows' first pixel is the color above for Paeth; Average needs half of it.
      if filter == 3 { for i in 0..<pixelBytes { expected[1 + i] = prior[i] - prior[i] / 2 } }
      let coded = expected
      PixelKernels.unfilterRowsReference(
        rows: &expected, rowCount: rowCount, prior: prior, pixelBytes: pixelBytes, count: count)
      for (name, unfilterRows) in Self.kernels {
        var actual = coded
        unfilterRows(&actual, rowCount, prior, pixelBytes, count)
        #expect(actual == expected, "\(name), \(pixels) pixels, \(others) others")
      }
    }
  }
}
