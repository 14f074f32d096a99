import ArgumentParser
import GessoCommand
import ImagePreparation
import Testing

@Suite("Flags of prepare")
struct PreparationOptionsTests {
  /// A command line and its recipe.
  struct Case: CustomTestStringConvertible, Sendable {
    let arguments: String
    let recipe: Recipe
    var testDescription: String { arguments }

    init(_ arguments: String, _ recipe: Recipe = Recipe()) { (self.arguments, self.recipe) = (arguments, recipe) }
  }

  static let cases: [Case] = [
    Case(""),
    Case("--max-side 1024", Recipe(size: .longestSide(1024))),
    Case("--size 640x480 --fit cover --gravity north", Recipe(size: .box(640, 480, .cover, gravity: .north))),
    Case("--size 640X480 --enlarge", Recipe(size: .box(640, 480, enlarge: true))),
    Case("--size 640x", Recipe(size: .box(640, 65_500))),
    Case("--size x480", Recipe(size: .box(65_500, 480))),
    Case("--max-pixels 1MP", Recipe(size: .longestSide(1536, maxPixels: 1_000_000))),
    Case("--max-pixels 1.5", Recipe(size: .longestSide(1536, maxPixels: 1_500_000))),
    Case("--multiple-of 16 --snap pad", Recipe(size: .longestSide(1536, sides: .multiples(of: 16, .pad)))),
    Case("--for sdxl", Recipe(size: .longestSide(1536, sides: .model(.sdxl)))),
    Case("--for sdxl --snap pad", Recipe(size: .longestSide(1536, sides: .model(.sdxl, .pad)))),
    Case(
      "--for sdxl --multiple-of 64", Recipe(size: .longestSide(1536, sides: .model(.sdxl, multiplesOf: 64)))),
    Case("--trim", Recipe(size: .longestSide(1536, trim: true))),
    Case("--enlarge", Recipe(size: .longestSide(1536, enlarge: true))),
    Case("--linear", Recipe(samples: .color(linear: true))),
    Case("--data", Recipe(samples: .data)),
    Case("--filter catmull-rom", Recipe(resamplingFilter: .catmullRom)),
    Case("--effort best", Recipe(effort: .best)),
    Case("--format png --compression small", Recipe(output: .png(compression: .small))),
    Case("--quality 80 --subsampling 444", Recipe(output: .auto(quality: 80, subsampling: .yuv444))),
    Case("--format jpeg --quality 80", Recipe(output: .jpeg(quality: 80))),
    Case(
      "--max-bytes 500000 --min-quality 70", Recipe(output: .auto(budget: .bytes(500_000, minQuality: 70)))),
    Case("--bits auto"),
    Case("--bits 8", Recipe(output: .auto(bits: .eight))),
    Case("--bits 16", Recipe(output: .png(bits: .sixteen))),
    Case("--format png --bits 16", Recipe(output: .png(bits: .sixteen))),
    Case("--max-bytes 300kB", Recipe(output: .auto(budget: .bytes(300_000)))),
    Case("--max-bytes 300kB --min-side 64", Recipe(output: .auto(budget: .bytes(300_000, minSide: 64)))),
    Case("--max-bytes 3.5MB", Recipe(output: .auto(budget: .bytes(3_500_000)))),
    Case("--max-bytes 2MiB", Recipe(output: .auto(budget: .bytes(2_097_152)))),
    Case("--max-bytes 64k", Recipe(output: .auto(budget: .bytes(64_000)))),
    Case("--format png --max-bytes 500000", Recipe(output: .png(budget: .bytes(500_000)))),
    Case("--background #FF8000", Recipe(background: BackgroundColor(red: 255, green: 128, blue: 0))),
    Case("--background grey", Recipe(background: BackgroundColor(red: 128, green: 128, blue: 128))),
    Case("--background #888", Recipe(background: BackgroundColor(red: 136, green: 136, blue: 136))),
    Case("--background 808080", Recipe(background: BackgroundColor(red: 128, green: 128, blue: 128))),
    Case("--icc keep", Recipe(samples: .color(profile: .keep))),
    Case("--metadata keep", Recipe(metadata: .keep)),
    Case("--metadata no-gps", Recipe(metadata: .keepWithoutGPS)),
    Case("--size 9x9 --fit cover --gravity attention", Recipe(size: .box(9, 9, .cover, gravity: .attention))),
    Case(
      "--multiple-of 8 --focus 0.85,0.4",
      Recipe(size: .longestSide(1536, gravity: .focus(x: 0.85, y: 0.4), sides: .multiples(of: 8)))),
    Case("--size 9x9 --fit pad --focus 85%,40%", Recipe(size: .box(9, 9, .pad, gravity: .focus(x: 0.85, y: 0.4)))),
    Case("--fail-on none", Recipe(failOn: .none)),
  ]

