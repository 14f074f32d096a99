import CPixelIntrinsics
import TestSupport

#if GESSO_X86V3_CASES
import PixelKernelsX86v3
#else
import PixelKernels
#endif

/// The numbers of rows that arrive together, which are called slabs.
private let slabLists = [[2], [16], [4, 2, 16], [16, 16, 6]]
private let shifts: [(shift: Int32, pairShift: Int32)] = [(1, 0), (9, 0), (16, 0), (16, 1), (12, 6)]

func linearLightCases() -> [KernelCase] {
  var cases: [KernelCase] = []
  for slabs in slabLists {
    var text = ""
    for slab in slabs { text += " \(slab)" }
    for count in [64, 192, 512] {
      let kernels = "layOutLight, accumulatePairs, roundLight"
      cases.append(KernelCase("\(kernels): \(count) samples, slabs of\(text) rows") { vertical(slabs, count, &$0) })
    }
    for channels in [2, 4] {
      let kernels = "layOutPremultipliedLight, accumulatePairs, roundPremultipliedLight"
      cases.append(
        KernelCase("\(kernels): \(channels) channels, slabs of\(text) rows") { verticalWithAlpha(slabs, channels, &$0) }
      )
    }
  }
  cases.append(KernelCase("layOutLight: a block begins anywhere in a row", offset))
  for channels in [2, 4] {
    cases.append(KernelCase("unpremultiplyLight: \(channels) channels") { unpremultiply(channels, &$0) })
  }
  return cases
}

/// Windows of output rows. The input rows are added to their sums slab by slab, and the windows begin and end in different slabs.
private func windows(_ rowCount: Int) -> [Range<Int>] {
  [0..<rowCount, 0..<2, rowCount - 2..<rowCount, rowCount / 4 * 2..<rowCount].filter { !$0.isEmpty }
}

private func vertical(_ slabs: [Int], _ count: Int, _ check: inout KernelCheck) {
  let rowCount = slabs.reduce(0, +)
  var random = SplitMix64(seed: UInt64(rowCount * 1_000 + count))
  let rows = (0..<rowCount).map { _ in (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) } }
  for window in windows(rowCount) {
    let weights = (0..<window.count).map { _ in Int16.random(in: -1_500...3_000, using: &random) }
    let one = weights.reduce(0) { $0 + Int32($1) }
    for (shift, pairShift) in shifts {
      let start = (Int32(1) << (shift - 1)) &- 16_384 &* (one >> pairShift)
      var expected = [Int16](repeating: 2, count: count)
      withRows(Array(rows[window])) {
        convolveLightReference(
          rows: $0, weights: weights, taps: window.count, count: count, pairShift: pairShift, start: start,
          shift: shift, output: &expected)
      }
      var sums = [Int32](repeating: 7, count: count)
      var first = 0
      for slab in slabs {
        let part = window.clamped(to: first..<first + slab)
        if !part.isEmpty {
          var block = [Int16](repeating: 3, count: slab * count)
          withRows(Array(rows[first..<first + slab])) {
            layOutLight(rows: $0, pairs: slab / 2, offset: 0, count: count, block: &block)
          }
          weights.withUnsafeBufferPointer { weights in
            block.withUnsafeBufferPointer { block in
              sums.withUnsafeMutableBufferPointer { sums in
                accumulatePairs(
                  cpi_light_accumulation(
                    block: block.baseAddress!, stride: slab / 2, first: (part.lowerBound - first) / 2,
                    pairs: part.count / 2, weights: weights.baseAddress! + part.lowerBound - window.lowerBound,
                    pair_shift: pairShift, begins: part.lowerBound == window.lowerBound, start: start,
                    next_start: start, count: count, sums: sums.baseAddress!))
              }
            }
          }
        }
        first += slab
      }
      var actual = [Int16](repeating: 1, count: count)
      roundLight(sums: sums, count: count, shift: shift, output: &actual)
      check.expect(
        actual, is: expected,
        "rows \(window.lowerBound)..<\(window.upperBound), shift \(shift), pair shift \(pairShift)")
    }
  }
}

