import CPixelIntrinsics
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
      cases.append(
        KernelCase("convolveWordColumns, …ToBytes, …ToFine, …ToSums: \(inputs)") { verticalWords(width, window, &$0) })
    }
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
  let weights = (0..<2).map { _ in (0..<window.taps).map { _ in Int16.random(in: -9_000...32_767, using: &random) } }
  for (shift, start) in [(Int32(1), Int32(0)), (9, 256 - 128 << 14), (15, 1 << 29)] {
    compareColumns(
      Int16.self, convolveColumns, convolveColumnsReference, rows, weights, window, start, 0, shift, "shift \(shift)",
      &check)
  }
}

private func verticalWords(_ width: Int, _ window: Window, _ check: inout KernelCheck) {
  var random = SplitMix64(seed: UInt64(width * 100 + window.taps))
  let rows = (0..<window.taps).map { _ in
    (0..<width).map { _ in Int16.random(in: -16_384...16_384, using: &random) }
  }
  let weights = (0..<2).map { _ in (0..<window.taps).map { _ in Int16.random(in: -2_000...2_000, using: &random) } }
  for (pairShift, shift) in [(Int32(0), Int32(1)), (0, 9), (0, 16), (1, 15), (6, 16)] {
    let (start, inputs) = (Int32(1) << (shift - 1), "pair shift \(pairShift), shift \(shift)")
    compareColumns(
      Int16.self, convolveWordColumns, convolveWordColumnsReference, rows, weights, window, start, pairShift, shift,
      "\(inputs), words", &check)
    compareColumns(
      UInt8.self, convolveWordColumnsToBytes, convolveWordColumnsToBytesReference, rows, weights, window, start,
      pairShift, shift, "\(inputs), bytes", &check)
    compareColumns(
      UInt16.self, convolveWordColumnsToFine, convolveWordColumnsToFineReference, rows, weights, window, start,
      pairShift, shift, "\(inputs), fine", &check)
    compareColumns(
      Int32.self, convolveWordColumnsToSums, convolveWordColumnsToSumsReference, rows, weights, window, 0, pairShift,
      shift, "\(inputs), sums", &check)
  }
}

/// Compares both output rows of a kernel with its definition.
private func compareColumns<Sample, Output: FixedWidthInteger>(
  _: Output.Type, _ kernel: @escaping (cpi_column_convolution) -> Void,
  _ definition: @escaping (cpi_column_convolution) -> Void,
  _ rows: [[Sample]], _ weights: [[Int16]], _ window: Window, _ start: Int32, _ pairShift: Int32, _ shift: Int32,
  _ inputs: String, _ check: inout KernelCheck
) {
  let width = rows[0].count
  var outputs: [[Output]] = []
  for run in [kernel, definition] {
    // Past the end there is another value in each.
    var output = [Output](repeating: 1, count: width)
    var nextOutput = output
    withRows(rows) { rows in
      weights[0].withUnsafeBufferPointer { weights in
        nextWeights(weights.baseAddress!)
      }
      func nextWeights(_ first: UnsafePointer<Int16>) {
        weights[1].withUnsafeBufferPointer { second in
          output.withUnsafeMutableBytes { output in
            nextOutput.withUnsafeMutableBytes { nextOutput in
              run(
                cpi_column_convolution(
                  rows: UnsafeRawPointer(rows).assumingMemoryBound(to: UnsafeRawPointer.self), taps: window.taps,
                  weights: first, end: window.end, next_weights: second.baseAddress!, begin: window.begin,
                  count: width, start: start, pair_shift: pairShift, shift: shift, output: output.baseAddress!,
                  next_output: nextOutput.baseAddress!))
            }
          }
        }
      }
    }
    outputs += [output, nextOutput]
  }
  check.expect(outputs[0], is: outputs[2], inputs)
  check.expect(outputs[1], is: outputs[3], "\(inputs), second row")
}

private func horizontal(_ outputs: Int, _ pairs: Int, _ pairShift: Int32, _ check: inout KernelCheck) {
  var random = SplitMix64(seed: UInt64(outputs * 100 + pairs))
  let columns = (0..<(outputs + pairs) * horizontalLanes).map { _ in Int32.random(in: .min ... .max, using: &random) }
  let weights = (0..<outputs * pairs * 2).map { _ in Int16.random(in: -1_000...1_000, using: &random) }
  let firstPairs = (0..<outputs).map { Int32($0) }

  func compare<Output: FixedWidthInteger>(
    _: Output.Type, _ kernel: @escaping (cpi_row_convolution) -> Void,
    _ definition: @escaping (cpi_row_convolution) -> Void,
    _ shift: Int32, _ inputs: String
  ) {
    var results: [[Output]] = []
    for run in [kernel, definition] {
      var output = [Output](repeating: 1, count: outputs * horizontalLanes)
      columns.withUnsafeBufferPointer { columns in
        firstPairs.withUnsafeBufferPointer { firstPairs in
          weights.withUnsafeBufferPointer { weights in
            output.withUnsafeMutableBytes { output in
              run(
                cpi_row_convolution(
                  columns: columns.baseAddress!, first_pairs: firstPairs.baseAddress!, weights: weights.baseAddress!,
                  pairs: pairs, output_count: outputs, start: shift == 0 ? 0 : 1 << (shift - 1),
                  pair_shift: pairShift, shift: shift, output: output.baseAddress!))
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
