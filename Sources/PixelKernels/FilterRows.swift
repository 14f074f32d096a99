internal import CPixelIntrinsics

// PNG row filters (PNG third edition, 9.2): a row becomes a byte that names one of five predictions, and the differences
// between the row and the prediction. a is the byte one pixel to the left, b the one above, c the one above a; 0 outside
// the image.
//
//     0 None: 0    1 Sub: a    2 Up: b    3 Average: (a + b) / 2    4 Paeth: the nearest of a, b, c to a + b − c

// The best filter of a row is estimated from sums over the row. The usual estimate is the sum of absolute differences (PNG third edition,
// 12.7). The sum of the approximate logarithms of the differences is closer to the number of bits that the differences take. It is the
// better estimate for rows with few large differences.

/// The filter that gives the smallest sum of absolute differences; of equal ones, the first.
///
/// - Parameters:
///   - row: `count` bytes.
///   - above: The row above; zeros at the top of an image.
///   - pixelBytes: Bytes of a pixel, at least 1.
public func filterBySum(
  _ row: UnsafePointer<UInt8>, above: UnsafePointer<UInt8>, count: Int, pixelBytes: Int
) -> Int {
  bestFilter(row, above: above, count: count, pixelBytes: pixelBytes, byLogarithms: false)
}

/// The filter that gives the smallest sum of approximate logarithms of absolute differences; of equal ones, the first.
///
/// - Parameters:
///   - row: `count` bytes.
///   - above: The row above; zeros at the top of an image.
///   - pixelBytes: Bytes of a pixel, at least 1.
public func filterByLogarithms(
  _ row: UnsafePointer<UInt8>, above: UnsafePointer<UInt8>, count: Int, pixelBytes: Int
) -> Int {
  bestFilter(row, above: above, count: count, pixelBytes: pixelBytes, byLogarithms: true)
}

/// Filters a row.
///
/// - Parameters:
///   - row: `count` bytes.
///   - above: The row above; zeros at the top of an image.
///   - pixelBytes: Bytes of a pixel, at least 1.
///   - filter: 0 to 4.
///   - output: `count` bytes.
public func applyFilter(
  _ row: UnsafePointer<UInt8>, above: UnsafePointer<UInt8>, count: Int, pixelBytes: Int, filter: Int,
  output: UnsafeMutablePointer<UInt8>
) {
  switch filter {
  case 0: filterRow(row, above, count, pixelBytes, 0, output) { _, _, _ in cpi_u8(repeating: 0) }
  case 1: filterRow(row, above, count, pixelBytes, 1, output) { a, _, _ in a }
  case 2: filterRow(row, above, count, pixelBytes, 2, output) { _, b, _ in b }
  case 3: filterRow(row, above, count, pixelBytes, 3, output) { a, b, _ in cpi_average_u8(a, b) }
  default: filterRow(row, above, count, pixelBytes, 4, output) { a, b, c in cpi_paeth_u8(a, b, c) }
  }
}

/// One byte's prediction: the definition of the filters.
@inline(__always)
private func prediction(_ filter: Int, _ a: UInt8, _ b: UInt8, _ c: UInt8) -> UInt8 {
  switch filter {
  case 0: return 0
  case 1: return a
  case 2: return b
  case 3: return (a & b) &+ (a ^ b) &>> 1
  default:
    let (left, up, both) = (Int(a), Int(b), Int(c))
    let (fromA, fromB, fromC) = (abs(up &- both), abs(left &- both), abs(left &+ up &- both &- both))
    return fromA <= fromB && fromA <= fromC ? a : fromB <= fromC ? b : c
  }
}

/// The contribution of a difference to the sum that chooses a filter.
@inline(__always)
private func cost(_ difference: UInt8, byLogarithms: Bool) -> UInt64 {
  let size = UInt64(min(difference, 0 &- difference))
  guard byLogarithms else { return size }
  return 16 &* min(size, 1) &+ 8 &* min(size, 3) &+ 4 &* min(size, 7) &+ 2 &* min(size, 15) &+ min(size, 31)
}

