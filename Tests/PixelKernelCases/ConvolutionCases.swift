import CPixelIntrinsics
import TestSupport

#if GESSO_X86V3_CASES
import PixelKernelsX86v3
#else
import PixelKernels
#endif

/// Widths around every vector length.
private let widths = [1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 47, 63, 64, 65, 255]

/// The windows of two output rows within `taps` input rows. The first window ends at `end`, and the second one begins at `begin`. They
/// overlap, or are apart, or there is only one.
private typealias Window = (taps: Int, end: Int, begin: Int)
private let windows: [Window] = [(2, 2, 2), (6, 4, 2), (6, 6, 2), (8, 2, 6), (24, 24, 24), (30, 24, 6)]

func convolutionCases() -> [KernelCase] {
  var cases: [KernelCase] = []
  for width in widths {
    for window in windows {
      let inputs = "\(width) samples, rows 0..<\(window.end) and \(window.begin)..<\(window.taps)"
      cases.append(KernelCase("convolveColumns: \(inputs)") { vertical(width, window, &$0) })
    }
    for pairs in [1, 3, 4, 12] {
      let inputs = "\(width) samples, \(pairs) pairs of rows"
      cases.append(KernelCase("convolvePairsToWords, …Bytes, …Fine, …Sums: \(inputs)") { paired(width, pairs, &$0) })
    }
    cases.append(KernelCase("pairRows: \(width) samples") { pair(width, &$0) })
  }
  for outputs in [1, 2, 3, 17] {
    for pairs in [1, 3, 12] {
      for pairShift in [Int32(0), 3] {
        let inputs = "\(outputs) columns of \(pairs) pairs, pair shift \(pairShift)"
        cases.append(
          KernelCase("convolveRowsToBytes, …Words, …Fine, …Sums: \(inputs)") {
            horizontal(outputs, pairs, pairShift, &$0)
          })
      }
    }
  }
  return cases
}

private func vertical(_ width: Int, _ window: Window, _ check: inout KernelCheck) {
  var random = SplitMix64(seed: UInt64(width * 100 + window.taps))
  let rows = (0..<window.taps).map { _ in (0..<width).map { _ in UInt8.random(in: 0...255, using: &random) } }
  let weights = (0..<window.taps).map { _ in Int16.random(in: -9_000...32_767, using: &random) }
  let nextWeights = (0..<window.taps).map { _ in Int16.random(in: -9_000...32_767, using: &random) }
  for (shift, start) in [(Int32(1), Int32(0)), (9, 256 - 128 << 14), (15, 1 << 29)] {
    var outputs: [[Int16]] = []
    for run in [convolveColumns, convolveColumnsReference] {
      var output = [Int16](repeating: 1, count: width)
      var nextOutput = output
      withRows(rows) { rows in
        weights.withUnsafeBufferPointer { weights in
          nextWeights.withUnsafeBufferPointer { nextWeights in
            output.withUnsafeMutableBufferPointer { output in
              nextOutput.withUnsafeMutableBufferPointer { nextOutput in
                run(
                  cpi_column_convolution(
                    rows: rows, taps: window.taps, weights: weights.baseAddress!, end: window.end,
                    next_weights: nextWeights.baseAddress!, begin: window.begin, count: width, start: start,
                    shift: shift, output: output.baseAddress!, next_output: nextOutput.baseAddress!))
              }
            }
          }
        }
      }
      outputs += [output, nextOutput]
    }
    check.expect(outputs[0], is: outputs[2], "shift \(shift)")
    check.expect(outputs[1], is: outputs[3], "shift \(shift), second row")
  }
}

