public import CPixelIntrinsics

// The vertical pass of a resize in linear light, from sRGB bytes.
//
// Light is 16-bit: `whiteLight` times the light of a byte, 0…1. Rows arrive a few at a time. These rows are converted to light in a block
// that stays in the first-level cache, and added from there to the sums of every output row whose window contains them:
//
//     for a block of columns: layOutLight, then for each output row accumulatePairs, and roundLight where its window ends
//
// A block holds pairs of rows, sample by sample, in an order that depends on the instruction set and that `roundLight`
// undoes. So only the result of the three together is defined, by `convolveLightReference`:
//
//     output[x] = saturate16((start + Σₚ (w[2p] · light(rows[2p][x]) + w[2p+1] · light(rows[2p+1][x])) >> pairShift) >> shift)
//
// Bit budget: a pair's products stay below 2^31, because light has 15 bits and weights have 16. Weights sum to 2^(pairShift + bits) with at
// most 16 bits; `start` is 2^(shift−1) − 2^(14 + bits), so that a complete sum lies within ±2^31. An incomplete sum may exceed this range:
// integers wrap around, and the complete sum is right again. `pairShift` cuts less than 2^−23 of a level off each pair.

/// The light of byte 255. It is a multiple of 256, so that its products with alpha 255 are multiples of 256 too: the largest one for which
/// the coefficients of the formula fit 16 bits.
public let whiteLight: Int32 = 32_512

/// Twice the light of one level on the straight part of the curve, in 256ths.
private let slope: UInt16 = 5_051
/// The last byte of the straight part (IEC 61966-2-1:1999, section 5.2: 0.04045 · 255 = 10.3).
private let knee: UInt16 = 10
/// The addend above the knee: z² times `bend.0 + z · (bend.1 − z · (bend.2 − z · (bend.3 − z · bend.4)))`, where z is the distance from the
/// knee in 256ths, and everything is in 65 536ths. The formula is fitted to the curve, measured in encoded levels: its largest error is
/// 0.049 of a level, and its mean error is 0.006, like that of a rounded table.
private let bend: (UInt16, UInt16, UInt16, UInt16, UInt16) = (38_068, 46_262, 32_895, 20_994, 6_099)

/// The definition of a byte's light, 0…``whiteLight``.
public func lightReference(_ byte: UInt8) -> UInt16 {
  func high(_ a: UInt16, _ b: UInt16) -> UInt16 { a.multipliedFullWidth(by: b).high }
  let x = UInt16(byte) &<< 8
  let z = x > knee &<< 8 ? x &- knee &<< 8 : 0
  let factor = bend.0 &+ high(z, bend.1 &- high(z, bend.2 &- high(z, bend.3 &- high(z, bend.4))))
  return UInt16((UInt32(high(x, slope)) &+ UInt32(high(high(z, z), factor)) &+ 1) &>> 1)
}

/// The light of words of 256 times a byte.
@inline(__always)
private func light(_ x: cpi_u16) -> cpi_u16 {
  let z = cpi_subtract_to_zero_u16(x, cpi_u16(repeating: knee &<< 8))
  var factor = cpi_u16(repeating: bend.3) &- cpi_multiply_high_u16(z, cpi_u16(repeating: bend.4))
  factor = cpi_u16(repeating: bend.2) &- cpi_multiply_high_u16(z, factor)
  factor = cpi_u16(repeating: bend.1) &- cpi_multiply_high_u16(z, factor)
  factor = cpi_u16(repeating: bend.0) &+ cpi_multiply_high_u16(z, factor)
  let bent = cpi_multiply_high_u16(cpi_multiply_high_u16(z, z), factor)
  return cpi_average_u16(cpi_multiply_high_u16(x, cpi_u16(repeating: slope)), bent)
}

/// The definition of the vertical pass in light. Products are added in pairs of rows, so `taps` is even.
public func convolveLightReference(
  rows: UnsafePointer<UnsafePointer<UInt8>>, weights: UnsafePointer<Int16>, taps: Int, count: Int, pairShift: Int32,
  start: Int32, shift: Int32, output: UnsafeMutablePointer<Int16>
) {
  for x in 0..<count {
    var sum = start
    for k in stride(from: 0, to: taps, by: 2) {
      let first = Int32(weights[k]) &* Int32(lightReference(rows[k][x]))
      sum &+= (first &+ Int32(weights[k + 1]) &* Int32(lightReference(rows[k + 1][x]))) &>> pairShift
    }
    output[x] = Int16(clamping: sum &>> shift)
  }
}

