/// The difference of an image's pixels from the background around them. The background is the area that reaches the image's edges.
///
/// The barrier of a path is the difference of its greatest and its least value. A pixel's distance is the smallest barrier of all paths
/// from the edges to it. It is small everywhere in a background, even in a slope from light to dark. Behind an outline, it is at least the
/// contrast of that outline (Strand et al., "The Minimum Barrier Distance", 2013). A few scans along the rows approximate it (Zhang et al.,
/// "Minimum Barrier Salient Object Detection at 80 FPS", 2015).
struct BarrierDistance {
  /// One value for each pixel, row by row, 0 or more.
  private(set) var values: [Int32]
  private let side: Int
  private let plane: [Int32]
  /// The greatest and the least value on the path that was found to each pixel.
  private var greatest: [Int32]
  private var least: [Int32]

  /// Computes the distances in a square channel.
  init(of plane: [Int32], side: Int) {
    precondition(side >= 2 && plane.count == side * side, "a square")
    (self.plane, self.side, greatest, least) = (plane, side, plane, plane)
    values = [Int32](repeating: 0, count: plane.count)
    let inner = 1..<side - 1
    for y in inner { for x in inner { values[y * side + x] = .max } }
    for y in inner { for x in inner { approach(y * side + x, from: -1) } }
    for y in inner.reversed() { for x in inner.reversed() { approach(y * side + x, from: 1) } }
    for y in inner { for x in inner { approach(y * side + x, from: -1) } }
  }

  /// Takes the path through a neighbor, if its barrier is smaller than that of the present path: through the neighbor above or below, and
  /// through the neighbor on the left or right.
  private mutating func approach(_ i: Int, from direction: Int) {
    for neighbor in [i + direction * side, i + direction] {
      let (most, fewest) = (max(greatest[neighbor], plane[i]), min(least[neighbor], plane[i]))
      guard most - fewest < values[i] else { continue }
      (values[i], greatest[i], least[i]) = (most - fewest, most, fewest)
    }
  }
}
