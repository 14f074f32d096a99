internal import PixelKernels

/// Both passes for 8-bit samples, premultiplied or not, with 16-bit weights, and their buffers.
@safe
final class NarrowPasses {
  /// What is resampled.
  enum Samples {
    /// Bytes as they are.
    case bytes
    /// Bytes times alpha.
    case premultiplied
    /// What bytes are in linear light.
    case light
  }

  /// Output rows that the horizontal pass makes at a time.
  let rowsPerGroup: Int

  private let plan: ResamplingPlan
  private let kernels: KernelTable
  private let verticalBits: Int
  private let fraction: Int
  private let horizontalBits: Int
  private let verticalWeights: Buffer<Int16>
  private let verticalTaps: Int
  private let horizontalWeights: Buffer<Int16>
  private let firstPairs: Buffer<Int32>
  private let pairsPerWindow: Int
  private let sourcePairs: Int
  /// Rows of the vertical pass; of bytes, or of premultiplied words.
  private let rowPointers: Buffer<UnsafePointer<UInt8>>
  private let wordPointers: Buffer<UnsafePointer<Int16>>
  private let samples: Samples
  /// The window's rows as words; nil where they stay bytes.
  private let converted: ConvertedRows<Int16>?
  /// What bytes are in light, and what sums of light are in bytes; empty where samples are no light.
  private let toLight: [UInt16]
  private let fromLight: [UInt8]
  private let isFine: Bool
  /// The vertical pass's rows: centered samples with ``fraction`` fraction bits.
  private let intermediate: Buffer<Int16>
  private let intermediateStride: Int
  private let columns: Buffer<Int32>
  /// The horizontal pass's columns: bytes, words, or sums before alpha is divided out.
  private let lanes: Buffer<Int32>

  /// - Parameters:
  ///   - vertical, fraction, horizontal: Of ``ResamplingPlan/Precision/narrow(vertical:fraction:horizontal:)``.
  ///   - isFine: True for a result of words with 8 fraction bits; of plain bytes only.
  init(
    plan: ResamplingPlan, kernels: KernelTable, vertical: Int, fraction: Int, horizontal: Int, samples: Samples,
    isFine: Bool
  ) {
    precondition(samples == .bytes || !isFine, "only plain bytes have a fine result")
    self.samples = samples
    self.plan = plan
    self.isFine = isFine
    self.kernels = kernels
    verticalBits = vertical
    self.fraction = fraction
    horizontalBits = horizontal
    rowsPerGroup = Self.rowsPerGroup(channels: plan.channels)

    // Windows begin at an even row and have an even number of taps, so they may gain a zero at either end.
    let vertical = plan.vertical
    verticalTaps = vertical.longestWindow / 2 * 2 + 2
    let verticalIntegers = plan.quantized.vertical.integers
    verticalWeights = Buffer(count: vertical.outputCount * verticalTaps, zeroed: true)
    for (i, window) in vertical.windows.enumerated() {
      let start = vertical.starts[i]
      for (k, position) in window.enumerated() {
        unsafe verticalWeights.base[i * verticalTaps + start % 2 + k] = Int16(verticalIntegers[position])
      }
    }

    // Horizontal windows begin at an even column, so a window may gain a leading zero too.
    let horizontal = plan.horizontal
    pairsPerWindow = horizontal.longestWindow / 2 + 1
    let horizontalIntegers = plan.quantized.horizontal.integers
    horizontalWeights = Buffer(count: horizontal.outputCount * pairsPerWindow * 2, zeroed: true)
    firstPairs = Buffer(count: horizontal.outputCount, zeroed: true)
    for (i, window) in horizontal.windows.enumerated() {
      let start = horizontal.starts[i]
      unsafe firstPairs.base[i] = Int32(start / 2)
      for (k, position) in window.enumerated() {
        unsafe horizontalWeights.base[i * pairsPerWindow * 2 + start % 2 + k] = Int16(horizontalIntegers[position])
      }
    }

    sourcePairs = (plan.input.width + 1) / 2
    let rowSamples = plan.input.width * plan.channels
    let mostTaps = plan.vertical.longestSpan(of: 2) + 2
    unsafe rowPointers = Buffer(count: mostTaps, zeroed: false)
    unsafe wordPointers = Buffer(count: mostTaps, zeroed: false)
    converted = samples == .bytes ? nil : ConvertedRows(capacity: mostTaps, rowSamples: rowSamples)
    toLight = samples == .light ? Self.wordsOfLight() : []
    fromLight = samples == .light ? Self.bytesOfLight() : []
    intermediateStride = Self.intermediateStride(plan: plan)
    intermediate = Buffer(count: rowsPerGroup * intermediateStride, zeroed: true)
    // Windows at the right edge reach past the last pair, with zero weights.
    columns = Buffer(count: (sourcePairs + pairsPerWindow) * horizontalLanes, zeroed: true)
    lanes = Buffer(count: plan.output.width * horizontalLanes, zeroed: false)
  }

  static func rowsPerGroup(channels: Int) -> Int { horizontalLanes / (channels == 3 ? 4 : channels) }

  /// Samples from one intermediate row to the next, with room for what the interleaving may read past its end.
  private static func intermediateStride(plan: ResamplingPlan) -> Int {
    (plan.input.width * plan.channels + 16 + 31) / 32 * 32
  }

  static func bytesNeeded(plan: ResamplingPlan, samples: Samples) -> Int {
    let convertedSamples = (plan.vertical.longestSpan(of: 2) + 2) * plan.input.width * plan.channels
    return rowsPerGroup(channels: plan.channels) * intermediateStride(plan: plan) * 2
      + (plan.input.width / 2 + 1 + plan.horizontal.longestWindow) * horizontalLanes * 4
      + plan.output.width * (horizontalLanes * 4 + plan.horizontal.longestWindow * 2 + 8)
      + plan.output.height * (plan.vertical.longestWindow * 2 + 2)
      + (samples == .bytes ? 0 : convertedSamples * 2) + (samples == .light ? 65_536 : 0)
  }

