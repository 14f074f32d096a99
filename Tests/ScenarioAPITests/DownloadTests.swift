import Foundation
import Synchronization
import Testing

@testable import ScenarioAPI

@Suite("Downloads")
struct DownloadTests {
  private func client(
    _ transport: ScriptedTransport, _ clock: ManualClock = ManualClock(), project: String? = nil
  ) throws -> ScenarioClient {
    ScenarioClient(
      configuration: try Planted.configuration(project: project), transport: transport,
      retry: RetryPolicy(random: FixedGenerator.lowest), clock: clock)
  }

  /// A folder that is removed with the test.
  final class Folder: Sendable {
    let path = NSTemporaryDirectory() + "gesso-download-\(UUID().uuidString)"
    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false) }
    deinit { try? FileManager.default.removeItem(atPath: path) }
    var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] }
  }

  private func decoded(_ json: String) throws -> Asset {
    try JSONDecoder().decode(AssetReply.self, from: Data(json.utf8)).asset
  }

  @Test("a result is verified before it takes its place, and is fetched without credentials")
  func download() async throws {
    let folder = try Folder()
    let path = folder.path + "/result.png"
    try Data("old".utf8).write(to: URL(filePath: path))
    let transport = ScriptedTransport([.file([1, 2, 3, 4], type: "image/jpeg; q=1")])
    let verified = Mutex<DownloadedFile?>(nil)
    let file = try await client(transport).download(try decoded(Replies.asset("a")), to: path) { candidate in
      verified.withLock { $0 = candidate }
      let (new, old) = (try Data(contentsOf: URL(filePath: candidate.path)), try Data(contentsOf: URL(filePath: path)))
      #expect(new == Data([1, 2, 3, 4]) && old == Data("old".utf8), "not yet replaced")
      #expect((candidate.path as NSString).deletingLastPathComponent == folder.path)
    }
    #expect(file == DownloadedFile(path: path, byteCount: 4, mimeType: "image/jpeg"))
    verified.withLock { #expect($0?.byteCount == 4 && $0?.mimeType == "image/jpeg") }
    #expect(try Data(contentsOf: URL(filePath: path)) == Data([1, 2, 3, 4]))
    #expect(folder.names == ["result.png"])
    let request = try #require(transport.requests.first)
    #expect(request.authorization == nil && request.fields.isEmpty && request.followsRedirects)
    #expect(request.url == "https://cdn.example/f?Signature=PlantedSignature")
    // The file has the same permissions as any new file of the user.
    let other = unsafe open(folder.path + "/other", O_WRONLY | O_CREAT | O_EXCL, 0o666)
    close(other)
    let modes = try ["/result.png", "/other"].map {
      try FileManager.default.attributesOfItem(atPath: folder.path + $0)[.posixPermissions] as? Int
    }
    #expect(modes[0] == modes[1])
  }

  @Test("an expired URL is asked for again, once")
  func expired() async throws {
    let folder = try Folder()
    let expired = ScriptedTransport.Step.answer(403, "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>")
    let fresh = ScriptedTransport.Step.answer(200, Replies.asset("a", url: "https://cdn.example/fresh?Signature=2"))
    let transport = ScriptedTransport([expired, fresh, .file([9])])
    _ = try await client(transport).download(try decoded(Replies.asset("a")), to: folder.path + "/r.png")
    #expect(transport.requests.map(\.url).last == "https://cdn.example/fresh?Signature=2")
    #expect(transport.requests.map { $0.authorization != nil } == [false, true, false])

    let twice = ScriptedTransport([expired, fresh, expired])
    let client = try client(twice)
    let asset = try decoded(Replies.asset("a"))
    let error = await failure {
      try await client.download(asset, to: folder.path + "/s.png")
    }
    #expect(error?.code == .forbidden && error?.httpStatus == 403 && error?.stage == .download)
    #expect(folder.names == ["r.png"])
  }

  @Test("a short download is fetched again from the start")
  func short() async throws {
    let folder = try Folder()
    let transport = ScriptedTransport([
      .file([1, 2, 3, 4, 5], announced: 9), Replies.lost(.unknownOutcome), .file([7, 8]),
    ])
    let file = try await client(transport).download(try decoded(Replies.asset("a")), to: folder.path + "/r.png")
    #expect(file.byteCount == 2)
    #expect(try Data(contentsOf: URL(filePath: file.path)) == Data([7, 8]))
  }

  @Test("a damaged download leaves no file")
  func damaged() async throws {
    struct NotAnImage: Error, CustomStringConvertible { var description: String { "no magic\nbytes" } }
    let folder = try Folder()
    let path = folder.path + "/r.png"
    let asset = try decoded(Replies.asset("a"))
    let empty = ScriptedTransport.Step.file([])
    let cases: [([ScriptedTransport.Step], ScenarioError.Code)] = [
      ([empty, empty, empty, empty], .downloadInvalid), ([.file([1])], .downloadInvalid), ([.answer(404)], .notFound),
    ]
    for (steps, code) in cases {
      let client = try client(ScriptedTransport(steps))
      let error = await failure {
        try await client.download(asset, to: path) { _ in throw NotAnImage() }
      }
      #expect(error?.code == code && error?.stage == .download)
      if steps.count == 1, code == .downloadInvalid { #expect(error?.message.hasSuffix("no magic bytes") == true) }
      #expect(folder.names.isEmpty)
    }
    let client = try client(ScriptedTransport([.file([1])]))
    let lost = await failure {
      try await client.download(asset, to: folder.path + "/no/r.png")
    }
    #expect(lost?.code == .writeFailed)
    #expect(try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false) == ())
    let taken = await failure { try await client.download(asset, to: path) }
    #expect(taken?.code == .writeFailed)
    #expect(folder.names == ["r.png"])
  }

  @Test("a URL that is not https is not fetched", arguments: ["http://cdn.example/f", "file:///etc/passwd", "f"])
  func insecure(url: String) async throws {
    let folder = try Folder()
    let transport = ScriptedTransport([])
    let client = try client(transport)
    let asset = try decoded(Replies.asset("a", url: url))
    let error = await failure {
      try await client.download(asset, to: folder.path + "/r.png")
    }
    #expect(error?.code == .insecureURL && transport.requests.isEmpty && folder.names.isEmpty)
  }

  @Test("an asset that is pending is waited for, one that failed is not")
  func pending() async throws {
    let folder = try Folder()
    let clock = ManualClock()
    let pending = Replies.asset("a", status: "pending")
    let transport = ScriptedTransport([.answer(200, pending), .answer(200, Replies.asset("a")), .file([1])])
    _ = try await client(transport, clock).download(try decoded(pending), to: folder.path + "/r.png")
    #expect(clock.sleeps == [.seconds(2), .seconds(2)])

    for (status, retryable, reads) in [("pending", true, 10), ("error", false, 0)] {
      let json = Replies.asset("a", status: status)
      let transport = ScriptedTransport(Array(repeating: .answer(200, json), count: 20))
      let client = try client(transport)
      let asset = try decoded(json)
      let error = await failure {
        try await client.download(asset, to: folder.path + "/s.png")
      }
      #expect(error?.code == .assetUnavailable && error?.isRetryable == retryable)
      #expect(transport.requests.count == reads)
    }
  }
}
