public import CPixelIntrinsics

// The horizontal pass of a separable resize, with rows as lanes.
//
// Each lane is one channel of one row. Sixteen lanes are sixteen rows of one channel, or eight rows of two; thirty-two lanes are eight
// rows of three or four channels (with three, every fourth lane is idle). `columns` holds a 32-bit word for each pair of source
// columns (2p, 2p+1) and each lane: the two neighboring samples of the lane (`interleaveColumns`). One output column is then a run of
// multiply-adds of whole vectors by one pair of weights, without a sum across lanes.
//
//     sum[i][lane] = start + Σₚ (w[2p] · columns[first+p][lane].even + w[2p+1] · columns[first+p][lane].odd) >> pairShift
//
// Bit budget: samples are (value − 128) with `fraction` bits and weights sum to 2^(pairShift + bits). The plan keeps the largest
// magnitude of samples, times both passes' gains, times 2^bits, below 2^31. The results are those of the vertical pass
// (ConvolvePairs.swift).

/// The lanes of the horizontal pass.
public enum HorizontalLanes {
  /// The number of lanes for pixels of `channels` samples.
  public static func count(channels: Int) -> Int { channels > 2 ? 32 : 16 }
  /// The lanes of a row.
  public static func perRow(channels: Int) -> Int { channels == 3 ? 4 : channels }
}

/// Convolves to bytes: clamp(128 + sum >> shift).
public func convolveRowsToBytes(_ pass: cpi_row_convolution) { convolve(ToBytes.self, pass) }
/// Convolves to words: saturate16(sum >> shift).
public func convolveRowsToWords(_ pass: cpi_row_convolution) { convolve(ToWords.self, pass) }
/// Convolves to words of 256 times the value, for further arithmetic before they become bytes: 32 768 + saturate16(sum >> shift).
public func convolveRowsToFine(_ pass: cpi_row_convolution) { convolve(ToFine.self, pass) }
/// Convolves to unchanged sums, for samples that are divided by alpha later.
public func convolveRowsToSums(_ pass: cpi_row_convolution) { convolve(ToSums.self, pass) }

// The definitions: every instruction set gives the same bits.

/// The definition of ``convolveRowsToBytes(_:)``.
public func convolveRowsToBytesReference(_ pass: cpi_row_convolution) { define(ToBytes.self, pass) }
/// The definition of ``convolveRowsToWords(_:)``.
public func convolveRowsToWordsReference(_ pass: cpi_row_convolution) { define(ToWords.self, pass) }
/// The definition of ``convolveRowsToFine(_:)``.
public func convolveRowsToFineReference(_ pass: cpi_row_convolution) { define(ToFine.self, pass) }
/// The definition of ``convolveRowsToSums(_:)``.
public func convolveRowsToSumsReference(_ pass: cpi_row_convolution) { define(ToSums.self, pass) }

@inline(__always) private func define<Form: RowForm>(_: Form.Type, _ pass: cpi_row_convolution) {
  let output = pass.output.assumingMemoryBound(to: Form.Output.self)
  for i in 0..<pass.output_count {
    for lane in 0..<pass.lanes {
      var sum = pass.start
      for p in 0..<pass.pairs {
        let word = pass.columns[(Int(pass.first_pairs[i]) + p) * pass.lanes + lane]
        let even = Int32(pass.weights[(i * pass.pairs + p) * 2]) &* Int32(Int16(truncatingIfNeeded: word))
        sum &+= (even &+ Int32(pass.weights[(i * pass.pairs + p) * 2 + 1]) &* (word &>> 16)) &>> pass.pair_shift
      }
      output[i * pass.lanes + lane] = Form.result(sum, pass.shift)
    }
  }
}

@inline(__always) private func convolve<Form: RowForm>(_: Form.Type, _ pass: cpi_row_convolution) {
  // If no bits are cut off, no code for that is generated.
  switch (pass.lanes, pass.pair_shift) {
  case (16, 0): convolve16(Form.self, pass) { $0 }
  case (16, _): convolve16(Form.self, pass) { cpi_shift_right_x16($0, pass.pair_shift) }
  case (_, 0): convolve32(Form.self, pass) { $0 }
  default: convolve32(Form.self, pass) { cpi_shift_right_x16($0, pass.pair_shift) }
  }
}

