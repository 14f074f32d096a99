internal import CPixelIntrinsics

// The inverse DCT of JPEG as in libjpeg's accurate integer method (jidctint.c, jidctred.c: Loeffler, Ligtenberg and Moschytz, 13 fraction
// bits, 2 of them kept between the passes). Its results are bit for bit those of libjpeg-turbo's SIMD code. Rows of coefficients are
// vectors, and lanes of 16 bytes are neighboring blocks.

private let constantBits: Int32 = 13
private let keptBits: Int32 = 2

// Constants times 2¹³, named as in jidctint.c.
private let fix_0_298631336: Int16 = 2446
private let fix_0_390180644: Int16 = 3196
private let fix_0_541196100: Int16 = 4433
private let fix_0_765366865: Int16 = 6270
private let fix_0_899976223: Int16 = 7373
private let fix_1_175875602: Int16 = 9633
private let fix_1_501321110: Int16 = 12299
private let fix_1_847759065: Int16 = 15137
private let fix_1_961570560: Int16 = 16069
private let fix_2_053119869: Int16 = 16819
private let fix_2_562915447: Int16 = 20995
private let fix_3_072711026: Int16 = 25172

/// Eight vectors of words: a row or column of a block in each lane.
private struct Eight {
  var v0, v1, v2, v3, v4, v5, v6, v7: cpi_i16
}

/// Sums of double words: of the lower and the upper four columns of each lane.
private struct Sums {
  var low, high: cpi_i32

  @inline(__always)
  init(_ a: cpi_i16, _ b: cpi_i16, _ pair: cpi_i16) {
    low = cpi_multiply_add_pairs(cpi_unpack_low_i16(a, b), pair)
    high = cpi_multiply_add_pairs(cpi_unpack_high_i16(a, b), pair)
  }

  @inline(__always)
  init(low: cpi_i32, high: cpi_i32) {
    self.low = low
    self.high = high
  }

  @inline(__always)
  static func &+ (a: Sums, b: Sums) -> Sums { Sums(low: a.low &+ b.low, high: a.high &+ b.high) }
  @inline(__always)
  static func &- (a: Sums, b: Sums) -> Sums { Sums(low: a.low &- b.low, high: a.high &- b.high) }

  @inline(__always)
  func words(_ shift: Int32) -> cpi_i16 { cpi_pack_i32(cpi_shift_right(low, shift), cpi_shift_right(high, shift)) }
}

/// One dimension of eight (jidctint.c, `jpeg_idct_islow`, with its sums of products regrouped into pairs).
@inline(__always)
private func transform(_ x: Eight, shift: Int32) -> Eight {
  let rounding = cpi_i32(repeating: 1 &<< (shift &- 1))
  let zero = cpi_i16.zero
  let one = cpi_repeat_pair(1 &<< 13, 0)
  var even = Sums(x.v0 &+ x.v4, zero, one)
  var other = Sums(x.v0 &- x.v4, zero, one)
  even = Sums(low: even.low &+ rounding, high: even.high &+ rounding)
  other = Sums(low: other.low &+ rounding, high: other.high &+ rounding)
  let t3 = Sums(x.v2, x.v6, cpi_repeat_pair(fix_0_541196100 + fix_0_765366865, fix_0_541196100))
  let t2 = Sums(x.v2, x.v6, cpi_repeat_pair(fix_0_541196100, fix_0_541196100 - fix_1_847759065))
  let e0 = even &+ t3
  let e3 = even &- t3
  let e1 = other &+ t2
  let e2 = other &- t2

  let z3 = x.v7 &+ x.v3
  let z4 = x.v5 &+ x.v1
  let s3 = Sums(z3, z4, cpi_repeat_pair(fix_1_175875602 - fix_1_961570560, fix_1_175875602))
  let s4 = Sums(z3, z4, cpi_repeat_pair(fix_1_175875602, fix_1_175875602 - fix_0_390180644))
  let o0 = s3 &+ Sums(x.v7, x.v1, cpi_repeat_pair(fix_0_298631336 - fix_0_899976223, -fix_0_899976223))
  let o3 = s4 &+ Sums(x.v7, x.v1, cpi_repeat_pair(-fix_0_899976223, fix_1_501321110 - fix_0_899976223))
  let o1 = s4 &+ Sums(x.v5, x.v3, cpi_repeat_pair(fix_2_053119869 - fix_2_562915447, -fix_2_562915447))
  let o2 = s3 &+ Sums(x.v5, x.v3, cpi_repeat_pair(-fix_2_562915447, fix_3_072711026 - fix_2_562915447))

  return Eight(
    v0: (e0 &+ o3).words(shift), v1: (e1 &+ o2).words(shift), v2: (e2 &+ o1).words(shift),
    v3: (e3 &+ o0).words(shift), v4: (e3 &- o0).words(shift), v5: (e2 &- o1).words(shift),
    v6: (e1 &- o2).words(shift), v7: (e0 &- o3).words(shift))
}

