import Foundation
import ImagePreparation
import TestSupport
import Testing

/// Whole preparations of real files. The results are decoded and checked.
@Suite("Preparation")
struct PreparationTests {
  static func small(
    _ samples: Recipe.Samples = .color(), background: BackgroundColor? = nil, output: Recipe.Output = .auto()
  ) -> Recipe {
    Recipe(size: .longestSide(64), samples: samples, background: background, output: output)
  }

  /// The mean difference of two images of the same size, in levels.
  static func distance(_ a: PixelImage<UInt8>, _ b: PixelImage<UInt8>) -> Double {
    guard a.size == b.size, a.channels == b.channels else { return .infinity }
    return Double(zip(a.samples, b.samples).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }) / Double(a.samples.count)
  }

  @Test(
    "one picture looks the same in every coding",
    arguments: [
      "jpeg/small-420.jpg", "jpeg/small-422.jpg", "jpeg/small-440.jpg", "jpeg/small-411.jpg",
      "jpeg/small-progressive.jpg", "jpeg/small-restart.jpg", "jpeg/small-rgb.jpg", "png/small-rgb8.png",
      "png/small-rgb16.png", "png/small-interlaced.png",
    ])
  func sameInEveryCoding(_ file: String) throws {
    let reference = try ImagePreparer().pixelsBlocking(of: .file(Fixtures.path("jpeg/small-444.jpg")), as: Self.small())
    let image = try ImagePreparer().pixelsBlocking(of: .file(Fixtures.path(file)), as: Self.small())
    #expect(Self.distance(image, reference) < 2)
  }

  @Test(
    "a picture in another color space looks the same once converted, and different when the profile is ignored",
    arguments: ["jpeg/icc-adobe-rgb.jpg", "jpeg/icc-prophoto.jpg", "jpeg/icc-display-p3.jpg", "png/icc-display-p3.png"])
  func profiles(_ file: String) throws {
    let reference = try ImagePreparer().pixelsBlocking(of: .file(Fixtures.path("jpeg/small-444.jpg")), as: Self.small())
    let source = ImageSource.file(Fixtures.path(file))
    let converted = try ImagePreparer().pixelsBlocking(of: source, as: Self.small())
    let ignored = try ImagePreparer().pixelsBlocking(of: source, as: Self.small(.color(profile: .ignore)))
    #expect(Self.distance(converted, reference) < 1.5)
    #expect(Self.distance(ignored, reference) > 2 * Self.distance(converted, reference))
  }

  @Test("an sRGB profile changes nothing")
  func srgbIsUntouched() throws {
    let source = ImageSource.file(Fixtures.path("jpeg/icc-srgb.jpg"))
    let converted = try ImagePreparer().pixelsBlocking(of: source, as: Self.small())
    let ignored = try ImagePreparer().pixelsBlocking(of: source, as: Self.small(.color(profile: .ignore)))
    #expect(converted == ignored)
  }

  @Test("a kept profile is in the result", arguments: [Recipe.Output.jpeg(), .png()])
  func keepsProfile(_ output: Recipe.Output) throws {
    let recipe = Self.small(.color(profile: .keep), output: output)
    let source = ImageSource.file(Fixtures.path("jpeg/icc-display-p3.jpg"))
    let prepared = try ImagePreparer().prepareBlocking(source, as: recipe)
    let result = try ImagePreparer().inspectBlocking(.memory(prepared.bytes))
    #expect(result.iccProfile == prepared.source.iccProfile)
    #expect(result.iccProfile?.isEmpty == false)
  }

  @Test(
    "a broken profile is ignored with a note",
    arguments: ["jpeg/odd-icc-garbage.jpg", "png/odd-icc-garbage.png", "jpeg/odd-icc-chunk-missing.jpg"])
  func brokenProfile(_ file: String) throws {
    let prepared = try ImagePreparer().prepareBlocking(.file(Fixtures.path(file)), as: Self.small())
    #expect(prepared.notes.contains { $0.contains("profile") && $0.contains("ignored") }, "\(prepared.notes)")
  }

  @Test(
    "transparency is kept in a PNG, flattened in a JPEG, and dropped where there is none",
    arguments: [
      ("png/soft-alpha-rgba8.png", Recipe.Output.auto(), EncodedFormat.png, true),
      ("png/soft-alpha-rgba8.png", .jpeg(), .jpeg, false), ("png/soft-alpha-ga8.png", .auto(), .png, true),
      ("png/soft-alpha-rgba16.png", .png(), .png, true), ("png/opaque-rgba8.png", .auto(), .jpeg, false),
      ("png/opaque-rgba8.png", .png(), .png, false), ("png/color-key-rgb8.png", .auto(), .png, true),
    ])
  func transparency(
    _ file: String, _ asked: Recipe.Output, _ format: EncodedFormat, _ hasAlpha: Bool
  ) throws {
    let prepared = try ImagePreparer().prepareBlocking(.file(Fixtures.path(file)), as: Self.small(output: asked))
    let result = try ImagePreparer().inspectBlocking(.memory(prepared.bytes))
    #expect(prepared.format == format)
    #expect(result.format.rawValue == format.rawValue)
    #expect(result.hasAlpha == hasAlpha)
    #expect(result.size == prepared.size)
  }

  @Test("a background shows where the image is clear")
  func background() throws {
    let recipe = Self.small(background: BackgroundColor(hex: "#FF8000"))
    let image = try ImagePreparer().pixelsBlocking(of: .file(Fixtures.path("png/soft-alpha-rgba8.png")), as: recipe)
    #expect(image.channels == 3)
    #expect(Array(image.samples[0..<3]) == [255, 128, 0])
  }

  @Test("padding is the background, and white without one")
  func padding() throws {
    func pixels(_ background: BackgroundColor?) throws -> PixelImage<UInt8> {
      let recipe = Recipe(size: .box(40, 60, .pad), background: background)
      return try ImagePreparer().pixelsBlocking(of: .file(Fixtures.path("jpeg/small-gray.jpg")), as: recipe)
    }
    let white = try pixels(nil)
    #expect(white.size == ImageSize(width: 40, height: 60) && white.channels == 1 && white.samples[0] == 255)
    let red = try pixels(BackgroundColor(red: 200, green: 10, blue: 20))
    #expect(red.channels == 3 && Array(red.samples[0..<3]) == [200, 10, 20])
    let gray = try pixels(BackgroundColor(red: 77, green: 77, blue: 77))
    #expect(gray.channels == 1 && gray.samples[0] == 77)
  }

  @Test("linear light: a fine checkerboard is as bright as half the light")
  func linearLight() throws {
    let board = TestPattern.checkerboard.image(ImageSize(width: 512, height: 512), channels: 1)
    let png = try ImagePreparer().encodePNGBlocking(board)
    for (linear, expected) in [(true, 187.5), (false, 127.5)] {
      let recipe = Recipe(size: .longestSide(32), samples: .color(linear: linear))
      let image = try ImagePreparer().pixelsBlocking(of: .memory(png), as: recipe)
      let mean = Double(image.samples.reduce(0) { $0 + Int($1) }) / Double(image.samples.count)
      #expect(abs(mean - expected) <= 0.5)
    }
  }

  @Test("a file, a pipe and memory give the same bytes")
  func sources() throws {
    let file = "jpeg/small-progressive.jpg"
    let expected = try ImagePreparer().prepareBlocking(.file(Fixtures.path(file)), as: Self.small())
    let bytes = try Fixtures.bytes(file)
    let memory = try ImagePreparer().prepareBlocking(.memory(bytes), as: Self.small())
    #expect(memory.bytes == expected.bytes)
    let handle = try #require(FileHandle(forReadingAtPath: Fixtures.path(file)))
    let descriptor = try ImagePreparer().prepareBlocking(.descriptor(handle.fileDescriptor), as: Self.small())
    #expect(descriptor.bytes == expected.bytes)
  }

  @Test("every instruction set gives the same bytes", arguments: ["jpeg/forest.jpg", "png/soft-alpha-rgba8.png"])
  func instructionSets(_ file: String) throws {
    let recipe = Recipe(size: .longestSide(300))
    let results = try InstructionSet.available.map {
      try ImagePreparer(instructionSet: $0).prepareBlocking(.file(Fixtures.path(file)), as: recipe).bytes
    }
    #expect(Set(results).count == 1)
  }

  @Test(
    "limits are refused before work is done",
    arguments: [
      Limit("jpeg/forest.jpg", .tooManyPixels, Limits(maxPixels: 1_000_000)),
      Limit("jpeg/forest.jpg", .tooMuchMemory, Limits(maxMemory: 100_000)),
      Limit("jpeg/meadow-progressive.jpg", .tooMuchMemory, Limits(maxMemory: 5_000_000)),
      Limit("png/small-interlaced.png", .tooMuchMemory, Limits(maxMemory: 100_000)),
      Limit("jpeg/forest.jpg", .overBudget, small(output: .auto(budget: .bytes(300)))),
      Limit("png/soft-alpha-rgba8.png", .overBudget, small(output: .auto(budget: .bytes(60)))),
      Limit(
        "jpeg/forest.jpg", .overBudget,
        Recipe(size: .longestSide(64, sides: .multiples(of: 32)), output: .auto(budget: .bytes(700)))),
    ])
  func limits(_ limit: Limit) {
    let error = #expect(throws: PreparationError.self) {
      try ImagePreparer(limits: limit.limits).prepareBlocking(.file(Fixtures.path(limit.file)), as: limit.recipe)
    }
    #expect(error?.code == limit.code)
    #expect(error?.remedy.isEmpty == false)
  }

  @Test(
    "a quality or a budget without meaning is refused, also where a geometry record takes the place of all sizes",
    arguments: [
      .auto(quality: 101), .jpeg(quality: 0), .jpeg(budget: .bytes(900, minQuality: 0)), .auto(budget: .bytes(0)),
      .png(budget: .bytes(0)), .auto(budget: .bytes(900, minSide: 0)),
    ] as [Recipe.Output], [false, true])
  func meaningless(_ output: Recipe.Output, hasGeometry: Bool) throws {
    let source = ImageSource.file(Fixtures.path("jpeg/small-420.jpg"))
    var recipe = Self.small()
    if hasGeometry { recipe.size = .matching(try ImagePreparer().prepareBlocking(source, as: recipe).geometry) }
    recipe.output = output
    let error = #expect(throws: PreparationError.self) { try ImagePreparer().prepareBlocking(source, as: recipe) }
    #expect(error?.code == .invalidRecipe)
  }

  @Test("a file is of the format that its recipe names", arguments: EncodedFormat.allCases)
  func formats(_ format: EncodedFormat) throws {
    let json = #"{"output": {"format": "\#(format.rawValue)"}}"#
    let recipe = try JSONDecoder().decode(Recipe.self, from: Data(json.utf8))
    let made = try ImagePreparer().prepareBlocking(.file(Fixtures.path("jpeg/small-420.jpg")), as: recipe)
    #expect(made.format == format)
    #expect(try ImagePreparer().inspectBlocking(.memory(made.bytes)).format.rawValue == format.rawValue)
  }

  struct Limit: Sendable {
    let file: String
    let code: PreparationError.Code
    var limits = Limits()
    var recipe = small()

    init(_ file: String, _ code: PreparationError.Code, _ limits: Limits) {
      (self.file, self.code, self.limits) = (file, code, limits)
    }

    init(_ file: String, _ code: PreparationError.Code, _ recipe: Recipe) {
      (self.file, self.code, self.recipe) = (file, code, recipe)
    }
  }

  @Test("a raised flag cancels a preparation")
  func cancellation() {
    let flag = CancellationFlag()
    flag.cancel()
    let error = #expect(throws: PreparationError.self) {
      try ImagePreparer().prepareBlocking(.file(Fixtures.path("jpeg/forest.jpg")), cancellation: flag)
    }
    #expect(error?.code == .canceled)
  }

  @Test("nothing but pixels leaves: GPS, comments and profile stay behind")
  func privacy() throws {
    let prepared = try ImagePreparer().prepareBlocking(.file(Fixtures.path("jpeg/phone.jpg")), as: Self.small())
    let result = try ImagePreparer().inspectBlocking(.memory(prepared.bytes))
    #expect(prepared.source.hasGPS)
    #expect(prepared.notes.contains("stripped GPS"))
    #expect(!result.hasEXIF && !result.hasGPS && !result.hasXMP && !result.hasText && result.iccProfile == nil)
  }

  @Test(
    "a setting that has no effect on the format that was chosen is noted",
    arguments: [
      (
        "jpeg/small-420.jpg", Recipe.Output.auto(compression: .small),
        "the compression small changed nothing" as String?
      ),
      ("png/soft-alpha-rgba8.png", .auto(quality: 60), "the quality changed nothing"),
      ("jpeg/small-420.jpg", .auto(quality: 60), nil), ("png/soft-alpha-rgba8.png", .auto(compression: .small), nil),
      ("jpeg/small-420.jpg", .auto(), nil), ("png/soft-alpha-rgba8.png", .png(), nil),
    ])
  func idle(name: String, output: Recipe.Output, note: String?) throws {
    let image = try ImagePreparer().prepareBlocking(.file(Fixtures.path(name)), as: Recipe(output: output))
    #expect(image.notes.filter { $0.contains("changed nothing") }.count == (note == nil ? 0 : 1), "\(image.notes)")
    if let note { #expect(image.notes.contains { $0.hasPrefix(note) }, "\(image.notes)") }
  }
}
