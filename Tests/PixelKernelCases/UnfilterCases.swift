import TestSupport

#if GESSO_X86V3_CASES
import PixelKernelsX86v3
#else
import PixelKernels
#endif

/// The number of bytes after a row that kernels may read.
private let slack = 8

/// Rows with lengths around every vector length.
///
/// PNGSuiteTests and PNGStripTests show with whole files that this definition is that of PNG.
func unfilterCases() -> [KernelCase] {
  var cases: [KernelCase] = []
  for filter in UInt8(0)...5 {
    for pixelBytes in [1, 2, 3, 4, 6, 8] {
      let inputs = "\(filter < 5 ? "filter \(filter)" : "any filters"), pixels of \(pixelBytes)"
      cases.append(KernelCase("unfilterRows: \(inputs)") { unfilter(filter, pixelBytes, &$0) })
    }
  }
  for filter in [UInt8(3), 4] {
    for pixelBytes in [2, 3, 4, 6, 8] {
      let inputs = "filter \(filter), pixels of \(pixelBytes), flat areas"
      cases.append(KernelCase("unfilterRows: \(inputs)") { unfilterFlat(filter, pixelBytes, &$0) })
    }
  }
  return cases
}

private func unfilter(_ filter: UInt8, _ pixelBytes: Int, _ check: inout KernelCheck) {
  var random = SplitMix64(seed: UInt64(filter) * 10 + UInt64(pixelBytes))
  for pixels in Array(1...12) + [15, 16, 17, 31, 33, 40, 255] {
    for rowCount in [1, 2, 3, 7] {
      let count = pixels * pixelBytes
      // Half of the rows have only few values, so that predictors tie. 5 stands for any filter, which changes from row to row.
      let factor = random.next() & 1 == 0 ? UInt8(1) : 60
      var expected = (0..<rowCount * (count + 1) + slack).map { _ in
        UInt8(truncatingIfNeeded: random.next()) / factor &* factor
      }
      for row in 0..<rowCount {
        expected[row * (count + 1)] = filter < 5 ? filter : UInt8(truncatingIfNeeded: random.next() % 5)
      }
      var actual = expected
      let prior = (0..<count + slack).map { _ in UInt8(truncatingIfNeeded: random.next() % 5 * 60) }
      unfilterRowsReference(rows: &expected, rowCount: rowCount, prior: prior, pixelBytes: pixelBytes, count: count)
      unfilterRows(rows: &actual, rowCount: rowCount, prior: prior, pixelBytes: pixelBytes, count: count)
      check.expect(actual, is: expected, "\(rowCount) rows of \(pixels) pixels")
    }
  }
}

/// Rows of zeros with a few other bytes, below runs of one color. The kernels do not handle such flat areas pixel by pixel.
private func unfilterFlat(_ filter: UInt8, _ pixelBytes: Int, _ check: inout KernelCheck) {
  var random = SplitMix64(seed: UInt64(filter) * 10 + UInt64(pixelBytes))
  for pixels in [200, 301, 640] {
    for others in [0, 1, 5, 60] {
      let (count, rowCount) = (pixels * pixelBytes, 5)
      var expected = [UInt8](repeating: 0, count: rowCount * (count + 1) + slack)
      for _ in 0..<others {
        expected[Int(random.next() % UInt64(rowCount * (count + 1)))] = UInt8(truncatingIfNeeded: random.next())
      }
      for row in 0..<rowCount { expected[row * (count + 1)] = filter }
      // Sometimes the color differs from the one before, in one channel, by one level or by more.
      var color = [UInt8](repeating: 100, count: pixelBytes)
      var prior: [UInt8] = []
      for _ in 0..<pixels {
        if random.next() % 40 == 0 {
          color[Int(random.next() % UInt64(pixelBytes))] &+= random.next() & 1 == 0 ? 1 : 90
        }
        prior += color
      }
      prior += [UInt8](repeating: 0xA5, count: slack)
      // The first pixel is the color above it. Paeth gives that color with a difference of 0, and Average gives half of it, so the other
      // half is the difference.
      if filter == 3 { for i in 0..<pixelBytes { expected[1 + i] = prior[i] - prior[i] / 2 } }
      var actual = expected
      unfilterRowsReference(rows: &expected, rowCount: rowCount, prior: prior, pixelBytes: pixelBytes, count: count)
      unfilterRows(rows: &actual, rowCount: rowCount, prior: prior, pixelBytes: pixelBytes, count: count)
      check.expect(actual, is: expected, "\(pixels) pixels, \(others) others")
    }
  }
}
