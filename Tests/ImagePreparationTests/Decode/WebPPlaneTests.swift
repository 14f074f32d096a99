import TestSupport
import Testing

@testable import ImagePreparation

/// Lossy WebP files are resized as planes of limited range, and compared with libwebp's RGB resized in float64.
@Suite("Planes of a WebP")
struct WebPPlaneTests {
  static let lossy = "kinds/webp/lossy-q95-pillow.webp"

  /// A recipe for a source, and whether planes are resized.
  struct Case: Sendable, CustomTestStringConvertible {
    let file: String
    let recipe: Recipe
    let path: PreparationPlan.Path
    let testDescription: String

    init(_ path: PreparationPlan.Path, _ name: String, _ recipe: Recipe, _ file: String = lossy) {
      (self.file, self.recipe, self.path, testDescription) = (file, recipe, path, "\(file), \(name)")
    }
  }

  static func size(_ side: Int) -> Recipe { Recipe(size: .longestSide(side)) }

  @Test(
    "planes are taken for a resize of opaque colors",
    arguments: [
      Case(.planar, "smaller", size(20)), Case(.planar, "as PNG", Recipe(size: .longestSide(20), output: .png())),
      Case(.planar, "larger", Recipe(size: .longestSide(90, enlarge: true))),
      Case(.planar, "cropped and smaller", Recipe(size: .box(20, 20, .cover))),
      Case(.planar, "stretched along one side", Recipe(size: .box(53, 40, .stretch, enlarge: true))),
      Case(.planar, "turned, with a profile", size(20), "kinds/webp/profile-orientation6-pillow.webp"),
      Case(.planar, "first frame that is the canvas", size(20), "kinds/webp/animated-pillow.webp"),
      Case(.rows, "own size", Recipe(size: .original)),
      Case(.rows, "cropped", Recipe(size: .box(31, 31, .cover))),
      Case(.rows, "linear light", Recipe(size: .longestSide(20), samples: .color(linear: true))),
      Case(.rows, "data", Recipe(size: .longestSide(20), samples: .data)),
      Case(.rows, "nearest", Recipe(size: .longestSide(20), resamplingFilter: .nearest)),
      Case(.rows, "alpha", size(20), "kinds/webp/lossy-alpha-pillow.webp"),
      Case(.rows, "lossless", size(20), "kinds/webp/lossless-pillow.webp"),
      Case(.rows, "frame on a larger canvas", size(20), "kinds/webp/frame-on-larger-canvas.webp"),
    ])
  func path(_ example: Case) throws {
    let plan = try ImagePreparer().planBlocking(of: .file(Fixtures.path(example.file)), as: example.recipe).plan
    #expect(plan.path == example.path)
  }

  /// A photograph of the given size as WebP, made by libwebp's encoder.
  static func photograph(_ size: ImageSize, quality: Int = 92) throws -> ImageSource {
    let recipe = Recipe(
      size: .box(size.width, size.height, .stretch, enlarge: true), output: .webp(quality: quality))
    return .memory(try ImagePreparer().prepareBlocking(.file(Fixtures.path("jpeg/small-444.jpg")), as: recipe).bytes)
  }

  /// The RGB of libwebp. Other tests compare it with Pillow's.
  static func rgb(_ source: ImageSource) throws -> PixelImage<UInt8> {
    try ImagePreparer().pixelsBlocking(of: source, as: Recipe(size: .original))
  }

  static func resized(_ image: PixelImage<UInt8>, to size: ImageSize) -> [Double] {
    Float64Resize.resize(image.samples, size: image.size, channels: 3, to: size, filter: .lanczos3)
  }

  static let sizes: [(from: ImageSize, to: ImageSize)] = [
    (ImageSize(width: 240, height: 160), ImageSize(width: 96, height: 64)),
    (ImageSize(width: 240, height: 160), ImageSize(width: 220, height: 147)),
    (ImageSize(width: 241, height: 161), ImageSize(width: 97, height: 65)),
    (ImageSize(width: 161, height: 239), ImageSize(width: 80, height: 119)),
    (ImageSize(width: 120, height: 81), ImageSize(width: 200, height: 135)),
    (ImageSize(width: 239, height: 2), ImageSize(width: 120, height: 1)),
    (ImageSize(width: 2, height: 10), ImageSize(width: 1, height: 5)),
  ]