/// Zipping the first half of the vectors with the second one transposes in three rounds.
@inline(__always)
private func zip(_ x: Eight) -> Eight {
  Eight(
    v0: cpi_unpack_low_i16(x.v0, x.v4), v1: cpi_unpack_high_i16(x.v0, x.v4),
    v2: cpi_unpack_low_i16(x.v1, x.v5), v3: cpi_unpack_high_i16(x.v1, x.v5),
    v4: cpi_unpack_low_i16(x.v2, x.v6), v5: cpi_unpack_high_i16(x.v2, x.v6),
    v6: cpi_unpack_low_i16(x.v3, x.v7), v7: cpi_unpack_high_i16(x.v3, x.v7))
}

@inline(__always)
private func words(_ v: cpi_u8) -> cpi_i16 { unsafeBitCast(v, to: cpi_i16.self) }

/// Converts columns of samples around zero to rows of bytes.
@inline(__always)
private func store(_ c: Eight, _ output: UnsafeMutablePointer<UInt8>, _ stride: Int) {
  let a = cpi_pack_centered_i16(c.v0, c.v2)
  let b = cpi_pack_centered_i16(c.v1, c.v3)
  let d = cpi_pack_centered_i16(c.v4, c.v6)
  let e = cpi_pack_centered_i16(c.v5, c.v7)
  let pairs01 = words(cpi_unpack_low_u8(a, b))
  let pairs23 = words(cpi_unpack_high_u8(a, b))
  let pairs45 = words(cpi_unpack_low_u8(d, e))
  let pairs67 = words(cpi_unpack_high_u8(d, e))
  let first0 = cpi_unpack_low_i16(pairs01, pairs23)
  let first4 = cpi_unpack_high_i16(pairs01, pairs23)
  let last0 = cpi_unpack_low_i16(pairs45, pairs67)
  let last4 = cpi_unpack_high_i16(pairs45, pairs67)
  @inline(__always)
  func bytes(_ v: cpi_i16) -> cpi_u8 { unsafeBitCast(v, to: cpi_u8.self) }
  cpi_store_row_pair(output, stride, bytes(cpi_unpack_low_i32(first0, last0)))
  cpi_store_row_pair(output + 2 &* stride, stride, bytes(cpi_unpack_high_i32(first0, last0)))
  cpi_store_row_pair(output + 4 &* stride, stride, bytes(cpi_unpack_low_i32(first4, last4)))
  cpi_store_row_pair(output + 6 &* stride, stride, bytes(cpi_unpack_high_i32(first4, last4)))
}

/// Blocks that are transformed side by side.
private let lanes = MemoryLayout<cpi_i16>.size / 16

