/// The saliency along the axes of an image, for crops with ``Gravity/attention``.
package struct Attention: Sendable, Equatable {
  /// The saliency of equal steps from left to right.
  private let columns: [Double]
  /// The saliency of equal steps from top to bottom.
  private let rows: [Double]

  init(columns: [Double], rows: [Double]) {
    self.columns = columns
    self.rows = rows
  }

  /// Measures an upright image of ``SaliencyMap/side`` pixels a side, gray or RGB of 8 bits.
  init(_ image: Raster) {
    let map = SaliencyMap(of: image)
    self.init(columns: map.columnNorms, rows: map.rowNorms)
  }

  /// The best place of a part of the image. It is the distance from the middle, from -1 (at the left or top edge) to 1 (at the right or
  /// bottom edge). Sizes are shares of the image's sides.
  func shift(ofWidth width: Double, height: Double) -> (x: Double, y: Double) {
    (Self.shift(of: width, in: columns), Self.shift(of: height, in: rows))
  }

  /// The number of positions that are tried on either side of the middle.
  private static let steps = 32

  /// The place of the window with the most saliency, for a window's length.
  ///
  /// Saliency at the window's ends counts a quarter of that in its middle, so that a subject does not lie at the edge. A window at the
  /// image's end counts up to 3/20 less than one in the middle, where photographers put their subjects.
  private static func shift(of length: Double, in profile: [Double]) -> Double {
    let half = length / 2
    let slack = (1 - length) / 2
    guard slack > 0 else { return 0 }
    var best = (value: 0.0, shift: 0.0)
    // The search goes from the middle outward, so that the window nearest to the middle is taken among equal ones.
    for step in 0...steps {
      for shift in step == 0 ? [0.0] : [-Double(step) / Double(steps), Double(step) / Double(steps)] {
        let middle = 0.5 + shift * slack
        var sum = 0.0
        for (i, saliency) in profile.enumerated() {
          let distance = ((Double(i) + 0.5) / Double(profile.count) - middle) / half
          if abs(distance) < 1 { sum += saliency * (1 - 0.75 * distance * distance) }
        }
        let eccentricity = 2 * middle - 1
        let value = sum * (1 - 0.15 * eccentricity * eccentricity)
        if value > best.value { best = (value, shift) }
      }
    }
    return best.shift
  }
}

extension GeometryRecord {
  /// The note on a crop by attention: the columns and rows of the upright source that it kept.
  package var attentionNote: String {
    func part(_ lines: String, _ start: Double, _ length: Double, _ whole: Int) -> [String] {
      Double(whole) - length < 1
        ? [] : ["\(lines) \(Int(start.rounded())) to \(Int((start + length).rounded())) of \(whole)"]
    }
    let parts = part("columns", crop.x, crop.width, source.width) + part("rows", crop.y, crop.height, source.height)
    return "attention kept " + parts.joined(separator: " and ")
  }
}