@inline(__always) private func convolve16<Form: RowForm>(
  _: Form.Type, _ pass: cpi_row_convolution, cut: (cpi_i32x16) -> cpi_i32x16
) {
  let (pairs, count) = (pass.pairs, pass.output_count)
  var output = pass.output.assumingMemoryBound(to: Form.Output.self)
  var weightPairs = UnsafeRawPointer(pass.weights)
  var i = 0
  while i < count {
    var source = pass.columns + Int(pass.first_pairs[i]) &* 16
    var sum = cpi_i32x16(repeating: pass.start)
    var p = 0
    while p < pairs {
      let pair = weightPairs.loadUnaligned(as: Int32.self)
      let weight = unsafeBitCast(cpi_i32(repeating: pair), to: cpi_i16.self)
      sum &+= cut(cpi_multiply_add_pairs_x16(cpi_load_i16x32(source), weight))
      source += 16
      weightPairs += 4
      p &+= 1
    }
    Form.store(sum, pass.shift, output)
    output += 16
    i &+= 1
  }
}

@inline(__always) private func convolve32<Form: RowForm>(
  _: Form.Type, _ pass: cpi_row_convolution, cut: (cpi_i32x16) -> cpi_i32x16
) {
  let (pairs, count) = (pass.pairs, pass.output_count)
  var output = pass.output.assumingMemoryBound(to: Form.Output.self)
  var weightPairs = UnsafeRawPointer(pass.weights)
  var i = 0
  while i < count {
    var source = pass.columns + Int(pass.first_pairs[i]) &* 32
    var sum = cpi_i32x16(repeating: pass.start)
    var nextSum = sum
    var p = 0
    while p < pairs {
      let pair = weightPairs.loadUnaligned(as: Int32.self)
      let weight = unsafeBitCast(cpi_i32(repeating: pair), to: cpi_i16.self)
      sum &+= cut(cpi_multiply_add_pairs_x16(cpi_load_i16x32(source), weight))
      nextSum &+= cut(cpi_multiply_add_pairs_x16(cpi_load_i16x32(source + 16), weight))
      source += 32
      weightPairs += 4
      p &+= 1
    }
    Form.store(sum, pass.shift, output)
    Form.store(nextSum, pass.shift, output + 16)
    output += 32
    i &+= 1
  }
}

/// The conversion of sums to output samples.
private protocol RowForm {
  associatedtype Output
  static func store(_ sums: cpi_i32x16, _ shift: Int32, _ output: UnsafeMutablePointer<Output>)
  /// The definition of the stored value.
  static func result(_ sum: Int32, _ shift: Int32) -> Output
}

private enum ToBytes: RowForm {
  @inline(__always) static func store(_ sums: cpi_i32x16, _ shift: Int32, _ output: UnsafeMutablePointer<UInt8>) {
    cpi_store_centered_u8x16(output, sums, shift)
  }
  @inline(__always) static func result(_ sum: Int32, _ shift: Int32) -> UInt8 { UInt8(clamping: 128 &+ sum &>> shift) }
}

private enum ToWords: RowForm {
  @inline(__always) static func store(_ sums: cpi_i32x16, _ shift: Int32, _ output: UnsafeMutablePointer<Int16>) {
    cpi_store_i16x16(output, sums, shift)
  }
  @inline(__always) static func result(_ sum: Int32, _ shift: Int32) -> Int16 { Int16(clamping: sum &>> shift) }
}

private enum ToFine: RowForm {
  @inline(__always) static func store(_ sums: cpi_i32x16, _ shift: Int32, _ output: UnsafeMutablePointer<UInt16>) {
    cpi_store_centered_u16x16(output, sums, shift)
  }
  @inline(__always) static func result(_ sum: Int32, _ shift: Int32) -> UInt16 {
    UInt16(truncatingIfNeeded: 32_768 &+ Int32(Int16(clamping: sum &>> shift)))
  }
}

private enum ToSums: RowForm {
  @inline(__always) static func store(_ sums: cpi_i32x16, _ shift: Int32, _ output: UnsafeMutablePointer<Int32>) {
    cpi_store_i32x16(output, sums)
  }
  @inline(__always) static func result(_ sum: Int32, _ shift: Int32) -> Int32 { sum }
}

