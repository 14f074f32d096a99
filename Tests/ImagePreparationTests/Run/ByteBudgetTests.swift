import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

@Suite("Byte budgets")
struct ByteBudgetTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let file: String
    let maxBytes: Int
    var testDescription: String { "\(file) in \(maxBytes) bytes" }
  }

  #if DEBUG
  static let budgets = [10_000, 40_000]
  static let longestSide = 512
  #else
  static let budgets = [2_000, 10_000, 40_000, 90_000, 180_000, 360_000]
  static let longestSide = 1024
  #endif

  static let cases = [
    "jpeg/forest.jpg", "jpeg/mountain-444.jpg", "jpeg/meadow-progressive.jpg", "jpeg/brushes.jpg", "png/art-rgb8.png",
    "jpeg/icc-adobe-rgb.jpg", "jpeg/small-gray.jpg", "png/soft-alpha-rgba8.png", "jpeg/orientation/Portrait_6.jpg",
  ].flatMap { file in budgets.map { Case(file: file, maxBytes: $0) } }

  @Test(
    "a budget is met; it is used to 95 % if only the quality was reduced, and the quality stays above its floor",
    arguments: cases)
  func met(_ example: Case) throws {
    let source = ImageSource.file(Fixtures.path(example.file))
    var recipe = Recipe(size: .longestSide(Self.longestSide))
    let unlimited = try ImagePreparer().prepareBlocking(source, as: recipe)
    recipe.output = .auto(budget: .bytes(example.maxBytes, minSide: 1))
    let image = try ImagePreparer().prepareBlocking(source, as: recipe)
    #expect(image.bytes.count <= example.maxBytes)
    if unlimited.bytes.count <= example.maxBytes {
      #expect(image.bytes == unlimited.bytes)
      return
    }
    let result = try ImagePreparer().inspectBlocking(.memory(image.bytes))
    #expect(result.size == image.size && image.size == image.geometry.canvas)
    #expect(image.notes.contains { $0.hasSuffix("to take no more than \(example.maxBytes) bytes") }, "\(image.notes)")
    #expect((image.quality ?? 60) >= 60)
    if image.size == unlimited.size, image.format == .jpeg {
      #expect(Double(image.bytes.count) >= 0.95 * Double(example.maxBytes), "\(image.bytes.count)")
    }
    // The aspect ratio stays the same, apart from the rounding of the sides.
    let (width, height) = (Double(image.size.width), Double(image.size.height))
    let aspect = Double(unlimited.size.width) / Double(unlimited.size.height)
    #expect(abs(width / height - aspect) <= aspect * (1 / width + 1 / height))
  }

  @Test(
    "no side becomes shorter than the floor, and a budget that would need that is refused with the size that was reached",
    arguments: [(90, "jpeg/mountain-444.jpg"), (90, "png/art-rgb8.png"), (4_000, "jpeg/brushes.jpg")])
  func floor(minSide: Int, file: String) throws {
    let source = ImageSource.file(Fixtures.path(file))
    let size = try ImagePreparer().prepareBlocking(source, as: Recipe(size: .longestSide(256))).size
    let recipe = Recipe(size: .longestSide(256), output: .auto(budget: .bytes(700, minSide: minSide)))
    let error = #expect(throws: PreparationError.self) { try ImagePreparer().prepareBlocking(source, as: recipe) }
    let message = try #require(error).message
    #expect(
      error?.code == .overBudget
        && error?.remedy
          == .either(
            .raise(.resultBytes, atLeast: Int(message.split(separator: " ")[4])), or: .lower([.shortestSide])),
      "\(message)")
    // In the last try a side is as short as the recipe allows. An image that is smaller than that from the beginning keeps its size.
    let sides = try #require(message.firstMatch(of: /at ([0-9]+)x([0-9]+)/))
    let reached = min(try #require(Int(sides.1)), try #require(Int(sides.2)))
    #expect(
      minSide == 90 ? (minSide...minSide + 1).contains(reached) : reached == min(size.width, size.height), "\(message)")
  }

  /// Noise of a few colors. With a palette a pixel takes half a byte. Without one it takes at least a quarter more, whatever the
  /// compression is.
  @Test("a palette that loses nothing comes before scale", arguments: Recipe.Compression.allCases)
  func palette(_ compression: Recipe.Compression) throws {
    var random = SplitMix64(seed: 11)
    let colors = (0..<16).map { _ in (0..<3).map { _ in UInt8.random(in: 0...255, using: &random) } }
    let size = ImageSize(width: 256, height: 256)
    let samples = (0..<size.pixelCount).flatMap { _ in colors.randomElement(using: &random)! }
    let rows = (0..<256).flatMap { [0] + samples[$0 * 768..<($0 + 1) * 768] }
    let header: [UInt8] = [0, 0, 1, 0, 0, 0, 1, 0, 8, 2, 0, 0, 0]
    let deflated = GeneratedPNG.deflate(rows, level: 9)
    let source = PNGFile(chunks: [("IHDR", header), ("IDAT", deflated), ("IEND", [])]).bytes
    let recipe = Recipe(output: .png(compression: compression, budget: .bytes(36_000)))
    #expect(deflated.count > 36_000 * 5 / 4)
    let image = try ImagePreparer().prepareBlocking(.memory(source), as: recipe)
    #expect(image.bytes.count <= 36_000 && image.size == size)
    let result = try ImagePreparer().inspectBlocking(.memory(image.bytes))
    #expect(result.colorModel == .palette && result.bitDepth == 4)
    #expect(try ImagePreparer().pixelsBlocking(of: .memory(image.bytes)).samples == samples)
  }

  @Test("six encodes at most, whatever an encoder does", arguments: [0.05, 0.4, 0.7, 1.5, 3], [1.01, 1.3, 2, 8, 100])
  func encodes(power: Double, excess: Double) {
    let limit = 100_000
    for isJPEG in [true, false] {
      var search = ByteBudget(
        limit: limit, quality: isJPEG ? 92 : nil, floor: 60, mayCompress: true, encodes: 1)
      var (bytes, tries) = (excess * Double(limit), 1)
      var quality = 92.0
      while let attempt = search.attempt(after: Int(bytes)) {
        tries += 1
        switch attempt {
        case .quality(let next):
          #expect((60..<92).contains(next))
          quality = next
          bytes = excess * Double(limit) * pow(16 / (200 - 2 * next), power)
        case .smallCompression: bytes = excess * Double(limit) * 0.9
        case .scale(let share):
          #expect((0..<1).contains(share))
          bytes = excess * Double(limit) * pow(16 / (200 - 2 * quality), isJPEG ? power : 0) * pow(share, 0.7)
        }
      }
      #expect(tries <= 6)
      #expect(Int(bytes) <= limit || power < 0.1, "\(bytes) bytes after \(tries)")
    }
  }

  /// Recipes that read a source twice.
  static let twice = [
    Recipe(output: .auto(budget: .bytes(60_000))), Recipe(size: .longestSide(1536, trim: true)),
    Recipe(size: .box(100, 100, .cover, gravity: .attention)),
  ]

  @Test("a descriptor of a file is read again from its first position", arguments: twice)
  func descriptor(_ recipe: Recipe) throws {
    let name = recipe.trims ? "png/soft-alpha-rgba8.png" : "jpeg/forest.jpg"
    let expected = try ImagePreparer().prepareBlocking(.file(Fixtures.path(name)), as: recipe)
    let path = TestFolder.url.appending(path: "gesso-descriptor-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(Array("in front".utf8) + Fixtures.bytes(name)).write(to: URL(filePath: path))
    let handle = try #require(FileHandle(forReadingAtPath: path))
    try handle.seek(toOffset: 8)
    let prepared = try ImagePreparer().prepareBlocking(.descriptor(handle.fileDescriptor), as: recipe)
    #expect(prepared.bytes == expected.bytes && prepared.geometry == expected.geometry)
  }

  @Test("a pipe is not read twice", arguments: twice)
  func pipe(_ twice: Recipe) throws {
    var recipe = twice
    let hasBudget = recipe.output.budget != nil
    if hasBudget { recipe.output = .auto(budget: .bytes(300, minSide: 1)) }
    let pipe = Pipe()
    // The file is small enough for a pipe to hold.
    try pipe.fileHandleForWriting.write(contentsOf: Data(Fixtures.bytes("jpeg/small-420.jpg")))
    try pipe.fileHandleForWriting.close()
    let error = #expect(throws: PreparationError.self) {
      try ImagePreparer().prepareBlocking(.descriptor(pipe.fileHandleForReading.fileDescriptor), as: recipe)
    }
    #expect(error?.code == (hasBudget ? .overBudget : .invalidRecipe))
    #expect(error?.remedy.description.contains("into memory or a file") == true)
  }
}
