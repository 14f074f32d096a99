import CImageCodecs
import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

/// What the C decoder takes from libpng's texts, or from its allocations, because libpng has no codes. Where a test of a text
/// fails, the installed libpng or zlib has other words than Sources/CImageCodecs/libpng_texts.h.
@Suite("libpng's texts")
struct LibpngTextTests {
  /// In a chunk of its own, libpng meets the checksum when all rows are there, and warns of it as of something benign.
  @Test(
    "a wrong Adler-32 in a chunk of its own is known by zlib's words, and refused in the same ones without libpng",
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

  @Test("a dropped color profile is known by the name of its chunk", arguments: ["odd-icc-garbage", "odd-icc-bomb"])
  func droppedProfile(name: String) throws {
    let notes = try ImageDescription.read(from: .file(Fixtures.path("png/\(name).png"))).notes
    #expect(notes.contains { $0.hasPrefix("the embedded color profile was ignored (iCCP: ") }, "\(notes)")
  }

  #if os(Linux)
  /// A sanitizer maps more address space than the test leaves.
  static let isSanitized = unsafe dlsym(nil, "__asan_init") != nil || dlsym(nil, "__tsan_init") != nil

  @Test(
    "memory that libpng does not get is no damage of the file",
    .disabled(if: isSanitized, "address space cannot be limited under a sanitizer"))
  func noMemory() async throws {
    await #expect(processExitsWith: .success) {
      // A row takes 17 GB.
      let bytes = try DecodingLimitTests.resized("png/pngsuite/basn6a16.png", width: 0x7FFF_FFFF, height: 1)
      let limits = DecodingLimitTests.limits { ($0.maxPixels, $0.maxMemory) = (.max, .max) }
      var addressSpace = rlimit(rlim_cur: 8 << 30, rlim_max: 8 << 30)
      #expect(unsafe setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &addressSpace) == 0)
      let error = failure { () throws(PreparationError) in
        var decoder = try PNGDecoder(ByteSource(.memory(bytes)), limits: limits, policy: .none)
        try decoder.start()
      }
      #expect(error?.code == .outOfMemory, "\(String(describing: error))")
    }
  }
  #endif
}