  /// The required signal-to-noise ratio. libwebp interpolates chroma between neighboring samples, and the resize uses samples further away.
  /// The results differ most if chroma is only a few samples wide.
  static func leastDecibels(_ size: ImageSize) -> Double { min(size.width, size.height) > 8 ? 44 : 36 }

  @Test("resized planes have the colors of resized RGB", arguments: sizes, [40, 92])
  func colors(_ sizes: (from: ImageSize, to: ImageSize), quality: Int) throws {
    let source = try Self.photograph(sizes.from, quality: quality)
    let reference = Self.resized(try Self.rgb(source), to: sizes.to)
    let recipe = Recipe(size: .box(sizes.to.width, sizes.to.height, .stretch, enlarge: true))
    for instructionSet in InstructionSet.available {
      let pixels = try ImagePreparer(instructionSet: instructionSet).pixelsBlocking(of: source, as: recipe)
      let comparison = SampleComparison(pixels.samples, reference: reference)
      #expect(comparison.peakSignalToNoise >= Self.leastDecibels(sizes.from), "\(comparison)")
      #expect(comparison.largest <= 24, "\(comparison)")
    }
  }

  @Test("luma of planes that go into a JPEG is that of resized RGB, in the full range", arguments: sizes)
  func planesOfJPEG(_ sizes: (from: ImageSize, to: ImageSize)) throws {
    let source = try Self.photograph(sizes.from)
    let reference = Self.resized(try Self.rgb(source), to: sizes.to)
    let recipe = Recipe(
      size: .box(sizes.to.width, sizes.to.height, .stretch, enlarge: true),
      output: .jpeg(quality: 100, subsampling: .yuv444))
    let jpeg = try ImagePreparer().prepareBlocking(source, as: recipe)
    #expect(jpeg.plan.output.encodesPlanes)
    let pixels = try Self.rgb(.memory(jpeg.bytes)).samples
    func luma<Sample>(_ rgb: [Sample], _ value: (Sample) -> Double) -> [Double] {
      stride(from: 0, to: rgb.count, by: 3).map {
        0.299 * value(rgb[$0]) + 0.587 * value(rgb[$0 + 1]) + 0.114 * value(rgb[$0 + 2])
      }
    }
    let comparison = SampleComparison(
      luma(pixels) { Double($0) }.map { UInt8($0.rounded()) }, reference: luma(reference) { min(max($0, 0), 255) })
    #expect(comparison.peakSignalToNoise >= 46 && comparison.largest <= 16, "\(comparison)")
  }

  /// Black, white and the corners of the color cube are at or beyond the ends of the range.
  @Test(
    "one color stays itself at any size",
    arguments: [
      [0, 0, 0], [255, 255, 255], [128, 128, 128], [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [1, 254, 90],
    ] as [[UInt8]], [ImageSize(width: 1, height: 1), ImageSize(width: 17, height: 34)])
  func flat(color: [UInt8], size: ImageSize) throws {
    let image = PixelImage<UInt8>(
      size: size, channels: 3, samples: (0..<size.pixelCount * 3).map { color[$0 % 3] })
    let source = ImageSource.memory(
      try WebPEncoder(quality: 95, compression: .balanced, iccProfile: nil, cancellation: nil).encode(Raster(image)))
    let exact = try Self.rgb(source).samples.prefix(3)
    for (side, enlarges) in [(1, false), (9, true), (70, true)] {
      let recipe = Recipe(size: .longestSide(side, enlarge: enlarges))
      let pixels = try ImagePreparer().pixelsBlocking(of: source, as: recipe).samples
      #expect(pixels.enumerated().allSatisfy { abs(Int($0.element) - Int(exact[$0.offset % 3])) <= 1 }, "\(side)")
    }
  }

  #if !DEBUG
  @Test("the longest sides of the format", arguments: [true, false])
  func longest(isWide: Bool) throws {
    let source = try Self.photograph(
      isWide ? ImageSize(width: 16_383, height: 5) : ImageSize(width: 5, height: 16_383))
    let size = isWide ? ImageSize(width: 4000, height: 2) : ImageSize(width: 2, height: 4000)
    let pixels = try ImagePreparer().pixelsBlocking(
      of: source, as: Recipe(size: .box(size.width, size.height, .stretch)))
    let comparison = SampleComparison(pixels.samples, reference: Self.resized(try Self.rgb(source), to: size))
    #expect(comparison.peakSignalToNoise >= Self.leastDecibels(size), "\(comparison.peakSignalToNoise)")
  }

  @Test("two threads give the bits of one", arguments: [Recipe.Output.jpeg(), .png()])
  func threads(_ output: Recipe.Output) throws {
    let source = try Self.photograph(ImageSize(width: 1001, height: 751))
    let files = try [1, 2].map { threads in
      let recipe = Recipe(size: .longestSide(400), output: output)
      let image = try ImagePreparer(limits: Limits(threads: threads)).prepareBlocking(source, as: recipe)
      #expect(image.plan.threads == threads && image.plan.path == .planar)
      return image.bytes
    }
    #expect(files[0] == files[1])
  }
  #endif

  @Test("planes take half the memory of pixels, and no more than is allowed")
  func memory() throws {
    let source = try Self.photograph(ImageSize(width: 240, height: 161))
    let structure = try SourceDecoder(opening: source).structure
    let planes = try #require(structure.planes)
    #expect(structure.wholeImageBytes - planes.wholeImageBytes == 3 * 240 * 161 - (240 * 161 + 2 * 120 * 81))
    let recipe = Recipe(size: .longestSide(64))
    let plan = try ImagePreparer().planBlocking(of: source, as: recipe).plan
    #expect(plan.bufferBytes > planes.wholeImageBytes)
    let error = failure { () throws(PreparationError) in
      try ImagePreparer(limits: Limits(maxMemory: plan.bufferBytes - 1)).prepareBlocking(source, as: recipe)
    }
    #expect(error?.code == .tooMuchMemory)
    #expect(throws: Never.self) {
      try ImagePreparer(limits: Limits(maxMemory: plan.bufferBytes)).prepareBlocking(source, as: recipe)
    }
  }

