internal import Digests
internal import ImagePreparation

/// All inputs of a rendering: equal inputs give equal pixels.
struct Rendering: Sendable, Hashable {
  let source: Asset.Content
  /// SHA-256 of the source's bytes.
  let sourceDigest: String
  let size: ImageSize
  let prompt: String
  let seed: String
  /// 0.01 to 1.
  let strength: Double
  /// The number of the sample within the job, from 0.
  let index: Int
  /// A mask or an image that controls.
  var second: SecondImage?

  /// An image that belongs to the source.
  enum SecondImage: Sendable {
    /// A mask: white areas are repainted; with merging, the rest is copied from the source.
    case mask(Asset.Content, merges: Bool)
    /// A control image. It only chooses the pattern, because the sandbox draws no shapes.
    case control(Asset.Content, modality: String)

    /// SHA-256 of the image's bytes, or of the inputs that they are rendered from.
    var digest: String {
      switch self {
      case .mask(let content, _), .control(let content, _): content.digest
      }
    }

    /// The properties that have an effect on the result.
    fileprivate var text: String {
      switch self {
      case .mask(_, let merges): "mask \(merges) \(digest)"
      case .control(_, let modality): "control \(modality) \(digest)"
      }
    }
  }

  /// 64 bits that differ if the source, prompt, seed or index differ. Strength is left out, because it only sets how much of the pattern
  /// shows.
  var patternSeed: UInt64 {
    // Each text follows its length, so that different texts cannot give the same sequence.
    let parts = [sourceDigest, prompt, seed, String(index)] + (second.map { [$0.text] } ?? [])
    let texts = parts.map { "\($0.utf8.count):\($0)" }
    let digest = ContentDigest.sha256(of: [UInt8](texts.joined().utf8))
    return UInt64(digest.prefix(16), radix: 16) ?? 0
  }

  /// SHA-256 of stored bytes, or of the inputs that bytes would be rendered from.
  fileprivate var digest: String { ContentDigest.sha256(of: [UInt8]("\(patternSeed) \(strength) \(size)".utf8)) }

  static func == (a: Rendering, b: Rendering) -> Bool {
    a.sourceDigest == b.sourceDigest && a.size == b.size && a.prompt == b.prompt && a.seed == b.seed
      && a.strength == b.strength && a.index == b.index && a.second?.text == b.second?.text
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(sourceDigest)
    hasher.combine(seed)
    hasher.combine(index)
  }
}

extension Asset.Content {
  fileprivate var digest: String {
    switch self {
    case .stored(let image): image.digest
    case .rendered(let rendering): rendering.digest
    }
  }
}

/// Makes the picture in place of a generated one: the source fades into a pattern as strength rises, and a badge is added.
///
/// With source `s`, pattern `n` and strength `w` a pixel is `(1 − w)·s + w·n`. The pattern is made uncorrelated with the source's three
/// channels (least squares) and given mean 128 and a fixed spread. The correlation with the source is therefore
/// `(1 − w)·σs / √((1 − w)²σs² + w²σn²)`. It falls steadily as strength rises, and is 0 at strength 1 except for rounding and clipping. The
/// squared error, `w²·E(s − n)²`, rises steadily.
enum ResultRenderer {
  /// Standard deviation of the pattern at strength 1, small enough that few samples clip.
  private static let spread: Float = 42
  /// The pattern's octaves: cells along the longer side, and weight.
  private static let octaves: [(cells: Int, weight: Float)] = [(12, 1), (24, 0.7), (48, 0.35)]

