/// The distribution of each color over an image: the mean place and the spread of its pixels.
///
/// Colors are counted in bins of 24 levels of 255, each blurred into its neighbors.
struct ColorDistribution {
  /// For each pixel, row by row: near 1 for a color that occurs in one small place only, 0 for a color that is spread over the whole image,
  /// like sky, snow and grass (Perazzi et al., "Saliency Filters: Contrast Based Filtering for Salient Region Detection", 2012).
  private(set) var compactness: [Double] = []
  /// For each pixel, row by row: 1 for a color that does not occur in the strips along the image's edges, 0 for a color that is at least as
  /// frequent there as in the whole image. The background mostly reaches the edges (Wei et al., "Geodesic Saliency Using Background
  /// Priors", 2012).
  private(set) var absenceAtEdges: [Double] = []

  /// The width of the strips along the edges, in pixels of 128.
  private static let strip = 10
  /// The levels of a bin: 24 of 255 for the means of channels and their differences.
  private static let step = (lightness: 72, redGreen: 24, blueYellow: 48)
  /// The distance between bins along red against green, and along lightness. Each axis has an empty bin at either end, because bins are
  /// blurred into their neighbors.
  private static let (row, layer) = (24, 576)

  /// Counts the colors of a square image.
  init(_ colors: OpponentColors, side: Int) {
    let bins = colors.lightness.indices.map { i in
      let lightness = Int(colors.lightness[i]) / Self.step.lightness
      let redGreen = (Int(colors.redGreen[i]) + 256) / Self.step.redGreen
      let blueYellow = (Int(colors.blueYellow[i]) + 512) / Self.step.blueYellow
      return (lightness + 1) * Self.layer + (redGreen + 1) * Self.row + blueYellow + 1
    }
    // For each bin: the number of pixels; the sum of their x and the sum of their y, counted from the middle in half pixels; the sum of x²
    // + y²; and the number of pixels near an edge.
    var moments = [SIMD8<Int>](repeating: .zero, count: 13 * Self.layer)
    let inner = Self.strip..<side - Self.strip
    for (i, bin) in bins.enumerated() {
      let (column, row) = (i % side, i / side)
      let (x, y) = (2 * column + 1 - side, 2 * row + 1 - side)
      let isAtEdge = inner.contains(column) && inner.contains(row) ? 0 : 1
      moments[bin] &+= SIMD8(1, x, y, x * x + y * y, isAtEdge, 0, 0, 0)
    }
    for stride in [1, Self.row, Self.layer] {
      let sharp = moments
      for bin in stride..<moments.count - stride {
        moments[bin] = 2 &* sharp[bin] &+ sharp[bin - stride] &+ sharp[bin + stride]
      }
    }
    // The variance of pixels that are spread evenly over the image, and the share of the image's pixels that are near an edge.
    let most = 2 * Double(side * side - 1) / 3
    let edgeShare = Double(side * side - inner.count * inner.count) / Double(side * side)
    let values = moments.map { moment in
      guard moment[0] > 0 else { return (compactness: 0.0, absence: 0.0) }
      let (count, x, y) = (Double(moment[0]), Double(moment[1]), Double(moment[2]))
      let variance = Double(moment[3]) / count - (x * x + y * y) / (count * count)
      let value = max(0, 1 - variance / most)
      return (value * value, max(0, 1 - Double(moment[4]) / (count * edgeShare)))
    }
    compactness = bins.map { values[$0].compactness }
    absenceAtEdges = bins.map { values[$0].absence }
  }
}