  @Test("flags make a recipe", arguments: cases)
  func recipe(_ test: Case) throws {
    let options = try PreparationOptions.parse(test.arguments.split(separator: " ").map(String.init))
    #expect(try options.recipe() == test.recipe)
  }

  /// Labels of the fields in which two values differ.
  static func differing(_ a: Any, _ b: Any) -> Set<String> {
    Set(
      zip(Mirror(reflecting: a).children, Mirror(reflecting: b).children).compactMap { a, b in
        String(reflecting: a.value) == String(reflecting: b.value) ? nil : a.label
      })
  }

  @Test("the flags reach every field of a recipe")
  func everyFieldIsReached() throws {
    let recipes = try Self.cases.map {
      try PreparationOptions.parse($0.arguments.split(separator: " ").map(String.init)).recipe()
    }
    let fittings = recipes.compactMap { if case .fitted(let fitting) = $0.size { fitting } else { nil } }
    let fields: [(standard: Any, values: [Any])] = [
      (Recipe(), recipes), (Recipe.Fitting(), fittings),
      (Recipe.Budget.bytes(1), recipes.compactMap(\.output.budget)),
    ]
    for (standard, values) in fields {
      let reached = values.reduce(into: Set()) { $0.formUnion(Self.differing($1, standard)) }
      for field in Mirror(reflecting: standard).children.compactMap(\.label) {
        #expect(reached.contains(field), "no flag in the table above changes \(type(of: standard)).\(field)")
      }
    }
  }

  /// Flags that do not belong to the recipe: those of ``limits()``, and the limit of a fetched input.
  static let others: Set = ["--limits", "--max-input-pixels", "--max-memory", "--threads", "--max-download"]

  @Test("are all in the table above, and each changes the recipe there")
  func everyFlagCounts() throws {
    let help = PreparationOptions.helpMessage(includeHidden: true)
    let flags = Set(help.matches(of: #/(?m)^  (--[a-z\-]+)/#).map { String($0.1) })
    #expect(flags.count > 20 && flags.isSuperset(of: Self.others))
    for flag in flags.subtracting(Self.others) {
      let changing = try Self.cases.filter { test in
        var words = test.arguments.split(separator: " ").map(String.init)
        guard let index = words.firstIndex(of: flag) else { return false }
        let recipe = try PreparationOptions.parse(words).recipe()
        let takesValue = index + 1 < words.count && !words[index + 1].hasPrefix("--")
        words.removeSubrange(index...index + (takesValue ? 1 : 0))
        // If flags are refused without this flag, that also counts as another recipe.
        return (try? PreparationOptions.parse(words).recipe()) != recipe
      }
      #expect(!changing.isEmpty, "\(flag)")
    }
  }

  @Test("the flags of limits set the limits")
  func limits() throws {
    let options = try PreparationOptions.parse(["--max-input-pixels", "0.5", "--max-memory", "64"])
    #expect(options.limits(threads: 3) == Limits(maxPixels: 500_000, maxMemory: 64 << 20, threads: 3))
    #expect(try PreparationOptions.parse([]).limits(threads: 2) == Limits())
    var service = Limits.service
    #expect(try PreparationOptions.parse(["--limits", "service"]).limits(threads: 2) == service)
    service.maxMemory = 2048 << 20
    #expect(
      try PreparationOptions.parse(["--limits", "service", "--max-memory", "2048"]).limits(threads: 2) == service)
  }

  @Test(
    "flags with wrong values are refused",
    arguments: [
      "--max-side 0", "--max-side x", "--size 640", "--size x", "--size 0x5", "--size 640x --fit cover", "--size 5x5x5",
      "--fit cover",
      "--size 5x5 --max-side 5",
      "--max-pixels 0", "--max-pixels nan", "--multiple-of 0", "--filter cubic", "--quality 101", "--quality 0",
      "--background rot", "--background #12345", "--max-bytes 0", "--max-bytes 3XB", "--max-bytes 3iB",
      "--max-pixels 1000000", "--icc drop", "--fail-on maybe", "--max-memory 0", "--threads 0", "--max-input-pixels -1",
      "--bits 12", "--bits many", "--gravity middle", "--gravity focus", "--focus 0.5", "--focus 1.1,0",
      "--focus 0,-0.1", "--focus 110%,5%",
      "--focus a,b",
      "--focus nan,0", "--focus 0.1,0.2,0.3", "--gravity north --focus 0,0", "--linear --data",
    ])
  func refused(arguments: String) {
    #expect(throws: (any Error).self) {
      try PreparationOptions.parse(arguments.split(separator: " ").map(String.init))
    }
  }