  /// For each byte, its light in 128ths of levels, centered.
  private static func wordsOfLight() -> [UInt16] {
    let unit = Double(1 << ResamplingPlan.wordFraction)
    return (0..<256).map { level in
      let light = TransferFunction.linear(Double(level) / 255) * 255
      return UInt16(bitPattern: Int16(((light - 128) * unit).rounded()))
    }
  }

  /// For light in 256ths of levels, its byte.
  private static func bytesOfLight() -> [UInt8] {
    (0..<65_536).map { UInt8((TransferFunction.encoded(min(1, Double($0) / 65_280)) * 255).rounded()) }
  }

  /// Vertical pass of output rows `row` and, where `count` is 2, `row + 1` into `slot` of the group and the next one.
  func convolveColumns(row: Int, count: Int, slot: Int, ring: RowRing) {
    let vertical = plan.vertical
    let first = vertical.window(row)
    let last = vertical.window(row + count - 1)
    let top = first.lowerBound / 2 * 2
    let end = (first.upperBound - top + 1) / 2 * 2
    let begin = count == 2 ? last.lowerBound / 2 * 2 - top : end
    let taps = count == 2 ? max(end, (last.upperBound - top + 1) / 2 * 2) : end
    let weights = unsafe verticalWeights.base + row * verticalTaps
    let rowSamples = plan.input.width * plan.channels
    let output = unsafe intermediate.base + slot * intermediateStride
    // The zeros at the ends read a row that is there.
    let rows = first.lowerBound..<max(first.upperBound, last.upperBound)
    func present(_ k: Int) -> Int { min(max(top + k, rows.lowerBound), rows.upperBound - 1) }
    if let converted {
      unsafe converted.advance(to: rows) { y, output in
        let row = unsafe UnsafePointer(ring.row(y).assumingMemoryBound(to: UInt8.self))
        if samples == .light {
          unsafe toLight.withUnsafeBufferPointer {
            unsafe mapBytes(row, count: rowSamples, table: $0.baseAddress!, output: output)
          }
        } else {
          unsafe kernels.premultiplyCentered(row, plan.channels, plan.input.width, output)
        }
      }
      for k in 0..<taps { unsafe wordPointers.base[k] = converted.row(present(k)) }
      unsafe kernels.convolveColumnsOfWords(
        wordPointers.base, taps, weights, end, weights + (count - 1) * verticalTaps, begin, rowSamples,
        Int32(verticalBits + ResamplingPlan.wordFraction - fraction), output,
        output + (count - 1) * intermediateStride)
    } else {
      for k in 0..<taps {
        unsafe rowPointers.base[k] = UnsafePointer(ring.row(present(k)).assumingMemoryBound(to: UInt8.self))
      }
      let shift = Int32(verticalBits - fraction)
      unsafe kernels.convolveColumns(
        rowPointers.base, taps, weights, end, weights + (count - 1) * verticalTaps, begin, rowSamples,
        (1 << (shift - 1)) - (128 << Int32(verticalBits)), shift, output, output + (count - 1) * intermediateStride)
    }
  }

  /// Horizontal pass of the group's first `count` rows to straight samples of the result's depth, `stride` bytes a row.
  func convolveRows(count: Int, output: UnsafeMutableRawPointer, stride: Int) {
    unsafe kernels.interleaveColumns(
      intermediate.base, intermediateStride, plan.channels, sourcePairs, columns.base)
    let shift = Int32(horizontalBits + fraction)
    let width = plan.output.width
    if converted != nil {
      unsafe kernels.convolveRowsToSums(
        columns.base, firstPairs.base, horizontalWeights.base, pairsPerWindow, width, lanes.base)
      for row in 0..<count {
        let target = unsafe (output + row * stride).assumingMemoryBound(to: UInt8.self)
        let sums = unsafe lanes.base + row * (horizontalLanes / rowsPerGroup)
        if samples == .light {
          unsafe fromLight.withUnsafeBufferPointer {
            unsafe mapSums(
              sums, channels: plan.channels, pixels: width, shift: shift, table: $0.baseAddress!, output: target)
          }
        } else {
          unsafe unpremultiplySums(sums, channels: plan.channels, pixels: width, shift: Int(shift), output: target)
        }
      }
      return
    }
    let samples = unsafe UnsafeMutableRawPointer(lanes.base)
    if isFine {
      unsafe kernels.convolveRowsFine(
        columns.base, firstPairs.base, horizontalWeights.base, pairsPerWindow, width, shift,
        samples.assumingMemoryBound(to: UInt16.self))
    } else {
      unsafe kernels.convolveRows(
        columns.base, firstPairs.base, horizontalWeights.base, pairsPerWindow, width, shift,
        samples.assumingMemoryBound(to: UInt8.self))
    }
    unsafe deinterleaveLanes(
      lanes: samples, sampleBytes: isFine ? 2 : 1, channels: plan.channels, count: width, rowCount: count,
      output: output, stride: stride)
  }
}

/// A buffer of plain values, aligned to a cache line, freed with its owner.
@safe
final class Buffer<Element> {
  let base: UnsafeMutablePointer<Element>

  init(count: Int, zeroed: Bool) {
    let bytes = max(count, 1) * MemoryLayout<Element>.stride
    let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    if zeroed { unsafe raw.initializeMemory(as: UInt8.self, repeating: 0, count: bytes) }
    unsafe base = raw.assumingMemoryBound(to: Element.self)
  }

  deinit { unsafe base.deallocate() }
}
