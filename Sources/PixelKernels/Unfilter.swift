internal import CPixelIntrinsics

// Undoes the filters of PNG (third edition, clause 9). With `a` the byte one pixel to the left, `b` the one above and `c`
// the one above `a`, all 0 outside of the image, and sums modulo 256:
//
//     0 None      row = row
//     1 Sub       row = row + a
//     2 Up        row = row + b
//     3 Average   row = row + ⌊(a + b) / 2⌋
//     4 Paeth     row = row + whichever of a, b, c is nearest to a + b − c (ties: a before b before c)
//
// Sub, Average and Paeth go from pixel to pixel: the bytes of one pixel are lanes, and the time depends on the number of
// steps from `a` to the result. Two rows under Average or Paeth are handled together, the lower one a pixel behind, so
// that the steps of both overlap.

/// Undoes the filters of rows in place.
///
/// - Parameters:
///   - rows: Coded rows, each its filter, 0 to 4, and `count` bytes, without gaps. Up to 8 bytes after the last one
///     are read.
///   - rowCount: Rows.
///   - prior: The row above the first one, without a filter; zeros above the image. Up to 8 bytes after it are read.
///   - pixelBytes: Bytes of a pixel: 1, 2, 3, 4, 6 or 8.
///   - count: Bytes of a row, a multiple of a pixel's.
public func unfilterRows(
  rows: UnsafeMutablePointer<UInt8>, rowCount: Int, prior: UnsafePointer<UInt8>, pixelBytes: Int, count: Int
) {
  // True for loads and stores of 8 bytes for a pixel, false for 4. It is a constant in each of the loops below.
  let isWide = pixelBytes > 4
  var prior = prior
  var index = 0
  while index < rowCount {
    let row = rows + (index &* (count &+ 1) &+ 1)
    let filter = row[-1]
    let below = row + (count &+ 1)
    if filter > 2 && pixelBytes > 1 && isMostlyZeros(row, count) {
      unfilterSparse(filter, isWide, row, prior, pixelBytes, count)
      prior = UnsafePointer(row)
      index &+= 1
      continue
    }
    if filter > 2 && pixelBytes > 1 && index &+ 1 < rowCount && below[-1] == filter {
      switch (filter, isWide) {
      case (3, true): unfilterAverage(true, row, below, prior, pixelBytes, count)
      case (3, false): unfilterAverage(false, row, below, prior, pixelBytes, count)
      case (_, true): unfilterPaeth(true, row, below, prior, pixelBytes, count)
      case (_, false): unfilterPaeth(false, row, below, prior, pixelBytes, count)
      }
      prior = UnsafePointer(below)
      index &+= 2
      continue
    }
    switch (filter, isWide) {
    case (0, _): break
    case (2, _): unfilterUp(row, prior, count)
    case _ where pixelBytes == 1: unfilterBytes(filter, row, prior, count)
    case (1, true): unfilterSub(true, row, pixelBytes, count)
    case (1, false): unfilterSub(false, row, pixelBytes, count)
    case (3, true): unfilterAverage(true, row, prior, 0, pixelBytes, count)
    case (3, false): unfilterAverage(false, row, prior, 0, pixelBytes, count)
    case (_, true): unfilterPaeth(true, row, prior, 0, pixelBytes, count)
    case (_, false): unfilterPaeth(false, row, prior, 0, pixelBytes, count)
    }
    prior = UnsafePointer(row)
    index &+= 1
  }
}

/// Bytes that ``unfilterSparse`` tests together: whole pixels of every size.
private let groupBytes = 48

/// True if most of the words at up to eight places of a row are zero.
@inline(__always)
private func isMostlyZeros(_ row: UnsafePointer<UInt8>, _ count: Int) -> Bool {
  let step = (count &- 8) &>> 3
  if step < groupBytes { return false }
  var zeros = 0
  var x = step
  while x <= count &- 8 {
    if loadWord(row + x) == 0 { zeros &+= 1 }
    x &+= step
  }
  return zeros > 4
}

