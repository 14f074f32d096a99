import Foundation
import ImagePreparation
import Testing

@testable import ScenarioSandbox

@Suite("Rendered results")
struct ResultRendererTests {
  /// Sources of every kind of statistics: smooth, flat, gray, full of detail, black, white.
  enum Source: String, CaseIterable, CustomTestStringConvertible {
    case gradient, flat, gray, noise, black, white, stripes

    var testDescription: String { rawValue }

    func image(_ width: Int, _ height: Int) -> PixelImage<UInt8> {
      var random = SplitMix64(state: 7)
      var samples: [UInt8] = []
      for y in 0..<height {
        for x in 0..<width {
          let (right, down) = (UInt8(255 * x / width), UInt8(255 * y / height))
          switch self {
          case .gradient: samples += [right, down, 255 - right]
          case .flat: samples += [200, 120, 40]
          case .gray: samples += [right]
          case .noise: samples += (0..<3).map { _ in UInt8(truncatingIfNeeded: random.next()) }
          case .black: samples += [0, 0, 0]
          case .white: samples += [255, 255, 255]
          case .stripes: samples += x / 4 % 2 == 0 ? [255, 255, 0] : [0, 0, 60]
          }
        }
      }
      return PixelImage(
        size: ImageSize(width: width, height: height), channels: self == .gray ? 1 : 3, samples: samples)
    }
  }

  private func rgb(_ image: PixelImage<UInt8>) -> [Double] {
    image.channels == 1
      ? image.samples.flatMap { [Double($0), Double($0), Double($0)] } : image.samples.map(Double.init)
  }

  private func psnr(_ a: PixelImage<UInt8>, _ b: PixelImage<UInt8>) -> Double {
    let squares = zip(rgb(a), rgb(b)).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return 10 * log10(255 * 255 / (squares / Double(rgb(a).count)))
  }

  /// Pearson's correlation of the samples of one channel, or of all channels.
  private func correlation(_ a: [Double], _ b: [Double]) -> Double {
    let (ma, mb) = (a.reduce(0, +) / Double(a.count), b.reduce(0, +) / Double(b.count))
    let (da, db) = (a.map { $0 - ma }, b.map { $0 - mb })
    let covariance = zip(da, db).reduce(0) { $0 + $1.0 * $1.1 }
    return covariance / (da.reduce(0) { $0 + $1 * $1 } * db.reduce(0) { $0 + $1 * $1 }).squareRoot()
  }

  private func luma(_ image: PixelImage<UInt8>) -> [Double] {
    let samples = rgb(image)
    // ITU-R BT.601.
    return stride(from: 0, to: samples.count, by: 3).map { (i: Int) -> Double in
      let (red, green, blue) = (samples[i], samples[i + 1], samples[i + 2])
      return 0.299 * red + 0.587 * green + 0.114 * blue
    }
  }

  private func rendering(
    prompt: String = "a wall", seed: String = "1", index: Int = 0, digest: String = "00"
  ) -> Rendering {
    Rendering(
      source: .stored(StoredImage(bytes: [], digest: digest)), sourceDigest: digest,
      size: ImageSize(width: 64, height: 64), prompt: prompt, seed: seed,
      strength: 0.5, index: index)
  }

  @Test(
    "at strength 0.01 a result has a PSNR of at least 35 dB", arguments: Source.allCases,
    [(64, 64), (192, 128), (64, 256)])
  func faithful(source: Source, size: (Int, Int)) {
    let image = source.image(size.0, size.1)
    #expect(psnr(image, ResultRenderer.render(source: image, seed: 11, strength: 0.01)) >= 35)
  }

  @Test(
    "at strength 1 a result is uncorrelated with its source",
    arguments: Source.allCases.filter { ![.flat, .black, .white].contains($0) },
    [UInt64(1), 2, 3])
  func unrelated(source: Source, seed: UInt64) {
    let image = source.image(128, 96)
    let result = ResultRenderer.render(source: image, seed: seed, strength: 1)
    #expect(abs(correlation(rgb(image), rgb(result))) < 0.2)
    #expect(abs(correlation(luma(image), luma(result))) < 0.2)
  }

  @Test("likeness falls with every step of strength", arguments: [Source.gradient, .gray, .noise, .stripes])
  func monotone(source: Source) {
    let image = source.image(96, 64)
    let results = [0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1].map {
      ResultRenderer.render(source: image, seed: 5, strength: $0)
    }
    let errors = results.map { psnr(image, $0) }
    let likeness = results.map { correlation(rgb(image), rgb($0)) }
    #expect(errors == errors.sorted(by: >) && Set(errors).count == errors.count)
    #expect(likeness == likeness.sorted(by: >) && Set(likeness).count == likeness.count)
  }

  @Test(
    "the same request gives the same pixels; another prompt, seed, index or source gives different ones",
    arguments: [0.01, 1])
  func determined(strength: Double) {
    let image = Source.gradient.image(64, 64)
    let variants = [
      rendering(), rendering(prompt: "a door"), rendering(seed: "2"), rendering(index: 1), rendering(digest: "01"),
      rendering(prompt: "a wall1", seed: ""),
    ]
    let results = variants.map { ResultRenderer.render(source: image, seed: $0.patternSeed, strength: strength) }
    #expect(Set(variants.map(\.patternSeed)).count == variants.count)
    #expect(Set(results.map(\.samples)).count == results.count)
    #expect(ResultRenderer.render(source: image, seed: variants[0].patternSeed, strength: strength) == results[0])
  }

  @Test("the badge can be read at every strength", arguments: [Source.black, .white, .noise], [0.01, 1])
  func badge(source: Source, strength: Double) {
    // In a picture of this size, each dot of the badge takes 2 × 2 pixels. The badge has 90 × 22 pixels and is in the lower right corner.
    let image = source.image(400, 340)
    let plain = ResultRenderer.render(source: image, seed: 3, strength: strength)
    func mean(x: Range<Int>, y: Range<Int>) -> Double {
      let samples = y.flatMap { y in x.flatMap { x in plain.samples[(y * 400 + x) * 3..<(y * 400 + x) * 3 + 3] } }
      return samples.reduce(0) { $0 + Double($1) } / Double(samples.count)
    }
    // The stem of the letter B is a column of dots of the text. The column before it belongs to the band.
    let (left, top) = (400 - 90 + 4, 340 - 22 + 4)
    let stem = mean(x: left + 48..<left + 50, y: top..<top + 14)
    let gap = mean(x: left + 46..<left + 48, y: top..<top + 14)
    #expect(stem - gap >= 20)
  }
}