private func verticalWithAlpha(_ slabs: [Int], _ channels: Int, _ check: inout KernelCheck) {
  let (rowCount, count) = (slabs.reduce(0, +), 160)
  var random = SplitMix64(seed: UInt64(rowCount * 10 + channels))
  let rows = (0..<rowCount).map { _ in (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) } }
  for window in windows(rowCount) {
    let weights = (0..<window.count).map { _ in Int16.random(in: -1_500...3_000, using: &random) }
    let one = weights.reduce(0) { $0 + Int32($1) }
    for (shift, pairShift) in shifts {
      let start = -16_384 &* (one >> pairShift)
      var expected = [Int16](repeating: 2, count: count)
      var remainders = expected
      withRows(Array(rows[window])) {
        convolvePremultipliedLightReference(
          rows: $0, weights: weights, taps: window.count, channels: channels, count: count, pairShift: pairShift,
          start: start, shift: shift, output: &expected, remainder: &remainders)
      }
      var sums = [Int32](repeating: 7, count: 2 * count)
      var first = 0
      for slab in slabs {
        let part = window.clamped(to: first..<first + slab)
        if !part.isEmpty {
          var block = [Int16](repeating: 3, count: 2 * slab * count)
          withRows(Array(rows[first..<first + slab])) {
            layOutPremultipliedLight(
              rows: $0, pairs: slab / 2, channels: channels, offset: 0, count: count, block: &block)
          }
          weights.withUnsafeBufferPointer { weights in
            block.withUnsafeBufferPointer { block in
              sums.withUnsafeMutableBufferPointer { sums in
                accumulatePairs(
                  cpi_light_accumulation(
                    block: block.baseAddress!, stride: slab / 2, first: (part.lowerBound - first) / 2,
                    pairs: part.count / 2, weights: weights.baseAddress! + part.lowerBound - window.lowerBound,
                    pair_shift: pairShift, begins: part.lowerBound == window.lowerBound, start: start,
                    next_start: 1 << (shift - 1), count: 2 * count, sums: sums.baseAddress!))
              }
            }
          }
        }
        first += slab
      }
      var actual = [Int16](repeating: 1, count: count)
      var actualRemainders = actual
      roundPremultipliedLight(
        sums: sums, count: 2 * count, shift: shift, output: &actual, remainder: &actualRemainders)
      let inputs = "rows \(window.lowerBound)..<\(window.upperBound), shift \(shift), pair shift \(pairShift)"
      check.expect(actual, is: expected, inputs)
      check.expect(actualRemainders, is: remainders, "\(inputs), remainders")
    }
  }
}

@Sendable
private func offset(_ check: inout KernelCheck) {
  let row = (0..<512).map { UInt8(truncatingIfNeeded: $0 &* 77) }
  var whole = [Int16](repeating: 1, count: 2 * 512)
  var part = [Int16](repeating: 2, count: 2 * 192)
  withRows([row, Array(row.reversed())]) {
    layOutLight(rows: $0, pairs: 1, offset: 0, count: 512, block: &whole)
    layOutLight(rows: $0, pairs: 1, offset: 320, count: 192, block: &part)
  }
  // The order within a group of samples depends on the instruction set, so it is not part of the digest.
  for i in 0..<part.count where part[i] != whole[640 + i] {
    check.expect(false, "word \(i) of the part is that of the whole block")
    break
  }
  check.record(part.sorted())
}

/// Divides light by alpha. The inputs are sums of light times alpha of any pixel, as a window of one sample gives them.
private func unpremultiply(_ channels: Int, _ check: inout KernelCheck) {
  let pixels = 500
  // The table has one level for each 255th of the light. So an index that is wrong by one changes the result by one level at most.
  let table = (0..<65_025).map { UInt8($0 / 256) }
  for shift in [8, 16] {
    var random = SplitMix64(seed: UInt64(channels * 100 + shift))
    var high = [Int32](repeating: 0, count: pixels * HorizontalLanes.count(channels: channels))
    var low = high
    var exact: [Double] = []
    for x in 0..<pixels {
      // Alpha is below 0 or above the largest value for some pixels, and 0 for others.
      let alpha = x % 7 == 0 ? 0 : Double(Int.random(in: -20...290, using: &random)) + 0.25
      let alphaByte = max(0, min(255, Int(alpha + 0.5)))
      for c in 0..<channels {
        let isAlpha = c == channels - 1
        let light = isAlpha ? 1 : Double(Int.random(in: -50...1_050, using: &random)) / 1_000
        let sum = Int64(light * alpha * 127 * 256) << Int64(shift)
        high[x * HorizontalLanes.count(channels: channels) + c] = Int32((sum >> 8) - 16_384 << Int64(shift))
        low[x * HorizontalLanes.count(channels: channels) + c] = Int32(sum & 255)
        exact.append(isAlpha ? alpha : alphaByte == 0 ? 0 : max(0, light) * 65_024 / 256 - 0.5)
      }
    }
    var actual = [UInt8](repeating: 1, count: pixels * channels)
    unpremultiplyLight(
      high: high, low: low, channels: channels, pixels: pixels, shift: shift, table: table, output: &actual)
    check.expect(actual, within: 1, of: exact, largest: 255, "shift \(shift)")
  }
}