  /// Renders one result.
  ///
  /// - Parameters:
  ///   - source: 8-bit pixels; alpha is ignored.
  ///   - seed: Chooses the pattern.
  ///   - strength: 0.01 to 1.
  ///   - mask: An image of the source's size. A pixel of the source stays if the first channel of the mask is below 128, except under the
  ///     badge.
  /// - Returns: RGB pixels of the source's size.
  static func render(
    source: PixelImage<UInt8>, seed: UInt64, strength: Double, mask: PixelImage<UInt8>? = nil
  ) -> PixelImage<UInt8> {
    let size = source.size
    let count = size.pixelCount
    var random = SplitMix64(state: seed)
    let pattern = (0..<3).map { _ in plane(size: size, random: &random) }
    let mix = Mix(source: source, pattern: pattern, strength: Float(strength), spread: spread)

    let step = source.channels
    let second = step >= 3 ? 1 : 0
    let third = step >= 3 ? 2 : 0
    var samples = [UInt8](repeating: 0, count: count * 3)
    for channel in 0..<3 {
      let offset = mix.offsets[channel]
      let (fromRed, fromGreen, fromBlue) = mix.fromSource[channel]
      let fromPattern = mix.fromPattern[channel]
      unsafe source.samples.withUnsafeBufferPointer { source in
        unsafe pattern[channel].withUnsafeBufferPointer { pattern in
          unsafe samples.withUnsafeMutableBufferPointer { samples in
            var from = 0
            var to = channel
            for pixel in 0..<count {
              let red = unsafe Float(source[from]) * fromRed
              let green = unsafe Float(source[from &+ second]) * fromGreen
              let blue = unsafe Float(source[from &+ third]) * fromBlue
              let value = unsafe offset + red + green + blue + pattern[pixel] * fromPattern
              unsafe samples[to] = UInt8(min(max(value, 0), 254.5) + 0.5)
              from &+= step
              to &+= 3
            }
          }
        }
      }
    }
    if let mask {
      for pixel in 0..<count where mask.samples[pixel * mask.channels] < 128 {
        let offsets = [0, second, third]
        for channel in 0..<3 { samples[pixel * 3 + channel] = source.samples[pixel * step + offsets[channel]] }
      }
    }
    var result = PixelImage(size: size, channels: 3, samples: samples)
    SandboxBadge.draw(on: &result, strength: strength)
    return result
  }

  /// One channel of the pattern: value noise (random lattices, smoothly interpolated) in octaves.
  private static func plane(size: ImageSize, random: inout SplitMix64) -> [Float] {
    let (width, height) = (size.width, size.height)
    var plane = [Float](repeating: 0, count: width * height)
    for (cells, weight) in octaves {
      let cell = max(Float(size.longestSide) / Float(cells), 1)
      let (columns, rows) = (Int(Float(width) / cell) + 2, Int(Float(height) / cell) + 2)
      let lattice = (0..<columns * rows).map { _ in weight * random.nextUnit() }
      // Each lattice row is interpolated over the width once; a pixel row is then interpolated between two of these.
      let across = (0..<width).map { position(Float($0) / cell) }
      let spreadRows = (0..<rows).map { row in
        across.map { (index, fraction) in
          let left = lattice[row * columns + index]
          return left + (lattice[row * columns + index + 1] - left) * fraction
        }
      }
      unsafe plane.withUnsafeMutableBufferPointer { plane in
        for y in 0..<height {
          let (index, fraction) = position(Float(y) / cell)
          unsafe spreadRows[index].withUnsafeBufferPointer { above in
            unsafe spreadRows[index + 1].withUnsafeBufferPointer { below in
              let start = y &* width
              for x in 0..<width {
                unsafe plane[start &+ x] += above[x] + (below[x] - above[x]) * fraction
              }
            }
          }
        }
      }
    }
    return plane
  }

  /// The lattice cell of `x` and the position within the cell, eased (smoothstep) so that no grid lines show.
  private static func position(_ x: Float) -> (index: Int, fraction: Float) {
    let floor = x.rounded(.down)
    let t = x - floor
    return (Int(floor), t * t * (3 - 2 * t))
  }
}

/// The weights that make a result of source and pattern: `out_c = offsets_c + fromSource_c · s + fromPattern_c · n_c`.
private struct Mix {
  var offsets: [Float] = []
  var fromSource: [(Float, Float, Float)] = []
  var fromPattern: [Float] = []

  init(source: PixelImage<UInt8>, pattern: [[Float]], strength w: Float, spread: Float) {
    let moments = Moments(source: source, pattern: pattern)
    for channel in 0..<3 {
      let cross = moments.sourcePattern[channel]
      let b = solve(moments.sourceSource, cross)
      // The rest of the pattern's variance, without the part that follows the source.
      let variance = moments.patternPattern[channel] - (b[0] * cross[0] + b[1] * cross[1] + b[2] * cross[2])
      let gain = variance > 1e-6 ? w * spread / Float(variance.squareRoot()) : 0
      var fromSource = b.map { -gain * Float($0) }
      fromSource[channel] += 1 - w
      let means = zip(b, moments.sourceMean).reduce(Float(moments.patternMean[channel])) { $0 - Float($1.0 * $1.1) }
      offsets.append(128 * w - gain * means)
      self.fromSource.append((fromSource[0], fromSource[1], fromSource[2]))
      fromPattern.append(gain)
    }
  }

