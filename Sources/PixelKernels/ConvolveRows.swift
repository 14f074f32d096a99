internal import CPixelIntrinsics

// The horizontal pass of a separable resize, with rows as lanes.
//
// Sixteen lanes run side by side: sixteen rows of one channel, eight of two, or four of three or four channels (three
// leave every fourth lane idle). `columns` holds, for each pair of source columns (2p, 2p+1), sixteen 32-bit words, one a
// lane, each word the lane's two neighboring samples (`interleaveColumns`). One output column is then a run of
// multiply-adds of whole vectors by one pair of weights, without a sum across lanes.
//
//     output[i][lane] = clamp(128 + (2^(shift−1) + Σₚ w[2p] · columns[first+p][lane].even
//                                                    + w[2p+1] · columns[first+p][lane].odd) >> shift)
//
// Bit budget: samples are (value − 128) with `fraction` bits and weights sum to 2^(pairShift + shift − fraction), where
// `pairShift` bits are cut off the products of each pair of taps. The vertical pass has made |value − 128| at most
// 128 · gain; the plan keeps 128 · (both passes' gains) · 2^shift below 2^31 (shift ≤ 23).

/// The number of lanes of the horizontal pass.
public let horizontalLanes = 16

/// Horizontal pass to bytes: `outputCount` columns of sixteen lanes each.
///
/// - Parameters:
///   - columns: Pairs of source columns, sixteen words each.
///   - firstPairs: For each output column, the first pair of its window.
///   - weights: `outputCount` rows of `2 * pairs` weights.
///   - pairs: Pairs of taps a window, the same for every output column.
///   - pairShift: Fraction bits that are cut off each pair's products, where weights are finer than sums have room for.
///   - shift: Fraction bits of the sums, 1 to 23.
///   - output: `outputCount * 16` bytes.
public func convolveRows(
  columns: UnsafePointer<Int32>, firstPairs: UnsafePointer<Int32>, weights: UnsafePointer<Int16>, pairs: Int,
  outputCount: Int, pairShift: Int32, shift: Int32, output: UnsafeMutablePointer<UInt8>
) {
  let half: Int32 = 1 &<< (shift &- 1)
  var i = 0
  while pairShift > 0, i < outputCount {
    let sum = windowSum(columns, firstPairs, weights, pairs, i, half) { cpi_shift_right_x16($0, pairShift) }
    cpi_store_centered_u8x16(output + i &* horizontalLanes, sum, shift)
    i &+= 1
  }
  while i < outputCount {
    let sum = windowSum(columns, firstPairs, weights, pairs, i, half)
    cpi_store_centered_u8x16(output + i &* horizontalLanes, sum, shift)
    i &+= 1
  }
}

/// The same to words with 8 fraction bits, 256 times the value: for what is calculated with before it becomes bytes.
///
///     output[i][lane] = 32768 + saturate16((2^(shift−9) + Σ …) >> (shift − 8))
///
/// - Parameters:
///   - pairShift: As for bytes.
///   - shift: Fraction bits of the sums, 9 to 23.
public func convolveRowsFine(
  columns: UnsafePointer<Int32>, firstPairs: UnsafePointer<Int32>, weights: UnsafePointer<Int16>, pairs: Int,
  outputCount: Int, pairShift: Int32, shift: Int32, output: UnsafeMutablePointer<UInt16>
) {
  let half: Int32 = 1 &<< (shift &- 9)
  var i = 0
  while pairShift > 0, i < outputCount {
    let sum = windowSum(columns, firstPairs, weights, pairs, i, half) { cpi_shift_right_x16($0, pairShift) }
    cpi_store_centered_u16x16(output + i &* horizontalLanes, sum, shift &- 8)
    i &+= 1
  }
  while i < outputCount {
    let sum = windowSum(columns, firstPairs, weights, pairs, i, half)
    cpi_store_centered_u16x16(output + i &* horizontalLanes, sum, shift &- 8)
    i &+= 1
  }
}

