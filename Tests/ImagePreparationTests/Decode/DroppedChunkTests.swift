import TestSupport
import Testing

@testable import ImagePreparation

/// Chunks of a PNG with wrong checksums, and the check that following an error's remedy helps.
@Suite("Wrong checksums, and remedies")
struct DroppedChunkTests {
  /// Chunks that contain no pixels (PNG third edition, 11.3). Their content is correct.
  static let chunks: [PNGFile.Chunk] = [
    ("tEXt", Array("Comment\0some words".utf8)), ("iTXt", Array("Comment\0\0\0\0\0words".utf8)),
    ("zTXt", Array("Comment\0\0".utf8) + GeneratedPNG.deflate(Array("words".utf8))),
    ("tIME", [7, 234, 11, 29, 6, 30, 0]), ("pHYs", [0, 0, 11, 19, 0, 0, 11, 19, 1]), ("gAMA", [0, 0, 177, 143]),
    ("eXIf", MetadataTests.tiff([])), ("prVt", [1, 2, 3]),
  ]

  /// A file with one more chunk, whose checksum is wrong.
  static func file(_ chunk: PNGFile.Chunk, behindData: Bool, base: String = "png/small-rgb8.png") throws -> [UInt8] {
    var file = PNGFile(try Fixtures.bytes(base))
    let index = behindData ? file.chunks.count - 1 : 1
    let place = PNGFile(chunks: Array(file.chunks[..<index])).bytes.count
    file.chunks.insert(chunk, at: index)
    var bytes = file.bytes
    bytes[place + 8 + chunk.data.count] ^= 0x55
    return bytes
  }

  @Test("a chunk without pixels is left out with a note that names it", arguments: chunks, [false, true])
  func leftOut(_ chunk: PNGFile.Chunk, behindData: Bool) throws {
    let whole = try Fixtures.bytes("png/small-rgb8.png")
    let source = ImageSource.memory(try Self.file(chunk, behindData: behindData))
    var recipe = Recipe(size: .original, output: .png(), metadata: .keep)
    let image = try ImagePreparer().prepareBlocking(source, as: recipe)
    #expect(image.notes.contains { $0.contains(chunk.type) && $0.contains("checksum") }, "\(image.notes)")
    #expect(try DecodedImage.decode(source).bytes == DecodedImage.decode(.memory(whole)).bytes)
    #expect(PNGFile(image.bytes).chunks.allSatisfy { $0.type != chunk.type || chunk.type == "gAMA" })
    for policy in [DamagePolicy.error, .warning] {
      recipe.failOn = policy
      let error = #expect(throws: PreparationError.self) { try ImagePreparer().prepareBlocking(source, as: recipe) }
      #expect(error?.code == .corrupt && error?.message.contains(chunk.type) == true, "\(String(describing: error))")
    }
  }

  @Test("a fixture with a text whose checksum is wrong")
  func fixture() throws {
    let image = try ImagePreparer().prepareBlocking(.file(Fixtures.path("png/text-checksum.png")))
    #expect(image.size == ImageSize(width: 64, height: 64))
    #expect(image.notes.contains { $0.contains("tEXt") }, "\(image.notes)")
  }

  @Test("intact chunks beside a damaged one are kept")
  func others() throws {
    var file = PNGFile(try Self.file(Self.chunks[0], behindData: false))
    file.chunks.insert(("tEXt", Array("Author\0somebody".utf8)), at: 2)
    var bytes = file.bytes
    // When the file was put together again, the first chunk got a correct checksum.
    bytes[8 + 25 + 8 + Self.chunks[0].data.count] ^= 0x55
    let recipe = Recipe(size: .original, output: .png(), metadata: .keep)
    let kept = PNGFile(try ImagePreparer().prepareBlocking(.memory(bytes), as: recipe).bytes).chunks
    #expect(kept.filter { $0.type == "tEXt" }.map(\.data) == [Array("Author\0somebody".utf8)])
  }

  @Test("transparency with a wrong checksum is not left out, because it belongs to the pixels")
  func transparency() throws {
    let bytes = try Self.file(("tRNS", [0, 1, 0, 2, 0, 3]), behindData: false)
    let error = #expect(throws: PreparationError.self) { try ImagePreparer().prepareBlocking(.memory(bytes)) }
    #expect(error?.code == .corrupt && error?.message.contains("tRNS") == true)
  }

  static func names(_ policy: DamagePolicy, _ remedy: Remedy) -> Bool {
    switch remedy {
    case .either(let a, let b): names(policy, a) || names(policy, b)
    case .acceptDamage: policy == .none
    case .acceptWarnings: policy == .error
    default: false
    }
  }

  @Test(
    "the remedy of an error names a more lenient policy exactly where one lets the file through",
    .sameOnEveryInstructionSet,
    arguments: CorruptReplayTests.corrupt + ["png/text-checksum.png"], DamagePolicy.allCases)
  func remedies(name: String, policy: DamagePolicy) throws {
    let limits = DecodingLimitTests.limits { $0.maxScans = 50 }
    let source = ImageSource.file(Fixtures.path(name))
    func error(_ policy: DamagePolicy) -> PreparationError? {
      let recipe = Recipe(size: .longestSide(64), failOn: policy)
      return failure { () throws(PreparationError) in
        _ = try ImagePreparer(limits: limits).prepareBlocking(source, as: recipe)
      }
    }
    guard let found = error(policy) else { return }
    let isLetThrough = DamagePolicy.allCases.prefix { $0 != policy }.filter { error($0) == nil }
    let named = DamagePolicy.allCases.filter { Self.names($0, found.remedy) }
    #expect(named.allSatisfy(isLetThrough.contains), "\(found): \(isLetThrough)")
    #expect(named.isEmpty == isLetThrough.isEmpty, "\(found): \(isLetThrough)")
  }
}
