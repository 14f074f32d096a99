import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

/// Recipes as JSON. The identity of an order contains a hash of this JSON, so a change must not give the same JSON another meaning.
@Suite("Recipes as JSON")
struct RecipeCodingTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let recipe: Recipe
    let json: String
    var testDescription: String { json }

    init(_ json: String, _ recipe: Recipe) { (self.json, self.recipe) = (json, recipe) }
  }

  static let record = GeometryRecord(
    source: ImageSize(width: 30, height: 20), orientation: .turnRight,
    crop: .init(x: 0.1, y: 0, width: 20, height: 20), content: ImageSize(width: 10, height: 10), contentX: 1,
    contentY: 2, canvas: ImageSize(width: 12, height: 14))
  static let model = ModelSizing(name: "mine", multipleOf: 32, minSide: 64, maxSide: 900, maxPixels: 500_000)
  static let modelJSON = #"{"maxPixels":500000,"maxSide":900,"minSide":64,"multipleOf":32}"#

  static let cases = [
    Case("{}", Recipe()),
    Case(#"{"size":{"original":true}}"#, Recipe(size: .original)),
    Case(#"{"size":{"longestSide":64}}"#, Recipe(size: .longestSide(64))),
    Case(#"{"size":{"enlarge":true}}"#, Recipe(size: .longestSide(1536, enlarge: true))),
    Case(#"{"size":{"box":{"height":3,"width":4}}}"#, Recipe(size: .box(4, 3))),
    Case(
      #"{"size":{"box":{"fit":"cover","height":3,"width":4},"enlarge":true,"gravity":"attention"}}"#,
      Recipe(size: .box(4, 3, .cover, enlarge: true, gravity: .attention))),
    Case(
      #"{"size":{"gravity":{"x":0.85,"y":0.5}}}"#, Recipe(size: .longestSide(1536, gravity: .focus(x: 0.85, y: 0.5)))),
    Case(#"{"size":{"gravity":"northeast"}}"#, Recipe(size: .longestSide(1536, gravity: .northeast))),
    Case(#"{"size":{"maxPixels":1000000}}"#, Recipe(size: .longestSide(1536, maxPixels: 1_000_000))),
    Case(#"{"size":{"multiplesOf":16}}"#, Recipe(size: .longestSide(1536, sides: .multiples(of: 16)))),
    Case(
      #"{"size":{"multiplesOf":1,"snap":"pad"}}"#, Recipe(size: .longestSide(1536, sides: .multiples(of: 1, .pad)))),
    Case(
      #"{"size":{"model":"# + modelJSON + "}}", Recipe(size: .longestSide(1536, sides: .model(model)))),
    Case(
      #"{"size":{"model":"# + modelJSON + #","multiplesOf":64,"original":true,"snap":"stretch"}}"#,
      Recipe(size: .fitted(.init(.original, sides: .model(model, multiplesOf: 64, .stretch))))),
    Case(#"{"size":{"trim":true}}"#, Recipe(size: .longestSide(1536, trim: true))),
    Case(
      #"{"size":{"matching":{"canvas":{"height":14,"width":12},"content":{"height":10,"width":10,"x":1,"y":2},"#
        + #""crop":{"height":20,"width":20,"x":0.1,"y":0},"orientation":6,"source":{"height":20,"width":30}}}}"#,
      Recipe(size: .matching(record))),
    Case(#"{"samples":{"data":true}}"#, Recipe(samples: .data)),
    Case(#"{"samples":{"linear":true}}"#, Recipe(samples: .color(linear: true))),
    Case(#"{"samples":{"profile":"keep"}}"#, Recipe(samples: .color(profile: .keep))),
    Case(#"{"resamplingFilter":"catmull-rom"}"#, Recipe(resamplingFilter: .catmullRom)),
    Case(#"{"effort":"best"}"#, Recipe(effort: .best)),
    Case(##"{"background":"#00FF0A"}"##, Recipe(background: BackgroundColor(red: 0, green: 255, blue: 10))),
    Case(#"{"output":{"quality":88}}"#, Recipe(output: .auto(quality: 88))),
    Case(#"{"output":{"subsampling":"444"}}"#, Recipe(output: .auto(subsampling: .yuv444))),
    Case(#"{"output":{"compression":"small"}}"#, Recipe(output: .auto(compression: .small))),
    Case(#"{"output":{"bits":8}}"#, Recipe(output: .auto(bits: .eight))),
    Case(#"{"output":{"bits":16}}"#, Recipe(output: .auto(bits: .sixteen))),
    Case(#"{"output":{"bits":16,"format":"png"}}"#, Recipe(output: .png(bits: .sixteen))),
    Case(#"{"output":{"maxBytes":3500000}}"#, Recipe(output: .auto(budget: .bytes(3_500_000)))),
    Case(#"{"output":{"maxBytes":900,"minQuality":30}}"#, Recipe(output: .auto(budget: .bytes(900, minQuality: 30)))),
    Case(
      #"{"output":{"format":"jpeg","maxBytes":900,"minQuality":30,"quality":100,"subsampling":"444"}}"#,
      Recipe(output: .jpeg(quality: 100, subsampling: .yuv444, budget: .bytes(900, minQuality: 30)))),
    Case(
      #"{"output":{"compression":"fast","format":"png","maxBytes":900}}"#,
      Recipe(output: .png(compression: .fast, budget: .bytes(900)))),
    Case(
      #"{"output":{"format":"png","maxBytes":900,"minSide":64}}"#,
      Recipe(output: .png(budget: .bytes(900, minSide: 64)))),
    Case(#"{"output":{"format":"webp"}}"#, Recipe(output: .webp())),
    Case(
      #"{"output":{"compression":"small","format":"webp","maxBytes":900,"minQuality":30,"quality":70}}"#,
      Recipe(output: .webp(quality: 70, compression: .small, budget: .bytes(900, minQuality: 30)))),
    Case(#"{"metadata":"keep"}"#, Recipe(metadata: .keep)),
    Case(#"{"metadata":"no-gps"}"#, Recipe(metadata: .keepWithoutGPS)),
    Case(#"{"failOn":"none"}"#, Recipe(failOn: .none)),
  ]

  static func json(_ recipe: Recipe) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(recipe), as: UTF8.self)
  }

  static func decode(_ json: String) throws -> Recipe {
    try JSONDecoder().decode(Recipe.self, from: Data(json.utf8))
  }

  @Test("written as documented, and read as it was", arguments: cases)
  func roundTrip(_ example: Case) throws {
    #expect(try Self.json(example.recipe) == example.json)
    #expect(try Self.decode(example.json) == example.recipe)
    #expect(try Self.json(Self.decode(example.json)) == example.json)
  }

  /// If a default changed, stored recipes and the keys of orders would have another meaning.
  @Test("settings that are left out keep their defaults")
  func defaults() {
    #expect(
      Recipe()
        == Recipe(
          size: .fitted(
            Recipe.Fitting(
              .longestSide(1536, enlarge: false), gravity: .center, maxPixels: nil, sides: .any, trim: false)),
          samples: .color(profile: .convert, linear: false), resamplingFilter: .lanczos3, effort: .balanced,
          background: nil,
          output: .auto(quality: 92, subsampling: .yuv420, compression: .balanced, bits: nil, budget: nil),
          metadata: .none, failOn: .truncated))
    #expect(Recipe.Budget(bytes: 1) == Recipe.Budget(bytes: 1, minQuality: 60, minSide: 256))
    #expect(Recipe.Sides.multiples(of: 8) == .multiples(of: 8, .crop))
    #expect(Recipe.Target.box(ImageSize(width: 1, height: 1)) == .box(ImageSize(width: 1, height: 1), .contain))
  }

  static func differing(_ a: Any, _ b: Any) -> Set<String> {
    Set(
      zip(Mirror(reflecting: a).children, Mirror(reflecting: b).children).compactMap { a, b in
        String(reflecting: a.value) == String(reflecting: b.value) ? nil : a.label
      })
  }

  @Test("every field is in the table above, and every name stands in a recipe of it, and in the article")
  func isComplete() throws {
    let recipes = Self.cases.map(\.recipe)
    let fields = Set(Mirror(reflecting: Recipe()).children.compactMap(\.label))
    #expect(fields == Set(Recipe.CodingKeys.allCases.map(\.stringValue)))
    #expect(recipes.reduce(into: Set()) { $0.formUnion(Self.differing($1, Recipe())) } == fields)
    let fittings = recipes.compactMap { if case .fitted(let fitting) = $0.size { fitting } else { nil } }
    #expect(
      fittings.reduce(into: Set()) { $0.formUnion(Self.differing($1, Recipe.Fitting())) }
        == Set(Mirror(reflecting: Recipe.Fitting()).children.compactMap(\.label)))
    let budgets = recipes.compactMap(\.output.budget)
    #expect(
      budgets.reduce(into: Set()) { $0.formUnion(Self.differing($1, Recipe.Budget(bytes: 900))) }
        == Set(Mirror(reflecting: Recipe.Budget(bytes: 1)).children.compactMap(\.label)))
    let names =
      Recipe.CodingKeys.allCases.map(\.stringValue) + Recipe.Size.CodingKeys.allCases.map(\.stringValue)
      + Recipe.Samples.CodingKeys.allCases.map(\.stringValue) + Recipe.Output.CodingKeys.allCases.map(\.stringValue)
    let article = try String(
      contentsOf: Fixtures.folder.deletingLastPathComponent().appending(
        path: "Sources/ImagePreparation/ImagePreparation.docc/RecipeJSON.md"), encoding: .utf8)
    let described = Set(article.matches(of: #/(?m)^\| `(?:\w+\.)?(\w+)` \|/#).map { String($0.1) })
    for name in names {
      #expect(Self.cases.contains { $0.json.contains("\"\(name)\":") }, "\(name)")
      // The article has rows for the fields of these objects, instead of a row for the object.
      if !["size", "samples", "output"].contains(name) {
        #expect(described.contains(name), "the article has no row for \(name)")
      }
    }
  }

  @Test(
    "unknown fields and fields without meaning are refused by name",
    arguments: [
      (#"{"unheardOf":1}"#, "unheardOf is unknown"), (#"{"size":{"maxside":9}}"#, "size.maxside is unknown"),
      (#"{"size":{"box":{"width":1,"height":1,"depth":1}}}"#, "size.box.depth is unknown"),
      (#"{"size":{"model":{"name":"sdxl"}}}"#, "size.model.name is unknown"),
      (#"{"samples":{"gamma":2}}"#, "samples.gamma is unknown"),
      (#"{"output":{"lossless":true}}"#, "output.lossless is unknown"),
      (#"{"size":{"original":true,"longestSide":9}}"#, "size.longestSide has no meaning with original"),
      (#"{"size":{"original":true,"enlarge":true}}"#, "size.enlarge has no meaning with original"),
      (#"{"size":{"box":{"width":1,"height":1},"longestSide":9}}"#, "size.longestSide has no meaning with box"),
      (#"{"size":{"snap":"pad"}}"#, "size.snap has no meaning without multiplesOf or model"),
      (#"{"samples":{"data":true,"linear":true}}"#, "samples.linear has no meaning with data"),
      (#"{"output":{"format":"png","quality":9}}"#, "output.quality has no meaning with png"),
      (#"{"output":{"format":"jpeg","compression":"fast"}}"#, "output.compression has no meaning with jpeg"),
      (#"{"output":{"format":"jpeg","bits":16}}"#, "output.bits has no meaning with jpeg"),
      (#"{"output":{"minQuality":9}}"#, "output.minQuality has no meaning without maxBytes"),
    ])
  func refused(_ json: String, _ reason: String) throws {
    let error = #expect(throws: DecodingError.self) { try Self.decode(json) }
    guard case .dataCorrupted(let context) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(context.debugDescription.contains(reason), "\(context.debugDescription)")
  }

  @Test(
    "values of another kind are refused",
    arguments: [
      #"{"effort":"most"}"#, #"{"background":"red"}"#, #"{"size":{"longestSide":1.5}}"#, #"{"size":null}"#,
      #"{"output":{"maxBytes":null}}"#, #"{"output":{"bits":12}}"#, #"{"output":{"bits":"16"}}"#,
      #"{"size":{"model":{}}}"#, "[]", #"{"size":{"gravity":"up"}}"#, #"{"size":{"gravity":{"x":1}}}"#,
    ])
  func wrongKind(_ json: String) {
    #expect(throws: DecodingError.self) { try Self.decode(json) }
  }

  @Test("equal recipes are written alike, and a recipe with NaN is not written")
  func canonical() throws {
    var negative = Self.record
    negative.crop.y = -0.0
    #expect(Recipe(size: .matching(negative)) == Recipe(size: .matching(Self.record)))
    #expect(try Self.json(Recipe(size: .matching(negative))) == Self.json(Recipe(size: .matching(Self.record))))
    let known = ModelSizing.sdxl
    let renamed = ModelSizing(
      name: "another", multipleOf: known.multipleOf, minSide: known.minSide, maxSide: known.maxSide,
      maxPixels: known.maxPixels)
    let (a, b) = (
      Recipe(size: .longestSide(9, sides: .model(known))), Recipe(size: .longestSide(9, sides: .model(renamed)))
    )
    #expect(a == b)
    #expect(try Self.json(a) == Self.json(b))
    guard case .fitted(let fitting) = try Self.decode(Self.json(b)).size else { return }
    #expect(fitting.model?.name == "sdxl")
    negative.crop.x = .nan
    #expect(throws: EncodingError.self) { try Self.json(Recipe(size: .matching(negative))) }
  }

  @Test("a control image has the geometry and the colors of the image it belongs to, and no budget", arguments: cases)
  func companion(_ example: Case) throws {
    let companion = example.recipe.matching(Self.record)
    #expect(companion.size == .matching(Self.record) && companion.output.budget == nil)
    #expect(companion.samples == example.recipe.samples && companion.background == example.recipe.background)
    #expect(companion.resamplingFilter == example.recipe.resamplingFilter && companion.effort == example.recipe.effort)
    #expect(companion.metadata == example.recipe.metadata && companion.failOn == example.recipe.failOn)
    let output = (companion.output, example.recipe.output)
    #expect(output.0.format == output.1.format && output.0.quality == output.1.quality)
    #expect(output.0.subsampling == output.1.subsampling && output.0.compression == output.1.compression)
    #expect(output.0.bits == output.1.bits)
  }
}