/// The same without rounding: the sums themselves, (value − 128) · 2^shift, for samples that alpha is divided out of.
///
/// - Parameters:
///   - pairShift: As for bytes.
///   - output: `outputCount * 16` sums.
public func convolveRowsToSums(
  columns: UnsafePointer<Int32>, firstPairs: UnsafePointer<Int32>, weights: UnsafePointer<Int16>, pairs: Int,
  outputCount: Int, pairShift: Int32, output: UnsafeMutablePointer<Int32>
) {
  var i = 0
  while pairShift > 0, i < outputCount {
    let sum = windowSum(columns, firstPairs, weights, pairs, i, 0) { cpi_shift_right_x16($0, pairShift) }
    cpi_store_i32x16(output + i &* horizontalLanes, sum)
    i &+= 1
  }
  while i < outputCount {
    cpi_store_i32x16(output + i &* horizontalLanes, windowSum(columns, firstPairs, weights, pairs, i, 0))
    i &+= 1
  }
}

/// The sums of output column `i`.
@inline(__always)
private func windowSum(
  _ columns: UnsafePointer<Int32>, _ firstPairs: UnsafePointer<Int32>, _ weights: UnsafePointer<Int16>, _ pairs: Int,
  _ i: Int, _ half: Int32, shift: (cpi_i32x16) -> cpi_i32x16 = { $0 }
) -> cpi_i32x16 {
  let weightPairs = UnsafeRawPointer(weights + i &* pairs &* 2)
  var source = columns + Int(firstPairs[i]) &* horizontalLanes
  var sum = cpi_i32x16(repeating: half)
  var p = 0
  while p < pairs {
    let pair = weightPairs.loadUnaligned(fromByteOffset: p &* 4, as: Int32.self)
    let weight = unsafeBitCast(cpi_i32(repeating: pair), to: cpi_i16.self)
    sum &+= shift(cpi_multiply_add_pairs_x16(cpi_load_i16x32(source), weight))
    source += horizontalLanes
    p &+= 1
  }
  return sum
}

/// The definition of the horizontal pass to bytes: what every instruction set gives, bit for bit.
public func convolveRowsReference(
  columns: UnsafePointer<Int32>, firstPairs: UnsafePointer<Int32>, weights: UnsafePointer<Int16>, pairs: Int,
  outputCount: Int, pairShift: Int32, shift: Int32, output: UnsafeMutablePointer<UInt8>
) {
  for i in 0..<outputCount {
    for lane in 0..<horizontalLanes {
      let sum = windowSumReference(columns, firstPairs, weights, pairs, i, lane, pairShift) &+ 1 &<< (shift &- 1)
      output[i * horizontalLanes + lane] = UInt8(clamping: 128 &+ sum &>> shift)
    }
  }
}

/// The definition of the horizontal pass to words.
public func convolveRowsFineReference(
  columns: UnsafePointer<Int32>, firstPairs: UnsafePointer<Int32>, weights: UnsafePointer<Int16>, pairs: Int,
  outputCount: Int, pairShift: Int32, shift: Int32, output: UnsafeMutablePointer<UInt16>
) {
  for i in 0..<outputCount {
    for lane in 0..<horizontalLanes {
      let sum = windowSumReference(columns, firstPairs, weights, pairs, i, lane, pairShift) &+ 1 &<< (shift &- 9)
      output[i * horizontalLanes + lane] = UInt16(32_768 + Int32(Int16(clamping: sum &>> (shift &- 8))))
    }
  }
}

/// The definition of the horizontal pass to sums.
public func convolveRowsToSumsReference(
  columns: UnsafePointer<Int32>, firstPairs: UnsafePointer<Int32>, weights: UnsafePointer<Int16>, pairs: Int,
  outputCount: Int, pairShift: Int32, output: UnsafeMutablePointer<Int32>
) {
  for i in 0..<outputCount {
    for lane in 0..<horizontalLanes {
      output[i * horizontalLanes + lane] = windowSumReference(columns, firstPairs, weights, pairs, i, lane, pairShift)
    }
  }
}

