internal import CPixelIntrinsics

// The vertical pass of a separable resize for 8-bit samples: `taps` stacked rows become one.
//
//     output[x] = saturate16((start + Σₖ weights[k] · rows[k][x]) >> shift)
//
// Weights are fixed point with `shift + fraction` fraction bits and sum to exactly 2^(shift + fraction); `start` is
// 2^(shift−1) − 128 · 2^(shift + fraction), so the result is (value − 128) with `fraction` fraction bits, rounded.
// Bit budget: samples are at most 255, Σ|weights| < 1.6 · 2^22 and |start| ≤ 2^29, so every sum stays below 2^31.
// Nothing is clipped to 0…255: overshoot is kept for the horizontal pass.

/// Vertical pass over `count` samples.
///
/// - Parameters:
///   - rows: `taps` pointers to rows of at least `count` samples.
///   - weights: `taps` weights; `taps` is even (an odd window is padded with a weight of 0).
///   - start: 2^(shift−1) − 128 · Σ weights.
///   - shift: 1 to 22.
///   - output: `count` centered samples.
public func convolveColumns(
  rows: UnsafePointer<UnsafePointer<UInt8>>, weights: UnsafePointer<Int16>, taps: Int, count: Int, start: Int32,
  shift: Int32, output: UnsafeMutablePointer<Int16>
) {
  let step = cpi_u8.scalarCount
  let zero = cpi_u8(repeating: 0)
  let weightPairs = UnsafeRawPointer(weights)
  var x = 0
  while x &+ step <= count {
    var sum0 = cpi_i32(repeating: start)
    var sum1 = sum0
    var sum2 = sum0
    var sum3 = sum0
    var k = 0
    while k < taps {
      let pair = weightPairs.loadUnaligned(fromByteOffset: k &* 2, as: Int32.self)
      let weight = unsafeBitCast(cpi_i32(repeating: pair), to: cpi_i16.self)
      let first = cpi_load_u8(rows[k] + x)
      let second = cpi_load_u8(rows[k &+ 1] + x)
      let low = cpi_unpack_low_u8(first, second)
      let high = cpi_unpack_high_u8(first, second)
      sum0 &+= cpi_multiply_add_pairs(unsafeBitCast(cpi_unpack_low_u8(low, zero), to: cpi_i16.self), weight)
      sum1 &+= cpi_multiply_add_pairs(unsafeBitCast(cpi_unpack_high_u8(low, zero), to: cpi_i16.self), weight)
      sum2 &+= cpi_multiply_add_pairs(unsafeBitCast(cpi_unpack_low_u8(high, zero), to: cpi_i16.self), weight)
      sum3 &+= cpi_multiply_add_pairs(unsafeBitCast(cpi_unpack_high_u8(high, zero), to: cpi_i16.self), weight)
      k &+= 2
    }
    // The unpacks left each lane in order, so packing restores it; the lanes themselves are put in order last.
    let left = cpi_pack_i32(cpi_shift_right(sum0, shift), cpi_shift_right(sum1, shift))
    let right = cpi_pack_i32(cpi_shift_right(sum2, shift), cpi_shift_right(sum3, shift))
    cpi_store_i16(output + x, cpi_lower_lanes(left, right))
    cpi_store_i16(output + x + cpi_i16.scalarCount, cpi_upper_lanes(left, right))
    x &+= step
  }
  convolveColumnsReference(
    rows: rows, weights: weights, taps: taps, from: x, count: count, start: start, shift: shift, output: output)
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
//     output[x] = saturate16((2^(shift−1) + Σₖ weights[k] · rows[k][x]) >> shift)
//
// Bit budget: samples are within ±2^14, weights have at most 16 fraction bits and Σ|weights| < 1.99 · 2^16, so every sum
// stays below 2^31.

/// Vertical pass over `count` centered words.
///
/// - Parameters:
///   - rows: `taps` pointers to rows of at least `count` words.
///   - weights: `taps` weights; `taps` is even (an odd window is padded with a weight of 0).
///   - shift: 1 to 22.
///   - output: `count` centered words.
public func convolveColumnsOfWords(
  rows: UnsafePointer<UnsafePointer<Int16>>, weights: UnsafePointer<Int16>, taps: Int, count: Int, shift: Int32,
  output: UnsafeMutablePointer<Int16>
) {
  let step = cpi_i16.scalarCount
  let weightPairs = UnsafeRawPointer(weights)
  let half: Int32 = 1 &<< (shift &- 1)
  var x = 0
  while x &+ 2 &* step <= count {
    var sum0 = cpi_i32(repeating: half)
    var sum1 = sum0
    var sum2 = sum0
    var sum3 = sum0
    var k = 0
    while k < taps {
      let pair = weightPairs.loadUnaligned(fromByteOffset: k &* 2, as: Int32.self)
      let weight = unsafeBitCast(cpi_i32(repeating: pair), to: cpi_i16.self)
      let first = rows[k] + x
      let second = rows[k &+ 1] + x
      let a = cpi_load_i16(first)
      let b = cpi_load_i16(second)
      let c = cpi_load_i16(first + step)
      let d = cpi_load_i16(second + step)
      sum0 &+= cpi_multiply_add_pairs(cpi_unpack_low_i16(a, b), weight)
      sum1 &+= cpi_multiply_add_pairs(cpi_unpack_high_i16(a, b), weight)
      sum2 &+= cpi_multiply_add_pairs(cpi_unpack_low_i16(c, d), weight)
      sum3 &+= cpi_multiply_add_pairs(cpi_unpack_high_i16(c, d), weight)
      k &+= 2
    }
    // Packing restores the order that unpacking changed.
    cpi_store_i16(output + x, cpi_pack_i32(cpi_shift_right(sum0, shift), cpi_shift_right(sum1, shift)))
    cpi_store_i16(output + x + step, cpi_pack_i32(cpi_shift_right(sum2, shift), cpi_shift_right(sum3, shift)))
    x &+= 2 &* step
  }
  convolveColumnsOfWordsReference(
    rows: rows, weights: weights, taps: taps, from: x, count: count, shift: shift, output: output)
}

/// The definition of the vertical pass over words, for samples `from` to `count`.
public func convolveColumnsOfWordsReference(
  rows: UnsafePointer<UnsafePointer<Int16>>, weights: UnsafePointer<Int16>, taps: Int, from: Int, count: Int,
  shift: Int32, output: UnsafeMutablePointer<Int16>
) {
  var x = from
  while x < count {
    var sum: Int32 = 1 &<< (shift &- 1)
    for k in 0..<taps { sum &+= Int32(weights[k]) &* Int32(rows[k][x]) }
    output[x] = Int16(clamping: sum &>> shift)
    x &+= 1
  }
}
