import ImagePreparation
import TestSupport
import Testing

/// Files in other color spaces are compared with results of Pillow's own lcms2 (Fixtures/color/make.py).
@Suite("Color profiles")
struct ProfileConversionTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let file: String
    let size: ImageSize
    let offset: Int
    var testDescription: String { file }
  }

  static let cases: [Case] = {
    var offset = 0
    let index = String(decoding: try! Fixtures.bytes("color/index.tsv"), as: UTF8.self)
    return index.split(separator: "\n").map { line in
      let fields = line.split(separator: "\t")
      let size = ImageSize(width: Int(fields[1])!, height: Int(fields[2])!)
      defer { offset += size.pixelCount * 3 }
      return Case(file: String(fields[0]), size: size, offset: offset)
    }
  }()

  @Test("colors are converted as by Pillow's lcms2", arguments: cases)
  func converts(_ example: Case) throws {
    let expected = try Fixtures.bytes("color/expected.bin")[
      example.offset..<example.offset + example.size.pixelCount * 3]
    let recipe = Recipe(size: .longestSide(64))
    let image = try ImagePreparer().pixelsBlocking(of: .file(Fixtures.path(example.file)), as: recipe)
    #expect(image.size == example.size)
    #expect(image.channels == 3)
    let distances = zip(image.samples, expected).map { abs(Int($0) - Int($1)) }
    #expect(Double(distances.reduce(0, +)) / Double(distances.count) < 1.5)
    // Pillow upsamples chroma in another way and rounds at other steps. If the inks were inverted, the difference would be about 100.
    #expect((distances.max() ?? 0) < 40)
  }
}
