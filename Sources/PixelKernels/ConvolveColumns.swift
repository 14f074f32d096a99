internal import CPixelIntrinsics

// The vertical pass of a separable resize for 8-bit samples: `taps` stacked rows become one.
//
//     output[x] = saturate16((start + Σₖ weights[k] · rows[k][x]) >> shift)
//
// Weights are fixed point with `shift + fraction` fraction bits and sum to exactly 2^(shift + fraction); `start` is
// 2^(shift−1) − 128 · 2^(shift + fraction), so the result is (value − 128) with `fraction` fraction bits, rounded.
// Bit budget: samples are at most 255, Σ|weights| < 1.6 · 2^22 and |start| ≤ 2^29, so every sum stays below 2^31.
// Nothing is clipped to 0…255: overshoot is kept for the horizontal pass.

/// Vertical pass of two output rows whose windows overlap, over `count` samples.
///
/// Source rows that both windows have are loaded and unpacked once.
/// - Parameters:
///   - rows: `taps` pointers to rows of at least `count` samples; `taps` is even.
///   - weights: The first output row's weights, for the first `end` rows.
///   - end: Even, at most `taps`.
///   - nextWeights: The second output row's weights, for the rows from `begin` to `taps`.
///   - begin: Even, at most `taps`. Equal to `taps` where there is no second output row.
///   - start: 2^(shift−1) − 128 · Σ weights.
///   - shift: 1 to 22.
///   - output, nextOutput: `count` centered samples each.
public func convolveColumns(
  rows: UnsafePointer<UnsafePointer<UInt8>>, taps: Int, weights: UnsafePointer<Int16>, end: Int,
  nextWeights: UnsafePointer<Int16>, begin: Int, count: Int, start: Int32, shift: Int32,
  output: UnsafeMutablePointer<Int16>, nextOutput: UnsafeMutablePointer<Int16>
) {
  let x = convolve(
    ByteSums.self, rows, taps, weights, end, nextWeights, begin, count, start, shift, output, nextOutput)
  convolveColumnsReference(
    rows: rows, weights: weights, taps: end, from: x, count: count, start: start, shift: shift, output: output)
  if begin < taps {
    convolveColumnsReference(
      rows: rows + begin, weights: nextWeights, taps: taps &- begin, from: x, count: count, start: start, shift: shift,
      output: nextOutput)
  }
}

/// The definition of the vertical pass, for samples `from` to `count`: what every instruction set gives, bit for bit.
public func convolveColumnsReference(
  rows: UnsafePointer<UnsafePointer<UInt8>>, weights: UnsafePointer<Int16>, taps: Int, from: Int, count: Int,
  start: Int32, shift: Int32, output: UnsafeMutablePointer<Int16>
) {
  var x = from
  while x < count {
    var sum = start
    for k in 0..<taps { sum &+= Int32(weights[k]) &* Int32(rows[k][x]) }
    output[x] = Int16(clamping: sum &>> shift)
    x &+= 1
  }
}

// The same for centered words with 7 fraction bits (premultiplied samples): 128 · (value − 128).
//
//     output[x] = saturate16((2^(shift−1) + Σₚ (w[2p] · rows[2p][x] + w[2p+1] · rows[2p+1][x]) >> pairShift) >> shift)
//
// Bit budget: samples are within ±2^14, weights have at most 16 + pairShift fraction bits and Σ|weights| is below 1.99 of
// what they sum to, so every sum stays below 2^31; so do a pair's products, as weights have 16 bits.

/// Vertical pass of two output rows over `count` centered words; parameters as for bytes.
///
/// - Parameters:
///   - pairShift: Fraction bits that are cut off each pair's products, where weights are finer than sums have room for.
///   - shift: 1 to 22.
public func convolveColumnsOfWords(
  rows: UnsafePointer<UnsafePointer<Int16>>, taps: Int, weights: UnsafePointer<Int16>, end: Int,
  nextWeights: UnsafePointer<Int16>, begin: Int, count: Int, pairShift: Int32, shift: Int32,
  output: UnsafeMutablePointer<Int16>, nextOutput: UnsafeMutablePointer<Int16>
) {
  let half: Int32 = 1 &<< (shift &- 1)
  let x =
    pairShift == 0
    ? convolve(WordSums.self, rows, taps, weights, end, nextWeights, begin, count, half, shift, output, nextOutput)
    : convolve(WordSums.self, rows, taps, weights, end, nextWeights, begin, count, half, shift, output, nextOutput) {
      cpi_shift_right($0, pairShift)
    }
  convolveColumnsOfWordsReference(
    rows: rows, weights: weights, taps: end, from: x, count: count, pairShift: pairShift, shift: shift, output: output)
  if begin < taps {
    convolveColumnsOfWordsReference(
      rows: rows + begin, weights: nextWeights, taps: taps &- begin, from: x, count: count, pairShift: pairShift,
      shift: shift, output: nextOutput)
  }
}