/// Undoes Average or Paeth in a row of mostly zeros, which flat areas have. If the pixels to the left, above, and above to the left have
/// one color, and the filtered bytes are zeros, both filters give that color.
@inline(__always)
private func unfilterSparse(
  _ filter: UInt8, _ isWide: Bool, _ row: UnsafeMutablePointer<UInt8>, _ prior: UnsafePointer<UInt8>,
  _ pixelBytes: Int, _ count: Int
) {
  var x = 0
  while x < count {
    let size = count &- x < groupBytes ? count &- x : groupBytes
    if x > 0 && size == groupBytes && isFlat(row + x, prior + x, pixelBytes) {
      var i = 0
      while i < groupBytes {
        UnsafeMutableRawPointer(row + x + i).storeBytes(of: loadWord(prior + x + i), as: UInt64.self)
        i &+= 8
      }
    } else {
      switch (filter, isWide) {
      case (3, true): unfilterAverage(true, row, prior, x, pixelBytes, x &+ size)
      case (3, false): unfilterAverage(false, row, prior, x, pixelBytes, x &+ size)
      case (_, true): unfilterPaeth(true, row, prior, x, pixelBytes, x &+ size)
      case (_, false): unfilterPaeth(false, row, prior, x, pixelBytes, x &+ size)
      }
    }
    x &+= size
  }
}

/// True if the bytes of a group are zeros, and if the pixels above the group, the pixel above to the left, and the pixel to the left have
/// the same color.
@inline(__always)
private func isFlat(_ row: UnsafePointer<UInt8>, _ prior: UnsafePointer<UInt8>, _ pixelBytes: Int) -> Bool {
  var ones: UInt64 = 0
  var i = 0
  while i < groupBytes {
    ones |= loadWord(row + i)
    i &+= 8
  }
  if ones != 0 { return false }
  i = 0
  while i < groupBytes {
    ones |= loadWord(prior + i) ^ loadWord(prior + i - pixelBytes)
    i &+= 8
  }
  let left = loadWord(row - pixelBytes) ^ loadWord(prior - pixelBytes)
  return ones == 0 && left &<< UInt64(truncatingIfNeeded: 64 &- 8 &* pixelBytes) == 0
}

@inline(__always)
private func loadWord(_ bytes: UnsafePointer<UInt8>) -> UInt64 {
  UInt64(littleEndian: UnsafeRawPointer(bytes).loadUnaligned(as: UInt64.self))
}

@inline(__always)
private func unfilterUp(_ row: UnsafeMutablePointer<UInt8>, _ prior: UnsafePointer<UInt8>, _ count: Int) {
  var x = 0
  let step = cpi_u8.scalarCount
  while x &+ step <= count {
    cpi_store_u8(row + x, cpi_load_u8(row + x) &+ cpi_load_u8(prior + x))
    x &+= step
  }
  while x < count {
    row[x] = row[x] &+ prior[x]
    x &+= 1
  }
}

// Each of the following loops loads the filtered bytes of a pixel before it stores the pixel to the left: that store
// writes a whole word, which overwrites the beginning of these bytes. The last pixel is stored byte by byte.

@inline(__always)
private func unfilterSub(_ isWide: Bool, _ row: UnsafeMutablePointer<UInt8>, _ pixelBytes: Int, _ count: Int) {
  let last = count &- pixelBytes
  var x = 0
  var pixel = loadPixel(row, isWide)
  while x < last {
    let next = loadPixel(row + x + pixelBytes, isWide)
    storePixel(row + x, pixel, isWide)
    pixel = pixel &+ next
    x &+= pixelBytes
  }
  storeLast(row + x, pixel, pixelBytes)
}

/// Undoes Average in the bytes from `start` to `end`. Pixels are kept as their complements, because processors have an instruction for the
/// average that rounds up: ⌊(a + b) / 2⌋ = ¬⌈(¬a + ¬b) / 2⌉. A sum becomes a difference of complements: s + ¬p = ¬(p − s).
@inline(__always)
private func unfilterAverage(
  _ isWide: Bool, _ row: UnsafeMutablePointer<UInt8>, _ prior: UnsafePointer<UInt8>, _ start: Int, _ pixelBytes: Int,
  _ end: Int
) {
  let last = end &- pixelBytes
  var x = start
  let left = start == 0 ? cpi_u8x16(repeating: 0) : loadPixel(row + start - pixelBytes, isWide)
  var pixel = averaged(~left, ~loadPixel(prior + start, isWide), loadPixel(row + start, isWide))
  while x < last {
    let next = loadPixel(row + x + pixelBytes, isWide)
    storePixel(row + x, ~pixel, isWide)
    x &+= pixelBytes
    pixel = averaged(pixel, ~loadPixel(prior + x, isWide), next)
  }
  storeLast(row + x, ~pixel, pixelBytes)
}

