public import CPixelIntrinsics

// Both passes of a separable resize for samples of up to 16 bits, with 64-bit sums: for deep, premultiplied and linear-light samples, and
// wherever 16-bit weights are too coarse. These are plain loops, which give the same bits on every instruction set.

/// Vertical pass: `output[x] = (Σₖ weights[k] · rows[k][x] + 2^(shift−1)) >> shift`.
///
/// Weights sum to 2^(shift + fraction); the result has `fraction` fraction bits and keeps overshoot. Bit budget: 16-bit
/// samples, Σ|weights| < 2^28 and at most 2^20 taps stay far below 2^63; the result needs 16 + fraction + 2 ≤ 32 bits.
public func convolveColumnsWide(_ pass: cpi_wide_column_convolution) {
  let (rows, weights, sums, output) = (pass.rows, pass.weights, pass.sums, pass.output)
  let (taps, count, shift) = (pass.taps, pass.count, pass.shift)
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
/// If alpha is clamped to `maximum`, premultiplied colors are reduced by the same factor: otherwise the straight colors would change.
public func convolveRowWide(_ pass: cpi_wide_row_convolution) {
  let (row, starts, weights, output) = (pass.row, pass.starts, pass.weights, pass.output)
  let (channels, taps, shift, hasAlpha) = (pass.channels, pass.taps, pass.shift, pass.has_alpha)
  let half: Int64 = 1 &<< (shift &- 1)
  let limit = Int64(pass.maximum)
  for i in 0..<pass.output_count {
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