private func windowSumReference(
  _ columns: UnsafePointer<Int32>, _ firstPairs: UnsafePointer<Int32>, _ weights: UnsafePointer<Int16>, _ pairs: Int,
  _ i: Int, _ lane: Int, _ pairShift: Int32 = 0
) -> Int32 {
  var sum: Int32 = 0
  for p in 0..<pairs {
    let word = columns[(Int(firstPairs[i]) + p) * horizontalLanes + lane]
    let even = Int32(weights[(i * pairs + p) * 2]) &* Int32(Int16(truncatingIfNeeded: word))
    sum &+= (even &+ Int32(weights[(i * pairs + p) * 2 + 1]) &* (word &>> 16)) &>> pairShift
  }
  return sum
}

/// Lays rows of centered samples out for ``convolveRows(columns:firstPairs:weights:pairs:outputCount:shift:output:)``.
///
/// - Parameters:
///   - rows: The first of `16 / lanesPerRow` rows, `stride` samples apart. Each may be read up to 8 samples past its end.
///   - channels: Samples a pixel, 1 to 4.
///   - pairs: Pairs of columns to lay out: half the width, rounded up.
///   - columns: `pairs * 16` words. Lanes without a channel, and the odd column past an odd width, hold anything.
public func interleaveColumns(
  rows: UnsafePointer<Int16>, stride: Int, channels: Int, pairs: Int, columns: UnsafeMutablePointer<Int32>
) {
  switch channels {
  case 1: interleaveGray(rows: rows, stride: stride, pairs: pairs, columns: columns)
  case 2: interleaveWide(rows: rows, stride: stride, channels: 2, pairs: pairs, columns: columns)
  case 3: interleaveWide(rows: rows, stride: stride, channels: 3, pairs: pairs, columns: columns)
  default: interleaveWide(rows: rows, stride: stride, channels: 4, pairs: pairs, columns: columns)
  }
}

/// Sixteen rows of one channel: a transpose of 32-bit words, four by four.
@inline(__always)
private func interleaveGray(
  rows: UnsafePointer<Int16>, stride: Int, pairs: Int, columns: UnsafeMutablePointer<Int32>
) {
  var group = 0
  while group < horizontalLanes {
    let base = UnsafeRawPointer(rows + group &* stride)
    let rowBytes = stride &* 2
    var p = 0
    while p < pairs {
      // The last block may read up to three pairs past the row's end, and writes only whole pairs that exist.
      let a = base.loadUnaligned(fromByteOffset: p &* 4, as: SIMD4<Int32>.self)
      let b = base.loadUnaligned(fromByteOffset: rowBytes &+ p &* 4, as: SIMD4<Int32>.self)
      let c = base.loadUnaligned(fromByteOffset: rowBytes &* 2 &+ p &* 4, as: SIMD4<Int32>.self)
      let d = base.loadUnaligned(fromByteOffset: rowBytes &* 3 &+ p &* 4, as: SIMD4<Int32>.self)
      let target = UnsafeMutableRawPointer(columns + (p &* horizontalLanes &+ group))
      let left = pairs &- p
      target.storeBytes(of: SIMD4(a[0], b[0], c[0], d[0]), as: SIMD4<Int32>.self)
      if left > 1 { target.storeBytes(of: SIMD4(a[1], b[1], c[1], d[1]), toByteOffset: 64, as: SIMD4<Int32>.self) }
      if left > 2 { target.storeBytes(of: SIMD4(a[2], b[2], c[2], d[2]), toByteOffset: 128, as: SIMD4<Int32>.self) }
      if left > 3 { target.storeBytes(of: SIMD4(a[3], b[3], c[3], d[3]), toByteOffset: 192, as: SIMD4<Int32>.self) }
      p &+= 4
    }
    group &+= 4
  }
}

