import CPixelIntrinsics
import PixelKernels
import TestSupport
import Testing

#if GESSO_X86V3
import PixelKernelsX86v3
#endif

/// The PNG filter kernels of one instruction set.
struct FilterKernels: Sendable, CustomTestStringConvertible {
  typealias Choose = @Sendable (UnsafePointer<UInt8>, UnsafePointer<UInt8>, Int, Int) -> Int

  let testDescription: String
  let bySum: Choose
  let byLogarithms: Choose
  let apply: @Sendable (UnsafePointer<UInt8>, UnsafePointer<UInt8>, Int, Int, Int, UnsafeMutablePointer<UInt8>) -> Void

  static let all: [FilterKernels] = {
    let baseline = FilterKernels(
      testDescription: "baseline", bySum: PixelKernels.filterBySum, byLogarithms: PixelKernels.filterByLogarithms,
      apply: PixelKernels.applyFilter)
    #if GESSO_X86V3
    guard cpi_runs_x86_64_v3() else { return [baseline] }
    return [
      baseline,
      FilterKernels(
        testDescription: "x86-64-v3", bySum: PixelKernelsX86v3.filterBySum,
        byLogarithms: PixelKernelsX86v3.filterByLogarithms, apply: PixelKernelsX86v3.applyFilter),
    ]
    #else
    return [baseline]
    #endif
  }()
}

/// The filter kernels against the formulas of PNG third edition, 9.2 and 9.4, at widths around every vector length.
@Suite("PNG filter kernels")
struct RowFilterTests {
  /// What a filter leaves of a row.
  static func filtered(_ row: [UInt8], above: [UInt8], pixelBytes: Int, filter: Int) -> [UInt8] {
    row.indices.map { x in
      let a = x < pixelBytes ? 0 : Int(row[x - pixelBytes])
      let b = Int(above[x])
      let c = x < pixelBytes ? 0 : Int(above[x - pixelBytes])
      let p = a + b - c
      let nearest = [a, b, c].min { abs(p - $0) < abs(p - $1) }!
      return row[x] &- UInt8([0, a, b, (a + b) / 2, nearest][filter])
    }
  }

  /// Rows in which each byte is any, or one of the few that make ties.
  static func rows(_ width: Int, pixelBytes: Int) -> [([UInt8], [UInt8])] {
    var random = SplitMix64(seed: UInt64(width * 8 + pixelBytes))
    return [[UInt8](0...255), [0, 1, 2], [0, 127, 128, 255], [100, 101, 103, 110]].map { values in
      (
        (0..<width).map { _ in values.randomElement(using: &random)! },
        (0..<width).map { _ in values.randomElement(using: &random)! }
      )
    }
  }

  static let widths = [1, 2, 3, 15, 16, 17, 31, 32, 33, 40, 63, 64, 65, 300]

  @Test("each filter is its formula", arguments: widths, [1, 2, 3, 4, 6, 8])
  func formulas(width: Int, pixelBytes: Int) {
    for (row, above) in Self.rows(width, pixelBytes: pixelBytes) {
      for filter in 0...4 {
        let expected = Self.filtered(row, above: above, pixelBytes: pixelBytes, filter: filter)
        for kernels in FilterKernels.all {
          var actual = [UInt8](repeating: 0xA5, count: width + 1)
          kernels.apply(row, above, width, pixelBytes, filter, &actual)
          #expect(actual == expected + [0xA5], "\(kernels.testDescription) filter \(filter)")
        }
      }
    }
  }

  @Test("the filter with the smallest sum is chosen", arguments: widths, [1, 3, 4])
  func choices(width: Int, pixelBytes: Int) {
    for (row, above) in Self.rows(width, pixelBytes: pixelBytes) {
      let left = (0...4).map {
        Self.filtered(row, above: above, pixelBytes: pixelBytes, filter: $0).map { min(Int($0), 256 - Int($0)) }
      }
      let sums = left.map { $0.reduce(0, +) }
      let logarithms = left.map { row in
        row.reduce(0) { sum, v in sum + 16 * min(v, 1) + 8 * min(v, 3) + 4 * min(v, 7) + 2 * min(v, 15) + min(v, 31) }
      }
      for kernels in FilterKernels.all {
        #expect(kernels.bySum(row, above, width, pixelBytes) == sums.firstIndex(of: sums.min()!))
        #expect(kernels.byLogarithms(row, above, width, pixelBytes) == logarithms.firstIndex(of: logarithms.min()!))
      }
    }
  }
}
