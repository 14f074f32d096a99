/// The saliency of each pixel of a small image.
///
/// It is the sum of two maps, each reduced to the values above its own mean and scaled to a sum of 1: the image signature, which
/// finds what differs from its surroundings (``ImageSignature``), and a quarter of the compactness of colors, which finds what differs
/// from the background (``ColorCompactness``).
///
/// The colors are one lightness and two opponent channels, computed from encoded samples. All operations are additions,
/// multiplications and divisions in a fixed order: every machine gives the same bits.
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
    add(ColorCompactness(colors, side: Self.side).values, weight: 0.25)
  }

  /// Adds the values above a map's mean, as shares of their sum.
  private mutating func add(_ map: [Double], weight: Double) {
    let mean = map.reduce(0, +) / Double(map.count)
    let sum = map.reduce(0) { $0 + max(0, $1 - mean) }
    // In a uniform map only rounding errors are left.
    guard sum > 1e-6 * Double(map.count) else { return }
    for i in map.indices { values[i] += weight * max(0, map[i] - mean) / sum }
  }

  /// Sums of the map's columns.
  var columnSums: [Double] {
    var sums = [Double](repeating: 0, count: Self.side)
    for i in values.indices { sums[i % Self.side] += values[i] }
    return sums
  }

  /// Sums of the map's rows.
  var rowSums: [Double] {
    var sums = [Double](repeating: 0, count: Self.side)
    for i in values.indices { sums[i / Self.side] += values[i] }
    return sums
  }

  /// Means over squares of `2 · radius + 1`, which are cut off at the edges.
  private static func boxMeans(of map: [Double], radius: Int) -> [Double] {
    var map = map
    // Along the rows, and, as the map is transposed meanwhile, along the columns.
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
