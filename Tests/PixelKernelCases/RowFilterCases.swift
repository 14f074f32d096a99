import TestSupport

#if GESSO_X86V3_CASES
import PixelKernelsX86v3
#else
import PixelKernels
#endif

/// The filters are compared with the formulas of PNG third edition, 9.2 and 9.4, at widths around every vector length.
func rowFilterCases() -> [KernelCase] {
  var cases: [KernelCase] = []
  for width in [1, 2, 3, 15, 16, 17, 31, 32, 33, 40, 63, 64, 65, 300] {
    for pixelBytes in [1, 2, 3, 4, 6, 8] {
      let inputs = "\(width) bytes, pixels of \(pixelBytes)"
      cases.append(KernelCase("applyFilter: \(inputs)") { apply(width, pixelBytes, &$0) })
      cases.append(KernelCase("filterBySum, filterByLogarithms: \(inputs)") { choose(width, pixelBytes, &$0) })
    }
  }
  return cases
}

/// The differences that a filter leaves of a row.
private func filtered(_ row: [UInt8], above: [UInt8], pixelBytes: Int, filter: Int) -> [UInt8] {
  (0..<row.count).map { x in
    let a = x < pixelBytes ? 0 : Int(row[x - pixelBytes])
    let b = Int(above[x])
    let c = x < pixelBytes ? 0 : Int(above[x - pixelBytes])
    let p = a + b - c
    let nearest = [a, b, c].min { abs(p - $0) < abs(p - $1) }!
    return row[x] &- UInt8([0, a, b, (a + b) / 2, nearest][filter])
  }
}

/// Rows of random bytes, and rows of a few values for which the predictors often tie.
private func rows(_ width: Int, pixelBytes: Int) -> [(row: [UInt8], above: [UInt8])] {
  var random = SplitMix64(seed: UInt64(width * 8 + pixelBytes))
  return [Array(0...255), [0, 1, 2], [0, 127, 128, 255], [100, 101, 103, 110]].map { (values: [UInt8]) in
    (
      (0..<width).map { _ in values.randomElement(using: &random)! },
      (0..<width).map { _ in values.randomElement(using: &random)! }
    )
  }
}

private func apply(_ width: Int, _ pixelBytes: Int, _ check: inout KernelCheck) {
  for (row, above) in rows(width, pixelBytes: pixelBytes) {
    for filter in 0...4 {
      var actual = [UInt8](repeating: 0xA5, count: width + 1)
      applyFilter(row, above: above, count: width, pixelBytes: pixelBytes, filter: filter, output: &actual)
      let expected = filtered(row, above: above, pixelBytes: pixelBytes, filter: filter)
      check.expect(actual, is: expected + [0xA5], "filter \(filter)")
    }
  }
}

/// The filter with the smallest sum is chosen. If sums are equal, the first of these filters is chosen.
private func choose(_ width: Int, _ pixelBytes: Int, _ check: inout KernelCheck) {
  for (row, above) in rows(width, pixelBytes: pixelBytes) {
    let left = (0...4).map {
      filtered(row, above: above, pixelBytes: pixelBytes, filter: $0).map { min(Int($0), 256 - Int($0)) }
    }
    let sums = left.map { $0.reduce(0, +) }
    let logarithms = left.map { row in
      row.reduce(0) { sum, v in sum + 16 * min(v, 1) + 8 * min(v, 3) + 4 * min(v, 7) + 2 * min(v, 15) + min(v, 31) }
    }
    let chosen = filterBySum(row, above: above, count: width, pixelBytes: pixelBytes)
    check.expect([chosen], is: [sums.firstIndex(of: sums.min()!)!], "by sum")
    let chosenByLogarithms = filterByLogarithms(row, above: above, count: width, pixelBytes: pixelBytes)
    check.expect([chosenByLogarithms], is: [logarithms.firstIndex(of: logarithms.min()!)!], "by logarithms")
  }
}
