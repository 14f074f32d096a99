public import CPixelIntrinsics

// The vertical pass of a separable resize: `taps` stacked rows become one or two.
//
//     sum[x] = start + Σₚ (weights[2p] · rows[2p][x] + weights[2p+1] · rows[2p+1][x]) >> pairShift
//
// Weights are fixed point and each window's sum to a power of two. Source rows that the windows of two output rows share are loaded
// and unpacked once. There are two kinds of samples:
//
// - Bytes. `start` is 2^(shift−1) − 128 · Σ weights, so that results are (value − 128). Bit budget: Σ|weights| < 1.9 · 2^22 and
//   |start| ≤ 2^29, so every sum stays below 2^31, and nothing is cut off pairs.
// - Centered words, 128 · (value − 128). Bit budget: samples are within ±2^15, weights have at most 16 + pairShift fraction bits, and
//   the magnitudes of samples and weights multiply to less than 2^31 in each sum; so do a pair's products, as weights have 16 bits.
//
// And four kinds of results:
//
// - words: saturate16(sum >> shift). Nothing is clipped to 0…255: overshoot is kept for the next pass.
// - bytes: clamp(128 + sum >> shift).
// - fine: 32 768 + saturate16(sum >> shift), words of 256 times the value.
// - sums: as they are, for samples that alpha is divided out of.

/// Bytes to words.
public func convolveColumns(_ pass: cpi_column_convolution) { convolve(BytesToWords.self, pass) }
/// Words to words.
public func convolveWordColumns(_ pass: cpi_column_convolution) { convolve(WordsToWords.self, pass) }
/// Words to bytes.
public func convolveWordColumnsToBytes(_ pass: cpi_column_convolution) { convolve(WordsToBytes.self, pass) }
/// Words to fine words.
public func convolveWordColumnsToFine(_ pass: cpi_column_convolution) { convolve(WordsToFine.self, pass) }
/// Words to sums.
public func convolveWordColumnsToSums(_ pass: cpi_column_convolution) { convolve(WordsToSums.self, pass) }

// The definitions: what every instruction set gives, bit for bit.

/// The definition of ``convolveColumns(_:)``.
public func convolveColumnsReference(_ pass: cpi_column_convolution) { define(BytesToWords.self, pass, from: 0) }
/// The definition of ``convolveWordColumns(_:)``.
public func convolveWordColumnsReference(_ pass: cpi_column_convolution) { define(WordsToWords.self, pass, from: 0) }
/// The definition of ``convolveWordColumnsToBytes(_:)``.
public func convolveWordColumnsToBytesReference(_ pass: cpi_column_convolution) {
  define(WordsToBytes.self, pass, from: 0)
}
/// The definition of ``convolveWordColumnsToFine(_:)``.
public func convolveWordColumnsToFineReference(_ pass: cpi_column_convolution) {
  define(WordsToFine.self, pass, from: 0)
}
/// The definition of ``convolveWordColumnsToSums(_:)``.
public func convolveWordColumnsToSumsReference(_ pass: cpi_column_convolution) {
  define(WordsToSums.self, pass, from: 0)
}

/// One sample after the other, from sample `from` on.
@inline(__always)
private func define<Form: ColumnForm>(_: Form.Type, _ pass: cpi_column_convolution, from: Int) {
  defineRow(Form.self, pass, 0, pass.end, pass.weights, pass.output, from)
  if pass.begin < pass.taps {
    defineRow(Form.self, pass, pass.begin, pass.taps, pass.next_weights, pass.next_output, from)
  }
}

@inline(__always)
private func defineRow<Form: ColumnForm>(
  _: Form.Type, _ pass: cpi_column_convolution, _ begin: Int, _ end: Int, _ weights: UnsafePointer<Int16>,
  _ output: UnsafeMutableRawPointer, _ from: Int
) {
  let output = output.assumingMemoryBound(to: Form.Output.self)
  var x = from
  while x < pass.count {
    var sum = pass.start
    var k = begin
    while k < end {
      let first = pass.rows[k].assumingMemoryBound(to: Form.Sample.self)[x]
      let second = pass.rows[k &+ 1].assumingMemoryBound(to: Form.Sample.self)[x]
      let product = Int32(weights[k &- begin]) &* Int32(truncatingIfNeeded: first)
      sum &+= (product &+ Int32(weights[k &- begin &+ 1]) &* Int32(truncatingIfNeeded: second)) &>> pass.pair_shift
      k &+= 2
    }
    output[x] = Form.result(sum, pass.shift)
    x &+= 1
  }
}