/// The definition of the vertical pass over words, for samples `from` to `count`; `taps` is even.
public func convolveColumnsOfWordsReference(
  rows: UnsafePointer<UnsafePointer<Int16>>, weights: UnsafePointer<Int16>, taps: Int, from: Int, count: Int,
  pairShift: Int32, shift: Int32, output: UnsafeMutablePointer<Int16>
) {
  var x = from
  while x < count {
    var sum: Int32 = 1 &<< (shift &- 1)
    for k in stride(from: 0, to: taps, by: 2) {
      let first = Int32(weights[k]) &* Int32(rows[k][x])
      sum &+= (first &+ Int32(weights[k &+ 1]) &* Int32(rows[k &+ 1][x])) &>> pairShift
    }
    output[x] = Int16(clamping: sum &>> shift)
    x &+= 1
  }
}

// What both have in common: whole vectors, the two output rows side by side.

/// Returns the number of samples done. `cut` is what happens to the products of a pair before they are added.
@inline(__always)
private func convolve<Sums: PairSums>(
  _: Sums.Type, _ rows: UnsafePointer<UnsafePointer<Sums.Sample>>, _ taps: Int, _ weights: UnsafePointer<Int16>,
  _ end: Int, _ nextWeights: UnsafePointer<Int16>, _ begin: Int, _ count: Int, _ start: Int32, _ shift: Int32,
  _ output: UnsafeMutablePointer<Int16>, _ nextOutput: UnsafeMutablePointer<Int16>,
  cut: (cpi_i32) -> cpi_i32 = { $0 }
) -> Int {
  let alone = min(begin, end)
  var x = 0
  while x &+ cpi_u8.scalarCount <= count {
    var sums = FourSums(start)
    var nextSums = sums
    var k = 0
    while k < alone {
      sums.add(Sums.samples(rows, k, x), weights + k, cut)
      k &+= 2
    }
    while k < end {
      let samples = Sums.samples(rows, k, x)
      sums.add(samples, weights + k, cut)
      nextSums.add(samples, nextWeights + (k &- begin), cut)
      k &+= 2
    }
    Sums.store(sums, shift, output + x)
    if begin < taps {
      k = max(begin, end)
      while k < taps {
        nextSums.add(Sums.samples(rows, k, x), nextWeights + (k &- begin), cut)
        k &+= 2
      }
      Sums.store(nextSums, shift, nextOutput + x)
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
}

/// How samples of two rows become pairs, and sums become rows again.
private protocol PairSums {
  associatedtype Sample
  /// The samples of rows `k` and `k + 1` from `x` on.
  static func samples(_ rows: UnsafePointer<UnsafePointer<Sample>>, _ k: Int, _ x: Int) -> FourSums.Samples
  static func store(_ sums: FourSums, _ shift: Int32, _ output: UnsafeMutablePointer<Int16>)
}

private enum ByteSums: PairSums {
  @inline(__always)
  static func samples(_ rows: UnsafePointer<UnsafePointer<UInt8>>, _ k: Int, _ x: Int) -> FourSums.Samples {
    let zero = cpi_u8(repeating: 0)
    let first = cpi_load_u8(rows[k] + x)
    let second = cpi_load_u8(rows[k &+ 1] + x)
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
    let left = cpi_pack_i32(cpi_shift_right(sums.a, shift), cpi_shift_right(sums.b, shift))
    let right = cpi_pack_i32(cpi_shift_right(sums.c, shift), cpi_shift_right(sums.d, shift))
    cpi_store_i16(output, cpi_lower_lanes(left, right))
    cpi_store_i16(output + cpi_i16.scalarCount, cpi_upper_lanes(left, right))
  }
}

private enum WordSums: PairSums {
  @inline(__always)
  static func samples(_ rows: UnsafePointer<UnsafePointer<Int16>>, _ k: Int, _ x: Int) -> FourSums.Samples {
    let step = cpi_i16.scalarCount
    let first = cpi_load_i16(rows[k] + x)
    let second = cpi_load_i16(rows[k &+ 1] + x)
    let third = cpi_load_i16(rows[k] + x + step)
    let fourth = cpi_load_i16(rows[k &+ 1] + x + step)
    return (
      cpi_unpack_low_i16(first, second), cpi_unpack_high_i16(first, second), cpi_unpack_low_i16(third, fourth),
      cpi_unpack_high_i16(third, fourth)
    )
  }

  @inline(__always)
  static func store(_ sums: FourSums, _ shift: Int32, _ output: UnsafeMutablePointer<Int16>) {
    // Packing restores the order that unpacking changed.
    cpi_store_i16(output, cpi_pack_i32(cpi_shift_right(sums.a, shift), cpi_shift_right(sums.b, shift)))
    cpi_store_i16(
      output + cpi_i16.scalarCount, cpi_pack_i32(cpi_shift_right(sums.c, shift), cpi_shift_right(sums.d, shift)))
  }
}
