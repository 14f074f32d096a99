import Foundation
import ImagePreparation
import TestSupport
import Testing

/// The records of recipes are compared with sizes that were calculated by hand.
@Suite("Geometry")
struct GeometryRecordTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let source: ImageSize
    let canvas: ImageSize
    var content: ImageSize?
    var crop: GeometryRecord.SourceRect?
    var at = (x: 0, y: 0)
    let size: Recipe.Size

    init(
      _ name: String, _ source: (Int, Int), canvas: (Int, Int), content: (Int, Int)? = nil,
      crop: (Double, Double, Double, Double)? = nil, at: (x: Int, y: Int) = (0, 0),
      _ size: Recipe.Size
    ) {
      testDescription = name
      self.source = ImageSize(width: source.0, height: source.1)
      self.canvas = ImageSize(width: canvas.0, height: canvas.1)
      self.content = content.map { ImageSize(width: $0.0, height: $0.1) }
      self.crop = crop.map { .init(x: $0.0, y: $0.1, width: $0.2, height: $0.3) }
      self.at = at
      self.size = size
    }
  }

  /// The part of 6000×4000 that becomes 1248×832 if the whole image would have 1024² pixels.
  static let sdxlCrop = {
    let width = 6000 * 1248 / (1536 * (2.0 / 3).squareRoot())
    let height = 4000 * 832 / (1024 * (2.0 / 3).squareRoot())
    return ((6000 - width) / 2, (4000 - height) / 2, width, height)
  }()

  static let cases: [Case] = [
    Case("default shrinks to 1536", (6000, 4000), canvas: (1536, 1024), Recipe().size),
    Case("default never enlarges", (800, 600), canvas: (800, 600), Recipe().size),
    Case("enlarging on request", (800, 600), canvas: (1600, 1200), .longestSide(1600, enlarge: true)),
    Case("no limit", (9000, 10), canvas: (9000, 10), .original),
    Case("a thin line keeps a pixel", (10_000, 1), canvas: (100, 1), .longestSide(100)),
    Case("one pixel", (1, 1), canvas: (1, 1), Recipe().size),
    Case("contain", (400, 200), canvas: (100, 50), .box(100, 100)),
    Case("contain, tall box", (400, 200), canvas: (50, 25), .box(50, 300)),
    Case("cover", (400, 200), canvas: (100, 100), crop: (100, 0, 200, 200), .box(100, 100, .cover)),
    Case(
      "cover east", (400, 200), canvas: (100, 100), crop: (200, 0, 200, 200), .box(100, 100, .cover, gravity: .east)),
    // The middle of the 200 columns that are kept is at 0.6 of the 400 columns. For 0.9 it is as close as the edge allows.
    Case(
      "cover with a focus", (400, 200), canvas: (100, 100), crop: (140, 0, 200, 200),
      .box(100, 100, .cover, gravity: .focus(x: 0.6, y: 0.1))),
    Case(
      "cover with a focus near the edge", (400, 200), canvas: (100, 100), crop: (200, 0, 200, 200),
      .box(100, 100, .cover, gravity: .focus(x: 0.9, y: 1))),
    Case(
      "pad with a focus is centered", (400, 200), canvas: (100, 100), content: (100, 50), at: (0, 25),
      .box(100, 100, .pad, gravity: .focus(x: 0, y: 0))),
    Case(
      "cover northwest of a tall one", (200, 400), canvas: (100, 50), crop: (0, 0, 200, 100),
      .box(100, 50, .cover, gravity: .northwest)),
    Case(
      "cover south", (200, 400), canvas: (100, 50), crop: (0, 300, 200, 100), .box(100, 50, .cover, gravity: .south)),
    Case(
      "cover without enlarging keeps the shape", (100, 50), canvas: (50, 50), crop: (25, 0, 50, 50),
      .box(400, 400, .cover)),
    Case(
      "cover, enlarging", (100, 50), canvas: (400, 400), crop: (25, 0, 50, 50), .box(400, 400, .cover, enlarge: true)),
    Case("pad", (400, 200), canvas: (100, 100), content: (100, 50), at: (0, 25), .box(100, 100, .pad)),
    Case(
      "pad southeast, not enlarged", (40, 20), canvas: (100, 100), content: (40, 20), at: (60, 80),
      .box(100, 100, .pad, gravity: .southeast)),
    Case("stretch", (400, 200), canvas: (50, 150), .box(50, 150, .stretch)),
    Case("megapixel cap", (4000, 4000), canvas: (1000, 1000), .fitted(.init(.original, maxPixels: 1_000_000))),
    Case(
      "megapixel cap is never exceeded", (4001, 2999), canvas: (1155, 865),
      .fitted(.init(.original, maxPixels: 1_000_000))),
    // 1920×1278 becomes 1536×1022.4, and 1536×1008 of that is kept. So 1008 / 1022.4 of the 1278 rows are kept.
    Case(
      "multiple of 16 by crop", (1920, 1278), canvas: (1536, 1008), crop: (0, 9, 1920, 1260),
      .longestSide(1536, sides: .multiples(of: 16))),
    Case(
      "multiple of 64 by padding", (200, 100), canvas: (256, 128), content: (200, 100), at: (28, 14),
      .longestSide(1536, sides: .multiples(of: 64, .pad))),
    Case(
      "multiple of 64 by stretching, not enlarged", (200, 100), canvas: (192, 64),
      .longestSide(1536, sides: .multiples(of: 64, .stretch))),
    // The size is the smaller one of 1536×1024 and of 1024² pixels. That is 1254×836, and multiples of 8 are cut from it.
    Case("for sdxl", (6000, 4000), canvas: (1248, 832), crop: sdxlCrop, .longestSide(1536, sides: .model(.sdxl))),
    Case(
      "for sdxl by padding within the budget", (6000, 4000), canvas: (1248, 832), content: (1244, 829), at: (2, 1),
      .longestSide(1536, sides: .model(.sdxl, .pad))),
    Case(
      "for sdxl in multiples of 64", (6000, 4000), canvas: (1216, 832), content: (1216, 832),
      .longestSide(1536, sides: .model(.sdxl, multiplesOf: 64, .stretch))),
    Case(
      "for flux.1-dev", (6000, 4000), canvas: (1536, 1024),
      .longestSide(1536, sides: .model(.flux1Dev))),
    Case(
      "for flux.1-dev, as large as it takes, by stretching", (6000, 4000), canvas: (1728, 1152),
      .fitted(.init(.original, sides: .model(.flux1Dev, .stretch)))),
    Case(
      "for sdxl, enlarged to its shortest side", (800, 400), canvas: (1024, 512),
      .longestSide(1536, sides: .model(.sdxl))),
    Case(
      "for sd15, a box", (4000, 4000), canvas: (512, 512),
      .box(512, 600, sides: .model(.sd15))),
    // 40×10 would become 100×25. It is enlarged to 128×32, so that the height is one multiple, and 96 of the columns fit within the longest
    // side.
    Case(
      "too small for one multiple, enlarging", (40, 10), canvas: (96, 32), crop: (5, 0, 30, 10),
      .longestSide(100, enlarge: true, sides: .multiples(of: 32))),
  ]

  @Test("a record has the sizes, the crop and the place of the content", arguments: cases)
  func resolves(_ example: Case) throws {
    let recipe = Recipe(size: example.size)
    let record = try GeometryRecord.resolve(source: example.source, orientation: .upright, recipe: recipe).record
    #expect(record.canvas == example.canvas)
    #expect(record.content == example.content ?? example.canvas)
    #expect(record.contentX == example.at.x && record.contentY == example.at.y)
    let whole = GeometryRecord.SourceRect(
      x: 0, y: 0, width: Double(example.source.width), height: Double(example.source.height))
    let expected = example.crop ?? whole
    let edges = { (r: GeometryRecord.SourceRect) in [r.x, r.y, r.width, r.height] }
    for (actual, expected) in zip(edges(record.crop), edges(expected)) { #expect(abs(actual - expected) < 1e-9) }
  }

  @Test(
    "every size is one that the model takes, or refused", arguments: ModelSizing.known.map(\.name), Recipe.Snap.allCases
  )
  func sizing(_ name: String, _ snap: Recipe.Snap) throws {
    let sizing = try #require(ModelSizing(named: name))
    var random = SplitMix64(seed: 4)
    var refused = 0
    for _ in 0..<500 {
      func side() -> Int { Int(exp2(Double.random(in: 0...14, using: &random))) }
      let recipe = Recipe(size: .longestSide(1536, sides: .model(sizing, snap)))
      let source = ImageSize(width: side(), height: side())
      do {
        let canvas = try GeometryRecord.resolve(source: source, orientation: .upright, recipe: recipe).record.canvas
        for side in [canvas.width, canvas.height] {
          #expect((sizing.minSide...sizing.maxSide).contains(side) && side % sizing.multipleOf == 0)
        }
        #expect(canvas.pixelCount <= sizing.maxPixels)
      } catch {
        refused += 1
        // Only shapes near or beyond the limits of a model's family are refused.
        let aspect = Double(max(source.width, source.height)) / Double(min(source.width, source.height))
        #expect(error.code == .invalidRecipe && aspect > 1.9, "\(source): \(error)")
      }
    }
    #expect((1..<450).contains(refused))
  }

  @Test("a record in JSON with an orientation outside of 1 to 8 is refused", arguments: [0, 9, -1, 1 << 40])
  func unknownOrientation(orientation: Int) throws {
    let record = try GeometryRecord.resolve(
      source: ImageSize(width: 40, height: 30), orientation: .turnRight, recipe: Recipe()
    ).record
    let json = String(decoding: try JSONEncoder().encode(record), as: UTF8.self)
    #expect(try JSONDecoder().decode(GeometryRecord.self, from: Data(json.utf8)) == record)
    let other = json.replacing("\"orientation\":6", with: "\"orientation\":\(orientation)")
    try #require(other != json)
    let error = #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(GeometryRecord.self, from: Data(other.utf8))
    }
    #expect("\(error as Any)".contains("an orientation is 1 to 8, not \(orientation)"))
  }

  @Test("a focus is a point of the whole source, also where it is trimmed")
  func focusOfTrimmed() throws {
    let recipe = Recipe(size: .box(50, 50, .cover, gravity: .focus(x: 0.5, y: 0.5)))
    // The columns 100 to 400 are left after trimming. The middle of the whole source is column 200.
    let record = try GeometryRecord.resolve(
      source: ImageSize(width: 400, height: 100), orientation: .upright, recipe: recipe,
      trimmed: .init(x: 100, y: 0, width: 300, height: 100)
    ).record
    #expect(record.crop == .init(x: 150, y: 0, width: 100, height: 100))
  }

  @Test(
    "recipes without meaning are refused",
    arguments: [
      .longestSide(1536, gravity: .focus(x: 1.5, y: 0)), .longestSide(1536, gravity: .focus(x: 0, y: .nan)),
      .longestSide(0), .longestSide(70_000), .box(0, 5), .longestSide(1536, maxPixels: 0),
      .longestSide(1536, sides: .multiples(of: 0)), .longestSide(1536, maxPixels: 100, sides: .multiples(of: 64)),
      .longestSide(1536, sides: .model(.sdxl, multiplesOf: 5000)),
      model(multipleOf: 0), model(minSide: 0), model(minSide: .max), model(minSide: 99, maxSide: 98),
      model(maxPixels: 0),
    ] as [Recipe.Size])
  func refuses(_ size: Recipe.Size) {
    let recipe = Recipe(size: size)
    let error = #expect(throws: PreparationError.self) {
      try GeometryRecord.resolve(source: ImageSize(width: 9, height: 9), orientation: .upright, recipe: recipe)
    }
    #expect(error?.code == .invalidRecipe)
  }

  /// The size for a model with these limits. The recipe sets its own multiple.
  private static func model(
    multipleOf: Int = 8, minSide: Int = 8, maxSide: Int = 2048, maxPixels: Int = 1_000_000
  ) -> Recipe.Size {
    let sizing = ModelSizing(
      name: "a model", multipleOf: multipleOf, minSide: minSide, maxSide: maxSide, maxPixels: maxPixels)
    return .longestSide(1536, sides: .model(sizing, multiplesOf: 8))
  }
}