/// Transforms a row of blocks to eight rows of samples.
///
/// - Parameters:
///   - coefficients: 64 a block, in natural order, for an even number of blocks: a vector takes up to two.
///   - quantization: 64 steps in natural order.
///   - output: Rows of 8 samples a block, with room for 8 more.
public func inverseDCT8(
  coefficients: UnsafePointer<Int16>, blockCount: Int,
  quantization: UnsafePointer<Int16>, output: UnsafeMutablePointer<UInt8>, stride: Int
) {
  let q = Eight(
    v0: cpi_repeat_lane_i16(quantization), v1: cpi_repeat_lane_i16(quantization + 8),
    v2: cpi_repeat_lane_i16(quantization + 16), v3: cpi_repeat_lane_i16(quantization + 24),
    v4: cpi_repeat_lane_i16(quantization + 32), v5: cpi_repeat_lane_i16(quantization + 40),
    v6: cpi_repeat_lane_i16(quantization + 48), v7: cpi_repeat_lane_i16(quantization + 56))
  var k = 0
  while k < blockCount {
    let block = coefficients + k &* 64
    let target = output + k &* 8
    @inline(__always)
    func row(_ y: Int, _ steps: cpi_i16) -> cpi_i16 { cpi_load_lanes_i16(block + y &* 8, 64) &* steps }
    var x = Eight(
      v0: row(0, q.v0), v1: row(1, q.v1), v2: row(2, q.v2), v3: row(3, q.v3), v4: row(4, q.v4), v5: row(5, q.v5),
      v6: row(6, q.v6), v7: row(7, q.v7))
    x = transform(x, shift: constantBits - keptBits)
    x = zip(zip(zip(x)))
    x = transform(x, shift: constantBits + keptBits + 3)
    store(x, target, stride)
    k &+= lanes
  }
}

// Constants times 2¹³ of jidctred.c.
private let fix_0_211164243: Int16 = 1730
private let fix_0_509795579: Int16 = 4176
private let fix_0_601344887: Int16 = 4926
private let fix_0_720959822: Int = 5906
private let fix_0_850430095: Int = 6967
private let fix_1_061594337: Int16 = 8697
private let fix_1_272758580: Int = 10426
private let fix_1_451774981: Int16 = 11893
private let fix_2_172734803: Int16 = 17799
private let fix_3_624509785: Int = 29692

/// One dimension of eight to four (jidctred.c, `jpeg_idct_4x4`); coefficient 4 takes no part.
@inline(__always)
private func reduce(
  _ unpack: (cpi_i16, cpi_i16) -> cpi_i16, _ x0: cpi_i16, _ x1: cpi_i16, _ x2: cpi_i16, _ x3: cpi_i16, _ x5: cpi_i16,
  _ x6: cpi_i16, _ x7: cpi_i16, shift: Int32
) -> (cpi_i32, cpi_i32, cpi_i32, cpi_i32) {
  let t0 =
    cpi_multiply_add_pairs(unpack(x0, .zero), cpi_repeat_pair(1 &<< 14, 0))
    &+ cpi_i32(repeating: 1 &<< (shift &- 1))
  let t2 = cpi_multiply_add_pairs(unpack(x2, x6), cpi_repeat_pair(fix_1_847759065, -fix_0_765366865))
  let high = unpack(x7, x5)
  let low = unpack(x3, x1)
  let odd0 =
    cpi_multiply_add_pairs(high, cpi_repeat_pair(-fix_0_211164243, fix_1_451774981))
    &+ cpi_multiply_add_pairs(low, cpi_repeat_pair(-fix_2_172734803, fix_1_061594337))
  let odd2 =
    cpi_multiply_add_pairs(high, cpi_repeat_pair(-fix_0_509795579, -fix_0_601344887))
    &+ cpi_multiply_add_pairs(low, cpi_repeat_pair(fix_0_899976223, fix_2_562915447))
  let even0 = t0 &+ t2
  let even2 = t0 &- t2
  return (
    cpi_shift_right(even0 &+ odd2, shift), cpi_shift_right(even2 &+ odd0, shift),
    cpi_shift_right(even2 &- odd0, shift), cpi_shift_right(even0 &- odd2, shift)
  )
}