/// The definition of the vertical pass in light of pixels with alpha, which comes last of `channels`.
///
/// Light times alpha has 23 bits; its upper 15 bits alone would lose dark colors under a low alpha. So it is summed in two parts: `high`
/// without the lowest eight bits, and `low` with these eight bits:
///
///     sum = 256 · high + low, high from `start` on, low from 2^(shift−1)
///     (output, remainder)[x] = (saturate16(sum >> (shift + 8)), sum >> shift & 255)
public func convolvePremultipliedLightReference(
  rows: UnsafePointer<UnsafePointer<UInt8>>, weights: UnsafePointer<Int16>, taps: Int, channels: Int, count: Int,
  pairShift: Int32, start: Int32, shift: Int32, output: UnsafeMutablePointer<Int16>,
  remainder: UnsafeMutablePointer<Int16>
) {
  func product(_ k: Int, _ x: Int) -> Int32 {
    let alpha = x / channels * channels + channels - 1
    return Int32(rows[k][alpha]) * (x == alpha ? whiteLight : Int32(lightReference(rows[k][x])))
  }
  for x in 0..<count {
    var high = start
    var low: Int32 = 1 &<< (shift &- 1)
    for k in stride(from: 0, to: taps, by: 2) {
      let (first, second) = (product(k, x), product(k + 1, x))
      let (weight, nextWeight) = (Int32(weights[k]), Int32(weights[k + 1]))
      high &+= (weight &* (first &>> 8) &+ nextWeight &* (second &>> 8)) &>> pairShift
      low &+= (weight &* (first & 255) &+ nextWeight &* (second & 255)) &>> pairShift
    }
    let sum = (Int64(high) * 256 + Int64(low)) >> Int64(shift)
    output[x] = Int16(clamping: sum >> 8)
    remainder[x] = Int16(sum & 255)
  }
}

/// Words of 256 times the bytes of two rows from `x` on, pair by pair, in the order that `store` undoes.
@inline(__always)
private func pairs(_ first: UnsafePointer<UInt8>, _ second: UnsafePointer<UInt8>) -> FourWords {
  let zero = cpi_u8(repeating: 0)
  let (first, second) = (cpi_load_u8(first), cpi_load_u8(second))
  let low = cpi_unpack_low_u8(first, second)
  let high = cpi_unpack_high_u8(first, second)
  return (
    unsafeBitCast(cpi_unpack_low_u8(zero, low), to: cpi_u16.self),
    unsafeBitCast(cpi_unpack_high_u8(zero, low), to: cpi_u16.self),
    unsafeBitCast(cpi_unpack_low_u8(zero, high), to: cpi_u16.self),
    unsafeBitCast(cpi_unpack_high_u8(zero, high), to: cpi_u16.self)
  )
}

private typealias FourWords = (cpi_u16, cpi_u16, cpi_u16, cpi_u16)
private typealias FourSums = (cpi_i32, cpi_i32, cpi_i32, cpi_i32)

@inline(__always)
private func store(_ words: cpi_u16, _ block: UnsafeMutablePointer<Int16>, _ vector: Int) {
  cpi_store_i16(block + vector &* cpi_i16.scalarCount, unsafeBitCast(words, to: cpi_i16.self))
}

/// As many rounded sums as a vector has bytes, in the order of samples.
@inline(__always)
private func store(_ sums: FourSums, _ output: UnsafeMutablePointer<Int16>) {
  let left = cpi_pack_i32(sums.0, sums.1)
  let right = cpi_pack_i32(sums.2, sums.3)
  cpi_store_i16(output, cpi_lower_lanes(left, right))
  cpi_store_i16(output + cpi_i16.scalarCount, cpi_upper_lanes(left, right))
}

/// Vectors that are added to at a time: two vectors of samples, or one of pixels with alpha in two parts.
private let groupVectors = 8

/// Computes the light of pairs of rows.
///
/// - Parameters:
///   - rows: `pairs * 2` rows, which may be read up to 63 samples past their ends.
///   - offset: The first sample.
///   - count: Samples, a multiple of 64.
///   - block: `pairs * count * 2` words.
public func layOutLight(
  rows: UnsafePointer<UnsafePointer<UInt8>>, pairs pairCount: Int, offset: Int, count: Int,
  block: UnsafeMutablePointer<Int16>
) {
  let step = cpi_u8.scalarCount
  var target = block
  var x = offset
  while x < offset &+ count {
    var p = 0
    while p < pairCount {
      let (first, second) = (rows[p &* 2] + x, rows[p &* 2 &+ 1] + x)
      let left = pairs(first, second)
      store(light(left.0), target, 0)
      store(light(left.1), target, 1)
      store(light(left.2), target, 2)
      store(light(left.3), target, 3)
      let right = pairs(first + step, second + step)
      store(light(right.0), target, 4)
      store(light(right.1), target, 5)
      store(light(right.2), target, 6)
      store(light(right.3), target, 7)
      target += groupVectors &* cpi_i16.scalarCount
      p &+= 1
    }
    x &+= 2 &* step
  }
}

