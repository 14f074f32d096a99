import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

/// The decisions of a plan about the result. They are made from headers alone.
@Suite("Output plan")
struct OutputPlanTests {
  /// A source, a recipe, and the expected plan.
  struct Case: Sendable, CustomTestStringConvertible {
    let file: String
    let recipe: Recipe
    let tensor: TensorFormat?
    let alpha: String?
    let steps: [String]
    let formats: [EncodedFormat]
    let delivery: OutputPlan.Delivery
    let testDescription: String

    init(
      _ file: String, _ name: String, alpha: String? = nil, steps: [String] = [],
      _ formats: [EncodedFormat], _ delivery: OutputPlan.Delivery,
      _ recipe: Recipe = Recipe(size: .longestSide(64)), tensor: TensorFormat? = nil
    ) {
      (self.file, self.recipe, self.tensor, self.alpha, self.steps) = (file, recipe, tensor, alpha, steps)
      (self.formats, self.delivery, testDescription) = (formats, delivery, "\(file), \(name)")
    }
  }

  /// If the plan did not read a field, the field would have no effect. Only `failOn` is read by the decoder alone.
  @Test("every field of a recipe changes the plan of some source", arguments: Recipe.CodingKeys.allCases)
  func everyFieldIsPlanned(_ field: Recipe.CodingKeys) throws {
    let recipes = RecipeCodingTests.cases.map(\.recipe).filter {
      RecipeCodingTests.differing($0, Recipe()) == [field.stringValue]
    }
    #expect(!recipes.isEmpty)
    func isSeen(_ file: String) throws -> Bool {
      let source = ImageSource.file(Fixtures.path(file))
      func plan(_ recipe: Recipe) throws -> Data {
        var recipe = recipe
        // The decoder scales down only if the result is much smaller than the source.
        if field != .size { recipe.size = .longestSide(40) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return try encoder.encode(try ImagePreparer().planBlocking(of: source, as: recipe).plan)
      }
      let standard = try plan(Recipe())
      return try recipes.contains { recipe in
        // The record in this case belongs to another image.
        if case .matching = recipe.size { false } else { try plan(recipe) != standard }
      }
    }
    let sources = ["jpeg/forest.jpg", "jpeg/icc-display-p3.jpg", "png/soft-alpha-rgba8.png", "png/metadata.png"]
    #expect(try sources.contains(where: isSeen) == (field != .failOn))
  }

  static let photo = "jpeg/small-420.jpg"
  static let soft = "png/soft-alpha-rgba8.png"
  static let cases = [
    Case(photo, "default", [.jpeg, .png], .planes),
    Case(photo, "JPEG", [.jpeg], .planes, small(output: .jpeg())),
    Case(photo, "PNG", steps: ["merge-planes"], [.png], .whole, small(output: .png())),
    Case(photo, "padded", steps: ["merge-planes", "pad"], [.jpeg, .png], .whole, Recipe(size: .box(40, 40, .pad))),
    Case(
      photo, "large PNG", steps: ["merge-planes"], [.png], .pngRows,
      Recipe(size: .longestSide(600, enlarge: true), output: .png())),
    Case(
      photo, "padded as JPEG", steps: ["merge-planes", "pad"], [.jpeg], .whole,
      Recipe(size: .box(40, 40, .pad), output: .jpeg())),
    Case(photo, "linear light", [.jpeg, .png], .jpegRows, small(.color(linear: true))),
    Case(
      photo, "with a tensor", steps: ["merge-planes", "make-tensor"], [.jpeg, .png], .whole, tensor: TensorFormat()),
    Case(
      photo, "16 bits", steps: ["merge-planes", "change-depth-to-16"], [.png], .whole,
      small(output: .auto(bits: .sixteen))),
    Case("jpeg/small-gray.jpg", "default", [.jpeg, .png], .planes),
    Case("jpeg/phone.jpg", "default", steps: ["turn"], [.jpeg, .png], .whole),
    Case("jpeg/icc-display-p3.jpg", "default", steps: ["convert-planes"], [.jpeg, .png], .planes),
    Case(soft, "default", alpha: "keep", steps: ["settle-alpha"], [.png, .jpeg], .whole),
    Case(soft, "PNG", alpha: "keep", [.png], .whole, small(output: .png())),
    Case(
      soft, "large PNG", alpha: "keep", [.png], .pngRows,
      Recipe(size: .longestSide(600, enlarge: true), output: .png())),
    Case(soft, "JPEG", alpha: "flatten on #FFFFFF", steps: ["settle-alpha"], [.jpeg], .whole, small(output: .jpeg())),
    Case(
      soft, "linear JPEG", alpha: "flatten on #FFFFFF in linear light", steps: ["settle-alpha"], [.jpeg], .whole,
      small(.color(linear: true), output: .jpeg())),
    Case(soft, "data as JPEG", alpha: "drop", steps: ["settle-alpha"], [.jpeg], .whole, small(.data, output: .jpeg())),
    Case(
      soft, "background", alpha: "flatten on #336699", steps: ["settle-alpha"], [.jpeg, .png], .whole,
      Recipe(size: .longestSide(64), background: BackgroundColor(hex: "336699"))),
    Case("png/small-rgb16.png", "default", steps: ["change-depth-to-8"], [.jpeg, .png], .whole),
    Case("png/small-rgb16.png", "16 bits", [.png], .whole, small(output: .png(bits: .sixteen))),
    Case("png/small-rgb16.png", "data", [.png], .whole, small(.data)),
    Case(
      "png/small-rgb16.png", "data as JPEG", steps: ["change-depth-to-8"], [.jpeg], .whole,
      small(.data, output: .jpeg())),
    Case(
      "png/small-rgb16.png", "data of 8 bits", steps: ["change-depth-to-8"], [.jpeg, .png], .whole,
      small(.data, output: .auto(bits: .eight))),
    Case(
      "png/small-rgb16.png", "large, 16 bits", [.png], .pngRows,
      Recipe(size: .longestSide(600, enlarge: true), output: .png(bits: .sixteen))),
    Case(
      "png/soft-alpha-rgba16.png", "with a tensor", alpha: "keep",
      steps: ["settle-alpha", "make-tensor", "change-depth-to-8"],
      [.png, .jpeg], .whole, tensor: TensorFormat()),
    Case("png/small-rgb8.png", "WebP", [.webp], .whole, small(output: .webp())),
    Case("png/small-rgb8.png", "default", [.jpeg, .png], .jpegRows),
  ]

  /// If a tensor is made as well, the encoder gets the whole image.
  @Test(
    "a file that is encoded while its rows arrive is the one that is encoded from the whole image",
    arguments: cases.filter { [.pngRows, .jpegRows].contains($0.delivery) })
  func rowsAreTheWhole(_ example: Case) throws {
    let source = ImageSource.file(Fixtures.path(example.file))
    for threads in [1, 2] {
      let preparer = ImagePreparer(limits: Limits(threads: threads))
      let whole = try preparer.prepareBlocking(source, as: example.recipe, tensor: TensorFormat())
      #expect(try preparer.prepareBlocking(source, as: example.recipe).bytes == whole.bytes, "\(threads) threads")
    }
  }

  static func small(_ samples: Recipe.Samples = .color(), output: Recipe.Output = .auto()) -> Recipe {
    Recipe(size: .longestSide(64), samples: samples, output: output)
  }

  static func plan(_ example: Case) throws -> PreparationPlan {
    try ImagePreparer().planBlocking(
      of: .file(Fixtures.path(example.file)), as: example.recipe, tensor: example.tensor
    ).plan
  }

  @Test("every decision is in the plan, and JSON has it", arguments: cases)
  func decisions(_ expected: Case) throws {
    let plan = try Self.plan(expected)
    #expect(plan.output.delivery == expected.delivery)
    #expect(plan.output.possibleFormats == expected.formats)
    let data = try JSONEncoder().encode(plan)
    let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    #expect(object["steps"] as? [String] == expected.steps)
    let alpha = try #require(object["alpha"] as? [String: Any])
    #expect(alpha["result"] as? String == expected.alpha)
    let output = try #require(object["output"] as? [String: Any])
    #expect(output["format"] as? String == (expected.formats.count == 1 ? expected.formats[0].rawValue : nil))
    let unsettled = try #require(object["unsettled"] as? [[String: Any]])
    let subjects = Set(unsettled.compactMap { $0["what"] as? String })
    #expect(subjects.contains("format") == (expected.formats.count > 1))
    #expect(subjects.contains("alpha") == (expected.alpha != nil))
  }

  @Test("the schema of plans names every step and every resampling filter, and no others")
  func schemaNamesAll() throws {
    let path = Fixtures.folder.deletingLastPathComponent()
      .appending(path: "Documentation/Schemas/prepare-explain.schema.json")
    let schema = try JSONSerialization.jsonObject(with: Data(contentsOf: path))
    /// The words of the list at this path of the schema's members.
    func words(_ members: String...) -> Set<String> {
      let part = members.reduce(schema) { part, member in (part as? [String: Any])?[member] ?? [:] }
      return Set(part as? [String] ?? [])
    }
    let steps = words("$defs", "plan", "properties", "steps", "items", "enum")
    #expect(steps == Set(FinishingStep.Word.allCases.map(\.rawValue)))
    let filters = words("$defs", "plan", "properties", "resize", "properties", "filter", "enum")
    #expect(filters == Set(ResamplingFilter.allCases.map(\.rawValue)))
  }

  @Test("a prepared image has a format that the plan allows", arguments: cases)
  func outcomes(_ expected: Case) throws {
    let prepared = try ImagePreparer().prepareBlocking(
      .file(Fixtures.path(expected.file)), as: expected.recipe, tensor: expected.tensor)
    #expect(expected.formats.contains(prepared.format))
    #expect(prepared.size == prepared.plan.output.size)
  }

  /// None of these steps can come before an encoder that gets rows while they arrive.
  @Test("any work on the whole small image ends the encoding of rows while they come", arguments: cases)
  func workIsNeverSkipped(_ expected: Case) throws {
    var output = try Self.plan(expected).output
    output.steps.append(.turn(.mirrored))
    #expect(output.delivery == .whole)
  }

  /// While Y, Cb and Cr have different sizes, there are no colors to convert, and there is no common canvas.
  @Test("work that planes cannot be taken through one by one ends the encoding of planes", arguments: cases)
  func planesAreMergedWhereWorkNeedsColors(_ expected: Case) throws {
    var output = try Self.plan(expected).output
    let encodedPlanes = output.encodesPlanes
    output.steps.append(.turn(.mirrored))
    #expect(output.encodesPlanes == encodedPlanes)
    output.steps.append(.pad(ImageSize(width: 99, height: 99), x: 0, y: 0, fill: .white))
    #expect(!output.encodesPlanes && output.delivery == .whole)
    #expect(output.mergesPlanes == (try Self.plan(expected).decoding.planes.count > 1))
  }

  @Test("the alpha plan settles what the pixels leave open", arguments: cases)
  func transparency(_ expected: Case) throws {
    let plan = try Self.plan(expected)
    #expect(plan.alpha.rule.map(\.whereOpaque) == (expected.alpha == nil ? nil : .drop))
    let isLeft = plan.output.steps.contains { if case .settleAlpha = $0 { true } else { false } }
    #expect(isLeft == (plan.alpha.rule != nil && !plan.alpha.isSettledByEncoder))
    let pads = plan.geometry.isPadded && plan.alpha.padding == nil
    #expect(
      plan.alpha.transparency == (pads ? .always : plan.alpha.rule?.elsewhere == .keep ? .possible : .never))
  }