/// Undoes Average in two rows at once.
@inline(__always)
private func unfilterAverage(
  _ isWide: Bool, _ row: UnsafeMutablePointer<UInt8>, _ below: UnsafeMutablePointer<UInt8>,
  _ prior: UnsafePointer<UInt8>, _ pixelBytes: Int, _ count: Int
) {
  let last = count &- pixelBytes
  var x = 0
  var pixel = averaged(~cpi_u8x16(repeating: 0), ~loadPixel(prior, isWide), loadPixel(row, isWide))
  var left = ~cpi_u8x16(repeating: 0)
  var lower = loadPixel(below, isWide)
  while x < last {
    let next = loadPixel(row + x + pixelBytes, isWide)
    let lowerNext = loadPixel(below + x + pixelBytes, isWide)
    left = averaged(left, pixel, lower)
    storePixel(row + x, ~pixel, isWide)
    storePixel(below + x, ~left, isWide)
    x &+= pixelBytes
    pixel = averaged(pixel, ~loadPixel(prior + x, isWide), next)
    lower = lowerNext
  }
  storeLast(row + x, ~pixel, pixelBytes)
  storeLast(below + x, ~averaged(left, pixel, lower), pixelBytes)
}

@inline(__always)
private func averaged(_ left: cpi_u8x16, _ above: cpi_u8x16, _ filtered: cpi_u8x16) -> cpi_u8x16 {
  cpi_average_u8x16(left, above) &- filtered
}

/// Undoes Paeth in the bytes from `start` to `end`.
@inline(__always)
private func unfilterPaeth(
  _ isWide: Bool, _ row: UnsafeMutablePointer<UInt8>, _ prior: UnsafePointer<UInt8>, _ start: Int, _ pixelBytes: Int,
  _ end: Int
) {
  let last = end &- pixelBytes
  var x = start
  var above = loadWords(prior + start, isWide)
  var predicted = above
  // For the first pixel, all bytes to the left are 0, so the predictor is the byte above.
  if start > 0 {
    predicted = paeth(loadWords(row + start - pixelBytes, isWide), above, loadWords(prior + start - pixelBytes, isWide))
  }
  var pixel = addBytes(loadWords(row + start, isWide), predicted)
  while x < last {
    let next = loadWords(row + x + pixelBytes, isWide)
    storePixel(row + x, cpi_narrow_i16x8(pixel), isWide)
    x &+= pixelBytes
    let aboveLeft = above
    above = loadWords(prior + x, isWide)
    pixel = addBytes(next, paeth(pixel, above, aboveLeft))
  }
  storeLast(row + x, cpi_narrow_i16x8(pixel), pixelBytes)
}

/// Undoes Paeth in two rows at once.
@inline(__always)
private func unfilterPaeth(
  _ isWide: Bool, _ row: UnsafeMutablePointer<UInt8>, _ below: UnsafeMutablePointer<UInt8>,
  _ prior: UnsafePointer<UInt8>, _ pixelBytes: Int, _ count: Int
) {
  let last = count &- pixelBytes
  var x = 0
  var above = loadWords(prior, isWide)
  var pixel = addBytes(loadWords(row, isWide), above)
  var lower = addBytes(loadWords(below, isWide), pixel)
  while x < last {
    let next = loadWords(row + x + pixelBytes, isWide)
    let lowerNext = loadWords(below + x + pixelBytes, isWide)
    storePixel(row + x, cpi_narrow_i16x8(pixel), isWide)
    storePixel(below + x, cpi_narrow_i16x8(lower), isWide)
    x &+= pixelBytes
    let aboveLeft = above
    above = loadWords(prior + x, isWide)
    let left = pixel
    pixel = addBytes(next, paeth(left, above, aboveLeft))
    lower = addBytes(lowerNext, paeth(lower, pixel, left))
  }
  storeLast(row + x, cpi_narrow_i16x8(pixel), pixelBytes)
  storeLast(below + x, cpi_narrow_i16x8(lower), pixelBytes)
}

