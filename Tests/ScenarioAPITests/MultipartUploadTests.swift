import Foundation
import Synchronization
import Testing

@testable import ScenarioAPI

@Suite("Uploads in parts")
struct MultipartUploadTests {
  /// A service that keeps what it is sent, and does as told with parts.
  private final class Storage: HTTPTransport {
    struct State {
      var uploads = 0
      var parts: [String: [UInt8]] = [:]
      var puts: [String] = []
      var looks = 0
      var leaked = false
    }
    let state = Mutex(State())
    /// What the nth `PUT` is answered with, counted over all; 200 where there is nothing.
    let answers: [Int: Int]
    let end: String

    init(answers: [Int: Int] = [:], end: String = #""status":"imported","entityId":"asset_9""#) {
      (self.answers, self.end) = (answers, end)
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
          return json(
            #"{"upload":{"id":"u\#(state.uploads)","status":"pending","parts":[\#(parts.joined(separator: ","))]}}"#)
        case (.put, _):
          if request.authorization != nil { state.leaked = true }
          state.puts.append(String(request.url.dropFirst("https://s3.example/".count).prefix { $0 != "?" }))
          let status = answers[state.puts.count] ?? 200
          if status == 200 { state.parts[state.puts.last ?? ""] = bytes(of: request) }
          return HTTPResponse(status: status)
        case (.post, _):
          return json(#"{"upload":{"id":"u","status":"validating"}}"#)
        case (.get, _):
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

  /// Two parts and a bit, every page another.
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

  private func upload(_ storage: Storage, progress: @Sendable (Int) -> Void = { _ in }) async throws -> AssetID {
    try await client(storage).upload(name: "a.png", bytes: Self.image, mimeType: "image/png", onProgress: progress)
  }

  private func joined(_ storage: Storage, upload: Int) -> [UInt8] {
    storage.state.withLock { state in (1...3).reduce(into: []) { $0 += state.parts["\(upload)/\($1)"] ?? [] } }
  }

  @Test("all parts arrive, without credentials, and the asset is waited for")
  func parts() async throws {
    let storage = Storage()
    let arrived = Mutex<[Int]>([])
    let id = try await upload(storage) { count in arrived.withLock { $0.append(count) } }
    #expect(id.rawValue == "asset_9")
    #expect(joined(storage, upload: 1) == Self.image)
    #expect(arrived.withLock(\.self).last == Self.image.count)
    storage.state.withLock { #expect($0.looks == 3 && !$0.leaked && $0.puts.count == 3) }
  }

  @Test("straight from a file")
  func file() async throws {
    let path = NSTemporaryDirectory() + "gesso-parts-\(UUID().uuidString)"
    try Data(Self.image).write(to: URL(filePath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    let storage = Storage()
    _ = try await client(storage).upload(name: "a.png", file: path, size: Self.image.count, mimeType: "image/png")
    #expect(joined(storage, upload: 1) == Self.image)
  }

  @Test("only the part that failed is sent again", arguments: [500, 503, 429])
  func resumes(status: Int) async throws {
    let storage = Storage(answers: [2: status])
    _ = try await upload(storage)
    #expect(joined(storage, upload: 1) == Self.image)
    storage.state.withLock { #expect($0.puts.count == 4 && $0.uploads == 1) }
  }

  @Test("addresses that have expired begin the upload again")
  func expires() async throws {
    let storage = Storage(answers: [3: 403])
    _ = try await upload(storage)
    #expect(joined(storage, upload: 2) == Self.image)
    storage.state.withLock { #expect($0.uploads == 2) }
  }

  @Test(
    "an upload that fails says why",
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
        name: "a.png", bytes: [UInt8](repeating: 1, count: ScenarioClient.directUploadLimit + 1), mimeType: "image/png")
    } throws: { ($0 as? ScenarioError)?.code == .insecureURL }
    #expect(transport.requests.count == 1)
  }
}
