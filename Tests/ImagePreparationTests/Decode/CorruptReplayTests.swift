import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

/// Every file of Fixtures/corrupt, whose name gives its only fault, and every odd but whole file, under every policy.
@Suite("Corrupt files")
struct CorruptReplayTests {
  static let corrupt = try! files("corrupt", prefix: "")
  static let odd = try! files("jpeg", prefix: "odd-") + files("png", prefix: "odd-")

  static func files(_ folder: String, prefix: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: Fixtures.path(folder))
      .filter { $0.hasPrefix(prefix) }.sorted().map { "\(folder)/\($0)" }
  }

  @Test("the folders contain the expected kinds of files")
  func counts() {
    #expect(Self.corrupt.count > 60)
    #expect(Self.odd.count > 10)
  }

  /// Faults that the codecs do not look for. libjpeg-turbo's fast Huffman decoder reads a code that does not exist as zero, and libpng
  /// shows a palette index without an entry as black. In both cases pixels are wrong, but the structure of the file is not.
  static let unnoticed: Set = ["corrupt/jpeg-bad-huffman-codes.jpg", "corrupt/png-palette-index-out-of-range.png"]

  @Test("a default read refuses every corrupt file, with a remedy", arguments: corrupt)
  func refused(name: String) throws {
    let error = failure { () throws(PreparationError) in try DecodedImage.decode(.file(Fixtures.path(name))) }
    #expect((error == nil) == Self.unnoticed.contains(name))
    if let error { #expect(!error.message.isEmpty && !error.remedy.isEmpty) }
  }

  @Test("every policy ends in an image or an error", arguments: corrupt + odd, DamagePolicy.allCases)
  func everyPolicy(name: String, policy: DamagePolicy) {
    var limits = Limits()
    limits.maxScans = 50
    do {
      let image = try DecodedImage.decode(.file(Fixtures.path(name)), limits: limits, policy: policy)
      #expect(image.height == image.description.storedSize.height)
      #expect(image.bytes.count == image.layout.rowBytes * image.height)
    } catch {
      #expect(!error.message.isEmpty)
    }
  }

  @Test("odd files that are whole are read", arguments: odd)
  func oddFiles(name: String) throws {
    let image = try DecodedImage.decode(.file(Fixtures.path(name)))
    #expect(image.damage.firstFilledRow == nil)
  }
}
