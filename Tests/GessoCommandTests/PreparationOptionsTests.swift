import ArgumentParser
import GessoCommand
import ImagePreparation
import Testing

@Suite("Flags of prepare")
struct PreparationOptionsTests {
  /// A command line and the one change it makes to the default recipe.
  struct Case: CustomTestStringConvertible, Sendable {
    let arguments: String
    let change: @Sendable (inout Recipe) -> Void
    var testDescription: String { arguments }

    init(_ arguments: String, _ change: @escaping @Sendable (inout Recipe) -> Void = { _ in }) {
      self.arguments = arguments
      self.change = change
    }
  }

  static let cases: [Case] = [
    Case(""),
    Case("--max-side 1024") { $0.maxSide = 1024 },
    Case("--size 640x480 --fit cover --gravity north") {
      ($0.box, $0.maxSide, $0.fit, $0.gravity) = (ImageSize(width: 640, height: 480), nil, .cover, .north)
    },
    Case("--size 640X480") { ($0.box, $0.maxSide) = (ImageSize(width: 640, height: 480), nil) },
    Case("--max-pixels 1.5") { $0.maxPixels = 1_500_000 },
    Case("--multiple-of 16 --snap pad") { ($0.multipleOf, $0.snap) = (16, .pad) },
    Case("--for sdxl") { $0.sizing = ModelSizing(named: "sdxl") },
    Case("--trim") { $0.trim = true },
    Case("--enlarge") { $0.enlarge = true },
    Case("--linear") { $0.linear = true },
    Case("--data") { $0.isData = true },
    Case("--filter catmull-rom") { $0.filter = .catmullRom },
    Case("--effort best") { $0.effort = .best },
    Case("--format png --compression small") { ($0.format, $0.compression) = (.png, .small) },
    Case("--quality 80 --subsampling 444") { ($0.quality, $0.subsampling) = (80, .yuv444) },
    Case("--max-bytes 500000 --min-quality 70") { ($0.maxBytes, $0.minQuality) = (500_000, 70) },
    Case("--background #FF8000") { $0.background = BackgroundColor(red: 255, green: 128, blue: 0) },
    Case("--icc keep") { $0.profile = .keep },
    Case("--gravity attention") { $0.gravity = .attention },
    Case("--fail-on none") { $0.failOn = .none },
    Case("--max-input-pixels 0.5 --max-memory 64") { ($0.maxInputPixels, $0.maxMemory) = (500_000, 64 << 20) },
  ]

  @Test("become a recipe", arguments: cases)
  func recipe(_ test: Case) throws {
    let options = try PreparationOptions.parse(test.arguments.split(separator: " ").map(String.init))
    var expected = Recipe()
    expected.threads = 3
    test.change(&expected)
    #expect(try options.recipe(threads: 3) == expected)
  }

  @Test(
    "that are no good are refused",
    arguments: [
      "--max-side 0", "--max-side x", "--size 640", "--size 0x5", "--size 5x5x5", "--fit cover",
      "--size 5x5 --max-side 5",
      "--max-pixels 0", "--max-pixels nan", "--multiple-of 0", "--filter cubic", "--quality 101", "--quality 0",
      "--background red", "--icc drop", "--fail-on maybe", "--max-memory 0", "--threads 0", "--max-input-pixels -1",
      "--gravity middle", "--linear --data",
    ])
  func refused(arguments: String) {
    #expect(throws: (any Error).self) {
      try PreparationOptions.parse(arguments.split(separator: " ").map(String.init))
    }
  }

  /// The format the output's name asks for; nil when the combination is refused.
  static let names: [(flags: String, output: String?, format: Recipe.OutputFormat?)] = [
    ("", nil, .auto), ("", "a.png", .png), ("", "a.JPG", .jpeg), ("", "a.jpeg", .jpeg), ("--format png", "a.png", .png),
    ("--format png", "a.jpg", nil), ("", "a.webp", nil), ("--format jpeg", "a.bin", .jpeg), ("", "a", .auto),
    ("", "dir.d/a", .auto), ("--format png", "a", .png),
  ]

  @Test("the output's name decides the format", arguments: names)
  func format(flags: String, output: String?, format: Recipe.OutputFormat?) throws {
    let options = try PreparationOptions.parse(flags.split(separator: " ").map(String.init))
    let recipe = try? options.recipe(output: output, threads: 1)
    #expect(recipe?.format == format)
  }
}
