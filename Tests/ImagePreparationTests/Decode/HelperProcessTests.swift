import CImageCodecs
import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

/// A helper process that is missing, dies, hangs, or breaks the protocol. The helpers here are shell commands.
@Suite("Helper process", .enabled(if: cic_helper_is_possible(), "only Linux can isolate a helper"))
struct HelperProcessTests {
  static let source = ImageSource.file(Fixtures.path("kinds/heic/420-heif-enc.heic"))

  /// A replacement for `gesso-decode`. Before anything else it writes the id of its process to a file.
  struct Helper {
    let path: String
    private let numbers: URL

    /// - Parameters:
    ///   - commands: Shell commands. `answer` reads one request and writes the reply in the file that it names.
    ///   - describe: The reply to the first request.
    ///   - decode: The reply to the second one.
    /// - Throws: An error of the file system.
    init(_ commands: String, describe: [UInt8] = [], decode: [UInt8] = []) throws {
      let folder = TestFolder.url.appending(path: UUID().uuidString)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      numbers = folder.appending(path: "numbers")
      try Data(describe).write(to: folder.appending(path: "describe"))
      try Data(decode).write(to: folder.appending(path: "decode"))
      let request = MemoryLayout<gd_request>.size
      try Data("request=\(request)\n\(commands)\n".utf8).write(to: folder.appending(path: "commands"))
      let script = Fixtures.folder.deletingLastPathComponent().appending(path: "Tests/GessoDecode/stand-in")
      let link = folder.appending(path: "gesso-decode")
      try FileManager.default.createSymbolicLink(at: link, withDestinationURL: script)
      path = link.path
    }

    /// True if every process that was started has ended, and its status was read.
    func isGone() -> Bool {
      // If a process was ended before its first command, it has written nothing.
      let lines = (try? String(contentsOf: numbers, encoding: .utf8))?.split(separator: "\n") ?? []
      return lines.allSatisfy { kill(Int32($0)!, 0) == -1 && errno == ESRCH }
    }
  }

  static func reply(
    status: Int = 0, flags: Int = 0, width: UInt32 = 0, height: UInt32 = 0, bits: UInt32 = 0, profile: UInt32 = 0,
    exif: UInt32 = 0, text: UInt32 = 0, magic: UInt32 = UInt32(GD_MAGIC), version: UInt32 = UInt32(GD_VERSION),
    _ parts: [UInt8] = []
  ) -> [UInt8] {
    let reply = gd_reply(
      magic: magic, version: version, status: UInt32(status), flags: UInt32(flags), width: width, height: height,
      bits: bits, primaries: 0, transfer: 0, profile_bytes: profile, exif_bytes: exif, xmp_bytes: 0, text_bytes: text)
    return unsafe withUnsafeBytes(of: reply) { unsafe Array($0) } + parts
  }

  static let small = reply(width: 4, height: 2, bits: 8)
  static let hang = "exec /bin/sleep 1000"

  static func result(_ helper: Helper, seconds: Int = 60) -> Result<PixelImage<UInt8>, PreparationError> {
    let limits = Limits(threads: 1, decodeHelper: helper.path, maxHelperSeconds: seconds)
    return Result { () throws(PreparationError) in
      try ImagePreparer(limits: limits).pixelsBlocking(of: source, as: Recipe(size: .original))
    }
  }

  /// A helper, and the error that its behavior must cause.
  struct Case: CustomTestStringConvertible {
    let testDescription: String
    let body: String
    var describe: [UInt8] = []
    var decode: [UInt8] = []
    var seconds = 60
    let code: PreparationError.Code
    let word: String
  }

