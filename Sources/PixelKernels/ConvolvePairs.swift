public import CPixelIntrinsics

// The vertical pass of a separable resize for centered words, 128 · (value − 128): stacked rows become one.
//
//     sum[x] = start + Σₚ (weights[2p] · rows[2p][x] + weights[2p+1] · rows[2p+1][x]) >> pairShift
//
// Rows are interleaved in pairs, sample by sample, because each pair is used for many output rows.
//
// Bit budget: the plan keeps the magnitudes of samples, times the gains of the windows, times the weights' sum, below 2^31; a pair's
// products stay below it, because weights have 16 bits. The results:
//
// - words: saturate16(sum >> shift). Nothing is clipped to 0…255: overshoot is kept for the next pass.
// - bytes: clamp(128 + sum >> shift).
// - fine: 32 768 + saturate16(sum >> shift), words of 256 times the value.
// - sums: unchanged, for samples that are divided by alpha later.

/// Convolves to words.
public func convolvePairsToWords(_ pass: cpi_pair_convolution) { convolve(ToWords.self, pass) }
/// Convolves to bytes.
public func convolvePairsToBytes(_ pass: cpi_pair_convolution) { convolve(ToBytes.self, pass) }
/// Convolves to fine words.
public func convolvePairsToFine(_ pass: cpi_pair_convolution) { convolve(ToFine.self, pass) }
/// Convolves to sums.
public func convolvePairsToSums(_ pass: cpi_pair_convolution) { convolve(ToSums.self, pass) }

// The definitions: every instruction set gives the same bits.

/// The definition of ``convolvePairsToWords(_:)``.
public func convolvePairsToWordsReference(_ pass: cpi_pair_convolution) { define(ToWords.self, pass, from: 0) }
/// The definition of ``convolvePairsToBytes(_:)``.
public func convolvePairsToBytesReference(_ pass: cpi_pair_convolution) { define(ToBytes.self, pass, from: 0) }
/// The definition of ``convolvePairsToFine(_:)``.
public func convolvePairsToFineReference(_ pass: cpi_pair_convolution) { define(ToFine.self, pass, from: 0) }
/// The definition of ``convolvePairsToSums(_:)``.
public func convolvePairsToSumsReference(_ pass: cpi_pair_convolution) { define(ToSums.self, pass, from: 0) }

/// One sample after the other, from sample `from` on.
@inline(__always) private func define<Form: PairForm>(_: Form.Type, _ pass: cpi_pair_convolution, from: Int) {
  let output = pass.output.assumingMemoryBound(to: Form.Output.self)
  var x = from
  while x < pass.count {
    var sum = pass.start
    for p in 0..<pass.pairs {
      let first = Int32(pass.weights[p &* 2]) &* Int32(pass.rows[p][x &* 2])
      sum &+= (first &+ Int32(pass.weights[p &* 2 &+ 1]) &* Int32(pass.rows[p][x &* 2 &+ 1])) &>> pass.pair_shift
    }
    output[x] = Form.result(sum, pass.shift)
    x &+= 1
  }
}

@inline(__always) private func convolve<Form: PairForm>(_: Form.Type, _ pass: cpi_pair_convolution) {
  // If no bits are cut off, no code for that is generated.
  let x =
    pass.pair_shift == 0
    ? convolveVectors(Form.self, pass) { $0 }
    : convolveVectors(Form.self, pass) { cpi_shift_right($0, pass.pair_shift) }
  define(Form.self, pass, from: x)
}

/// Convolves whole vectors. `cut` is applied to the products of each pair before they are added.
///
/// - Returns: The number of samples done.
@inline(__always) private func convolveVectors<Form: PairForm>(
  _: Form.Type, _ pass: cpi_pair_convolution, cut: (cpi_i32) -> cpi_i32
) -> Int {
  let (rows, pairs, weights) = (pass.rows, pass.pairs, UnsafeRawPointer(pass.weights))
  let output = pass.output.assumingMemoryBound(to: Form.Output.self)
  let step = cpi_i16.scalarCount
  var x = 0
  while x &+ 2 &* step <= pass.count {
    var sums = OrderedSums(pass.start)
    var p = 0
    while p < pairs {
      let pair = weights.loadUnaligned(fromByteOffset: p &* 4, as: Int32.self)
      let weight = unsafeBitCast(cpi_i32(repeating: pair), to: cpi_i16.self)
      let samples = rows[p] + x &* 2
      sums.a &+= cut(cpi_multiply_add_pairs(cpi_load_i16(samples), weight))
      sums.b &+= cut(cpi_multiply_add_pairs(cpi_load_i16(samples + step), weight))
      sums.c &+= cut(cpi_multiply_add_pairs(cpi_load_i16(samples + 2 &* step), weight))
      sums.d &+= cut(cpi_multiply_add_pairs(cpi_load_i16(samples + 3 &* step), weight))
      p &+= 1
    }
    Form.store(sums, pass.shift, output + x)
    x &+= 2 &* step
  }
  return x
}

