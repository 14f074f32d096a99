public import CPixelIntrinsics

// The vertical pass of a separable resize for 8-bit samples: `taps` stacked rows become one or two.
//
//     output[x] = saturate16((start + Σₖ weights[k] · rows[k][x]) >> shift)
//
// Weights are fixed point with `shift + fraction` fraction bits and sum to exactly 2^(shift + fraction); `start` is
// 2^(shift−1) − 128 · 2^(shift + fraction), so the result is (value − 128) with `fraction` fraction bits, rounded.
// Bit budget: samples are at most 255, Σ|weights| < 1.9 · 2^22 and |start| ≤ 2^29, so every sum stays below 2^31.
// Nothing is clipped to 0…255: overshoot is kept for the horizontal pass.

/// Vertical pass of one or two output rows. Source rows that are in the windows of both are loaded and unpacked once.
public func convolveColumns(_ pass: cpi_column_convolution) {
  let (rows, weights, nextWeights) = (pass.rows, pass.weights, pass.next_weights)
  let (taps, begin, end) = (pass.taps, pass.begin, pass.end)
  let alone = min(begin, end)
  var x = 0
  while x &+ cpi_u8.scalarCount <= pass.count {
    var sums = FourSums(pass.start)
    var nextSums = sums
    var k = 0
    while k < alone {
      sums.add(samples(rows, k, x), weights + k)
      k &+= 2
    }
    while k < end {
      let samples = samples(rows, k, x)
      sums.add(samples, weights + k)
      nextSums.add(samples, nextWeights + (k &- begin))
      k &+= 2
    }
    store(sums, pass.shift, pass.output + x)
    if begin < taps {
      k = max(begin, end)
      while k < taps {
        nextSums.add(samples(rows, k, x), nextWeights + (k &- begin))
        k &+= 2
      }
      store(nextSums, pass.shift, pass.next_output + x)
    }
    x &+= cpi_u8.scalarCount
  }
  define(pass, from: x)
}

/// The definition of ``convolveColumns(_:)``. Every instruction set gives exactly these bits.
public func convolveColumnsReference(_ pass: cpi_column_convolution) { define(pass, from: 0) }

@inline(__always) private func define(_ pass: cpi_column_convolution, from: Int) {
  defineRow(pass, 0, pass.end, pass.weights, pass.output, from)
  if pass.begin < pass.taps { defineRow(pass, pass.begin, pass.taps, pass.next_weights, pass.next_output, from) }
}

@inline(__always) private func defineRow(
  _ pass: cpi_column_convolution, _ begin: Int, _ end: Int, _ weights: UnsafePointer<Int16>,
  _ output: UnsafeMutablePointer<Int16>, _ from: Int
) {
  var x = from
  while x < pass.count {
    var sum = pass.start
    var k = begin
    while k < end {
      sum &+= Int32(weights[k &- begin]) &* Int32(pass.rows[k][x])
      k &+= 1
    }
    output[x] = Int16(clamping: sum &>> pass.shift)
    x &+= 1
  }
}

/// Samples of rows `k` and `k + 1` from `x` on, pair by pair.
@inline(__always) private func samples(_ rows: UnsafePointer<UnsafePointer<UInt8>>, _ k: Int, _ x: Int)
  -> FourSums.Samples
{
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

@inline(__always) private func store(_ sums: FourSums, _ shift: Int32, _ output: UnsafeMutablePointer<Int16>) {
  // The unpacks kept the order within each lane, so packing restores the order of the samples in a lane. The lanes themselves are put in
  // order last.
  let left = cpi_pack_i32(cpi_shift_right(sums.a, shift), cpi_shift_right(sums.b, shift))
  let right = cpi_pack_i32(cpi_shift_right(sums.c, shift), cpi_shift_right(sums.d, shift))
  cpi_store_i16(output, cpi_lower_lanes(left, right))
  cpi_store_i16(output + cpi_i16.scalarCount, cpi_upper_lanes(left, right))
}

/// As many sums as a vector has bytes.
private struct FourSums {
  typealias Samples = (cpi_i16, cpi_i16, cpi_i16, cpi_i16)
  var a: cpi_i32
  var b: cpi_i32
  var c: cpi_i32
  var d: cpi_i32

  @inline(__always) init(_ start: Int32) {
    a = cpi_i32(repeating: start)
    b = a
    c = a
    d = a
  }

  /// Adds samples of two rows, pair by pair, times two weights.
  @inline(__always) mutating func add(_ samples: Samples, _ weights: UnsafePointer<Int16>) {
    let pair = UnsafeRawPointer(weights).loadUnaligned(as: Int32.self)
    let weight = unsafeBitCast(cpi_i32(repeating: pair), to: cpi_i16.self)
    a &+= cpi_multiply_add_pairs(samples.0, weight)
    b &+= cpi_multiply_add_pairs(samples.1, weight)
    c &+= cpi_multiply_add_pairs(samples.2, weight)
    d &+= cpi_multiply_add_pairs(samples.3, weight)
  }
}
