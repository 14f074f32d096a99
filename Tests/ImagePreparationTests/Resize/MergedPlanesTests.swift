import TestSupport
import Testing

@testable import ImagePreparation

@Suite("Merged planes")
struct MergedPlanesTests {
  static let sizes: [Recipe.Size] = [
    .original, .longestSide(37), .longestSide(100), .longestSide(700, enlarge: true),
    .box(33, 90, .cover, enlarge: true, gravity: .south), .box(91, 20, .stretch, enlarge: true),
    .longestSide(150, sides: .multiples(of: 16)),
  ]

  /// The same pixels, made in another way: the planes are resized as a whole, and merged at the end.
  static func reference(_ source: ImageSource, _ recipe: Recipe, _ preparer: ImagePreparer) throws -> Raster {
    let run = PreparationRun(
      source, recipe: recipe, product: .pixels, limits: preparer.limits, kernels: preparer.kernels,
      cancellation: nil)
    let plan = try run.planned().plan
    #expect(plan.output.mergesPlanes)
    let resamplers = zip(plan.decoding.planes, plan.resampling).map { plane, resampling in
      PlaneResampler(
        plan: resampling, kernels: preparer.kernels, stripRows: plane.stripRows, rowBytes: plane.rowBytes,
        ahead: plan.decoding.stripsAhead)
    }
    var clock = StageClock()
    let resized = try StripLoop(
      SourceDecoder(opening: source).strips(plan.decoding, kernels: preparer.kernels), resamplers, nil,
      into: WholeImage(), threads: plan.threads, cancellation: nil
    ).run(&clock)
    return try Raster(planes: try #require(resized).planes, kernels: preparer.kernels)
  }

  @Test(
    "rows that are merged while they are made are those of whole planes, bit for bit",
    arguments: [
      "jpeg/small-420.jpg", "jpeg/small-422.jpg", "jpeg/small-440.jpg", "jpeg/small-411.jpg", "jpeg/small-444.jpg",
      "jpeg/small-progressive.jpg",
    ], sizes)
  func small(_ file: String, _ size: Recipe.Size) throws {
    #if DEBUG
    let filters: [ResamplingFilter] = [.lanczos3]
    #else
    let filters: [ResamplingFilter] = [.lanczos3, .nearest, .mitchell]
    #endif
    for filter in filters {
      try check(file, Recipe(size: size, resamplingFilter: filter), threads: 1)
    }
  }

  #if DEBUG
  static let largeSizes = [Recipe.Size.longestSide(1000)]
  #else
  static let largeSizes = [Recipe.Size.original, .longestSide(1000), .longestSide(2500, enlarge: true)]
  #endif

  @Test(
    "merged rows of large images equal those of whole planes, with one thread and with two",
    arguments: largeSizes, [1, 2])
  func large(_ size: Recipe.Size, threads: Int) throws {
    try check("jpeg/forest.jpg", Recipe(size: size), threads: threads)
  }

  private func check(_ file: String, _ recipe: Recipe, threads: Int) throws {
    let source = ImageSource.file(Fixtures.path(file))
    let preparer = ImagePreparer(limits: Limits(threads: threads))
    let pixels = try preparer.pixelsBlocking(of: source, as: recipe)
    #expect(try pixels.samples == Self.reference(source, recipe, preparer).bytes, "\(recipe)")
  }

  @Test("of a large image, a few strips of each plane are kept")
  func memory() throws {
    let plan = try ImagePreparer().planBlocking(
      of: .file(Fixtures.path("jpeg/forest.jpg")), as: Recipe(size: .original, output: .png())
    ).plan
    #expect(try #require(plan.keptRows) <= 64)
  }
}
