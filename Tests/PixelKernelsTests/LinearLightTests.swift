import Foundation
import PixelKernels
import TestSupport
import Testing

/// The kernels of linear light against the curve, and against their scalar definitions, bit for bit.
@Suite("Linear light kernels")
struct LinearLightTests {
  /// The light of a byte, 0…1 (IEC 61966-2-1:1999, section 5.2).
  static func light(_ byte: Double) -> Double {
    let v = byte / 255
    return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4)
  }

  @Test("the light of a byte is the curve's within a twentieth of a level")
  func curve() {
    #expect(lightReference(0) == 0 && Int32(lightReference(255)) == whiteLight)
    var sum = 0.0
    for byte in UInt8.min...UInt8.max {
      // In levels: how far one must go along the curve to meet it.
      let exact = Self.light(Double(byte)) * Double(whiteLight)
      let slope = (Self.light(Double(byte) + 0.01) - Self.light(Double(byte) - 0.01)) / 0.02 * Double(whiteLight)
      let error = abs(Double(lightReference(byte)) - exact) / slope
      #expect(error < 0.05, "byte \(byte)")
      sum += error
    }
    #expect(sum / 256 < 0.006)
  }

  static let slabs = [[2], [16], [4, 2, 16], [16, 16, 6]]

  /// Rows taken slab by slab into the sums of three output rows, whose windows begin and end in different slabs.
  @Test("the vertical pass in slabs is its definition", arguments: slabs, [64, 192, 512])
  func vertical(slabs: [Int], count: Int) {
    let rowCount = slabs.reduce(0, +)
    var random = SplitMix64(seed: UInt64(rowCount * 1_000 + count))
    let rows = (0..<rowCount).map { _ in (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) } }
    for window in [0..<rowCount, 0..<2, rowCount - 2..<rowCount, rowCount / 4 * 2..<rowCount] where !window.isEmpty {
      let weights = (0..<window.count).map { _ in Int16.random(in: -1_500...3_000, using: &random) }
      let one = weights.reduce(0) { $0 + Int32($1) }
      for (shift, pairShift) in [(Int32(1), Int32(0)), (9, 0), (16, 0), (16, 1), (12, 6)] {
        let start = (Int32(1) << (shift - 1)) &- 16_384 &* (one >> pairShift)
        var expected = [Int16](repeating: 2, count: count)
        withRows(Array(rows[window])) {
          PixelKernels.convolveLightReference(
            rows: $0, weights: weights, taps: window.count, count: count, pairShift: pairShift, start: start,
            shift: shift, output: &expected)
        }
        for kernels in Kernels.all {
          var sums = [Int32](repeating: 7, count: count)
          var first = 0
          for slab in slabs {
            let part = window.clamped(to: first..<first + slab)
            if !part.isEmpty {
              var block = [Int16](repeating: 3, count: slab * count)
              withRows(Array(rows[first..<first + slab])) { kernels.layOutLight($0, slab / 2, 0, count, &block) }
              weights.withUnsafeBufferPointer {
                kernels.accumulatePairs(
                  block, slab / 2, (part.lowerBound - first) / 2, part.count / 2,
                  $0.baseAddress! + part.lowerBound - window.lowerBound, pairShift,
                  part.lowerBound == window.lowerBound, start, start, count, &sums)
              }
            }
            first += slab
          }
          var actual = [Int16](repeating: 1, count: count)
          kernels.roundLight(sums, count, shift, &actual)
          #expect(actual == expected, "\(kernels.testDescription), \(window), shift \(shift)")
        }
      }
    }
  }

  @Test("the vertical pass of light times alpha is its definition", arguments: slabs, [2, 4])
  func verticalWithAlpha(slabs: [Int], channels: Int) {
    let (rowCount, count) = (slabs.reduce(0, +), 160)
    var random = SplitMix64(seed: UInt64(rowCount * 10 + channels))
    let rows = (0..<rowCount).map { _ in (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) } }
    for window in [0..<rowCount, rowCount - 2..<rowCount, rowCount / 4 * 2..<rowCount] where !window.isEmpty {
      let weights = (0..<window.count).map { _ in Int16.random(in: -1_500...3_000, using: &random) }
      let one = weights.reduce(0) { $0 + Int32($1) }
      for (shift, pairShift) in [(Int32(1), Int32(0)), (9, 0), (16, 0), (16, 1), (12, 6)] {
        let start = -16_384 &* (one >> pairShift)
        var expected = [Int16](repeating: 2, count: count)
        var remainders = expected
        withRows(Array(rows[window])) {
          PixelKernels.convolvePremultipliedLightReference(
            rows: $0, weights: weights, taps: window.count, channels: channels, count: count, pairShift: pairShift,
            start: start, shift: shift, output: &expected, remainder: &remainders)
        }
        for kernels in Kernels.all {
          var sums = [Int32](repeating: 7, count: 2 * count)
          var first = 0
          for slab in slabs {
            let part = window.clamped(to: first..<first + slab)
            if !part.isEmpty {
              var block = [Int16](repeating: 3, count: 2 * slab * count)
              withRows(Array(rows[first..<first + slab])) {
                kernels.layOutPremultipliedLight($0, slab / 2, channels, 0, count, &block)
              }
              weights.withUnsafeBufferPointer {
                kernels.accumulatePairs(
                  block, slab / 2, (part.lowerBound - first) / 2, part.count / 2,
                  $0.baseAddress! + part.lowerBound - window.lowerBound, pairShift,
                  part.lowerBound == window.lowerBound, start, 1 << (shift - 1), 2 * count, &sums)
              }
            }
            first += slab
          }
          var actual = [Int16](repeating: 1, count: count)
          var actualRemainders = actual
          kernels.roundPremultipliedLight(sums, 2 * count, shift, &actual, &actualRemainders)
          #expect(actual == expected, "\(kernels.testDescription), \(window), shift \(shift)")
          #expect(actualRemainders == remainders, "\(kernels.testDescription), \(window), shift \(shift)")
        }
      }
    }
  }

  @Test("lanes are looked up, into rows of any number of channels", arguments: 1...4)
  func lanes(channels: Int) {
    let (pixels, lanesPerRow) = (5, channels == 3 ? 4 : channels)
    let rowCount = PixelKernels.horizontalLanes / lanesPerRow - 1
    let lanes = (0..<pixels * PixelKernels.horizontalLanes).map { UInt16(truncatingIfNeeded: $0 * 8_191) }
    let table = (0..<65_536).map { UInt8(truncatingIfNeeded: $0 >> 8 ^ $0) }
    var output = [UInt8](repeating: 7, count: rowCount * pixels * channels + 1)
    PixelKernels.mapLanes(
      lanes, channels: channels, pixels: pixels, rowCount: rowCount, table: table, output: &output,
      stride: pixels * channels)
    for i in 0..<rowCount * pixels * channels {
      let (row, x, c) = (i / channels / pixels, i / channels % pixels, i % channels)
      #expect(output[i] == table[Int(lanes[x * PixelKernels.horizontalLanes + row * lanesPerRow + c])])
    }
    #expect(output.last == 7, "nothing is written past the last row")
  }

  @Test("a block begins anywhere in a row")
  func offset() {
    let row = (0..<512).map { UInt8(truncatingIfNeeded: $0 &* 77) }
    for kernels in Kernels.all {
      var whole = [Int16](repeating: 1, count: 2 * 512)
      var part = [Int16](repeating: 2, count: 2 * 192)
      withRows([row, row.reversed()]) {
        kernels.layOutLight($0, 1, 0, 512, &whole)
        kernels.layOutLight($0, 1, 320, 192, &part)
      }
      #expect(part == Array(whole[640...]), "\(kernels.testDescription)")
    }
  }
}