  /// Solves the symmetric 3×3 system `a·x = b` by Cramer's rule. The channels of gray and flat sources depend on each other, so that their
  /// system would have no single solution. A small amount is therefore added to the diagonal (ridge regression), far below the variance of
  /// a picture.
  private func solve(_ a: [[Double]], _ b: [Double]) -> [Double] {
    var m = a
    for i in 0..<3 { m[i][i] += 0.01 }
    func determinant(_ m: [[Double]]) -> Double {
      m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
        + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])
    }
    let whole = determinant(m)
    return (0..<3).map { column in
      var replaced = m
      for row in 0..<3 { replaced[row][column] = b[row] }
      return determinant(replaced) / whole
    }
  }
}

/// Means and covariances of a source's channels and a pattern's.
private struct Moments {
  var sourceMean = [0.0, 0.0, 0.0]
  var patternMean = [0.0, 0.0, 0.0]
  var sourceSource = [[Double]](repeating: [0, 0, 0], count: 3)
  /// First index: the pattern's channel.
  var sourcePattern = [[Double]](repeating: [0, 0, 0], count: 3)
  var patternPattern = [0.0, 0.0, 0.0]

  init(source: PixelImage<UInt8>, pattern: [[Float]]) {
    let count = source.size.pixelCount
    let step = source.channels
    let channels = step >= 3 ? [0, 1, 2] : [0, 0, 0]
    let total = Double(count)
    for i in 0..<3 {
      sourceMean[i] = Self.sum(source.samples, channels[i], step, count) / total
      patternMean[i] = Self.sum(pattern[i], count) / total
    }
    for i in 0..<3 {
      for j in i..<3 {
        let products = Self.dot(source.samples, channels[i], channels[j], step, count)
        sourceSource[i][j] = products / total - sourceMean[i] * sourceMean[j]
        sourceSource[j][i] = sourceSource[i][j]
      }
      for j in 0..<3 {
        let products = Self.dot(source.samples, channels[j], step, pattern[i], count)
        sourcePattern[i][j] = products / total - patternMean[i] * sourceMean[j]
      }
      patternPattern[i] = Self.dot(pattern[i], count) / total - patternMean[i] * patternMean[i]
    }
  }

  private static func sum(_ s: [UInt8], _ channel: Int, _ step: Int, _ count: Int) -> Double {
    Double(
      unsafe s.withUnsafeBufferPointer { s in
        var sum = 0
        for i in 0..<count { sum &+= unsafe Int(s[i &* step &+ channel]) }
        return sum
      })
  }

  private static func sum(_ n: [Float], _ count: Int) -> Double {
    unsafe n.withUnsafeBufferPointer { n in
      var sum = 0.0
      for i in 0..<count { sum += unsafe Double(n[i]) }
      return sum
    }
  }

  private static func dot(_ s: [UInt8], _ a: Int, _ b: Int, _ step: Int, _ count: Int) -> Double {
    Double(
      unsafe s.withUnsafeBufferPointer { s in
        var sum = 0
        for i in 0..<count { sum &+= unsafe Int(s[i &* step &+ a]) &* Int(s[i &* step &+ b]) }
        return sum
      })
  }

  private static func dot(_ s: [UInt8], _ channel: Int, _ step: Int, _ n: [Float], _ count: Int) -> Double {
    unsafe s.withUnsafeBufferPointer { s in
      unsafe n.withUnsafeBufferPointer { n in
        var sum = 0.0
        for i in 0..<count { sum += unsafe Double(s[i &* step &+ channel]) * Double(n[i]) }
        return sum
      }
    }
  }

  private static func dot(_ n: [Float], _ count: Int) -> Double {
    unsafe n.withUnsafeBufferPointer { n in
      var sum = 0.0
      for i in 0..<count { sum += unsafe Double(n[i]) * Double(n[i]) }
      return sum
    }
  }
}

/// SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
struct SplitMix64 {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Uniform in -1 ..< 1, a multiple of 2⁻²³.
  mutating func nextUnit() -> Float {
    Float(next() >> 40) / Float(1 << 23) - 1
  }
}