@inline(__always)
private func vectorCost(_ sums: cpi_u64, _ differences: cpi_u8, byLogarithms: Bool) -> cpi_u64 {
  let size = cpi_magnitude_u8(differences)
  return cpi_add_bytes(sums, byLogarithms ? cpi_log_magnitude_u8(size) : size)
}

/// The filter with the smallest sum; of equal ones, the first.
@inline(__always)
private func bestFilter(
  _ row: UnsafePointer<UInt8>, above: UnsafePointer<UInt8>, count: Int, pixelBytes: Int, byLogarithms: Bool
) -> Int {
  let step = cpi_u8.scalarCount
  var none: UInt64 = 0
  var sub: UInt64 = 0
  var up: UInt64 = 0
  var average: UInt64 = 0
  var paeth: UInt64 = 0
  var x = 0
  @inline(__always) func scalar(_ end: Int) {
    while x < end {
      let a = x >= pixelBytes ? row[x &- pixelBytes] : 0
      let c = x >= pixelBytes ? above[x &- pixelBytes] : 0
      let (value, b) = (row[x], above[x])
      none &+= cost(value, byLogarithms: byLogarithms)
      sub &+= cost(value &- a, byLogarithms: byLogarithms)
      up &+= cost(value &- b, byLogarithms: byLogarithms)
      average &+= cost(value &- prediction(3, a, b, c), byLogarithms: byLogarithms)
      paeth &+= cost(value &- prediction(4, a, b, c), byLogarithms: byLogarithms)
      x &+= 1
    }
  }
  scalar(min(pixelBytes, count))
  let zero = cpi_u64(repeating: 0)
  var sums = (zero, zero, zero, zero, zero)
  while x &+ step <= count {
    let value = cpi_load_u8(row + x)
    let a = cpi_load_u8(row + x - pixelBytes)
    let b = cpi_load_u8(above + x)
    let c = cpi_load_u8(above + x - pixelBytes)
    sums.0 = vectorCost(sums.0, value, byLogarithms: byLogarithms)
    sums.1 = vectorCost(sums.1, value &- a, byLogarithms: byLogarithms)
    sums.2 = vectorCost(sums.2, value &- b, byLogarithms: byLogarithms)
    sums.3 = vectorCost(sums.3, value &- cpi_average_u8(a, b), byLogarithms: byLogarithms)
    sums.4 = vectorCost(sums.4, value &- cpi_paeth_u8(a, b, c), byLogarithms: byLogarithms)
    x &+= step
  }
  scalar(count)
  none &+= sums.0.wrappedSum()
  sub &+= sums.1.wrappedSum()
  up &+= sums.2.wrappedSum()
  average &+= sums.3.wrappedSum()
  paeth &+= sums.4.wrappedSum()
  var (filter, least) = (0, none)
  if sub < least { (filter, least) = (1, sub) }
  if up < least { (filter, least) = (2, up) }
  if average < least { (filter, least) = (3, average) }
  if paeth < least { filter = 4 }
  return filter
}

@inline(__always)
private func filterRow(
  _ row: UnsafePointer<UInt8>, _ above: UnsafePointer<UInt8>, _ count: Int, _ pixelBytes: Int, _ filter: Int,
  _ output: UnsafeMutablePointer<UInt8>, _ predict: (cpi_u8, cpi_u8, cpi_u8) -> cpi_u8
) {
  let step = cpi_u8.scalarCount
  var x = 0
  @inline(__always) func scalar(_ end: Int) {
    while x < end {
      let a = x >= pixelBytes ? row[x &- pixelBytes] : 0
      let c = x >= pixelBytes ? above[x &- pixelBytes] : 0
      output[x] = row[x] &- prediction(filter, a, above[x], c)
      x &+= 1
    }
  }
  scalar(min(pixelBytes, count))
  while x &+ step <= count {
    let a = cpi_load_u8(row + x - pixelBytes)
    let c = cpi_load_u8(above + x - pixelBytes)
    cpi_store_u8(output + x, cpi_load_u8(row + x) &- predict(a, cpi_load_u8(above + x), c))
    x &+= step
  }
  scalar(count)
}