/// As many sums as a vector has bytes, in the order of samples.
private struct OrderedSums {
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

  /// The sums shifted right and saturated to words.
  @inline(__always) func words(_ shift: Int32) -> (cpi_i16, cpi_i16) {
    (
      cpi_pack_in_order_i32(cpi_shift_right(a, shift), cpi_shift_right(b, shift)),
      cpi_pack_in_order_i32(cpi_shift_right(c, shift), cpi_shift_right(d, shift))
    )
  }
}

/// The conversion of sums to output samples.
private protocol PairForm {
  associatedtype Output
  static func store(_ sums: OrderedSums, _ shift: Int32, _ output: UnsafeMutablePointer<Output>)
  /// The definition of the stored value.
  static func result(_ sum: Int32, _ shift: Int32) -> Output
}

private enum ToWords: PairForm {
  @inline(__always) static func store(_ sums: OrderedSums, _ shift: Int32, _ output: UnsafeMutablePointer<Int16>) {
    let (left, right) = sums.words(shift)
    cpi_store_i16(output, left)
    cpi_store_i16(output + cpi_i16.scalarCount, right)
  }
  @inline(__always) static func result(_ sum: Int32, _ shift: Int32) -> Int16 { Int16(clamping: sum &>> shift) }
}

private enum ToBytes: PairForm {
  @inline(__always) static func store(_ sums: OrderedSums, _ shift: Int32, _ output: UnsafeMutablePointer<UInt8>) {
    let (left, right) = sums.words(shift)
    cpi_store_centered_u8(output, left, right)
  }
  @inline(__always) static func result(_ sum: Int32, _ shift: Int32) -> UInt8 { UInt8(clamping: 128 &+ sum &>> shift) }
}

private enum ToFine: PairForm {
  @inline(__always) static func store(_ sums: OrderedSums, _ shift: Int32, _ output: UnsafeMutablePointer<UInt16>) {
    let (left, right) = sums.words(shift)
    let words = UnsafeMutableRawPointer(output).assumingMemoryBound(to: Int16.self)
    cpi_store_i16(words, left ^ cpi_i16(repeating: .min))
    cpi_store_i16(words + cpi_i16.scalarCount, right ^ cpi_i16(repeating: .min))
  }
  @inline(__always) static func result(_ sum: Int32, _ shift: Int32) -> UInt16 {
    UInt16(truncatingIfNeeded: 32_768 &+ Int32(Int16(clamping: sum &>> shift)))
  }
}

private enum ToSums: PairForm {
  @inline(__always) static func store(_ sums: OrderedSums, _ shift: Int32, _ output: UnsafeMutablePointer<Int32>) {
    let step = cpi_i32.scalarCount
    cpi_store_i32(output, sums.a)
    cpi_store_i32(output + step, sums.b)
    cpi_store_i32(output + 2 &* step, sums.c)
    cpi_store_i32(output + 3 &* step, sums.d)
  }
  @inline(__always) static func result(_ sum: Int32, _ shift: Int32) -> Int32 { sum }
}

/// Two rows sample by sample.
///
/// - Parameter output: `2 * count` words.
public func pairRows(
  _ first: UnsafePointer<Int16>, _ second: UnsafePointer<Int16>, count: Int, output: UnsafeMutablePointer<Int16>
) {
  let step = cpi_i16.scalarCount
  var x = 0
  while x &+ step <= count {
    let (above, below) = (cpi_load_i16(first + x), cpi_load_i16(second + x))
    let (low, high) = (cpi_unpack_low_i16(above, below), cpi_unpack_high_i16(above, below))
    cpi_store_i16(output + 2 &* x, cpi_lower_lanes(low, high))
    cpi_store_i16(output + 2 &* x + step, cpi_upper_lanes(low, high))
    x &+= step
  }
  while x < count {
    output[2 &* x] = first[x]
    output[2 &* x &+ 1] = second[x]
    x &+= 1
  }
}
