import Foundation
import ImagePreparation
import TestSupport
import Testing

/// Sizes are compared with arithmetic on the flags alone: the limits also hold after sides were rounded to multiples, and every size that
/// is refused is impossible.
@Suite("Caps of sizes")
struct SizeCapTests {
  /// A shape and the flags of the command that decide about its size.
  struct Flags: CustomStringConvertible {
    var source: ImageSize
    var maxSide = 1536
    /// The box. If there is one, `maxSide` is not used.
    var box: (size: ImageSize, fit: Recipe.Fit)?
    var maxPixels: Int?
    var unit = 1
    var snap = Recipe.Snap.crop
    var enlarge = false

    var size: Recipe.Size {
      let target: Recipe.Target =
        box.map { .box($0.size, $0.fit, enlarge: enlarge) } ?? .longestSide(maxSide, enlarge: enlarge)
      let sides: Recipe.Sides = unit > 1 ? .multiples(of: unit, snap) : .any
      return .fitted(Recipe.Fitting(target, maxPixels: maxPixels, sides: sides))
    }

    /// The largest width and height that a result may have.
    var most: ImageSize { box?.size ?? ImageSize(width: maxSide, height: maxSide) }

    /// True if no size satisfies all flags, by any method.
    var isImpossible: Bool {
      let room = ImageSize(width: most.width / unit, height: most.height / unit)
      if room.width < 1 || room.height < 1 || unit * unit > maxPixels ?? .max { return true }
      // A padded image is not enlarged. Otherwise the source must be large enough for one multiple on each side.
      let pads = snap == .pad || box?.fit == .pad
      return !pads && !enlarge && unit > 1 && min(source.width, source.height) < unit
    }

    var description: String {
      var words = ["\(source)", box.map { "--size \($0.size) --fit \($0.fit)" } ?? "--max-side \(maxSide)"]
      if let maxPixels { words.append("--max-pixels \(Double(maxPixels) / 1_000_000)") }
      return (words + ["--multiple-of \(unit) --snap \(snap)"] + (enlarge ? ["--enlarge"] : [])).joined(separator: " ")
    }
  }

  static func resolve(_ flags: Flags) throws(PreparationError) -> GeometryRecord {
    try GeometryRecord.resolve(source: flags.source, orientation: .upright, recipe: Recipe(size: flags.size)).record
  }

  /// Compares a record with the flags.
  static func check(_ record: GeometryRecord, _ flags: Flags) {
    let canvas = record.canvas
    #expect(canvas.width <= flags.most.width && canvas.height <= flags.most.height, "\(flags): \(canvas)")
    #expect(canvas.pixelCount <= flags.maxPixels ?? .max, "\(flags): \(canvas)")
    #expect(canvas.width % flags.unit == 0 && canvas.height % flags.unit == 0, "\(flags): \(canvas)")
    #expect(record.content.width <= canvas.width && record.content.height <= canvas.height, "\(flags): \(record)")
    #expect(record.contentX >= 0 && record.contentX + record.content.width <= canvas.width, "\(flags): \(record)")
    #expect(record.contentY >= 0 && record.contentY + record.content.height <= canvas.height, "\(flags): \(record)")
    guard !flags.enlarge else { return }
    // A side is rounded to a whole pixel.
    #expect(Double(record.content.width) <= record.crop.width + 0.5, "\(flags): \(record)")
    #expect(Double(record.content.height) <= record.crop.height + 0.5, "\(flags): \(record)")
  }

  @Test("caps hold for every shape and all flags together, or a refusal names the flags that disagree")
  func holds() {
    var random = SplitMix64(seed: 14)
    func side(_ top: Double) -> Int { Int(exp2(Double.random(in: 0...top, using: &random))) }
    var refused = 0
    for _ in 0..<20_000 {
      var flags = Flags(source: ImageSize(width: side(13), height: side(13)))
      if Bool.random(using: &random) { flags.source = ImageSize(width: 2000, height: side(11)) }
      flags.maxSide = side(12)
      if Bool.random(using: &random) {
        let box = ImageSize(width: side(11), height: side(11))
        flags.box = (box, Recipe.Fit.allCases.randomElement(using: &random)!)
      }
      if Bool.random(using: &random) { flags.maxPixels = side(22) }
      if Bool.random(using: &random) { flags.unit = [2, 8, 16, 32, 64].randomElement(using: &random)! }
      flags.snap = Recipe.Snap.allCases.randomElement(using: &random)!
      flags.enlarge = Bool.random(using: &random)
      do {
        Self.check(try Self.resolve(flags), flags)
        #expect(!flags.isImpossible, "\(flags)")
      } catch {
        refused += 1
        #expect(error.code == .invalidRecipe && !error.remedy.isEmpty)
        if !flags.isImpossible { Self.expectCrop(flags, error) }
      }
    }
    #expect((1000..<12_000).contains(refused))
  }

