internal import Ground

/// Searches for settings with which an encoded image takes no more than a number of bytes. For JPEG and lossy WebP it first reduces
/// the quality, down to a floor, then the scale. For lossless files, which have no quality, it first raises the compression. (A lossless
/// palette needs no step, because every encode tries one.)
///
/// The size in bytes is nearly proportional to a power of the quantizer's scale, and to a power of the number of pixels. So after two
/// attempts around a target, interpolation on logarithms reaches it in one to three more.
struct ByteBudget {
  /// The most encodes of one image.
  static let mostEncodes = 6
  /// The least share of the budget that a result with reduced quality uses.
  static let leastUse = 0.95

  /// The next attempt.
  enum Attempt: Equatable {
    /// The same pixels at this quality.
    case quality(Double)
    /// The same pixels, lossless with the most effort.
    case smallCompression
    /// An image with this share of the first image's pixels, with the last settings.
    case scale(Double)
  }

  private let limit: Int
  private let isLossy: Bool
  private let first: Double
  private let floor: Double
  private var mayCompress: Bool
  private var encodes: Int
  /// The quality and the share of pixels that were tried last.
  private var quality: Double
  private var scale = 1.0
  /// Attempts at full scale: logarithms of quantizer scale and bytes.
  private var tooLarge: [Point] = []
  private var fitting: [Point] = []
  /// Attempts below full scale: logarithms of the share of pixels and of bytes.
  private var scaled: [Point] = []

  private struct Point {
    var x: Double
    var y: Double
  }

  /// Begins a search.
  ///
  /// - Parameters:
  ///   - limit: The budget in bytes.
  ///   - quality: The quality of the first attempt; nil for a lossless file.
  ///   - floor: The lowest quality.
  ///   - mayCompress: True when a lossless file was not encoded with the most effort.
  ///   - encodes: The number of encodes of the first attempt.
  init(limit: Int, quality: Double?, floor: Double, mayCompress: Bool, encodes: Int) {
    self.limit = limit
    isLossy = quality != nil
    first = quality ?? 0
    self.quality = first
    self.floor = min(floor, first)
    self.mayCompress = mayCompress
    self.encodes = encodes
  }

  /// Decides on the next attempt.
  ///
  /// - Parameter bytes: The size of the last attempt.
  /// - Returns: The next attempt; nil to stop. The result is then the largest attempt within the budget, if there is one.
  mutating func attempt(after bytes: Int) -> Attempt? {
    let point = Point(x: log(isLossy ? Self.quantizerScale(quality) : 1), y: log(Double(bytes)))
    let fits = bytes <= limit
    if scale < 1 {
      if fits { return nil }
      scaled.append(Point(x: log(scale), y: point.y))
    } else if fits {
      if quality == first || Double(bytes) >= Self.leastUse * Double(limit) { return nil }
      fitting.append(point)
    } else {
      tooLarge.append(point)
    }
    guard encodes < Self.mostEncodes else { return nil }
    encodes += 1
    if isLossy, scale == 1, let quality = nextQuality() {
      self.quality = quality
      return .quality(quality)
    }
    guard fitting.isEmpty else { return nil }
    if !isLossy, mayCompress {
      mayCompress = false
      return .smallCompression
    }
    scale = nextScale()
    return .scale(scale)
  }

  /// The logarithm of the size that the search aims at.
  private var target: Double { log(Double(limit) * (1 + Self.leastUse) / 2) }

  /// The next quality to try; nil when a lower quality cannot meet the budget.
  private func nextQuality() -> Double? {
    let over = tooLarge.max { $0.x < $1.x }!
    let under = fitting.min { $0.x < $1.x }
    let floorScale = log(Self.quantizerScale(floor))
    guard over.x < floorScale else { return nil }
    var x: Double
    if let under {
      // Quantization tables are integers: qualities this close give the same tables.
      guard under.x - over.x > 0.01 else { return nil }
      x = over.x + (under.x - over.x) * (over.y - target) / (over.y - under.y)
      let margin = (under.x - over.x) / 20
      x = min(max(x, over.x + margin), under.x - margin)
    } else {
      let before = tooLarge.dropLast().last
      // Until a second attempt gives the slope of this image, the slope of photographs is used.
      let slope = before.map { ($0.y - over.y) / (over.x - $0.x) } ?? 0.7
      x = over.x + (over.y - target) / max(slope, 0.1)
      // The remaining encodes are for the scale.
      if tooLarge.count >= 3 { x = floorScale }
    }
    return x >= floorScale ? floor : Self.quality(quantizerScale: exp(x))
  }

  private func nextScale() -> Double {
    let points = [Point(x: 0, y: tooLarge.last!.y)] + scaled
    let last = points.last!
    // In a smaller image each pixel has more detail, so the number of bytes decreases more slowly than the number of pixels.
    var power = isLossy ? 0.8 : 0.9
    if points.count > 1 {
      let before = points[points.count - 2]
      power = min(max((before.y - last.y) / (before.x - last.x), 0.3), 1)
    }
    let margin = 0.1 * Double(scaled.count)
    return exp(last.x - (last.y - target) / power - margin)
  }

  /// The percentage by which libjpeg multiplies its tables (`jpeg_quality_scaling`).
  private static func quantizerScale(_ quality: Double) -> Double {
    max(quality < 50 ? 5000 / quality : 200 - 2 * quality, 0.5)
  }

  private static func quality(quantizerScale scale: Double) -> Double {
    scale > 100 ? 5000 / scale : (200 - scale) / 2
  }
}
