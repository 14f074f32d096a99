import CPixelIntrinsics
import PixelKernels
import TestSupport
import Testing

#if GESSO_X86V3
import PixelKernelsX86v3
#endif

/// The convolution kernels of one instruction set.
struct Kernels: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let convolveColumns:
    @Sendable (
      UnsafePointer<UnsafePointer<UInt8>>, Int, UnsafePointer<Int16>, Int, UnsafePointer<Int16>, Int, Int, Int32, Int32,
      UnsafeMutablePointer<Int16>, UnsafeMutablePointer<Int16>
    ) -> Void
  let convolveRows:
    @Sendable (
      UnsafePointer<Int32>, UnsafePointer<Int32>, UnsafePointer<Int16>, Int, Int, Int32, Int32,
      UnsafeMutablePointer<UInt8>
    ) -> Void
  let convolveRowsFine:
    @Sendable (
      UnsafePointer<Int32>, UnsafePointer<Int32>, UnsafePointer<Int16>, Int, Int, Int32, Int32,
      UnsafeMutablePointer<UInt16>
    ) -> Void
  let convolveRowsToSums:
    @Sendable (
      UnsafePointer<Int32>, UnsafePointer<Int32>, UnsafePointer<Int16>, Int, Int, Int32, UnsafeMutablePointer<Int32>
    ) -> Void
  let convolveColumnsOfWords:
    @Sendable (
      UnsafePointer<UnsafePointer<Int16>>, Int, UnsafePointer<Int16>, Int, UnsafePointer<Int16>, Int, Int, Int32, Int32,
      UnsafeMutablePointer<Int16>, UnsafeMutablePointer<Int16>
    ) -> Void
  let layOutLight: @Sendable (UnsafePointer<UnsafePointer<UInt8>>, Int, Int, Int, UnsafeMutablePointer<Int16>) -> Void
  let accumulatePairs:
    @Sendable (
      UnsafePointer<Int16>, Int, Int, Int, UnsafePointer<Int16>, Int32, Bool, Int32, Int32, Int,
      UnsafeMutablePointer<Int32>
    ) -> Void
  let layOutPremultipliedLight:
    @Sendable (UnsafePointer<UnsafePointer<UInt8>>, Int, Int, Int, Int, UnsafeMutablePointer<Int16>) -> Void
  let roundPremultipliedLight:
    @Sendable (
      UnsafePointer<Int32>, Int, Int32, UnsafeMutablePointer<Int16>, UnsafeMutablePointer<Int16>
    ) -> Void
  let roundLight: @Sendable (UnsafePointer<Int32>, Int, Int32, UnsafeMutablePointer<Int16>) -> Void
  let premultiplyCentered: @Sendable (UnsafePointer<UInt8>, Int, Int, UnsafeMutablePointer<Int16>) -> Void
  let interleaveColumns: @Sendable (UnsafePointer<Int16>, Int, Int, Int, UnsafeMutablePointer<Int32>) -> Void

  static let all: [Kernels] = {
    let baseline = Kernels(
      testDescription: "baseline", convolveColumns: PixelKernels.convolveColumns,
      convolveRows: PixelKernels.convolveRows, convolveRowsFine: PixelKernels.convolveRowsFine,
      convolveRowsToSums: PixelKernels.convolveRowsToSums,
      convolveColumnsOfWords: PixelKernels.convolveColumnsOfWords,
      layOutLight: PixelKernels.layOutLight, accumulatePairs: PixelKernels.accumulatePairs,
      layOutPremultipliedLight: PixelKernels.layOutPremultipliedLight,
      roundPremultipliedLight: PixelKernels.roundPremultipliedLight, roundLight: PixelKernels.roundLight,
      premultiplyCentered: PixelKernels.premultiplyCentered,
      interleaveColumns: PixelKernels.interleaveColumns)
    #if GESSO_X86V3
    guard cpi_runs_x86_64_v3() else { return [baseline] }
    return [
      baseline,
      Kernels(
        testDescription: "x86-64-v3", convolveColumns: PixelKernelsX86v3.convolveColumns,
        convolveRows: PixelKernelsX86v3.convolveRows, convolveRowsFine: PixelKernelsX86v3.convolveRowsFine,
        convolveRowsToSums: PixelKernelsX86v3.convolveRowsToSums,
        convolveColumnsOfWords: PixelKernelsX86v3.convolveColumnsOfWords,
        layOutLight: PixelKernelsX86v3.layOutLight, accumulatePairs: PixelKernelsX86v3.accumulatePairs,
        layOutPremultipliedLight: PixelKernelsX86v3.layOutPremultipliedLight,
        roundPremultipliedLight: PixelKernelsX86v3.roundPremultipliedLight, roundLight: PixelKernelsX86v3.roundLight,
        premultiplyCentered: PixelKernelsX86v3.premultiplyCentered,
        interleaveColumns: PixelKernelsX86v3.interleaveColumns),
    ]
    #else
    return [baseline]
    #endif
  }()
}