@inline(__always)
private func convolve<Form: ColumnForm>(_: Form.Type, _ pass: cpi_column_convolution) {
  // A form without cuts has no code for them.
  let x =
    pass.pair_shift == 0
    ? convolveVectors(Form.self, pass) { $0 }
    : convolveVectors(Form.self, pass) { cpi_shift_right($0, pass.pair_shift) }
  define(Form.self, pass, from: x)
}

/// Whole vectors, the two output rows side by side. `cut` is what happens to the products of a pair before they are added.
///
/// - Returns: The number of samples done.
@inline(__always)
private func convolveVectors<Form: ColumnForm>(
  _: Form.Type, _ pass: cpi_column_convolution, cut: (cpi_i32) -> cpi_i32
) -> Int {
  let (rows, weights, nextWeights) = (pass.rows, pass.weights, pass.next_weights)
  let (taps, begin, end) = (pass.taps, pass.begin, pass.end)
  let output = pass.output.assumingMemoryBound(to: Form.Output.self)
  let nextOutput = pass.next_output.assumingMemoryBound(to: Form.Output.self)
  let alone = min(begin, end)
  var x = 0
  while x &+ cpi_u8.scalarCount <= pass.count {
    var sums = FourSums(pass.start)
    var nextSums = sums
    var k = 0
    while k < alone {
      sums.add(Form.samples(rows, k, x), weights + k, cut)
      k &+= 2
    }
    while k < end {
      let samples = Form.samples(rows, k, x)
      sums.add(samples, weights + k, cut)
      nextSums.add(samples, nextWeights + (k &- begin), cut)
      k &+= 2
    }
    Form.store(sums, pass.shift, output + x)
    if begin < taps {
      k = max(begin, end)
      while k < taps {
        nextSums.add(Form.samples(rows, k, x), nextWeights + (k &- begin), cut)
        k &+= 2
      }
      Form.store(nextSums, pass.shift, nextOutput + x)
    }
    x &+= cpi_u8.scalarCount
  }
  return x
}

/// As many sums as a vector has bytes.
private struct FourSums {
  typealias Samples = (cpi_i16, cpi_i16, cpi_i16, cpi_i16)
  var a: cpi_i32
  var b: cpi_i32
  var c: cpi_i32
  var d: cpi_i32

  @inline(__always)
  init(_ start: Int32) {
    a = cpi_i32(repeating: start)
    b = a
    c = a
    d = a
  }

  /// Adds samples of two rows, pair by pair, times two weights.
  @inline(__always)
  mutating func add(_ samples: Samples, _ weights: UnsafePointer<Int16>, _ cut: (cpi_i32) -> cpi_i32) {
    let pair = UnsafeRawPointer(weights).loadUnaligned(as: Int32.self)
    let weight = unsafeBitCast(cpi_i32(repeating: pair), to: cpi_i16.self)
    a &+= cut(cpi_multiply_add_pairs(samples.0, weight))
    b &+= cut(cpi_multiply_add_pairs(samples.1, weight))
    c &+= cut(cpi_multiply_add_pairs(samples.2, weight))
    d &+= cut(cpi_multiply_add_pairs(samples.3, weight))
  }

  /// The sums shifted right and saturated to words, in the order of the unpacked samples.
  @inline(__always)
  func words(_ shift: Int32) -> (cpi_i16, cpi_i16) {
    (
      cpi_pack_i32(cpi_shift_right(a, shift), cpi_shift_right(b, shift)),
      cpi_pack_i32(cpi_shift_right(c, shift), cpi_shift_right(d, shift))
    )
  }
}

/// How samples of two rows become pairs, and sums become a row again.
private protocol ColumnForm {
  associatedtype Sample: FixedWidthInteger
  associatedtype Output
  /// The samples of rows `k` and `k + 1` from `x` on.
  static func samples(_ rows: UnsafePointer<UnsafeRawPointer>, _ k: Int, _ x: Int) -> FourSums.Samples
  static func store(_ sums: FourSums, _ shift: Int32, _ output: UnsafeMutablePointer<Output>)
  /// The definition of what is stored.
  static func result(_ sum: Int32, _ shift: Int32) -> Output
}

private enum BytesToWords: ColumnForm {
  @inline(__always)
  static func samples(_ rows: UnsafePointer<UnsafeRawPointer>, _ k: Int, _ x: Int) -> FourSums.Samples {
    let zero = cpi_u8(repeating: 0)
    let first = cpi_load_u8(rows[k].assumingMemoryBound(to: UInt8.self) + x)
    let second = cpi_load_u8(rows[k &+ 1].assumingMemoryBound(to: UInt8.self) + x)
    let low = cpi_unpack_low_u8(first, second)
    let high = cpi_unpack_high_u8(first, second)
    return (
      unsafeBitCast(cpi_unpack_low_u8(low, zero), to: cpi_i16.self),
      unsafeBitCast(cpi_unpack_high_u8(low, zero), to: cpi_i16.self),
      unsafeBitCast(cpi_unpack_low_u8(high, zero), to: cpi_i16.self),
      unsafeBitCast(cpi_unpack_high_u8(high, zero), to: cpi_i16.self)
    )
  }

