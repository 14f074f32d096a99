/// Resampling weights along one axis in full precision.
///
/// Output sample `i` is `Σₖ window(i)[k] · input[starts[i] + k]`. Output sample centers lie at
/// `origin + (i + 1/2) · length / outputCount` in input samples; when shrinking, the filter is widened by the scale, so
/// that it stays an antialiasing filter. Windows are cut off at the input's ends and normalized to a sum of 1 (the
/// geometry of Pillow's `ImagingResample` and of fast_image_resize).
struct AxisWeights: Sendable {
  /// The largest difference from the right sum that rounding to the nearest integers may leave in a window. Above it, error diffusion is
  /// used.
  private static let largestLack = 16

  /// Smaller weights are set to zero. They are rounding errors of double precision at the zeros of a sinc, below any step of integer
  /// weights.
  private static let negligible = 0x1p-40

  /// The number of input samples.
  let inputCount: Int
  /// First input sample of each output sample's window.
  private(set) var starts: [Int] = []
  /// The weights of all windows, consecutive. A window has at least one weight, and zeros at its ends only to keep ``starts`` in order.
  private(set) var weights: [Double] = []
  /// The beginning of each window in ``weights``, and a last entry with the end of the last window.
  private(set) var offsets: [Int] = [0]
  /// The largest magnitude of a weight.
  private(set) var largestMagnitude = 0.0
  /// The largest sum of the magnitudes of one window, which limits the overshoot.
  private(set) var largestGain = 0.0
  /// The number of output samples after which windows repeat, shifted by whole input samples; 0 if they do not.
  private let period: Int

  /// Makes weights.
  ///
  /// - Parameters:
  ///   - inputCount: The number of input samples, at least 1.
  ///   - origin: The beginning of the kept part, in input samples.
  ///   - length: The length of the kept part in input samples, above 0; it may have a fraction.
  ///   - outputCount: The number of output samples, at least 1.
  ///   - filter: The resampling filter.
  init(inputCount: Int, origin: Double, length: Double, outputCount: Int, filter: ResamplingFilter) {
    self.inputCount = inputCount
    let scale = length / Double(outputCount)
    let width = max(scale, 1)
    let support = filter.support * width
    starts.reserveCapacity(outputCount)
    offsets.reserveCapacity(outputCount + 1)
    weights.reserveCapacity(outputCount * (Int(support * 2) + 2))
    let divisor = length == length.rounded() ? Self.greatestCommonDivisor(Int(length), outputCount) : 1
    period = divisor > 1 ? outputCount / divisor : 0
    let shift = divisor > 1 ? Int(length) / divisor : 0
    for i in 0..<outputCount {
      let center = origin + (Double(i) + 0.5) * scale
      if period > 0, i >= period, center - Double(shift) - support >= 0, center + support <= Double(inputCount) {
        for k in offsets[i - period]..<offsets[i - period + 1] { weights.append(weights[k]) }
        starts.append(starts[i - period] + shift)
        offsets.append(weights.count)
        continue
      }
      var first = max(Int((center - support).rounded(.down)), 0)
      let end = min(Int((center + support).rounded(.up)), inputCount)
      let windowStart = weights.count
      var sum = 0.0
      // `nearest` is never widened: it takes one sample, whatever the scale is.
      if filter != .nearest {
        for x in first..<max(end, first) {
          let weight = filter((Double(x) + 0.5 - center) / width)
          if abs(weight) < Self.negligible && weights.count == windowStart {
            first = x + 1
            continue
          }
          weights.append(weight)
          sum += weight
        }
        while weights.count > windowStart, abs(weights[weights.count - 1]) < Self.negligible { weights.removeLast() }
      }
      if weights.count == windowStart || sum == 0 {
        // For `nearest`, and for a box so narrow that it lies between two samples, the window is the sample under the center.
        weights.removeSubrange(windowStart...)
        weights.append(1)
        sum = 1
        first = min(max(Int(center.rounded(.down)), 0), inputCount - 1)
      }
      var gain = 0.0
      for k in windowStart..<weights.count {
        weights[k] /= sum
        let magnitude = abs(weights[k])
        gain += magnitude
        largestMagnitude = max(largestMagnitude, magnitude)
      }
      largestGain = max(largestGain, gain)
      starts.append(first)
      offsets.append(weights.count)
    }
    putStartsInOrder()
  }