  /// Checks the error of an image that is refused although sizes exist, because each of them would show less than half of the box or of the
  /// source.
  static func expectCrop(_ flags: Flags, _ error: PreparationError) {
    #expect(error.message.contains("half"), "\(flags): \(error)")
    #expect(flags.unit > 1 && flags.snap != .pad && flags.box?.fit != .pad, "\(flags): \(error)")
  }

  @Test(
    "sizes are those worked out by hand",
    arguments: [
      // At a width of 512 the height is 51.2, which is less than one multiple. At a height of 64 the width is 640, of which 512 pixels are
      // kept.
      (Flags(source: ImageSize(width: 1000, height: 100), maxSide: 512, unit: 64), 512, 64),
      (Flags(source: ImageSize(width: 1000, height: 100), maxSide: 512, unit: 64, snap: .stretch), 512, 64),
      // 448 is the largest multiple of 64 that is not above 500.
      (Flags(source: ImageSize(width: 1000, height: 100), maxSide: 500, unit: 64, snap: .pad), 448, 64),
      // At a width of 1536 the height is 7.68.
      (Flags(source: ImageSize(width: 2000, height: 10), unit: 16, snap: .pad), 1536, 16),
      (Flags(source: ImageSize(width: 200, height: 100), unit: 64, snap: .stretch), 192, 64),
      (Flags(source: ImageSize(width: 900, height: 33), maxPixels: 20_000, unit: 32), 608, 32),
      (
        Flags(
          source: ImageSize(width: 400, height: 200), box: (ImageSize(width: 100, height: 100), .pad), unit: 64), 64, 64
      ),
    ])
  func byHand(_ example: (flags: Flags, width: Int, height: Int)) throws {
    let record = try Self.resolve(example.flags)
    Self.check(record, example.flags)
    #expect(record.canvas == ImageSize(width: example.width, height: example.height))
  }

  @Test("a box that is covered and then padded to a multiple is not distorted")
  func coveredAndPadded() throws {
    let flags = Flags(
      source: ImageSize(width: 400, height: 200), box: (ImageSize(width: 100, height: 100), .cover), unit: 32,
      snap: .pad)
    let record = try Self.resolve(flags)
    Self.check(record, flags)
    // Both axes are scaled by the same factor, apart from rounding to whole pixels.
    let (x, y) = (record.crop.width / Double(record.content.width), record.crop.height / Double(record.content.height))
    #expect(abs(x / y - 1) < 0.01 && record.crop.width < 400, "\(record)")
  }

  @Test(
    "a refusal names the values that disagree, and the one to change",
    arguments: [
      (Flags(source: ImageSize(width: 2000, height: 10), unit: 16), ["16", "2000x10", "enlarg"]),
      (Flags(source: ImageSize(width: 900, height: 900), maxSide: 50, unit: 64), ["50", "64"]),
      (Flags(source: ImageSize(width: 900, height: 900), maxPixels: 4000, unit: 64), ["4000", "64"]),
      (Flags(source: ImageSize(width: 2000, height: 16), maxSide: 64, unit: 16), ["half", "64", "16"]),
    ] as [(Flags, [String])])
  func refuses(_ example: (flags: Flags, words: [String])) throws {
    let error = try #require(throws: PreparationError.self) { try Self.resolve(example.flags) }
    for word in example.words { #expect(error.message.contains(word), "\(error)") }
  }

  @Test("caps and a model's own sides disagree openly")
  func model() throws {
    for size in [
      Recipe.Size.longestSide(256, sides: .model(.sdxl)), .box(300, 300, sides: .model(.sdxl)),
      .longestSide(1536, maxPixels: 100_000, sides: .model(.sdxl)),
    ] {
      let source = ImageSize(width: 1000, height: 1000)
      let error = try #require(throws: PreparationError.self) {
        try GeometryRecord.resolve(source: source, orientation: .upright, recipe: Recipe(size: size))
      }
      #expect(error.code == .invalidRecipe && error.message.contains("sdxl"), "\(error)")
    }
  }
}