  static let cases: [Case] = [
    Case(testDescription: "ends at once", body: "exit 0", code: .helperFailed, word: "ended"),
    Case(testDescription: "crashes", body: "kill -SEGV $$", code: .helperFailed, word: "signal 11"),
    Case(
      testDescription: "uses up its time", body: "kill -XCPU $$", code: .helperFailed, word: "processor time"),
    Case(testDescription: "never answers", body: hang, seconds: 0, code: .helperFailed, word: "within 0 s"),
    Case(
      testDescription: "writes something else", body: "answer describe",
      describe: Array("{\"error\": \"I do not know what you want from me, so here is some JSON\"}".utf8),
      code: .helperFailed, word: "version"),
    Case(
      testDescription: "is of another version", body: "answer describe", describe: reply(version: 9),
      code: .helperFailed,
      word: "version"),
    Case(
      testDescription: "ends within a reply", body: "answer describe", describe: Array(small.prefix(20)),
      code: .helperFailed, word: "ended"),
    Case(
      testDescription: "has an unknown status", body: "answer describe", describe: reply(status: 77),
      code: .helperFailed, word: "status"),
    Case(
      testDescription: "claims a side of 4 billion", body: "answer describe; \(hang)",
      describe: reply(width: .max, height: .max, bits: 8), code: .limitExceeded, word: "1000000"),
    Case(
      testDescription: "claims 60,000 by 60,000", body: "answer describe; \(hang)",
      describe: reply(width: 60_000, height: 60_000, bits: 8), code: .tooManyPixels, word: "3600000000"),
    Case(
      testDescription: "claims 20,000 by 20,000", body: "answer describe; \(hang)",
      describe: reply(width: 20_000, height: 20_000, bits: 8), code: .tooMuchMemory, word: "MiB"),
    Case(
      testDescription: "claims no size", body: "answer describe; \(hang)", describe: reply(bits: 8),
      code: .helperFailed,
      word: "size"),
    Case(
      testDescription: "claims 99 bits", body: "answer describe; \(hang)",
      describe: reply(width: 4, height: 2, bits: 99),
      code: .helperFailed, word: "size"),
    Case(
      testDescription: "claims a profile of 4 GB", body: "answer describe; \(hang)",
      describe: reply(width: 4, height: 2, bits: 8, profile: .max), code: .helperFailed, word: "more than"),
    Case(
      testDescription: "claims EXIF of 4 GB", body: "answer describe; \(hang)",
      describe: reply(width: 4, height: 2, bits: 8, exif: .max), code: .helperFailed, word: "more than"),
    Case(
      testDescription: "claims a text of 4 GB", body: "answer describe; \(hang)",
      describe: reply(status: 2, text: .max), code: .helperFailed, word: "more than"),
    Case(
      testDescription: "cannot be isolated", body: "answer describe",
      describe: reply(status: 7, text: 8, Array("landlock".utf8)), code: .helperFailed, word: "isolated here"),
    Case(
      testDescription: "has no decoder", body: "answer describe", describe: reply(status: 4), code: .unsupportedFormat,
      word: "no decoder"),
    Case(
      testDescription: "was built without the trait", body: "answer describe", describe: reply(status: 8),
      code: .unsupportedFormat, word: "not installed"),
    Case(
      testDescription: "sends control characters", body: "answer describe",
      describe: reply(status: 3, text: 9, Array("a\u{1B}[2J\nb\0c".utf8)), code: .unsupportedFeature, word: "a?[2J?b?c"),
    Case(
      testDescription: "crashes while it decodes",
      body: "answer describe; /usr/bin/head -c $request >/dev/null; kill -BUS $$",
      describe: small, code: .helperFailed, word: "signal 7"),
    Case(
      testDescription: "gives up while it decodes", body: "answer describe; kill -ABRT $$", describe: small,
      code: .helperFailed, word: "memory"),
    Case(
      testDescription: "answers nonsense while it decodes", body: "answer describe; answer decode", describe: small,
      decode: [UInt8](repeating: 65, count: 200), code: .helperFailed, word: "version"),
    Case(
      testDescription: "finds damage while it decodes", body: "answer describe; answer decode", describe: small,
      decode: reply(status: 2, text: 3, Array("bad".utf8)), code: .corrupt, word: "bad"),
  ]

  @Test("a helper that fails gives one error, and nothing of it is left", arguments: cases)
  func failure(test: Case) throws {
    let helper = try Helper(test.body, describe: test.describe, decode: test.decode)
    switch Self.result(helper, seconds: test.seconds) {
    case .success: Issue.record("it succeeded")
    case .failure(let error):
      #expect(error.code == test.code && error.message.contains(test.word), "\(error)")
      #expect(!error.message.contains("\n") && !error.remedy.isEmpty && error.stage.rawValue != "", "\(error)")
    }
    #expect(helper.isGone())
  }

  @Test("a helper that ends after its reply has decoded, and its writes to the shared memory change no size")
  func rows() throws {
    // The helper writes into the first row, and tries to shorten the shared memory.
    let body = """
      answer describe
      /usr/bin/head -c $request >/dev/null
      printf '\\001\\002\\003\\004' 1<>/dev/fd/4
      /usr/bin/truncate -s 0 /dev/fd/4 2>/dev/null && exit 1
      /bin/cat "$folder/decode" >&0
      """
    let helper = try Helper(body, describe: Self.small, decode: Self.reply())
    let image = try Self.result(helper).get()
    #expect(image.size == ImageSize(width: 4, height: 2) && image.samples.prefix(5) == [1, 2, 3, 4, 0])
    #expect(helper.isGone())
  }

  @Test("a helper that hangs is ended when the work is canceled", arguments: ["", "answer describe; "])
  func canceled(begin: String) async throws {
    let helper = try Helper(begin + Self.hang, describe: Self.small)
    let flag = CancellationFlag()
    // The result is the same at whatever time the flag is raised.
    DispatchQueue.global().async { flag.cancel() }
    let preparer = ImagePreparer(limits: Limits(decodeHelper: helper.path))
    let error = ImagePreparationTests.failure { () throws(PreparationError) in
      try preparer.pixelsBlocking(of: Self.source, cancellation: flag)
    }
    #expect(error?.code == .canceled)
    #expect(helper.isGone())
  }

  @Test(
    "a missing helper is named, with the kind of file and a converter",
    arguments: [nil, "/nowhere/gesso-decode"], [("heic", "HEIC", "heif-convert"), ("avif", "AVIF", "avifdec")])
  func missing(path: String?, kind: (file: String, name: String, converter: String)) {
    let preparer = ImagePreparer(limits: Limits(decodeHelper: path))
    let source = ImageSource.file(Fixtures.path("foreign/header.\(kind.file)"))
    let error = ImagePreparationTests.failure { () throws(PreparationError) in try preparer.inspectBlocking(source) }
    #expect(error?.code == .unsupportedFormat && error?.stage == .open)
    #expect(error?.message.contains(kind.name) == true && error?.message.contains("gesso-decode") == true)
    #expect(error?.remedy.description.contains(kind.converter) == true)
    #expect(!preparer.readableFormats.contains(.heic))
  }

  @Test("a helper that cannot be run is an error of its own")
  func notExecutable() {
    let preparer = ImagePreparer(limits: Limits(decodeHelper: Fixtures.folder.path))
    let error = ImagePreparationTests.failure { () throws(PreparationError) in
      try preparer.inspectBlocking(Self.source)
    }
    #expect(error?.code == .helperFailed && error?.message.contains("cannot be started") == true)
  }
}
