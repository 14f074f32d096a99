import Foundation
import Synchronization
import Testing

@testable import ScenarioAPI

@Suite("Uploads in parts")
struct MultipartUploadTests {
  /// A service that records requests, and replies to parts with given statuses.
  private final class Storage: HTTPTransport {
    struct State {
      var uploads = 0
      var parts: [String: [UInt8]] = [:]
      var puts: [String] = []
      var looks = 0
      var leaked = false
      /// True if a part was sent without the protection against private networks.
      var unguarded = false
      var action = ""
      /// The client's description of the upload while it is open; nil after it was completed.
      var open: String?
    }
    let state = Mutex(State())
    /// The status of the reply to each `PUT`, by the number of the part; 200 for all other parts.
    let answers: [Int: Int]
    let end: String
    /// The kind of reply to a client that wants to continue an upload.
    let reopening: String

    init(
      answers: [Int: Int] = [:], end: String = #""status":"imported","entityId":"asset_9""#, reopening: String = "open"
    ) {
      (self.answers, self.end, self.reopening) = (answers, end, reopening)
    }

    func send(_ request: HTTPRequest) async throws(ScenarioError) -> HTTPResponse {
      func json(_ text: String) -> HTTPResponse { HTTPResponse(status: 200, body: [UInt8](text.utf8)) }
      let path = request.url.split(separator: "/v1", maxSplits: 1).last.map(String.init) ?? ""
      return state.withLock { state in
        switch (request.method, path) {
        case (.post, "/uploads"):
          state.uploads += 1
          let count = (try? JSONDecoder().decode(Creation.self, from: Data(bytes(of: request))))?.parts ?? 0
          let parts = (1...max(count, 1)).map {
            #"{"number":\#($0),"url":"https://s3.example/\#(state.uploads)/\#($0)?X=PlantedSignature","expires":"-"}"#
          }
          let answer =
            #"{"upload":{"id":"u\#(state.uploads)","status":"pending","parts":[\#(parts.joined(separator: ","))]}}"#
          state.open = answer
          return json(answer)
        case (.put, _):
          if request.authorization != nil { state.leaked = true }
          if !request.refusesPrivateAddresses { state.unguarded = true }
          state.puts.append(String(request.url.dropFirst("https://s3.example/".count).prefix { $0 != "?" }))
          let status = answers[state.puts.count] ?? 200
          if status == 200 { state.parts[state.puts.last ?? ""] = bytes(of: request) }
          return HTTPResponse(status: status)
        case (.post, _):
          state.open = nil
          state.action = String(decoding: bytes(of: request), as: UTF8.self)
          return json(#"{"upload":{"id":"u","status":"validating"}}"#)
        case (.get, _):
          switch reopening {
          case "addresses kept back" where state.uploads < 2: return json(#"{"upload":{"id":"u1","status":"pending"}}"#)
          case "failed" where state.uploads < 2: return json(#"{"upload":{"id":"u1","status":"failed"}}"#)
          default: if let open = state.open { return json(open) }
          }
          state.looks += 1
          return json(#"{"upload":{"id":"u",\#(state.looks < 3 ? #""status":"validating""# : end)}}"#)
        }
      }
    }

    private struct Creation: Decodable { let parts: Int }

    private func bytes(of request: HTTPRequest) -> [UInt8] {
      switch request.body {
      case .none: []
      case .bytes(let bytes): bytes
      case .file(let path, let offset, let count):
        (try? Data(contentsOf: URL(filePath: path))).map { [UInt8]($0[offset..<offset + count]) } ?? []
      }
    }
  }

  /// Two whole parts and the beginning of a third one. Pages of 4 KiB have different contents within each MiB.
  private static let image: [UInt8] = {
    var bytes = [UInt8](repeating: 7, count: 17_000_000)
    for place in stride(from: 0, to: bytes.count, by: 4096) { bytes[place] = UInt8(truncatingIfNeeded: place >> 12) }
    return bytes
  }()

  private func client(_ storage: Storage) throws -> ScenarioClient {
    ScenarioClient(
      configuration: try Planted.configuration(), transport: storage, retry: RetryPolicy(random: FixedGenerator.lowest),
      clock: ManualClock())
  }

  @discardableResult
  private func upload(
    _ storage: Storage, _ content: UploadContent = .bytes(image), resuming partial: PartialUpload? = nil,
    onPart: @escaping @Sendable (PartialUpload) throws -> Void = { _ in }
  ) async throws -> (progress: [UploadProgress], asset: AssetID) {
    let run = try client(storage).upload(
      content, name: "a.png", mimeType: "image/png", resuming: partial, onPart: onPart)
    var progress: [UploadProgress] = []
    for await value in run.events { progress.append(value) }
    return (progress, try await run.result)
  }

  private func joined(_ storage: Storage, upload: Int) -> [UInt8] {
    storage.state.withLock { state in (1...3).reduce(into: []) { $0 += state.parts["\(upload)/\($1)"] ?? [] } }
  }

  @Test("all parts arrive, without credentials, and the asset is waited for")
  func parts() async throws {
    let storage = Storage()
    let (progress, asset) = try await upload(storage)
    let size = Self.image.count
    #expect(asset.rawValue == "asset_9" && progress.last == UploadProgress(sentBytes: size, totalBytes: size))
    #expect(progress.allSatisfy { $0.totalBytes == size && (0...size).contains($0.sentBytes) })
    #expect(joined(storage, upload: 1) == Self.image)
    storage.state.withLock {
      #expect(
        $0.looks == 3 && !$0.leaked && !$0.unguarded && $0.puts.count == 3 && $0.action == #"{"action":"complete"}"#)
    }
  }

  @Test("parts are read from a file")
  func file() async throws {
    let path = NSTemporaryDirectory() + "gesso-parts-\(UUID().uuidString)"
    try Data(Self.image).write(to: URL(filePath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    let storage = Storage()
    try await upload(storage, .file(path: path, size: Self.image.count))
    #expect(joined(storage, upload: 1) == Self.image)
  }

  @Test("only the part that failed is sent again", arguments: [500, 503, 429])
  func resumes(status: Int) async throws {
    let storage = Storage(answers: [2: status])
    try await upload(storage)
    #expect(joined(storage, upload: 1) == Self.image)
    storage.state.withLock { #expect($0.puts.count == 4 && $0.uploads == 1) }
  }

  @Test(
    "another process sends the missing parts, or begins again",
    arguments: [
      ("open", 1, 0), ("addresses kept back", 2, 3), ("failed", 2, 3), ("completed", 1, 0),
    ])
  func goesOn(reopening: String, uploads: Int, puts: Int) async throws {
    // The service refuses the third part for good, so this process does not send it again.
    let storage = Storage(answers: [3: 400], reopening: reopening)
    let kept = Mutex<[PartialUpload]>([])
    await #expect(throws: ScenarioError.self) {
      try await upload(storage) { partial in kept.withLock { $0.append(partial) } }
    }
    let steps = kept.withLock(\.self)
    #expect(steps.map(\.finishedParts.count) == Array(0..<steps.count) && steps.allSatisfy { $0.id == "u1" })
    let text = String(decoding: try JSONEncoder().encode(steps), as: UTF8.self)
    #expect(!text.contains("http") && !Planted.leaks(text), "no addresses are kept")
    let partial = try #require(steps.last)
    if reopening == "completed" { storage.state.withLock { $0.open = nil } }
    let before = storage.state.withLock { $0.puts.count }

    #expect(try await upload(storage, resuming: partial).asset.rawValue == "asset_9")
    let expected = reopening == "open" ? 3 - partial.finishedParts.count : puts
    storage.state.withLock { #expect($0.uploads == uploads && $0.puts.count - before == expected) }
    if reopening != "completed" { #expect(joined(storage, upload: uploads) == Self.image) }
  }

  @Test(
    "an upload that the service no longer has, or refuses to show, begins again",
    arguments: [
      (404, true), (403, true), (400, true), (410, true), (500, true), (200, true), (401, false), (429, false),
    ])
  func forgotten(status: Int, beginsAgain: Bool) async throws {
    let partial = try JSONDecoder().decode(
      PartialUpload.self, from: Data(#"{"id":"u0","partSize":8388608,"finishedParts":[1]}"#.utf8))
    let transport = ScriptedTransport([.answer(status), .answer(400)])
    let client = ScenarioClient(configuration: try Planted.configuration(), transport: transport, retry: .never)
    await #expect(throws: ScenarioError.self) {
      try await client.upload(.bytes(Self.image), name: "a.png", mimeType: "image/png", resuming: partial).result
    }
    #expect(
      transport.requests.map(\.description) == ["GET https://service.example/v1/uploads/u0"]
        + (beginsAgain ? ["POST https://service.example/v1/uploads"] : []))
  }

  @Test(
    "an upload of an earlier process that cannot be ended begins again",
    arguments: [#"{"upload":{"id":"u0","status":"failed"}}"#, nil])
  func stuck(ending: String?) async throws {
    let partial = try JSONDecoder().decode(
      PartialUpload.self, from: Data(#"{"id":"u0","partSize":8388608,"finishedParts":[1,2,3]}"#.utf8))
    // All parts have arrived. The action that ends the upload fails, or is refused.
    let transport = ScriptedTransport([
      .answer(200, #"{"upload":{"id":"u0","status":"pending"}}"#), ending.map { .answer(200, $0) } ?? .answer(400),
      .answer(400),
    ])
    let client = ScenarioClient(configuration: try Planted.configuration(), transport: transport, retry: .never)
    await #expect(throws: ScenarioError.self) {
      try await client.upload(.bytes(Self.image), name: "a.png", mimeType: "image/png", resuming: partial).result
    }
    #expect(transport.requests.map { "\($0)" }.last == "POST https://service.example/v1/uploads")
    #expect(transport.stepsLeft == 0)
  }

  @Test("an upload whose progress cannot be recorded ends")
  func keeping() async throws {
    struct Full: Error {}
    let storage = Storage()
    await #expect { try await upload(storage) { _ in throw Full() } } throws: {
      ($0 as? ScenarioError)?.code == .writeFailed && ($0 as? ScenarioError)?.underlyingError is Full
    }
    storage.state.withLock { #expect($0.puts.isEmpty) }
  }

  @Test("addresses that have expired begin the upload again")
  func expires() async throws {
    let storage = Storage(answers: [3: 403])
    try await upload(storage)
    #expect(joined(storage, upload: 2) == Self.image)
    storage.state.withLock { #expect($0.uploads == 2) }
  }

  @Test(
    "a failed upload reports its reason",
    arguments: [
      (#""status":"failed","errorMessage":"Unhandled image format""#, "Unhandled image format"),
      (#""status":"pondering""#, "has not taken the image in"),
    ])
  func fails(end: String, words: String) async throws {
    await #expect { try await upload(Storage(end: end)) } throws: {
      ($0 as? ScenarioError)?.code == .uploadFailed && "\($0)".contains(words)
    }
  }

  @Test("an address that is not https is not used")
  func insecure() async throws {
    let transport = ScriptedTransport([
      .answer(200, #"{"upload":{"id":"u","status":"pending","parts":[{"number":1,"url":"http://s3.example/1"}]}}"#)
    ])
    let client = ScenarioClient(configuration: try Planted.configuration(), transport: transport, retry: .never)
    await #expect {
      try await client.upload(
        .bytes([UInt8](repeating: 1, count: ScenarioClient.directUploadLimit + 1)), name: "a.png", mimeType: "image/png"
      ).result
    } throws: { ($0 as? ScenarioError)?.code == .insecureURL }
    #expect(transport.requests.count == 1)
  }
}