/// The vector kernels against their scalar definitions, bit for bit, at widths around every vector length.
@Suite("Convolution kernels")
struct ConvolutionTests {
  static let widths = [1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 47, 63, 64, 65, 255]

  /// Where the first output row's window ends and the second one's begins, of `taps` rows: overlapping, apart, alone.
  static let windows = [(taps: 2, end: 2, begin: 2), (6, 4, 2), (6, 6, 2), (8, 2, 6), (24, 24, 24), (30, 24, 6)]

  @Test("the vertical pass is its definition", arguments: widths, windows)
  func vertical(width: Int, window: (taps: Int, end: Int, begin: Int)) {
    var random = SplitMix64(seed: UInt64(width * 100 + window.taps))
    let rows = (0..<window.taps).map { _ in (0..<width).map { _ in UInt8.random(in: 0...255, using: &random) } }
    let weights = (0..<window.end).map { _ in Int16.random(in: -9_000...32_767, using: &random) }
    let nextWeights = (0..<window.taps).map { _ in Int16.random(in: -9_000...32_767, using: &random) }
    for (shift, start) in [(Int32(1), Int32(0)), (9, 256 - 128 << 14), (15, 1 << 29)] {
      var expected = [Int16](repeating: 2, count: width)
      var nextExpected = [Int16](repeating: 1, count: width)
      withRows(rows) { pointers in
        PixelKernels.convolveColumnsReference(
          rows: pointers, weights: weights, taps: window.end, from: 0, count: width, start: start, shift: shift,
          output: &expected)
        if window.begin < window.taps {
          PixelKernels.convolveColumnsReference(
            rows: pointers + window.begin, weights: nextWeights, taps: window.taps - window.begin, from: 0,
            count: width,
            start: start, shift: shift, output: &nextExpected)
        }
        for kernels in Kernels.all {
          var actual = [Int16](repeating: 1, count: width)
          var nextActual = actual
          kernels.convolveColumns(
            pointers, window.taps, weights, window.end, nextWeights, window.begin, width, start, shift, &actual,
            &nextActual)
          #expect(actual == expected, "\(kernels.testDescription)")
          #expect(nextActual == nextExpected, "\(kernels.testDescription)")
        }
      }
    }
  }

