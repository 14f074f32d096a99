import TestSupport

#if GESSO_X86V3_CASES
import PixelKernelsX86v3
#else
import PixelKernels
#endif

/// Widths around every vector length.
private let widths = [1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 47, 63, 64, 65, 255]

/// Where the first output row's window ends and the second one's begins, of `taps` rows: overlapping, apart, alone.
private typealias Window = (taps: Int, end: Int, begin: Int)
private let windows: [Window] = [(2, 2, 2), (6, 4, 2), (6, 6, 2), (8, 2, 6), (24, 24, 24), (30, 24, 6)]

func convolutionCases() -> [KernelCase] {
  var cases: [KernelCase] = []
  for width in widths {
    for window in windows {
      let inputs = "\(width) samples, rows 0..<\(window.end) and \(window.begin)..<\(window.taps)"
      cases.append(KernelCase("convolveColumns: \(inputs)") { vertical(width, window, &$0) })
      cases.append(KernelCase("convolveColumnsOfWords: \(inputs)") { verticalWords(width, window, &$0) })
    }
  }
  for outputs in [1, 2, 3, 17] {
    for pairs in [1, 3, 12] {
      for pairShift in [Int32(0), 3] {
        let inputs = "\(outputs) columns of \(pairs) pairs, pair shift \(pairShift)"
        cases.append(
          KernelCase("convolveRows, …Fine, …ToSums: \(inputs)") { horizontal(outputs, pairs, pairShift, &$0) })
      }
    }
  }
  return cases
}

private func vertical(_ width: Int, _ window: Window, _ check: inout KernelCheck) {
  var random = SplitMix64(seed: UInt64(width * 100 + window.taps))
  let rows = (0..<window.taps).map { _ in (0..<width).map { _ in UInt8.random(in: 0...255, using: &random) } }
  let weights = (0..<window.end).map { _ in Int16.random(in: -9_000...32_767, using: &random) }
  let nextWeights = (0..<window.taps).map { _ in Int16.random(in: -9_000...32_767, using: &random) }
  for (shift, start) in [(Int32(1), Int32(0)), (9, 256 - 128 << 14), (15, 1 << 29)] {
    var expected = [Int16](repeating: 2, count: width)
    var nextExpected = [Int16](repeating: 1, count: width)
    var actual = [Int16](repeating: 1, count: width)
    var nextActual = actual
    withRows(rows) { pointers in
      convolveColumnsReference(
        rows: pointers, weights: weights, taps: window.end, from: 0, count: width, start: start, shift: shift,
        output: &expected)
      if window.begin < window.taps {
        convolveColumnsReference(
          rows: pointers + window.begin, weights: nextWeights, taps: window.taps - window.begin, from: 0, count: width,
          start: start, shift: shift, output: &nextExpected)
      }
      convolveColumns(
        rows: pointers, taps: window.taps, weights: weights, end: window.end, nextWeights: nextWeights,
        begin: window.begin, count: width, start: start, shift: shift, output: &actual, nextOutput: &nextActual)
    }
    check.expect(actual, is: expected, "shift \(shift)")
    check.expect(nextActual, is: nextExpected, "shift \(shift), second row")
  }
}

private func verticalWords(_ width: Int, _ window: Window, _ check: inout KernelCheck) {
  var random = SplitMix64(seed: UInt64(width * 100 + window.taps))
  let rows = (0..<window.taps).map { _ in
    (0..<width).map { _ in Int16.random(in: -16_384...16_384, using: &random) }
  }
  let weights = (0..<window.end).map { _ in Int16.random(in: -2_000...2_000, using: &random) }
  let nextWeights = (0..<window.taps).map { _ in Int16.random(in: -2_000...2_000, using: &random) }
  for (pairShift, shift) in [(Int32(0), Int32(1)), (0, 9), (0, 16), (1, 15), (6, 16)] {
    var expected = [Int16](repeating: 2, count: width)
    var nextExpected = [Int16](repeating: 1, count: width)
    var actual = [Int16](repeating: 1, count: width)
    var nextActual = actual
    withRows(rows) { pointers in
      convolveColumnsOfWordsReference(
        rows: pointers, weights: weights, taps: window.end, from: 0, count: width, pairShift: pairShift, shift: shift,
        output: &expected)
      if window.begin < window.taps {
        convolveColumnsOfWordsReference(
          rows: pointers + window.begin, weights: nextWeights, taps: window.taps - window.begin, from: 0, count: width,
          pairShift: pairShift, shift: shift, output: &nextExpected)
      }
      convolveColumnsOfWords(
        rows: pointers, taps: window.taps, weights: weights, end: window.end, nextWeights: nextWeights,
        begin: window.begin, count: width, pairShift: pairShift, shift: shift, output: &actual, nextOutput: &nextActual)
    }
    check.expect(actual, is: expected, "pair shift \(pairShift), shift \(shift)")
    check.expect(nextActual, is: nextExpected, "pair shift \(pairShift), shift \(shift), second row")
  }
}

private func horizontal(_ outputs: Int, _ pairs: Int, _ pairShift: Int32, _ check: inout KernelCheck) {
  var random = SplitMix64(seed: UInt64(outputs * 100 + pairs))
  let columns = (0..<(outputs + pairs) * horizontalLanes).map { _ in Int32.random(in: .min ... .max, using: &random) }
  let weights = (0..<outputs * pairs * 2).map { _ in Int16.random(in: -1_000...1_000, using: &random) }
  let firstPairs = (0..<outputs).map { Int32($0) }
  let count = outputs * horizontalLanes

  var expected = [UInt8](repeating: 2, count: count)
  convolveRowsReference(
    columns: columns, firstPairs: firstPairs, weights: weights, pairs: pairs, outputCount: outputs,
    pairShift: pairShift, shift: 14, output: &expected)
  var actual = [UInt8](repeating: 1, count: count)
  convolveRows(
    columns: columns, firstPairs: firstPairs, weights: weights, pairs: pairs, outputCount: outputs,
    pairShift: pairShift, shift: 14, output: &actual)
  check.expect(actual, is: expected, "bytes")

  var expectedFine = [UInt16](repeating: 2, count: count)
  convolveRowsFineReference(
    columns: columns, firstPairs: firstPairs, weights: weights, pairs: pairs, outputCount: outputs,
    pairShift: pairShift, shift: 14, output: &expectedFine)
  var actualFine = [UInt16](repeating: 1, count: count)
  convolveRowsFine(
    columns: columns, firstPairs: firstPairs, weights: weights, pairs: pairs, outputCount: outputs,
    pairShift: pairShift, shift: 14, output: &actualFine)
  check.expect(actualFine, is: expectedFine, "words")

  var expectedSums = [Int32](repeating: 2, count: count)
  convolveRowsToSumsReference(
    columns: columns, firstPairs: firstPairs, weights: weights, pairs: pairs, outputCount: outputs,
    pairShift: pairShift, output: &expectedSums)
  var actualSums = [Int32](repeating: 1, count: count)
  convolveRowsToSums(
    columns: columns, firstPairs: firstPairs, weights: weights, pairs: pairs, outputCount: outputs,
    pairShift: pairShift, output: &actualSums)
  check.expect(actualSums, is: expectedSums, "sums")
}
