// Both passes of a separable resize for samples of up to 16 bits, with 64-bit sums: for deep, premultiplied and
// linear-light samples, and wherever 16-bit weights are too coarse. Plain loops; the same bits on every instruction set.

/// Vertical pass: `output[x] = (Σₖ weights[k] · rows[k][x] + 2^(shift−1)) >> shift`.
///
/// Weights sum to 2^(shift + fraction); the result has `fraction` fraction bits and keeps overshoot. Bit budget: 16-bit
/// samples, Σ|weights| < 2^28 and at most 2^20 taps stay far below 2^63; the result needs 16 + fraction + 2 ≤ 32 bits.
///
/// - Parameters:
///   - rows: `taps` pointers to rows of at least `count` samples.
///   - weights: `taps` weights.
///   - sums: Room for `count` sums.
///   - output: `count` samples.
public func convolveColumnsWide(
  rows: UnsafePointer<UnsafePointer<UInt16>>, weights: UnsafePointer<Int32>, taps: Int, count: Int, shift: Int64,
  sums: UnsafeMutablePointer<Int64>, output: UnsafeMutablePointer<Int32>
) {
  let half: Int64 = 1 &<< (shift &- 1)
  // Blocks of 1024 sums (8 KiB) stay in the first-level cache.
  var first = 0
  while first < count {
    let end = min(first &+ 1024, count)
    for x in first..<end { sums[x] = half }
    for k in 0..<taps {
      let weight = Int64(weights[k])
      let row = rows[k]
      for x in first..<end { sums[x] &+= weight &* Int64(row[x]) }
    }
    for x in first..<end { output[x] = Int32(truncatingIfNeeded: sums[x] &>> shift) }
    first = end
  }
}

/// Horizontal pass over one row: `output[i] = clamp((Σₖ weights[i][k] · row[starts[i] + k] + 2^(shift−1)) >> shift)`.
///
/// - Parameters:
///   - row: Interleaved samples with fraction bits, from ``convolveColumnsWide(rows:weights:taps:count:shift:sums:output:)``.
///   - channels: Samples a pixel.
///   - starts: For each output pixel, the first source pixel of its window.
///   - weights: `outputCount` rows of `taps` weights; windows may not reach past the row's end.
///   - maximum: The largest output sample.
///   - hasAlpha: True for premultiplied samples with alpha last: where alpha is clamped to `maximum`, colors shrink with it,
///     or they would change.
///   - output: `outputCount * channels` samples.
public func convolveRowWide(
  row: UnsafePointer<Int32>, channels: Int, starts: UnsafePointer<Int32>, weights: UnsafePointer<Int32>, taps: Int,
  outputCount: Int, shift: Int64, maximum: UInt16, hasAlpha: Bool, output: UnsafeMutablePointer<UInt16>
) {
  let half: Int64 = 1 &<< (shift &- 1)
  let limit = Int64(maximum)
  for i in 0..<outputCount {
    let window = row + Int(starts[i]) &* channels
    let windowWeights = weights + i &* taps
    var alpha = limit
    var c = channels
    while c > 0 {
      c &-= 1
      var sum = half
      var k = 0
      while k < taps {
        sum &+= Int64(windowWeights[k]) &* Int64(window[k &* channels &+ c])
        k &+= 1
      }
      var sample = sum &>> shift
      if hasAlpha {
        if c == channels &- 1 { alpha = max(limit, sample) } else if alpha > limit { sample = sample &* limit / alpha }
      }
      output[i &* channels &+ c] = UInt16(truncatingIfNeeded: max(0, min(limit, sample)))
    }
  }
}