/// Transforms a row of blocks to four rows of four samples a block. The parameters are those of ``inverseDCT8``.
public func inverseDCT4(
  coefficients: UnsafePointer<Int16>, blockCount: Int,
  quantization: UnsafePointer<Int16>, output: UnsafeMutablePointer<UInt8>, stride: Int
) {
  var k = 0
  while k < blockCount {
    let block = coefficients + k &* 64
    @inline(__always)
    func row(_ y: Int) -> cpi_i16 {
      cpi_load_lanes_i16(block + y &* 8, 64) &* cpi_repeat_lane_i16(quantization + y &* 8)
    }
    let (x0, x1, x2, x3, x5, x6, x7) = (row(0), row(1), row(2), row(3), row(5), row(6), row(7))
    let shift = constantBits - keptBits + 1
    let low = reduce(cpi_unpack_low_i16, x0, x1, x2, x3, x5, x6, x7, shift: shift)
    let high = reduce(cpi_unpack_high_i16, x0, x1, x2, x3, x5, x6, x7, shift: shift)
    let zero = cpi_i16.zero
    let columns = zip(
      zip(
        zip(
          Eight(
            v0: cpi_pack_i32(low.0, high.0), v1: cpi_pack_i32(low.1, high.1), v2: cpi_pack_i32(low.2, high.2),
            v3: cpi_pack_i32(low.3, high.3), v4: zero, v5: zero, v6: zero, v7: zero))))
    let sums = reduce(
      cpi_unpack_low_i16, columns.v0, columns.v1, columns.v2, columns.v3, columns.v5, columns.v6, columns.v7,
      shift: constantBits + keptBits + 4)
    let first = cpi_pack_i32(sums.0, sums.1)
    let second = cpi_pack_i32(sums.2, sums.3)
    let even = cpi_unpack_low_i16(first, second)
    let odd = cpi_unpack_high_i16(first, second)
    cpi_store_row_quads(
      output + k &* 4, stride, cpi_pack_centered_i16(cpi_unpack_low_i16(even, odd), cpi_unpack_high_i16(even, odd)))
    k &+= lanes
  }
}

@inline(__always)
private func sample(_ value: Int) -> UInt8 { UInt8(truncatingIfNeeded: max(0, min(255, value &+ 128))) }

/// Transforms a row of blocks to two rows of two samples a block (jidctred.c, `jpeg_idct_2x2`). The parameters are those of
/// ``inverseDCT8``.
public func inverseDCT2(
  coefficients: UnsafePointer<Int16>, blockCount: Int,
  quantization: UnsafePointer<Int16>, output: UnsafeMutablePointer<UInt8>, stride: Int
) {
  @inline(__always)
  func odd(_ x1: Int, _ x3: Int, _ x5: Int, _ x7: Int) -> Int {
    x1 &* fix_3_624509785 &- x3 &* fix_1_272758580 &+ x5 &* fix_0_850430095 &- x7 &* fix_0_720959822
  }
  var k = 0
  while k < blockCount {
    let block = coefficients + k &* 64
    @inline(__always)
    func coefficient(_ y: Int, _ x: Int) -> Int {
      Int(block[y &* 8 &+ x] &* quantization[y &* 8 &+ x])
    }
    @inline(__always)
    func column(_ x: Int) -> (Int, Int) {
      let even = coefficient(0, x) &<< 15 &+ 1 &<< 12
      let odd = odd(coefficient(1, x), coefficient(3, x), coefficient(5, x), coefficient(7, x))
      return ((even &+ odd) &>> 13, (even &- odd) &>> 13)
    }
    let (c0, c1, c3, c5, c7) = (column(0), column(1), column(3), column(5), column(7))
    let target = output + k &* 2
    @inline(__always)
    func row(_ y: Int, _ x0: Int, _ odd: Int) {
      let even = x0 &<< 15 &+ 1 &<< 19
      target[y &* stride] = sample((even &+ odd) &>> 20)
      target[y &* stride &+ 1] = sample((even &- odd) &>> 20)
    }
    row(0, c0.0, odd(c1.0, c3.0, c5.0, c7.0))
    row(1, c0.1, odd(c1.1, c3.1, c5.1, c7.1))
    k &+= 1
  }
}