  @Test("the horizontal pass is its definition", arguments: [1, 2, 3, 17], [1, 3, 12])
  func horizontal(outputs: Int, pairs: Int) {
    var random = SplitMix64(seed: UInt64(outputs * 100 + pairs))
    let columns = (0..<(outputs + pairs) * PixelKernels.horizontalLanes).map { _ in
      Int32.random(in: .min ... .max, using: &random)
    }
    let weights = (0..<outputs * pairs * 2).map { _ in Int16.random(in: -1_000...1_000, using: &random) }
    let firstPairs = (0..<outputs).map { Int32($0) }
    for pairShift in [Int32(0), 3] {
      var expected = [UInt8](repeating: 2, count: outputs * PixelKernels.horizontalLanes)
      PixelKernels.convolveRowsReference(
        columns: columns, firstPairs: firstPairs, weights: weights, pairs: pairs, outputCount: outputs,
        pairShift: pairShift, shift: 14, output: &expected)
      for kernels in Kernels.all {
        var actual = [UInt8](repeating: 1, count: outputs * PixelKernels.horizontalLanes)
        kernels.convolveRows(columns, firstPairs, weights, pairs, outputs, pairShift, 14, &actual)
        #expect(actual == expected, "\(kernels.testDescription)")
      }
      var expectedFine = [UInt16](repeating: 2, count: outputs * PixelKernels.horizontalLanes)
      PixelKernels.convolveRowsFineReference(
        columns: columns, firstPairs: firstPairs, weights: weights, pairs: pairs, outputCount: outputs,
        pairShift: pairShift, shift: 14, output: &expectedFine)
      for kernels in Kernels.all {
        var actual = [UInt16](repeating: 1, count: outputs * PixelKernels.horizontalLanes)
        kernels.convolveRowsFine(columns, firstPairs, weights, pairs, outputs, pairShift, 14, &actual)
        #expect(actual == expectedFine, "\(kernels.testDescription)")
      }
      var expectedSums = [Int32](repeating: 2, count: outputs * PixelKernels.horizontalLanes)
      PixelKernels.convolveRowsToSumsReference(
        columns: columns, firstPairs: firstPairs, weights: weights, pairs: pairs, outputCount: outputs,
        pairShift: pairShift, output: &expectedSums)
      for kernels in Kernels.all {
        var actual = [Int32](repeating: 1, count: outputs * PixelKernels.horizontalLanes)
        kernels.convolveRowsToSums(columns, firstPairs, weights, pairs, outputs, pairShift, &actual)
        #expect(actual == expectedSums, "\(kernels.testDescription)")
      }
    }
  }

  @Test("the vertical pass over words is its definition", arguments: widths, windows)
  func verticalWords(width: Int, window: (taps: Int, end: Int, begin: Int)) {
    var random = SplitMix64(seed: UInt64(width * 100 + window.taps))
    let rows = (0..<window.taps).map { _ in
      (0..<width).map { _ in Int16.random(in: -16_384...16_384, using: &random) }
    }
    let weights = (0..<window.end).map { _ in Int16.random(in: -2_000...2_000, using: &random) }
    let nextWeights = (0..<window.taps).map { _ in Int16.random(in: -2_000...2_000, using: &random) }
    for (pairShift, shift) in [(Int32(0), Int32(1)), (0, 9), (0, 16), (1, 15), (6, 16)] {
      var expected = [Int16](repeating: 2, count: width)
      var nextExpected = [Int16](repeating: 1, count: width)
      withRows(rows) { pointers in
        PixelKernels.convolveColumnsOfWordsReference(
          rows: pointers, weights: weights, taps: window.end, from: 0, count: width, pairShift: pairShift, shift: shift,
          output: &expected)
        if window.begin < window.taps {
          PixelKernels.convolveColumnsOfWordsReference(
            rows: pointers + window.begin, weights: nextWeights, taps: window.taps - window.begin, from: 0,
            count: width,
            pairShift: pairShift, shift: shift, output: &nextExpected)
        }
        for kernels in Kernels.all {
          var actual = [Int16](repeating: 1, count: width)
          var nextActual = actual
          kernels.convolveColumnsOfWords(
            pointers, window.taps, weights, window.end, nextWeights, window.begin, width, pairShift, shift, &actual,
            &nextActual)
          #expect(actual == expected, "\(kernels.testDescription)")
          #expect(nextActual == nextExpected, "\(kernels.testDescription)")
        }
      }
    }
  }