  private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
    b == 0 ? a : greatestCommonDivisor(b, a % b)
  }

  /// True if a window has the same weights as the window one ``period`` before it.
  private func repeats(_ i: Int) -> Bool {
    guard period > 0, i >= period else { return false }
    let (window, earlier) = (offsets[i]..<offsets[i + 1], offsets[i - period]..<offsets[i - period + 1])
    guard window.count == earlier.count else { return false }
    let distance = window.lowerBound - earlier.lowerBound
    let weights = weights.span
    for k in window where weights[k] != weights[k - distance] { return false }
    return true
  }

  /// Extends windows with zeros at their beginning, so that no window begins later than the next one, because source rows are released in
  /// the order of windows. The order can be lost because zeros at the beginning of a window are left out: a window that is centered on a
  /// source sample has zeros of the sinc where the next window has weights.
  private mutating func putStartsInOrder() {
    var ordered = starts
    for i in starts.indices.dropLast().reversed() { ordered[i] = min(ordered[i], ordered[i + 1]) }
    guard ordered != starts else { return }
    var extended: [Double] = []
    var ends = [0]
    for (i, window) in windows.enumerated() {
      extended += repeatElement(0, count: starts[i] - ordered[i])
      extended += weights[window]
      ends.append(extended.count)
    }
    (starts, weights, offsets) = (ordered, extended, ends)
  }

  /// Output samples.
  var outputCount: Int { starts.count }
  /// The windows, each as a range into ``weights``.
  var windows: some Sequence<Range<Int>> { zip(offsets, offsets.dropFirst()).lazy.map { $0..<$1 } }
  /// The input samples of output sample `i`.
  func window(_ i: Int) -> Range<Int> { starts[i]..<starts[i] + offsets[i + 1] - offsets[i] }
  /// The most input samples that `count` neighboring output samples reach over.
  func longestSpan(of count: Int) -> Int {
    starts.indices.reduce(0) { longest, i in
      let last = window(min(i + count, outputCount) - 1)
      return max(longest, last.upperBound - starts[i])
    }
  }
  /// The longest window.
  var longestWindow: Int { windows.reduce(0) { max($0, $1.count) } }
  /// True when the output is a part of the input as it is.
  var isCrop: Bool { weights.count == outputCount && starts.indices.allSatisfy { starts[$0] == starts[0] + $0 } }

  /// The weights as integers with `bits` fraction bits, laid out as ``weights``; every window sums to exactly 2^bits.
  ///
  /// Each window is rounded in two ways and the better one kept. The first way rounds every weight to the nearest integer, and corrects the
  /// sum at the weights with the largest errors in the other direction. It has the smallest errors, which suits uncorrelated input. The
  /// second way adds the rounding error of each weight to the next weight (error diffusion). It keeps running sums within half a unit,
  /// which suits flat filters on smooth input, where equal weights would all be rounded alike.
  func quantized(bits: Int) -> QuantizedWeights {
    let one = Double(1 << bits)
    let weights = weights.span
    var integers = [Int32](repeating: 0, count: weights.count)
    var diffused = [Int32](repeating: 0, count: longestWindow)
    for (i, window) in windows.enumerated() {
      if repeats(i) {
        let distance = window.lowerBound - offsets[i - period]
        for k in window { integers[k] = integers[k - distance] }
        continue
      }
      var nearestErrors = RoundingErrors()
      var diffusedErrors = RoundingErrors()
      var carry = 0.0
      var lack = 1 << bits
      for k in window {
        let exact = weights[k] * one
        let nearest = Self.rounded(exact)
        integers[k] = Int32(nearest)
        lack -= Int(nearest)
        nearestErrors.add(exact - nearest)
        let rounded = Self.rounded(exact + carry)
        diffused[k - window.lowerBound] = Int32(rounded)
        carry += exact - rounded
        diffusedErrors.add(exact - rounded)
      }
      // The difference is distributed unit by unit, so windows with a large difference are left to error diffusion.
      let isNear = abs(lack) <= Self.largestLack
      if isNear && lack != 0 {
        while lack != 0 {
          let step: Int32 = lack > 0 ? 1 : -1
          var furthest = window.lowerBound
          var distance = -Double.infinity
          for k in window {
            let remainder = (weights[k] * one - Double(integers[k])) * Double(step)
            if remainder > distance { (furthest, distance) = (k, remainder) }
          }
          integers[furthest] += step
          lack -= Int(step)
        }
        nearestErrors = RoundingErrors()
        for k in window { nearestErrors.add(weights[k] * one - Double(integers[k])) }
      }
      if !isNear || diffusedErrors.expected < nearestErrors.expected {
        for k in window { integers[k] = diffused[k - window.lowerBound] }
      }
    }
    return QuantizedWeights(bits: bits, integers: integers)
  }

  /// The nearest integer of a number within ±2^51, ties to even, without a call.
  private static func rounded(_ x: Double) -> Double { (x + 0x1.8p52) - 0x1.8p52 }

  /// For each window, the largest change of its output by samples within ±1.
  func reaches(of quantized: QuantizedWeights) -> [WindowReach] {
    let unit = 1 / Double(1 << quantized.bits)
    let (weights, integers) = (weights.span, quantized.integers.span)
    return windows.map { window in
      var reach = WindowReach(gain: 0, error: 0)
      for k in window {
        reach.gain += abs(weights[k])
        reach.error += abs(weights[k] - Double(integers[k]) * unit)
      }
      return reach
    }
  }
}

/// The errors that rounding made in the weights of one window, in units of one integer step.
private struct RoundingErrors {
  private var squares = 0.0
  private var sum = 0.0
  private var largest = 0.0

  mutating func add(_ error: Double) {
    squares += error * error
    sum += error
    largest = max(largest, abs(sum))
  }

  /// The approximate mean error of an output sample, if the input deviates from its mean by one unit. It is the larger one of two errors:
  /// that of random input (0.8 σ of independent errors), and that at a step in the input (half of the largest running sum).
  var expected: Double { max(0.8 * squares.squareRoot(), 0.5 * largest) }
}

/// Weights as integers.
struct QuantizedWeights: Sendable {
  /// An empty list, for passes that use the weights without conversion.
  static let none = QuantizedWeights(bits: 0, integers: [])

  /// Fraction bits.
  let bits: Int
  /// Laid out as ``AxisWeights/weights``.
  let integers: [Int32]

  /// True when all fit 16 bits.
  var fit16Bits: Bool { integers.allSatisfy { $0 >= -32_768 && $0 <= 32_767 } }
}