/// Computes light times alpha of pairs of rows, in two parts: `product >> 8` and `product & 255`. Alpha itself is white
/// light times alpha.
///
/// - Parameters:
///   - channels: 2 or 4, alpha last.
///   - offset: The first sample, of a whole pixel.
///   - count: Samples, a multiple of 32.
///   - block: `pairs * count * 4` words.
public func layOutPremultipliedLight(
  rows: UnsafePointer<UnsafePointer<UInt8>>, pairs: Int, channels: Int, offset: Int, count: Int,
  block: UnsafeMutablePointer<Int16>
) {
  if channels == 2 {
    layOut(GrayAlpha.self, rows, pairs, offset, count, block)
  } else {
    layOut(RGBA.self, rows, pairs, offset, count, block)
  }
}

@inline(__always)
private func layOut<Order: AlphaOrder>(
  _: Order.Type, _ rows: UnsafePointer<UnsafePointer<UInt8>>, _ pairCount: Int, _ offset: Int, _ count: Int,
  _ block: UnsafeMutablePointer<Int16>
) {
  var target = block
  var x = offset
  while x < offset &+ count {
    var p = 0
    while p < pairCount {
      let words = pairs(rows[p &* 2] + x, rows[p &* 2 &+ 1] + x)
      storeProducts(Order.self, words.0, target, 0)
      storeProducts(Order.self, words.1, target, 1)
      storeProducts(Order.self, words.2, target, 2)
      storeProducts(Order.self, words.3, target, 3)
      target += groupVectors &* cpi_i16.scalarCount
      p &+= 1
    }
    x &+= cpi_u8.scalarCount
  }
}

@inline(__always)
private func storeProducts<Order: AlphaOrder>(
  _: Order.Type, _ samples: cpi_u16, _ block: UnsafeMutablePointer<Int16>, _ vector: Int
) {
  let alpha = Order.alpha(samples)
  let light = light(Order.opaque(samples))
  store(cpi_multiply_high_u16(light, alpha), block, vector)
  store((light &* alpha) &>> cpi_u16(repeating: 8), block, vector &+ 4)
}

/// The place of alpha in pairs of pixels.
private protocol AlphaOrder {
  /// Each sample's alpha.
  static func alpha(_ samples: cpi_u16) -> cpi_u16
  /// The samples with an alpha of 255.
  static func opaque(_ samples: cpi_u16) -> cpi_u16
}

private enum GrayAlpha: AlphaOrder {
  @inline(__always)
  static func alpha(_ samples: cpi_u16) -> cpi_u16 { cpi_repeat_alpha_of_2(samples) }
  @inline(__always)
  static func opaque(_ samples: cpi_u16) -> cpi_u16 { cpi_opaque_of_2(samples) }
}

private enum RGBA: AlphaOrder {
  @inline(__always)
  static func alpha(_ samples: cpi_u16) -> cpi_u16 { cpi_repeat_alpha_of_4(samples) }
  @inline(__always)
  static func opaque(_ samples: cpi_u16) -> cpi_u16 { cpi_opaque_of_4(samples) }
}

/// Adds a block's part of one output row's window to the row's sums: `sum += (w[2p] · first + w[2p+1] · second) >> pairShift`.
public func accumulatePairs(_ part: cpi_light_accumulation) {
  let vector = groupVectors &* cpi_i16.scalarCount
  // If no bits are cut off, no code for that is generated.
  if part.pair_shift == 0 {
    accumulate(part, part.block + part.first &* vector, part.stride &* vector) { $0 }
  } else {
    accumulate(part, part.block + part.first &* vector, part.stride &* vector) { cpi_shift_right($0, part.pair_shift) }
  }
}