  @Test("a cut file is refused with the row that was reached, or filled with gray from there", arguments: [1, 2])
  func cuts(factor: Int) throws {
    let source = try Self.photograph(ImageSize(width: 160, height: 241))
    guard case .memory(let bytes) = source else { return }
    let size = ImageSize(width: 159 / factor, height: 240 / factor)
    let recipe = Recipe(size: .box(size.width, size.height, .stretch))
    let whole = try ImagePreparer().pixelsBlocking(of: source, as: recipe).samples
    for cut in stride(from: 200, to: bytes.count, by: bytes.count / 23) {
      let damaged = ImageSource.memory(Array(bytes.prefix(cut)))
      for policy in DamagePolicy.allCases where policy != .none {
        var recipe = recipe
        recipe.failOn = policy
        let error = failure { () throws(PreparationError) in
          try ImagePreparer().pixelsBlocking(of: damaged, as: recipe)
        }
        #expect(error?.code == .truncated && error?.stage == .decode, "cut at \(cut): \(String(describing: error))")
      }
      var recipe = recipe
      recipe.failOn = .none
      let kept = try ImagePreparer().prepareBlocking(damaged, as: recipe)
      let note = try #require(kept.notes.first { $0.contains("were filled") })
      let row = try #require(note.split(separator: " ").compactMap { Int($0) }.first)
      let pixels = try ImagePreparer().pixelsBlocking(of: damaged, as: recipe).samples
      // The windows of Lanczos3 extend over 3 rows of chroma.
      let intact = max(0, (row - 6 * factor - 2) / factor) * size.width * 3
      #expect(pixels.prefix(intact) == whole.prefix(intact), "cut at \(cut)")
      let filled = (row + 6 * factor + 2) / factor * size.width * 3
      #expect(pixels.dropFirst(filled).allSatisfy { (127...129).contains($0) }, "cut at \(cut)")
    }
  }

  @Test("no bytes trap, whatever the policy is")
  func damage() throws {
    guard case .memory(let bytes) = try Self.photograph(ImageSize(width: 99, height: 61)) else { return }
    var random = SplitMix64(seed: 14)
    for round in 0..<60 {
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        damaged[.random(in: 12..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
      }
      let recipe = Recipe(size: .longestSide(48), failOn: DamagePolicy.allCases[round % 4])
      let limits = Limits(maxPixels: 1 << 16, maxMemory: 64 << 20, threads: 1)
      _ = try? ImagePreparer(limits: limits).prepareBlocking(.memory(damaged), as: recipe)
    }
  }

  @Test("canceled work ends")
  func canceled() {
    let flag = CancellationFlag()
    flag.cancel()
    let error = failure { () throws(PreparationError) in
      try ImagePreparer().pixelsBlocking(of: .file(Fixtures.path(Self.lossy)), as: Self.size(20), cancellation: flag)
    }
    #expect(error?.code == .canceled)
  }
}
