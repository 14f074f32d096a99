internal import Ground

/// The image signature of one channel: only the signs of its cosine transform are kept and transformed back, and the results are squared
/// (Hou, Harel and Koch, "Image Signature: Highlighting Sparse Salient Regions", 2012).
///
/// A background that is smooth or repeats, like sky, clouds or grass, has few large coefficients. The signs of these count no more than the
/// other signs, so the background fades and the sparse parts remain.
struct ImageSignature {
  private var values: [Double]
  private var scratch: [Double]
  private let secants = halfSecants

  /// Adds the signature of a square channel to a map.
  ///
  /// - Parameters:
  ///   - plane: The channel, row by row: whole numbers of up to four digits.
  ///   - side: Its width and height, a power of two from 2 to ``longestSide``.
  ///   - map: A map of the same size.
  static func add(of plane: [Double], side: Int, to map: inout [Double]) {
    precondition(side & (side - 1) == 0 && 2...longestSide ~= side && plane.count == side * side, "a square of 2ⁿ")
    var signature = ImageSignature(values: plane, scratch: plane)
    for _ in 0..<2 {
      for row in 0..<side { signature.transform(row * side, side) }
      signature.transpose(side)
    }
    // A smaller value is the rounding error of a coefficient of 0.
    signature.values = signature.values.map { $0 > 1e-3 ? 1 : $0 < -1e-3 ? -1 : 0 }
    for _ in 0..<2 {
      for row in 0..<side { signature.transformBack(row * side, side) }
      signature.transpose(side)
    }
    for i in map.indices { map[i] += signature.values[i] * signature.values[i] }
  }

  /// The longest side that ``halfSecants`` serve.
  private static let longestSide = 128

  /// 1 / (2 cos((i + 1/2) π / n)) at n / 2 + i, for each power of two n and i < n / 2.
  private static let halfSecants: [Double] =
    [0]
    + (1..<longestSide).map { place in
      let half = 1 << (Int.bitWidth - 1 - place.leadingZeroBitCount)
      return 0.5 / cos((Double(place - half) + 0.5) * .pi / Double(2 * half))
    }

  /// Replaces values by their cosine transform of the second kind, not scaled (Lee, "A New Algorithm to Compute the Discrete Cosine
  /// Transform", 1984).
  private mutating func transform(_ start: Int, _ count: Int) {
    guard count > 2 else {
      let (first, last) = (values[start], values[start + 1])
      (values[start], values[start + 1]) = (first + last, (first - last) * secants[1])
      return
    }
    let half = count / 2
    for i in 0..<half {
      let (first, last) = (values[start + i], values[start + count - 1 - i])
      scratch[start + i] = first + last
      scratch[start + half + i] = (first - last) * secants[half + i]
    }
    swap(&values, &scratch)
    transform(start, half)
    transform(start + half, half)
    swap(&values, &scratch)
    for i in 0..<half {
      values[start + 2 * i] = scratch[start + i]
      values[start + 2 * i + 1] = scratch[start + half + i]
    }
    for i in 0..<half - 1 { values[start + 2 * i + 1] += scratch[start + half + i + 1] }
  }

  /// The transform of the third kind, not scaled: it undoes ``transform(_:_:)`` except for factors. These factors are the same for all
  /// coefficients, except for the coefficients of the means of rows and columns.
  private mutating func transformBack(_ start: Int, _ count: Int) {
    guard count > 2 else {
      let (sum, difference) = (values[start], values[start + 1] * secants[1])
      (values[start], values[start + 1]) = (sum + difference, sum - difference)
      return
    }
    let half = count / 2
    for i in 0..<half {
      scratch[start + i] = values[start + 2 * i]
      scratch[start + half + i] = values[start + 2 * i + 1]
    }
    for i in 1..<half { scratch[start + half + i] += values[start + 2 * i - 1] }
    swap(&values, &scratch)
    transformBack(start, half)
    transformBack(start + half, half)
    swap(&values, &scratch)
    for i in 0..<half {
      let (sum, difference) = (scratch[start + i], scratch[start + half + i] * secants[half + i])
      values[start + i] = sum + difference
      values[start + count - 1 - i] = sum - difference
    }
  }

  private mutating func transpose(_ side: Int) {
    for y in 0..<side {
      for x in 0..<side { scratch[x * side + y] = values[y * side + x] }
    }
    swap(&values, &scratch)
  }
}
