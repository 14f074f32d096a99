/// The saliency of each pixel of a small image.
///
/// It is the weighted sum of five maps, each reduced to the values above its own mean and scaled to a sum of 1. The maps mark pixels that
/// differ from their surroundings (``ImageSignature``), pixels that an outline encloses (``BarrierDistance``), pixels whose colors are
/// absent at the edges, pixels whose colors occur in one place only (both ``ColorDistribution``), and sharp pixels. The last two count
/// half.
///
/// The colors are one lightness and two opponent channels, computed from encoded samples. All operations are additions,
/// multiplications, divisions and square roots in a fixed order: every machine gives the same bits.
struct SaliencyMap {
  /// The width and height of the image in pixels: a power of two, which the image signature needs.
  static let side = 128
  /// One value for each pixel, row by row, 0 or more.
  private(set) var values = [Double](repeating: 0, count: side * side)

  /// Computes the map of an image.
  ///
  /// - Precondition: The image is gray or RGB, of 8 bits, and ``side`` pixels wide and high.
  init(of image: Raster) {
    let colors = OpponentColors(image)
    var signature = [Double](repeating: 0, count: values.count)
    for plane in [colors.lightness, colors.redGreen, colors.blueYellow] {
      ImageSignature.add(of: plane, side: Self.side, to: &signature)
    }
    add(Self.boxMeans(of: signature, radius: 3), weight: 1)
    add(Self.barriers(in: colors), weight: 1)
    let distribution = ColorDistribution(colors, side: Self.side)
    add(distribution.absenceAtEdges, weight: 1)
    add(distribution.compactness, weight: 0.5)
    add(Self.sharpness(of: colors.lightness), weight: 0.5)
  }

  /// Adds the values above the mean of a map, each divided by their sum.
  private mutating func add(_ map: [Double], weight: Double) {
    let mean = map.reduce(0, +) / Double(map.count)
    let sum = map.reduce(0) { $0 + max(0, $1 - mean) }
    // In a uniform map only rounding errors are left.
    guard sum > 1e-6 * Double(map.count) else { return }
    for i in map.indices { values[i] += weight * max(0, map[i] - mean) / sum }
  }

  /// The root of the sum of squares of each column. A narrow part of a subject, such as a tail or a tower, counts more in this norm than in
  /// a sum.
  var columnNorms: [Double] {
    var sums = [Double](repeating: 0, count: Self.side)
    for i in values.indices { sums[i % Self.side] += values[i] * values[i] }
    return sums.map { $0.squareRoot() }
  }

  /// The root of the sum of squares of each row.
  var rowNorms: [Double] {
    var sums = [Double](repeating: 0, count: Self.side)
    for i in values.indices { sums[i / Self.side] += values[i] * values[i] }
    return sums.map { $0.squareRoot() }
  }

  /// The sum of the channels' distances from the edges, in squares of 2 × 2 pixels. All channels have the same scale in this sum.
  private static func barriers(in colors: OpponentColors) -> [Double] {
    var sums = [Int32](repeating: 0, count: side * side / 4)
    for (plane, scale) in [(colors.lightness, 2), (colors.redGreen, 6), (colors.blueYellow, 3)] as [([Double], Int32)] {
      var half = [Int32](repeating: 0, count: sums.count)
      for i in plane.indices { half[i / side / 2 * (side / 2) + i % side / 2] += scale * Int32(plane[i]) }
      let distances = BarrierDistance(of: half, side: side / 2).values
      for i in sums.indices { sums[i] += distances[i] }
    }
    return (0..<side * side).map { Double(sums[$0 / side / 2 * (side / 2) + $0 % side / 2]) }
  }

  /// The energy of the finest details: the subject of a photograph is in focus (Jiang et al., "Salient Region Detection by UFO:
  /// Uniqueness, Focusness and Objectness", 2013).
  private static func sharpness(of plane: [Double]) -> [Double] {
    let smooth = boxMeans(of: plane, radius: 1)
    return boxMeans(of: zip(plane, smooth).map { ($0 - $1) * ($0 - $1) }, radius: 3)
  }

  /// Means over squares of `2 · radius + 1`, which are cut off at the edges.
  private static func boxMeans(of map: [Double], radius: Int) -> [Double] {
    var map = map
    // First along the rows, then along the columns, because each round transposes the map.
    for _ in 0..<2 {
      var means = map
      for y in 0..<side {
        for x in 0..<side {
          let window = max(x - radius, 0)...min(x + radius, side - 1)
          var sum = 0.0
          for i in window { sum += map[y * side + i] }
          means[x * side + y] = sum / Double(window.count)
        }
      }
      map = means
    }
    return map
  }
}

/// The colors of an image as one lightness and two opponent channels, whole numbers all.
struct OpponentColors {
  /// R + G + B: 0 to 765.
  private(set) var lightness: [Double]
  /// R − G: -255 to 255.
  private(set) var redGreen: [Double]
  /// 2 B − R − G: -510 to 510.
  private(set) var blueYellow: [Double]

  /// Computes them from encoded samples.
  init(_ image: Raster) {
    precondition(image.bitDepth == 8 && !image.channels.hasAlpha && image.channels != .cmyk, "gray or RGB of 8 bits")
    let (step, count) = (image.channelCount, image.size.pixelCount)
    lightness = [Double](repeating: 0, count: count)
    (redGreen, blueYellow) = (lightness, lightness)
    let samples = image.bytes.span
    for i in 0..<count {
      let red = Double(samples[i * step])
      let green = step == 3 ? Double(samples[i * step + 1]) : red
      let blue = step == 3 ? Double(samples[i * step + 2]) : red
      lightness[i] = red + green + blue
      redGreen[i] = red - green
      blueYellow[i] = 2 * blue - red - green
    }
  }
}