  @Test("a byte budget stands in the plan with what may give way")
  func budget() throws {
    let recipe = Self.small(output: .jpeg(quality: 88, budget: .bytes(900)))
    let plan = try ImagePreparer().planBlocking(of: .file(Fixtures.path(Self.photo)), as: recipe).plan
    let data = try JSONEncoder().encode(plan)
    let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let rule = try #require((object["unsettled"] as? [[String: Any]])?.first { $0["what"] as? String == "bytes" })
    #expect(
      rule["outcomes"] as? [String] == ["as planned", "quality from 88 down to 60", "fewer pixels", "over-budget"])
  }

  @Test(
    "the plan of a WebP has its quality where it may be lossy, and the rule where pixels decide",
    arguments: [
      ("png/small-rgb8.png", .balanced, 80, false), ("png/small-rgb8.png", .small, nil, false),
      ("png/soft-alpha-rgba8.png", .balanced, 80, true), ("png/soft-alpha-rgba8.png", .small, nil, false),
    ] as [(String, Recipe.Compression, Double?, Bool)])
  func loss(file: String, compression: Recipe.Compression, quality: Double?, isUnsettled: Bool) throws {
    let recipe = Self.small(output: .webp(quality: 80, compression: compression))
    let plan = try ImagePreparer().planBlocking(of: .file(Fixtures.path(file)), as: recipe).plan
    let object = try #require(
      try JSONSerialization.jsonObject(with: try JSONEncoder().encode(plan)) as? [String: Any])
    let output = try #require(object["output"] as? [String: Any])
    #expect(output["quality"] as? Double == quality && output["compression"] as? String == compression.rawValue)
    let rule = (object["unsettled"] as? [[String: Any]])?.first { $0["what"] as? String == "loss" }
    #expect(rule?["outcomes"] as? [String] == (isUnsettled ? ["quality 80", "lossless"] : nil))
  }

  @Test("trimming is settled in the plan, because the source is read for it first")
  func trimmed() throws {
    let size = ImageSize(width: 20, height: 10)
    let samples = (0..<size.pixelCount).flatMap { pixel -> [UInt8] in
      (5..<13).contains(pixel % size.width) && pixel / size.width >= 2 ? [200, 100, 50, 255] : [0, 0, 0, 0]
    }
    let source = ImageSource.memory(
      try ImagePreparer().encodePNGBlocking(PixelImage(size: size, channels: 4, samples: samples)))
    for (trim, crop) in [
      (false, GeometryRecord.SourceRect(x: 0, y: 0, width: 20, height: 10)),
      (true, GeometryRecord.SourceRect(x: 5, y: 2, width: 8, height: 8)),
    ] {
      let recipe = Recipe(size: .longestSide(1536, trim: trim))
      #expect(try ImagePreparer().planBlocking(of: source, as: recipe).plan.geometry.crop == crop)
    }
  }
}