  @Test("premultiplying is its definition, exact for opaque and empty pixels, and within 0.75/128", arguments: [2, 4])
  func premultiplying(channels: Int) {
    // Every color with every alpha.
    let pixels = (0..<65_536).flatMap { i in
      [UInt8](repeating: UInt8(truncatingIfNeeded: i), count: channels - 1) + [UInt8(truncatingIfNeeded: i >> 8)]
    }
    var expected = [Int16](repeating: 2, count: pixels.count)
    PixelKernels.premultiplyCenteredReference(
      pixels, channels: channels, from: 0, count: pixels.count, output: &expected)
    var furthest = 0.0
    var isExact = true
    for i in stride(from: 0, to: pixels.count, by: channels) {
      let alpha = pixels[i + channels - 1]
      for c in 0..<channels {
        let color = c == channels - 1 ? 255 : Double(pixels[i + c])
        let error = abs(Double(expected[i + c]) - 128 * (color * Double(alpha) / 255 - 128))
        furthest = max(furthest, error)
        if (alpha == 0 || alpha == 255) && error > 1e-9 { isExact = false }
      }
    }
    #expect(furthest <= 0.75)
    #expect(isExact)
    for kernels in Kernels.all {
      for count in [1, 3, 9, 65_536] {
        var actual = [Int16](repeating: 1, count: count * channels)
        kernels.premultiplyCentered(pixels, channels, count, &actual)
        #expect(actual == Array(expected.prefix(count * channels)), "\(kernels.testDescription)")
      }
    }
  }

  @Test("columns are laid out by lane", arguments: [1, 2, 3, 4], [1, 2, 5, 8, 9, 16, 31])
  func interleaving(channels: Int, width: Int) {
    let lanesPerRow = channels == 3 ? 4 : channels
    let rowCount = PixelKernels.horizontalLanes / lanesPerRow
    let stride = width * channels + 16
    let rows = (0..<rowCount * stride).map { Int16(truncatingIfNeeded: $0 * 31) }
    let pairs = (width + 1) / 2
    for kernels in Kernels.all {
      var columns = [Int32](repeating: 0, count: pairs * PixelKernels.horizontalLanes)
      kernels.interleaveColumns(rows, stride, channels, pairs, &columns)
      for row in 0..<rowCount {
        for x in 0..<width {
          for c in 0..<channels {
            let word = columns[x / 2 * PixelKernels.horizontalLanes + row * lanesPerRow + c]
            let sample = x % 2 == 0 ? Int16(truncatingIfNeeded: word) : Int16(word >> 16)
            #expect(sample == rows[row * stride + x * channels + c], "row \(row), column \(x), channel \(c)")
          }
        }
      }
    }
  }

  @Test("lanes are taken apart into rows", arguments: [1, 2, 3, 4], [1, 2, 5, 8, 9, 16, 31])
  func deinterleaving(channels: Int, width: Int) {
    let lanesPerRow = channels == 3 ? 4 : channels
    let rowCount = PixelKernels.horizontalLanes / lanesPerRow
    check(UInt8.self)
    check(UInt16.self)

    func check<Sample: FixedWidthInteger>(_: Sample.Type) {
      let lanes = (0..<width * PixelKernels.horizontalLanes).map { Sample(truncatingIfNeeded: $0 * 771) }
      var output = [Sample](repeating: 0, count: rowCount * width * channels + 1)
      output[rowCount * width * channels] = 77
      PixelKernels.deinterleaveLanes(
        lanes: lanes, sampleBytes: MemoryLayout<Sample>.size, channels: channels, count: width, rowCount: rowCount,
        output: &output, stride: width * channels * MemoryLayout<Sample>.size)
      for row in 0..<rowCount {
        for x in 0..<width {
          for c in 0..<channels {
            #expect(
              output[(row * width + x) * channels + c]
                == lanes[x * PixelKernels.horizontalLanes + row * lanesPerRow + c])
          }
        }
      }
      #expect(output.last == 77, "nothing is written past the last row")
    }
  }
}

/// Rows in memory of their own.
func withRows<Sample>(_ rows: [[Sample]], _ body: (UnsafePointer<UnsafePointer<Sample>>) -> Void) {
  let copies = rows.map { row in
    let copy = UnsafeMutableBufferPointer<Sample>.allocate(capacity: row.count)
    _ = copy.initialize(from: row)
    return UnsafePointer(copy.baseAddress!)
  }
  body(copies)
  for copy in copies { copy.deallocate() }
}