/// The predictor of Paeth as Fabian Giesen rewrote it for stb_image 2.29: let lo be the lesser and hi the greater of `a` and `b`. The
/// predictor is hi if 3c − (a + b) ≤ lo, otherwise lo if hi ≤ 3c − (a + b), otherwise c.
@inline(__always)
private func paeth(_ a: cpi_i16x8, _ b: cpi_i16x8, _ c: cpi_i16x8) -> cpi_i16x8 {
  let threshold = (c &+ c &+ c &- b) &- a
  let low = cpi_select_less_equal(a, b, a, b)
  let high = cpi_select_less_equal(a, b, b, a)
  return cpi_select_less_equal(threshold, low, high, cpi_select_less_equal(high, threshold, low, c))
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
private func loadWords(_ bytes: UnsafePointer<UInt8>, _ isWide: Bool) -> cpi_i16x8 {
  cpi_widen_low_u8x16(loadPixel(bytes, isWide))
}

@inline(__always)
private func storePixel(_ bytes: UnsafeMutablePointer<UInt8>, _ pixel: cpi_u8x16, _ isWide: Bool) {
  if isWide { cpi_store_8_u8(bytes, pixel) } else { cpi_store_4_u8(bytes, pixel) }
}

@inline(__always)
private func storeLast(_ bytes: UnsafeMutablePointer<UInt8>, _ pixel: cpi_u8x16, _ pixelBytes: Int) {
  var word = cpi_low_u64(pixel)
  var i = 0
  while i < pixelBytes {
    bytes[i] = UInt8(truncatingIfNeeded: word)
    word &>>= 8
    i &+= 1
  }
}

/// Undoes Sub, Average or Paeth for pixels of one byte.
@inline(__always)
private func unfilterBytes(
  _ filter: UInt8, _ row: UnsafeMutablePointer<UInt8>, _ prior: UnsafePointer<UInt8>, _ count: Int
) {
  var a: UInt8 = 0
  var c: UInt8 = 0
  var x = 0
  while x < count {
    let b = prior[x]
    switch filter {
    case 1: a = row[x] &+ a
    case 3: a = row[x] &+ UInt8(truncatingIfNeeded: (UInt32(a) &+ UInt32(b)) &>> 1)
    default: a = row[x] &+ paethReference(a, b, c)
    }
    c = b
    row[x] = a
    x &+= 1
  }
}

@inline(__always)
private func paethReference(_ a: UInt8, _ b: UInt8, _ c: UInt8) -> UInt8 {
  let pa = abs(Int32(b) &- Int32(c))
  let pb = abs(Int32(a) &- Int32(c))
  let pc = abs(Int32(a) &+ Int32(b) &- 2 &* Int32(c))
  return pa <= pb && pa <= pc ? a : pb <= pc ? b : c
}

/// The definition of ``unfilterRows(rows:rowCount:prior:pixelBytes:count:)``.
public func unfilterRowsReference(
  rows: UnsafeMutablePointer<UInt8>, rowCount: Int, prior: UnsafePointer<UInt8>, pixelBytes: Int, count: Int
) {
  for index in 0..<rowCount {
    let row = rows + (index &* (count &+ 1) &+ 1)
    let prior = index == 0 ? prior : UnsafePointer(row - (count &+ 1))
    for x in 0..<count {
      let a = x < pixelBytes ? 0 : row[x &- pixelBytes]
      let b = prior[x]
      let c = x < pixelBytes ? 0 : prior[x &- pixelBytes]
      let predictor: UInt8
      switch row[-1] {
      case 0: predictor = 0
      case 1: predictor = a
      case 2: predictor = b
      case 3: predictor = UInt8(truncatingIfNeeded: (UInt32(a) &+ UInt32(b)) &>> 1)
      default: predictor = paethReference(a, b, c)
      }
      row[x] = row[x] &+ predictor
    }
  }
}
