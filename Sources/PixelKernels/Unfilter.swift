internal import CPixelIntrinsics

// The filters of PNG (third edition, clause 9) undone. With `a` the byte one pixel to the left, `b` the one above and `c`
// the one above `a`, all 0 outside of the image, and sums modulo 256:
//
//     0 None      output = source
//     1 Sub       output = source + a
//     2 Up        output = source + b
//     3 Average   output = source + ⌊(a + b) / 2⌋
//     4 Paeth     output = source + whichever of a, b, c is nearest to a + b − c (ties: a before b before c)
//
// All but Up go from pixel to pixel: the bytes of one are lanes, and what counts is how long the chain from `a` to the
// output is: one instruction for Sub, two for Average, about six for Paeth.

/// Undoes the filter of one row.
///
/// `output` may be `source`, or lie at least 32 bytes before it in the same memory. Up to 8 bytes after `source` and
/// `prior` are read, none after `output` is written.
///
/// - Parameters:
///   - filter: 0 to 4.
///   - prior: The row above, unfiltered; zeros above the first one.
///   - pixelBytes: Bytes of a pixel: 1, 2, 3, 4, 6 or 8.
///   - count: Bytes of the row.
public func unfilterRow(
  filter: Int, source: UnsafePointer<UInt8>, prior: UnsafePointer<UInt8>, pixelBytes: Int, count: Int,
  output: UnsafeMutablePointer<UInt8>
) {
  var x = 0
  switch filter {
  case 0: output.update(from: source, count: count)
  case 2:
    let step = cpi_u8.scalarCount
    while x &+ step <= count {
      cpi_store_u8(output + x, cpi_load_u8(source + x) &+ cpi_load_u8(prior + x))
      x &+= step
    }
    unfilterRowReference(
      filter: filter, source: source, prior: prior, pixelBytes: pixelBytes, from: x, count: count, output: output)
  default:
    if pixelBytes > 4 {
      x = unfilterPixels(
        filter: filter, isWide: true, source: source, prior: prior, pixelBytes: pixelBytes, count: count,
        output: output)
    } else if pixelBytes > 1 {
      x = unfilterPixels(
        filter: filter, isWide: false, source: source, prior: prior, pixelBytes: pixelBytes, count: count,
        output: output)
    }
    unfilterRowReference(
      filter: filter, source: source, prior: prior, pixelBytes: pixelBytes, from: x, count: count, output: output)
  }
}

/// The pixels of a row that may be stored as a whole word, although they take a part of it: all but the last few.
///
/// - Returns: How far it came.
@inline(__always)
private func unfilterPixels(
  filter: Int, isWide: Bool, source: UnsafePointer<UInt8>, prior: UnsafePointer<UInt8>, pixelBytes: Int, count: Int,
  output: UnsafeMutablePointer<UInt8>
) -> Int {
  let wordBytes = isWide ? 8 : 4
  let end = count &- wordBytes
  guard end >= 0 else { return 0 }
  var x = 0
  // One ahead: where source and output are the same, storing a word spoils the beginning of the next pixel.
  var next = loadPixel(source, isWide)
  switch filter {
  case 1:
    var left = cpi_u8x16(repeating: 0)
    while x <= end {
      left = left &+ next
      next = loadPixel(source + x + pixelBytes, isWide)
      storePixel(output + x, left, isWide)
      x &+= pixelBytes
    }
  case 3:
    // ⌊(a + b) / 2⌋ = ¬⌈(¬a + ¬b) / 2⌉, and the upper one is an instruction; s + ¬p = ¬(p − s).
    var left = ~cpi_u8x16(repeating: 0)
    while x <= end {
      left = cpi_average_u8x16(left, ~loadPixel(prior + x, isWide)) &- next
      next = loadPixel(source + x + pixelBytes, isWide)
      storePixel(output + x, ~left, isWide)
      x &+= pixelBytes
    }
  default:
    var left = cpi_i16x8(repeating: 0)
    var aboveLeft = left
    while x <= end {
      let above = cpi_widen_low_u8x16(loadPixel(prior + x, isWide))
      left = addBytes(cpi_widen_low_u8x16(next), paeth(left, above, aboveLeft))
      next = loadPixel(source + x + pixelBytes, isWide)
      aboveLeft = above
      storePixel(output + x, cpi_narrow_i16x8(left), isWide)
      x &+= pixelBytes
    }
  }
  // What the last word spoiled, the bytes behind its pixel, is not unfiltered yet.
  for i in 0..<wordBytes &- pixelBytes { output[x &+ i] = next[i] }
  return x
}

/// The predictor of Paeth as Fabian Giesen rewrote it for stb_image 2.29: with lo and hi the lesser and the greater of
/// `a` and `b`, it is hi where 3c − (a + b) ≤ lo, else lo where hi ≤ 3c − (a + b), else c.
@inline(__always)
private func paeth(_ a: cpi_i16x8, _ b: cpi_i16x8, _ c: cpi_i16x8) -> cpi_i16x8 {
  let threshold = (c &+ c &+ c &- b) &- a
  let low = pointwiseMin(a, b)
  let high = pointwiseMax(a, b)
  return c.replacing(with: low, where: high .<= threshold).replacing(with: high, where: threshold .<= low)
}

/// Sums modulo 256 of words that hold bytes.
@inline(__always)
private func addBytes(_ a: cpi_i16x8, _ b: cpi_i16x8) -> cpi_i16x8 {
  let sums = unsafeBitCast(a, to: SIMD16<UInt8>.self) &+ unsafeBitCast(b, to: SIMD16<UInt8>.self)
  return unsafeBitCast(sums, to: cpi_i16x8.self)
}

@inline(__always)
private func loadPixel(_ bytes: UnsafePointer<UInt8>, _ isWide: Bool) -> cpi_u8x16 {
  isWide ? cpi_load_8_u8(bytes) : cpi_load_4_u8(bytes)
}

@inline(__always)
private func storePixel(_ bytes: UnsafeMutablePointer<UInt8>, _ pixel: cpi_u8x16, _ isWide: Bool) {
  if isWide { cpi_store_8_u8(bytes, pixel) } else { cpi_store_4_u8(bytes, pixel) }
}

/// The definition of ``unfilterRow(filter:source:prior:pixelBytes:count:output:)`` for bytes `from` to `count`, those
/// before being done.
public func unfilterRowReference(
  filter: Int, source: UnsafePointer<UInt8>, prior: UnsafePointer<UInt8>, pixelBytes: Int, from: Int, count: Int,
  output: UnsafeMutablePointer<UInt8>
) {
  var x = from
  while x < count {
    let hasLeft = x >= pixelBytes
    let a = hasLeft ? Int32(output[x &- pixelBytes]) : 0
    let b = Int32(prior[x])
    let c = hasLeft ? Int32(prior[x &- pixelBytes]) : 0
    let predictor: Int32
    switch filter {
    case 0: predictor = 0
    case 1: predictor = a
    case 2: predictor = b
    case 3: predictor = (a &+ b) &>> 1
    default:
      let pa = abs(b &- c)
      let pb = abs(a &- c)
      let pc = abs(a &+ b &- c &- c)
      predictor = pa <= pb && pa <= pc ? a : pb <= pc ? b : c
    }
    output[x] = source[x] &+ UInt8(truncatingIfNeeded: predictor)
    x &+= 1
  }
}
