/// How close together the pixels of each pixel's color lie: near 1 for a color of one small place, 0 for one that is spread over the whole
/// image as sky, snow and grass are (Perazzi et al., "Saliency Filters: Contrast Based Filtering for Salient Region Detection", 2012).
struct ColorCompactness {
  /// One value for each pixel, row by row, from 0 to 1.
  private(set) var values: [Double] = []

  /// The levels of a bin: 24 of 255 for the means of channels and their differences.
  private static let step = (lightness: 72, redGreen: 24, blueYellow: 48)
  /// Bins along blue against yellow and along red against green, with an empty one at either end: colors next to each other are blurred.
  private static let (row, layer) = (24, 576)

  /// Computes the values of a square image.
  init(_ colors: OpponentColors, side: Int) {
    let bins = colors.lightness.indices.map { i in
      let lightness = Int(colors.lightness[i]) / Self.step.lightness
      let redGreen = (Int(colors.redGreen[i]) + 256) / Self.step.redGreen
      let blueYellow = (Int(colors.blueYellow[i]) + 512) / Self.step.blueYellow
      return (lightness + 1) * Self.layer + (redGreen + 1) * Self.row + blueYellow + 1
    }
    // By bin: the number of pixels, the sums of their coordinates from the middle in half pixels, and the sum of these coordinates' squares.
    var moments = [SIMD4<Int>](repeating: .zero, count: 13 * Self.layer)
    for (i, bin) in bins.enumerated() {
      let (x, y) = (2 * (i % side) + 1 - side, 2 * (i / side) + 1 - side)
      moments[bin] &+= SIMD4(1, x, y, x * x + y * y)
    }
    for stride in [1, Self.row, Self.layer] {
      let sharp = moments
      for bin in stride..<moments.count - stride {
        moments[bin] = 2 &* sharp[bin] &+ sharp[bin - stride] &+ sharp[bin + stride]
      }
    }
    // The variance of pixels all over the image.
    let most = 2 * Double(side * side - 1) / 3
    let compactness = moments.map { moment in
      guard moment[0] > 0 else { return 0.0 }
      let (count, x, y) = (Double(moment[0]), Double(moment[1]), Double(moment[2]))
      let variance = Double(moment[3]) / count - (x * x + y * y) / (count * count)
      let value = max(0, 1 - variance / most)
      return value * value
    }
    values = bins.map { compactness[$0] }
  }
}
