/// The saliency of each pixel of a small image.
///
/// It is the sum of two maps, each reduced to the values above its own mean and scaled to a sum of 1:
///
/// 1. Sharpness, counted twice: the energy of the finest details, because the subject of a photograph is in focus (Jiang et al.,
///    "Salient Region Detection by UFO: Uniqueness, Focusness and Objectness", 2013).
/// 2. Distance from the colors at the image's edges, which are mostly background (Wei et al., "Geodesic Saliency Using
///    Background Priors", 2012): the mean over the two edges that a pixel is most like, in standard deviations of each.
///
/// The colors are one lightness and two opponent channels, computed from encoded samples. All sums are sums of integers, and the
/// other operations are additions, multiplications, divisions and square roots in a fixed order: every machine gives the same bits.
struct SaliencyMap {
  /// Width and height in pixels.
  let size: ImageSize
  /// One value for each pixel, row by row, 0 or more.
  private(set) var values: [Double]

  /// Added to the variance of an edge's colors (in squared levels of 255), so that noise does not count as structure.
  private static let leastVariance = 200.0

  /// Computes the map of an image.
  ///
  /// - Precondition: The image is gray or RGB, of 8 bits.
  init(of image: Raster) {
    size = image.size
    values = [Double](repeating: 0, count: size.pixelCount)
    let planes = Self.opponentColors(of: image)
    add(planes[0].details.boxMeans(radius: max(1, min(size.width, size.height) / 36)), weight: 2)
    add(Self.distancesFromEdges(planes), weight: 1)
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
    var sums = [Double](repeating: 0, count: size.width)
    for i in values.indices { sums[i % size.width] += values[i] }
    return sums
  }

  /// Sums of the map's rows.
  var rowSums: [Double] {
    var sums = [Double](repeating: 0, count: size.height)
    for i in values.indices { sums[i / size.width] += values[i] }
    return sums
  }

  /// Lightness, red against green, and blue against yellow, in levels of 255 times the plane's scale.
  private static func opponentColors(of image: Raster) -> [Plane] {
    let step = image.channelCount
    precondition(image.bitDepth == 8 && !image.channels.hasAlpha && image.channels != .cmyk, "gray or RGB of 8 bits")
    var planes = [3.0, 1, 2].map { Plane(size: image.size, scale: $0) }
    let samples = image.bytes.span
    for i in 0..<image.size.pixelCount {
      let red = Int(samples[i * step])
      let green = step == 3 ? Int(samples[i * step + 1]) : red
      let blue = step == 3 ? Int(samples[i * step + 2]) : red
      planes[0].values[i] = red + green + blue
      planes[1].values[i] = red - green
      planes[2].values[i] = 2 * blue - red - green
    }
    return planes
  }

  private static func distancesFromEdges(_ planes: [Plane]) -> [Double] {
    let size = planes[0].size
    let depth = max(1, min(size.width, size.height) / 12)
    let strips = [
      (0..<size.width, 0..<depth), (0..<size.width, size.height - depth..<size.height), (0..<depth, 0..<size.height),
      (size.width - depth..<size.width, 0..<size.height),
    ]
    let means = planes.map { $0.boxMeans(radius: 1) }
    var (nearest, second) = ([Double](repeating: .infinity, count: size.pixelCount), [Double]())
    second = nearest
    for (columns, rows) in strips {
      let edge = planes.map { $0.statistics(columns: columns, rows: rows) }
      for i in nearest.indices {
        var squares = 0.0
        for c in 0..<3 {
          let difference = means[c][i] - edge[c].mean
          squares += difference * difference / (edge[c].variance + leastVariance)
        }
        let distance = squares.squareRoot()
        if distance < nearest[i] {
          (nearest[i], second[i]) = (distance, nearest[i])
        } else if distance < second[i] {
          second[i] = distance
        }
      }
    }
    return nearest.indices.map { (nearest[$0] + second[$0]) / 2 }
  }

  /// A plane of integers whose sums over boxes can be computed.
  private struct Plane {
    let size: ImageSize
    /// The integer for one level of 255.
    let scale: Double
    var values: [Int]

    init(size: ImageSize, scale: Double) {
      self.size = size
      self.scale = scale
      values = [Int](repeating: 0, count: size.pixelCount)
    }

    /// Calls `body` with each pixel's index, the sum over the square of `2 · radius + 1` around the pixel, and the number of pixels in
    /// the square, which is cut off at the image's edges (Crow, "Summed-Area Tables for Texture Mapping", 1984).
    private func forEachBox(radius: Int, _ body: (_ i: Int, _ sum: Int, _ count: Int) -> Void) {
      let stride = size.width + 1
      var table = [Int](repeating: 0, count: stride * (size.height + 1))
      for y in 0..<size.height {
        var row = 0
        for x in 0..<size.width {
          row += values[y * size.width + x]
          table[(y + 1) * stride + x + 1] = table[y * stride + x + 1] + row
        }
      }
      for y in 0..<size.height {
        let (top, bottom) = (max(y - radius, 0), min(y + radius + 1, size.height))
        for x in 0..<size.width {
          let (left, right) = (max(x - radius, 0), min(x + radius + 1, size.width))
          let sum =
            table[bottom * stride + right] - table[top * stride + right] - table[bottom * stride + left]
            + table[top * stride + left]
          body(y * size.width + x, sum, (bottom - top) * (right - left))
        }
      }
    }

    /// Means over squares of `2 · radius + 1`, in levels of 255.
    func boxMeans(radius: Int) -> [Double] {
      var means = [Double](repeating: 0, count: values.count)
      forEachBox(radius: radius) { i, sum, count in means[i] = Double(sum) / (scale * Double(count)) }
      return means
    }

    /// The squared difference of each pixel from the mean of the 3 × 3 pixels around it.
    var details: Plane {
      // 36 is a multiple of the number of these pixels: 9, or 6 at an edge and 4 in a corner; fewer where a side is shorter.
      var result = Plane(size: size, scale: 36 * 36 * scale * scale)
      forEachBox(radius: 1) { i, sum, count in
        let difference = 36 * values[i] - 36 * sum / count
        result.values[i] = difference * difference
      }
      return result
    }

    func statistics(columns: Range<Int>, rows: Range<Int>) -> (mean: Double, variance: Double) {
      var (sum, squares) = (0, 0)
      for y in rows {
        for x in columns {
          let value = values[y * size.width + x]
          sum += value
          squares += value * value
        }
      }
      let count = Double(columns.count * rows.count)
      let mean = Double(sum) / count
      return (mean / scale, max(0, Double(squares) / count - mean * mean) / (scale * scale))
    }
  }
}