/// Eight rows of two channels or four rows of three or four: pixels 2p and 2p+1 are zipped, sample by sample.
@inline(__always)
private func interleaveWide(
  rows: UnsafePointer<Int16>, stride: Int, channels: Int, pairs: Int, columns: UnsafeMutablePointer<Int32>
) {
  let lanesPerRow = channels == 2 ? 2 : 4
  var lane = 0
  var row = UnsafeRawPointer(rows)
  while lane < horizontalLanes {
    var p = 0
    while p < pairs {
      let offset = p &* channels &* 4
      let even = row.loadUnaligned(fromByteOffset: offset, as: SIMD4<Int16>.self)
      let odd = row.loadUnaligned(fromByteOffset: offset &+ channels &* 2, as: SIMD4<Int16>.self)
      let target = UnsafeMutableRawPointer(columns + (p &* horizontalLanes &+ lane))
      if channels == 2 {
        target.storeBytes(of: SIMD4(even[0], odd[0], even[1], odd[1]), as: SIMD4<Int16>.self)
      } else {
        target.storeBytes(
          of: SIMD8(even[0], odd[0], even[1], odd[1], even[2], odd[2], even[3], odd[3]), as: SIMD8<Int16>.self)
      }
      p &+= 1
    }
    lane &+= lanesPerRow
    row += stride &* 2
  }
}

/// Takes sixteen lanes apart into rows again.
///
/// - Parameters:
///   - lanes: `count` columns of sixteen samples from the horizontal pass.
///   - sampleBytes: 1, or 2 for words.
///   - channels: Samples a pixel, 1 to 4.
///   - rowCount: Rows wanted, at most `16 / lanesPerRow`.
///   - output: The first row; rows are `stride` bytes apart.
public func deinterleaveLanes(
  lanes: UnsafeRawPointer, sampleBytes: Int, channels: Int, count: Int, rowCount: Int, output: UnsafeMutableRawPointer,
  stride: Int
) {
  let columnBytes = horizontalLanes &* sampleBytes
  let pixelBytes = channels &* sampleBytes
  switch (channels == 3 ? 4 : channels) &* sampleBytes {
  case 1:
    var i = 0
    while i &+ 16 <= count {
      cpi_transpose_u8(
        (lanes + i &* columnBytes).assumingMemoryBound(to: UInt8.self),
        (output + i).assumingMemoryBound(to: UInt8.self), stride, Int32(truncatingIfNeeded: rowCount))
      i &+= 16
    }
    copyLanes(lanes, UInt8.self, columnBytes, pixelBytes, from: i, count, rowCount, output, stride)
  case 2:
    var i = 0
    while i &+ 8 <= count {
      var row = 0
      while row < rowCount {
        cpi_transpose_u16(
          (lanes + (i &* columnBytes &+ row &* 2)).assumingMemoryBound(to: UInt8.self), columnBytes,
          (output + (row &* stride &+ i &* 2)).assumingMemoryBound(to: UInt8.self), stride,
          Int32(truncatingIfNeeded: min(rowCount &- row, 8)))
        row &+= 8
      }
      i &+= 8
    }
    copyLanes(lanes, UInt16.self, columnBytes, pixelBytes, from: i, count, rowCount, output, stride)
  case 4: copyLanes(lanes, UInt32.self, columnBytes, pixelBytes, from: 0, count, rowCount, output, stride)
  default: copyLanes(lanes, UInt64.self, columnBytes, pixelBytes, from: 0, count, rowCount, output, stride)
  }
}

/// Copies pixels, each with its idle lane, one over the other's end; the last one of a row without it.
@inline(__always)
private func copyLanes<Element: FixedWidthInteger>(
  _ lanes: UnsafeRawPointer, _: Element.Type, _ columnBytes: Int, _ pixelBytes: Int, from: Int, _ count: Int,
  _ rowCount: Int, _ output: UnsafeMutableRawPointer, _ stride: Int
) {
  let elementBytes = MemoryLayout<Element>.size
  var row = 0
  while row < rowCount {
    let source = lanes + row &* elementBytes
    let target = output + row &* stride
    var i = from
    while i &+ 1 < count {
      let pixel = source.loadUnaligned(fromByteOffset: i &* columnBytes, as: Element.self)
      target.storeBytes(of: pixel, toByteOffset: i &* pixelBytes, as: Element.self)
      i &+= 1
    }
    if i < count {
      let pixel = source + i &* columnBytes
      for k in 0..<pixelBytes {
        target.storeBytes(
          of: pixel.loadUnaligned(fromByteOffset: k, as: UInt8.self), toByteOffset: i &* pixelBytes &+ k, as: UInt8.self
        )
      }
    }
    row &+= 1
  }
}
