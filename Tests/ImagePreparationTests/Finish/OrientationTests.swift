import ImagePreparation
import TestSupport
import Testing

/// Compares turned files with Pillow's `exif_transpose` (Fixtures/upright/make.py).
@Suite("Orientation")
struct OrientationTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let file: String
    let fit: String
    let size: ImageSize
    let offset: Int

    var testDescription: String { "\(file) \(fit)" }
  }

  static let cases: [Case] = {
    var offset = 0
    let index = String(decoding: try! Fixtures.bytes("upright/index.tsv"), as: UTF8.self)
    return index.split(separator: "\n").map { line in
      let fields = line.split(separator: "\t")
      let size = ImageSize(width: Int(fields[2])!, height: Int(fields[3])!)
      defer { offset += size.pixelCount * 3 }
      return Case(file: String(fields[0]), fit: String(fields[1]), size: size, offset: offset)
    }
  }()

  @Test("every file comes out upright", arguments: cases)
  func upright(_ example: Case) throws {
    let expected = try Fixtures.bytes("upright/expected.bin")[
      example.offset..<example.offset + example.size.pixelCount * 3]
    let size: Recipe.Size =
      example.fit == "contain"
      ? .longestSide(example.size.longestSide)
      : .box(example.size.width, example.size.height, .cover, gravity: .north)
    let recipe = Recipe(size: size, effort: .best, output: .jpeg())
    let image = try ImagePreparer().pixelsBlocking(of: .file(Fixtures.path(example.file)), as: recipe)
    #expect(image.size == example.size)
    #expect(image.channels == 3)
    let distance = zip(image.samples, expected).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
    // Decoders differ in chroma upsampling, and resizers differ in rounding. These differences are about one level. With a wrong turn the
    // mean would be 20 or more.
    #expect(Double(distance) / Double(expected.count) < 2)
  }

  @Test("all 18 examples are there", arguments: ["Landscape", "Portrait"])
  func complete(_ name: String) {
    let files = Set(Self.cases.map(\.file)).filter { $0.contains(name) }
    #expect(files.count == 9)
  }
}
