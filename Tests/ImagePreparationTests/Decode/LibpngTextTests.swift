import CImageCodecs
import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

/// Some decisions depend on the texts of libpng, because libpng has no error codes, and some on its allocations. If a test of a text fails,
/// the installed libpng or zlib has other texts than Sources/CImageCodecs/libpng_texts.h.
@Suite("libpng's texts")
struct LibpngTextTests {
  /// If the checksum has a chunk of its own, libpng reads that chunk after the last row. A wrong checksum there is only a warning for
  /// libpng.
  @Test(
    "a wrong Adler-32 in a chunk of its own is recognized by zlib's text, and refused with the same text without libpng",
    arguments: DamagePolicy.allCases)
  func wrongAdler(policy: DamagePolicy) throws {
    var file = PNGFile(try Fixtures.bytes("corrupt/png-adler-checksum.png"))
    let last = try #require(file.chunks.lastIndex { $0.type == "IDAT" })
    let data = file.chunks[last].data
    file.chunks[last].data = data.dropLast(4)
    file.chunks.insert(("IDAT", data.suffix(4)), at: last + 1)
    let source = ImageSource.memory(file.bytes)
    let byLibpng = failure { () throws(PreparationError) in try DecodedImage.decode(source, policy: policy) }
    let without = failure { () throws(PreparationError) in try StripImage.decode(source, policy: policy) }
    guard policy != .none else {
      #expect(byLibpng == nil && without == nil)
      return
    }
    for error in [byLibpng, without] {
      #expect(error?.code == .corrupt)
      #expect(error?.message.hasSuffix(": IDAT: incorrect data check") == true, "\(String(describing: error))")
    }
  }

  @Test(
    "a dropped color profile is recognized by the name of its chunk", arguments: ["odd-icc-garbage", "odd-icc-bomb"])
  func droppedProfile(name: String) throws {
    let notes = try ImagePreparer().inspectBlocking(.file(Fixtures.path("png/\(name).png"))).notes
    #expect(notes.contains { $0.hasPrefix("the embedded color profile was ignored (iCCP: ") }, "\(notes)")
  }

  @Test("a chunk of text above the limit is recognized as left out by libpng's text", arguments: [9_000, 20_000])
  func largeText(count: Int) throws {
    var file = PNGFile(try Fixtures.bytes("png/small-rgb8.png"))
    file.chunks.insert(("tEXt", Array("Comment\0".utf8) + [UInt8](repeating: 65, count: count)), at: 1)
    var limits = Limits()
    limits.maxChunkBytes = 10_000
    let description = try SourceDecoder(opening: .memory(file.bytes), limits: limits, cancellation: nil).description
    #expect(description.notes.contains { $0.contains("too large") } == (count > limits.maxChunkBytes))
  }

  /// The test needs a limit of the address space. A sanitizer maps more than that limit, and Darwin does not enforce it.
  static let canLimitAddressSpace: Bool = {
    #if os(Linux)
    return unsafe dlsym(nil, "__asan_init") == nil && dlsym(nil, "__tsan_init") == nil
    #else
    return false
    #endif
  }()

  @Test(
    "an allocation that fails in libpng is a lack of memory, not damage of the file",
    .enabled(if: canLimitAddressSpace, "address space can be limited on Linux only, and not under a sanitizer"))
  func noMemory() async throws {
    await #expect(processExitsWith: .success) {
      // One row takes 17 GB.
      let bytes = try DecodingLimitTests.resized("png/pngsuite/basn6a16.png", width: 0x7FFF_FFFF, height: 1)
      #if os(Linux)
      var addressSpace = rlimit(rlim_cur: 8 << 30, rlim_max: 8 << 30)
      #expect(unsafe setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &addressSpace) == 0)
      #endif
      // Our limits refuse such a side, so the test calls the codec directly.
      let decoder = try PNGDecoderCallTests.Decoder(bytes)
      #expect(decoder.start() == .CIC_OUT_OF_MEMORY)
    }
  }
}