/// Lays rows of centered samples out for the horizontal pass.
///
/// - Parameters:
///   - rows: The first of as many rows as there are lanes for, `stride` samples apart. Each may be read up to 8 samples past its end.
///   - channels: Samples a pixel, 1 to 4.
///   - pairs: Pairs of columns to lay out: half the width, rounded up.
///   - columns: A word for each pair and lane. Lanes without a channel, and the column after the last one of an odd width, may contain any
///     value.
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
@inline(__always) private func interleaveGray(
  rows: UnsafePointer<Int16>, stride: Int, pairs: Int, columns: UnsafeMutablePointer<Int32>
) {
  // All lanes of a column are written together, because the output as a whole does not fit into the first-level cache.
  let rowBytes = stride &* 2
  var p = 0
  while p < pairs {
    let left = pairs &- p
    for group in 0..<4 {
      // The last block may read up to three pairs past the row's end, and writes only whole pairs that exist.
      let base = UnsafeRawPointer(rows + group &* 4 &* stride + p &* 2)
      let a = base.loadUnaligned(as: SIMD4<Int32>.self)
      let b = base.loadUnaligned(fromByteOffset: rowBytes, as: SIMD4<Int32>.self)
      let c = base.loadUnaligned(fromByteOffset: rowBytes &* 2, as: SIMD4<Int32>.self)
      let d = base.loadUnaligned(fromByteOffset: rowBytes &* 3, as: SIMD4<Int32>.self)
      let target = UnsafeMutableRawPointer(columns + (p &* 16 &+ group &* 4))
      target.storeBytes(of: SIMD4(a[0], b[0], c[0], d[0]), as: SIMD4<Int32>.self)
      if left > 1 { target.storeBytes(of: SIMD4(a[1], b[1], c[1], d[1]), toByteOffset: 64, as: SIMD4<Int32>.self) }
      if left > 2 { target.storeBytes(of: SIMD4(a[2], b[2], c[2], d[2]), toByteOffset: 128, as: SIMD4<Int32>.self) }
      if left > 3 { target.storeBytes(of: SIMD4(a[3], b[3], c[3], d[3]), toByteOffset: 192, as: SIMD4<Int32>.self) }
    }
    p &+= 4
  }
}

/// Eight rows of two to four channels: pixels 2p and 2p+1 are zipped, sample by sample.
@inline(__always) private func interleaveWide(
  rows: UnsafePointer<Int16>, stride: Int, channels: Int, pairs: Int, columns: UnsafeMutablePointer<Int32>
) {
  let lanesPerRow = channels == 2 ? 2 : 4
  let lanes = HorizontalLanes.count(channels: channels)
  // All lanes of a column are written together, because the output as a whole does not fit into the first-level cache.
  var p = 0
  while p < pairs {
    for row in 0..<8 {
      let pixels = UnsafeRawPointer(rows + row &* stride + p &* channels &* 2)
      let even = pixels.loadUnaligned(as: SIMD4<Int16>.self)
      let odd = pixels.loadUnaligned(fromByteOffset: channels &* 2, as: SIMD4<Int16>.self)
      let target = UnsafeMutableRawPointer(columns + (p &* lanes &+ row &* lanesPerRow))
      if channels == 2 {
        target.storeBytes(of: SIMD4(even[0], odd[0], even[1], odd[1]), as: SIMD4<Int16>.self)
      } else {
        target.storeBytes(
          of: SIMD8(even[0], odd[0], even[1], odd[1], even[2], odd[2], even[3], odd[3]), as: SIMD8<Int16>.self)
      }
    }
    p &+= 1
  }
}

/// Takes lanes apart into rows again.
///
/// - Parameters:
///   - lanes: `count` columns of samples from the horizontal pass.
///   - sampleBytes: 1, or 2 for words.
///   - channels: Samples a pixel, 1 to 4.
///   - rowCount: The number of output rows.
///   - output: The first row; rows are `stride` bytes apart.
public func deinterleaveLanes(
  lanes: UnsafeRawPointer, sampleBytes: Int, channels: Int, count: Int, rowCount: Int, output: UnsafeMutableRawPointer,
  stride: Int
) {
  let columnBytes = HorizontalLanes.count(channels: channels) &* sampleBytes
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

/// Copies pixels with their idle lanes. Each pixel overwrites the idle lane of the pixel before it. The last pixel of a row is copied
/// without its idle lane.
@inline(__always) private func copyLanes<Element: FixedWidthInteger>(
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