/// Transforms a row of blocks to one row of their means (jidctred.c, `jpeg_idct_1x1`). The parameters are those of ``inverseDCT8``.
public func inverseDCT1(
  coefficients: UnsafePointer<Int16>, blockCount: Int,
  quantization: UnsafePointer<Int16>, output: UnsafeMutablePointer<UInt8>, stride: Int
) {
  var k = 0
  while k < blockCount {
    output[k] = sample((Int(coefficients[k &* 64] &* quantization[0]) &+ 4) &>> 3)
    k &+= 1
  }
}

// MARK: Definition

/// One dimension by its definition. The even and the odd coefficients are added up separately for the first half of the outputs. Sums and
/// differences of both give all outputs.
@inline(__always)
private func transformReference(
  _ x: UnsafePointer<Int>, step: Int, side: Int, shift: Int, _ output: UnsafeMutablePointer<Int>, outputStep: Int
) {
  let (x0, x1, x2, x3) = (x[0], x[step], x[2 &* step], x[3 &* step])
  let (x4, x5, x6, x7) = (x[4 &* step], x[5 &* step], x[6 &* step], x[7 &* step])
  @inline(__always)
  func put(_ k: Int, _ even: Int, _ odd: Int) {
    let half = 1 &<< (shift &- 1)
    output[k &* outputStep] = (even &+ odd &+ half) &>> shift
    output[(side &- 1 &- k) &* outputStep] = (even &- odd &+ half) &>> shift
  }
  if side == 8 {
    let (sum, difference) = ((x0 &+ x4) &<< 13, (x0 &- x4) &<< 13)
    let (t2, t3) = (x2 &* 4433 &- x6 &* 10704, x2 &* 10703 &+ x6 &* 4433)
    put(0, sum &+ t3, x1 &* 11363 &+ x3 &* 9633 &+ x5 &* 6437 &+ x7 &* 2260)
    put(1, difference &+ t2, x1 &* 9633 &- x3 &* 2259 &- x5 &* 11362 &- x7 &* 6436)
    put(2, difference &- t2, x1 &* 6437 &- x3 &* 11362 &+ x5 &* 2261 &+ x7 &* 9633)
    put(3, sum &- t3, x1 &* 2260 &- x3 &* 6436 &+ x5 &* 9633 &- x7 &* 11363)
  } else {
    let t = x2 &* 15137 &- x6 &* 6270
    put(0, x0 &<< 14 &+ t, x1 &* 20995 &+ x3 &* 7373 &- x5 &* 4926 &- x7 &* 4176)
    put(1, x0 &<< 14 &- t, x1 &* 8697 &- x3 &* 17799 &+ x5 &* 11893 &- x7 &* 1730)
  }
}

/// The definition of ``inverseDCT8`` and ``inverseDCT4`` for one block, in whole numbers: jidctint.c and jidctred.c with
/// each odd part as one sum of products.
///
/// - Parameters:
///   - coefficients: 64, in natural order, of a size that an encoder could have made.
///   - side: 8 or 4.
///   - scratch: 128 words.
///   - output: `side` rows of `side` samples.
public func inverseDCTReference(
  coefficients: UnsafePointer<Int16>, quantization: UnsafePointer<Int16>, side: Int, scratch: UnsafeMutablePointer<Int>,
  output: UnsafeMutablePointer<UInt8>
) {
  let more = side == 8 ? 0 : 1
  let columns = scratch + 64
  var k = 0
  while k < 64 {
    scratch[k] = Int(coefficients[k] &* quantization[k])
    k &+= 1
  }
  k = 0
  while k < 8 {
    transformReference(scratch + k, step: 8, side: side, shift: 11 &+ more, columns + k, outputStep: 8)
    k &+= 1
  }
  k = 0
  while k < side {
    transformReference(columns + k &* 8, step: 1, side: side, shift: 18 &+ more, scratch, outputStep: 1)
    var x = 0
    while x < side {
      output[k &* side &+ x] = sample(scratch[x])
      x &+= 1
    }
    k &+= 1
  }
}