@inline(__always)
private func accumulate(
  _ part: cpi_light_accumulation, _ block: UnsafePointer<Int16>, _ stride: Int, shift: (cpi_i32) -> cpi_i32
) {
  let (begins, start, nextStart) = (part.begins, part.start, part.next_start)
  let (pairs, count, weights, sums) = (part.pairs, part.count, part.weights, part.sums)
  let lanes = cpi_i32.scalarCount
  let weightPairs = UnsafeRawPointer(weights)
  var group = block
  var x = 0
  while x < count {
    let target = sums + x
    var a = cpi_i32(repeating: start)
    var b = a
    var c = a
    var d = a
    var e = cpi_i32(repeating: nextStart)
    var f = e
    var g = e
    var h = e
    if !begins {
      a = cpi_load_i32(target)
      b = cpi_load_i32(target + lanes)
      c = cpi_load_i32(target + 2 &* lanes)
      d = cpi_load_i32(target + 3 &* lanes)
      e = cpi_load_i32(target + 4 &* lanes)
      f = cpi_load_i32(target + 5 &* lanes)
      g = cpi_load_i32(target + 6 &* lanes)
      h = cpi_load_i32(target + 7 &* lanes)
    }
    var source = group
    var p = 0
    while p < pairs {
      let pair = weightPairs.loadUnaligned(fromByteOffset: p &* 4, as: Int32.self)
      let weight = unsafeBitCast(cpi_i32(repeating: pair), to: cpi_i16.self)
      a &+= shift(cpi_multiply_add_pairs(cpi_load_i16(source), weight))
      b &+= shift(cpi_multiply_add_pairs(cpi_load_i16(source + 2 &* lanes), weight))
      c &+= shift(cpi_multiply_add_pairs(cpi_load_i16(source + 4 &* lanes), weight))
      d &+= shift(cpi_multiply_add_pairs(cpi_load_i16(source + 6 &* lanes), weight))
      e &+= shift(cpi_multiply_add_pairs(cpi_load_i16(source + 8 &* lanes), weight))
      f &+= shift(cpi_multiply_add_pairs(cpi_load_i16(source + 10 &* lanes), weight))
      g &+= shift(cpi_multiply_add_pairs(cpi_load_i16(source + 12 &* lanes), weight))
      h &+= shift(cpi_multiply_add_pairs(cpi_load_i16(source + 14 &* lanes), weight))
      source += groupVectors &* cpi_i16.scalarCount
      p &+= 1
    }
    cpi_store_i32(target, a)
    cpi_store_i32(target + lanes, b)
    cpi_store_i32(target + 2 &* lanes, c)
    cpi_store_i32(target + 3 &* lanes, d)
    cpi_store_i32(target + 4 &* lanes, e)
    cpi_store_i32(target + 5 &* lanes, f)
    cpi_store_i32(target + 6 &* lanes, g)
    cpi_store_i32(target + 7 &* lanes, h)
    group += stride
    x &+= groupVectors &* lanes
  }
}

/// Converts complete sums of light to a row: `output[x] = saturate16(sum >> shift)`. The initial value of the sums rounds them.
///
/// - Parameters:
///   - count: Sums, a multiple of 64.
///   - shift: 1 to 22.
///   - output: `count` samples.
public func roundLight(
  sums: UnsafePointer<Int32>, count: Int, shift: Int32, output: UnsafeMutablePointer<Int16>
) {
  var x = 0
  while x < count {
    store(shifted(sums + x, shift), output + x)
    x &+= 4 &* cpi_i32.scalarCount
  }
}

/// Converts complete sums of light times alpha to a row and its remainder in 256ths.
///
/// - Parameters:
///   - count: Sums, a multiple of 64: those of both parts.
///   - shift: 1 to 16.
///   - output, remainder: `count / 2` samples each.
public func roundPremultipliedLight(
  sums: UnsafePointer<Int32>, count: Int, shift: Int32, output: UnsafeMutablePointer<Int16>,
  remainder: UnsafeMutablePointer<Int16>
) {
  let lanes = cpi_i32.scalarCount
  var x = 0
  while x < count {
    let a = rounded(sums + x, shift)
    let b = rounded(sums + x + lanes, shift)
    let c = rounded(sums + x + 2 &* lanes, shift)
    let d = rounded(sums + x + 3 &* lanes, shift)
    store((a.sample, b.sample, c.sample, d.sample), output + x / 2)
    store((a.remainder, b.remainder, c.remainder, d.remainder), remainder + x / 2)
    x &+= groupVectors &* lanes
  }
}

/// Adds the carries of a vector of the low part to a vector of the high part. Returns the samples and their remainders.
@inline(__always)
private func rounded(_ sums: UnsafePointer<Int32>, _ shift: Int32) -> (sample: cpi_i32, remainder: cpi_i32) {
  let high = cpi_load_i32(sums)
  let low = cpi_load_i32(sums + 4 &* cpi_i32.scalarCount)
  let rest = cpi_shift_right((high & cpi_i32(repeating: 1 &<< shift &- 1)) &* 256 &+ low, shift)
  return (cpi_shift_right(high, shift) &+ cpi_shift_right(rest, 8), rest & 255)
}