  @inline(__always)
  static func store(_ sums: FourSums, _ shift: Int32, _ output: UnsafeMutablePointer<Int16>) {
    // The unpacks left each lane in order, so packing restores it; the lanes themselves are put in order last.
    let (left, right) = sums.words(shift)
    cpi_store_i16(output, cpi_lower_lanes(left, right))
    cpi_store_i16(output + cpi_i16.scalarCount, cpi_upper_lanes(left, right))
  }

  typealias Sample = UInt8

  @inline(__always)
  static func result(_ sum: Int32, _ shift: Int32) -> Int16 { Int16(clamping: sum &>> shift) }
}

/// What all forms of words have in common.
private protocol WordForm: ColumnForm where Sample == Int16 {}

extension WordForm {
  @inline(__always)
  static func samples(_ rows: UnsafePointer<UnsafeRawPointer>, _ k: Int, _ x: Int) -> FourSums.Samples {
    let step = cpi_i16.scalarCount
    let above = rows[k].assumingMemoryBound(to: Int16.self) + x
    let below = rows[k &+ 1].assumingMemoryBound(to: Int16.self) + x
    let (first, second) = (cpi_load_i16(above), cpi_load_i16(below))
    let (third, fourth) = (cpi_load_i16(above + step), cpi_load_i16(below + step))
    // Packing restores the order that unpacking changes.
    return (
      cpi_unpack_low_i16(first, second), cpi_unpack_high_i16(first, second), cpi_unpack_low_i16(third, fourth),
      cpi_unpack_high_i16(third, fourth)
    )
  }
}

private enum WordsToWords: WordForm {
  @inline(__always)
  static func store(_ sums: FourSums, _ shift: Int32, _ output: UnsafeMutablePointer<Int16>) {
    let (left, right) = sums.words(shift)
    cpi_store_i16(output, left)
    cpi_store_i16(output + cpi_i16.scalarCount, right)
  }

  @inline(__always)
  static func result(_ sum: Int32, _ shift: Int32) -> Int16 { Int16(clamping: sum &>> shift) }
}

private enum WordsToBytes: WordForm {
  @inline(__always)
  static func store(_ sums: FourSums, _ shift: Int32, _ output: UnsafeMutablePointer<UInt8>) {
    let (left, right) = sums.words(shift)
    cpi_store_centered_u8(output, left, right)
  }

  @inline(__always)
  static func result(_ sum: Int32, _ shift: Int32) -> UInt8 { UInt8(clamping: 128 &+ sum &>> shift) }
}

private enum WordsToFine: WordForm {
  @inline(__always)
  static func store(_ sums: FourSums, _ shift: Int32, _ output: UnsafeMutablePointer<UInt16>) {
    let (left, right) = sums.words(shift)
    let words = UnsafeMutableRawPointer(output).assumingMemoryBound(to: Int16.self)
    cpi_store_i16(words, left ^ cpi_i16(repeating: .min))
    cpi_store_i16(words + cpi_i16.scalarCount, right ^ cpi_i16(repeating: .min))
  }

  @inline(__always)
  static func result(_ sum: Int32, _ shift: Int32) -> UInt16 {
    UInt16(truncatingIfNeeded: 32_768 &+ Int32(Int16(clamping: sum &>> shift)))
  }
}

private enum WordsToSums: WordForm {
  @inline(__always)
  static func store(_ sums: FourSums, _ shift: Int32, _ output: UnsafeMutablePointer<Int32>) {
    // Vectors of one lane are in order; otherwise lanes are put in order as those of words are.
    let step = cpi_i32.scalarCount
    let (a, b) = (unsafeBitCast(sums.a, to: cpi_i16.self), unsafeBitCast(sums.b, to: cpi_i16.self))
    let (c, d) = (unsafeBitCast(sums.c, to: cpi_i16.self), unsafeBitCast(sums.d, to: cpi_i16.self))
    cpi_store_i32(output, unsafeBitCast(cpi_lower_lanes(a, b), to: cpi_i32.self))
    cpi_store_i32(output + step, unsafeBitCast(cpi_upper_lanes(a, b), to: cpi_i32.self))
    cpi_store_i32(output + 2 &* step, unsafeBitCast(cpi_lower_lanes(c, d), to: cpi_i32.self))
    cpi_store_i32(output + 3 &* step, unsafeBitCast(cpi_upper_lanes(c, d), to: cpi_i32.self))
  }

  @inline(__always)
  static func result(_ sum: Int32, _ shift: Int32) -> Int32 { sum }
}