  @Test(
    "flags that would change nothing are refused by name",
    arguments: [
      ("--gravity north", "--gravity"), ("--size 9x9 --gravity north", "--gravity"),
      ("--size 9x9 --fit stretch --focus 0,0", "--focus"), ("--snap pad", "--snap"),
      ("--multiple-of 1 --snap pad", "--snap"), ("--format png --quality 90", "--quality"),
      ("--format jpeg --compression small", "--compression"), ("--data --icc keep", "--icc"),
      ("--min-quality 50", "--min-quality"), ("--min-side 50", "--min-side"),
    ])
  func idle(arguments: String, flag: String) throws {
    let options = try PreparationOptions.parse(arguments.split(separator: " ").map(String.init))
    let error = #expect(throws: CommandError.self) { try options.recipe() }
    #expect(
      error?.status == .usage && error?.message.hasPrefix("\(flag) has no effect") == true)
  }

  /// The format the output's name asks for; nil when the combination is refused.
  static let names: [(flags: String, output: String?, format: Recipe.Output.Format?)] = [
    ("", nil, .auto), ("", "a.png", .png), ("", "a.JPG", .jpeg), ("", "a.jpeg", .jpeg), ("--format png", "a.png", .png),
    ("--format png", "a.jpg", nil), ("", "a.webp", .webp), ("", "a.gif", nil), ("--format jpeg", "a.bin", .jpeg),
    ("", "a", .auto),
    ("", "dir.d/a", .auto), ("--format png", "a", .png), ("--bits 16", "a.png", .png), ("--bits 16", "a.jpg", nil),
    ("--bits 8", "a.jpg", .jpeg), ("--bits auto", "a.jpg", .jpeg),
  ]

  @Test("the output's name decides the format", arguments: names)
  func format(flags: String, output: String?, format: Recipe.Output.Format?) throws {
    let options = try PreparationOptions.parse(flags.split(separator: " ").map(String.init))
    let recipe = try? options.recipe(output: output)
    #expect(recipe?.output.format == format)
  }

  @Test("16 bits are refused where they cannot be, by name", arguments: [("a.jpg", false), (nil, true)])
  func noDepth(output: String?, isSent: Bool) throws {
    let options = try PreparationOptions.parse(["--bits", "16"])
    let error = #expect(throws: CommandError.self) { try options.recipe(output: output, isSent: isSent) }
    #expect(error?.status == .usage && error?.message.contains("--bits 16") == true, "\(String(describing: error))")
    #expect(error?.message.contains(isSent ? "models take 8 bits" : "a JPEG has 8 bits") == true)
    #expect(try PreparationOptions.parse(["--bits", "8"]).recipe(isSent: true).output.bits == .eight)
  }
}
