internal import ImagePreparation

/// The word SANDBOX on a dark band in the lower right corner of every result.
///
/// At the lowest strength, the PSNR of a result against its source must be at least 35 dB. The badge may therefore add at most
/// ``errorBudget`` to the mean squared error, and only darkens and lightens the image a little. As strength rises, the badge becomes solid.
enum SandboxBadge {
  /// 35 dB is a mean squared error of 255² / 10^3.5 = 20.6; blending and rounding take about 2 of it.
  private static let errorBudget = 12.0
  /// The largest share of the picture that the badge covers, if the picture is large enough for the smallest badge.
  private static let areaShare = 0.015
  /// The strength at which the badge is solid.
  private static let solidStrength = 0.3

  /// Seven letters of 5 × 7 dots, one column apart.
  private static let letters = [
    ".####..###..#...#.####..####...###..#...#",
    "#.....#...#.##..#.#...#.#...#.#...#.#...#",
    "#.....#...#.#.#.#.#...#.#...#.#...#..#.#.",
    ".###..#####.#.#.#.#...#.####..#...#...#..",
    "....#.#...#.#.#.#.#...#.#...#.#...#..#.#.",
    "....#.#...#.#..##.#...#.#...#.#...#.#...#",
    "####..#...#.#...#.####..####...###..#...#",
  ].map { Array($0.utf8).map { $0 == UInt8(ascii: "#") } }
  /// The width of the band around the letters, in dots.
  private static let margin = 2

  /// Draws the badge on an RGB image. Nothing is drawn if the smallest badge, 45 × 11 pixels, does not fit, but no request has a result
  /// that is so small.
  static func draw(on image: inout PixelImage<UInt8>, strength: Double) {
    let columns = letters[0].count + 2 * margin
    let rows = letters.count + 2 * margin
    let size = image.size
    let pixels = Double(size.pixelCount)
    let byArea = Int((areaShare * pixels / Double(columns * rows)).squareRoot())
    let scale = max(1, min(byArea, size.width / columns, size.height / rows))
    guard columns * scale <= size.width, rows * scale <= size.height else { return }

    let area = Double(columns * rows * scale * scale)
    let least = (errorBudget * pixels / area).squareRoot()
    let solidity = min(1, max(0, (strength - 0.01) / (solidStrength - 0.01)))
    let amplitude = Int(min(255, least + (255 - least) * solidity))

    let (left, top) = (size.width - columns * scale, size.height - rows * scale)
    for y in 0..<rows * scale {
      for x in 0..<columns * scale {
        let (row, column) = (y / scale - margin, x / scale - margin)
        let isLetter = letters.indices.contains(row) && letters[row].indices.contains(column) && letters[row][column]
        let change = isLetter ? amplitude : -amplitude
        let first = ((top + y) * size.width + left + x) * 3
        for i in first..<first + 3 {
          image.samples[i] = UInt8(clamping: Int(image.samples[i]) + change)
        }
      }
    }
  }
}