@inline(__always)
private func shifted(_ sums: UnsafePointer<Int32>, _ shift: Int32) -> FourSums {
  let lanes = cpi_i32.scalarCount
  return (
    cpi_shift_right(cpi_load_i32(sums), shift), cpi_shift_right(cpi_load_i32(sums + lanes), shift),
    cpi_shift_right(cpi_load_i32(sums + 2 &* lanes), shift), cpi_shift_right(cpi_load_i32(sums + 3 &* lanes), shift)
  )
}

/// Looks up the words in lanes that `convolveRowsToFine` has written, and takes the lanes apart into rows.
///
/// - Parameters:
///   - lanes: `pixels` columns of words.
///   - channels: Samples a pixel, 1 to 4.
///   - rowCount: The number of output rows.
///   - table: 65 536 bytes.
///   - output: The first row; rows are `stride` bytes apart.
public func mapLanes(
  _ lanes: UnsafePointer<UInt16>, channels: Int, pixels: Int, rowCount: Int, table: UnsafePointer<UInt8>,
  output: UnsafeMutablePointer<UInt8>, stride: Int
) {
  switch channels {
  case 1: map(lanes, 1, pixels, rowCount, table, output, stride)
  case 2: map(lanes, 2, pixels, rowCount, table, output, stride)
  case 3: map(lanes, 3, pixels, rowCount, table, output, stride)
  default: map(lanes, 4, pixels, rowCount, table, output, stride)
  }
}

@inline(__always)
private func map(
  _ lanes: UnsafePointer<UInt16>, _ channels: Int, _ pixels: Int, _ rowCount: Int, _ table: UnsafePointer<UInt8>,
  _ output: UnsafeMutablePointer<UInt8>, _ stride: Int
) {
  let lanesPerRow = HorizontalLanes.perRow(channels: channels)
  let laneCount = HorizontalLanes.count(channels: channels)
  for x in 0..<pixels {
    let column = lanes + x &* laneCount
    for row in 0..<rowCount {
      let target = output + (row &* stride &+ x &* channels)
      for c in 0..<channels { target[c] = table[Int(column[row &* lanesPerRow &+ c])] }
    }
  }
}

/// Converts sums of light times alpha to straight bytes. Both parts of the sums are in lanes, as `convolveRowsToSums` writes them; a pixel
/// whose alpha rounds to 0 becomes all zeros. Alpha is clamped to 255 only after the colors were divided by it, because dividing by the
/// clamped alpha would change the colors.
///
/// - Parameters:
///   - high, low: The row's first lanes; pixels are a column apart.
///   - channels: 2 or 4, alpha last.
///   - shift: Fraction bits of the sums beyond their samples', at most 16.
///   - table: 65 025 bytes.
///   - output: `pixels * channels` bytes.
public func unpremultiplyLight(
  high: UnsafePointer<Int32>, low: UnsafePointer<Int32>, channels: Int, pixels: Int, shift: Int,
  table: UnsafePointer<UInt8>, output: UnsafeMutablePointer<UInt8>
) {
  let lanes = HorizontalLanes.count(channels: channels)
  for x in 0..<pixels {
    let pixel = x &* lanes
    let target = output + x &* channels
    let alpha = joined(high, low, pixel &+ channels &- 1, shift)
    // The value of an opaque pixel is `whiteLight` · 255 / 256 = 127 · 255.
    let alphaByte = UInt8(truncatingIfNeeded: roundedLevel(alpha / Float(127 &<< (shift &+ 8)), 255))
    target[channels &- 1] = alphaByte
    let scale = alphaByte == 0 ? 0 : 65_024 / alpha
    for c in 0..<channels &- 1 { target[c] = table[roundedLevel(joined(high, low, pixel &+ c, shift) * scale, 65_024)] }
  }
}

/// The sum of both parts: light times alpha, multiplied by 256 · 2^shift.
@inline(__always)
private func joined(_ high: UnsafePointer<Int32>, _ low: UnsafePointer<Int32>, _ i: Int, _ shift: Int) -> Float {
  Float((Int64(high[i]) &+ 16_384 &<< shift) &<< 8 &+ Int64(low[i]))
}

/// The nearest integer, 0 to `largest`. Adding 2^23 rounds to an integer and leaves it in the lowest bits (IEEE 754 binary32).
@inline(__always)
private func roundedLevel(_ value: Float, _ largest: Float) -> Int {
  Int((max(0, min(value, largest)) + 8_388_608).bitPattern & 0x7F_FFFF)
}