private func paired(_ width: Int, _ pairs: Int, _ check: inout KernelCheck) {
  var random = SplitMix64(seed: UInt64(width * 100 + pairs))
  let rows = (0..<pairs).map { _ in (0..<2 * width).map { _ in Int16.random(in: -16_384...16_384, using: &random) } }
  let weights = (0..<2 * pairs).map { _ in Int16.random(in: -2_000...2_000, using: &random) }

  func compare<Output: FixedWidthInteger>(
    _: Output.Type, _ kernel: @escaping (cpi_pair_convolution) -> Void,
    _ definition: @escaping (cpi_pair_convolution) -> Void, _ start: Int32, _ pairShift: Int32, _ shift: Int32,
    _ inputs: String
  ) {
    var outputs: [[Output]] = []
    for run in [kernel, definition] {
      var output = [Output](repeating: 1, count: width)
      withRows(rows) { rows in
        weights.withUnsafeBufferPointer { weights in
          output.withUnsafeMutableBytes { output in
            run(
              cpi_pair_convolution(
                rows: rows, pairs: pairs, weights: weights.baseAddress!, count: width, start: start,
                pair_shift: pairShift, shift: shift, output: output.baseAddress!))
          }
        }
      }
      outputs.append(output)
    }
    check.expect(outputs[0], is: outputs[1], "\(inputs), pair shift \(pairShift), shift \(shift)")
  }
  for (pairShift, shift) in [(Int32(0), Int32(1)), (0, 9), (0, 16), (1, 15), (6, 16)] {
    let start = Int32(1) << (shift - 1)
    compare(Int16.self, convolvePairsToWords, convolvePairsToWordsReference, start, pairShift, shift, "words")
    compare(UInt8.self, convolvePairsToBytes, convolvePairsToBytesReference, start, pairShift, shift, "bytes")
    compare(UInt16.self, convolvePairsToFine, convolvePairsToFineReference, start, pairShift, shift, "fine")
    compare(Int32.self, convolvePairsToSums, convolvePairsToSumsReference, 0, pairShift, shift, "sums")
  }
}

private func pair(_ width: Int, _ check: inout KernelCheck) {
  let rows = (0..<2).map { row in (0..<width).map { Int16(truncatingIfNeeded: $0 * 31 - row * 20_000) } }
  var actual = [Int16](repeating: 1, count: 2 * width + 1)
  pairRows(rows[0], rows[1], count: width, output: &actual)
  check.expect(actual, is: (0..<width).flatMap { [rows[0][$0], rows[1][$0]] } + [1], "rows")
}

private func horizontal(_ outputs: Int, _ pairs: Int, _ pairShift: Int32, _ check: inout KernelCheck) {
  var random = SplitMix64(seed: UInt64(outputs * 100 + pairs))
  let columns = (0..<(outputs + pairs) * 32).map { _ in Int32.random(in: .min ... .max, using: &random) }
  let weights = (0..<outputs * pairs * 2).map { _ in Int16.random(in: -1_000...1_000, using: &random) }
  let firstPairs = (0..<outputs).map { Int32($0) }

  func compare<Output: FixedWidthInteger>(
    _: Output.Type, _ kernel: @escaping (cpi_row_convolution) -> Void,
    _ definition: @escaping (cpi_row_convolution) -> Void, _ shift: Int32, _ inputs: String
  ) { for lanes in [16, 32] { compare(Output.self, kernel, definition, shift, lanes, "\(inputs), \(lanes) lanes") } }
  func compare<Output: FixedWidthInteger>(
    _: Output.Type, _ kernel: @escaping (cpi_row_convolution) -> Void,
    _ definition: @escaping (cpi_row_convolution) -> Void, _ shift: Int32, _ lanes: Int, _ inputs: String
  ) {
    var results: [[Output]] = []
    for run in [kernel, definition] {
      var output = [Output](repeating: 1, count: outputs * lanes)
      columns.withUnsafeBufferPointer { columns in
        firstPairs.withUnsafeBufferPointer { firstPairs in
          weights.withUnsafeBufferPointer { weights in
            output.withUnsafeMutableBytes { output in
              run(
                cpi_row_convolution(
                  lanes: lanes, columns: columns.baseAddress!, first_pairs: firstPairs.baseAddress!,
                  weights: weights.baseAddress!, pairs: pairs, output_count: outputs,
                  start: shift == 0 ? 0 : 1 << (shift - 1), pair_shift: pairShift, shift: shift,
                  output: output.baseAddress!))
            }
          }
        }
      }
      results.append(output)
    }
    check.expect(results[0], is: results[1], inputs)
  }
  compare(UInt8.self, convolveRowsToBytes, convolveRowsToBytesReference, 14, "bytes")
  compare(Int16.self, convolveRowsToWords, convolveRowsToWordsReference, 8, "words")
  compare(UInt16.self, convolveRowsToFine, convolveRowsToFineReference, 6, "fine")
  compare(Int32.self, convolveRowsToSums, convolveRowsToSumsReference, 0, "sums")
}
