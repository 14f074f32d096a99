import Foundation
import Logging
import Synchronization
import Testing

@testable import ScenarioAPI

@Suite("Logging")
struct LoggingTests {
  /// Keeps every line.
  final class Lines: Sendable {
    private let lines = Mutex<[(level: Logger.Level, text: String)]>([])
    var all: [(level: Logger.Level, text: String)] { lines.withLock { $0 } }
    func append(_ level: Logger.Level, _ text: String) { lines.withLock { $0.append((level, text)) } }
  }

  struct Handler: LogHandler {
    let lines: Lines
    var logLevel = Logger.Level.trace
    var metadata: Logger.Metadata = [:]
    subscript(metadataKey key: String) -> Logger.MetadataValue? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }
    func log(event: LogEvent) {
      lines.append(event.level, "\(event.message) \(event.metadata ?? [:])")
    }
  }

  @Test("a pause that the service asks for is logged before it begins")
  func pauses() async throws {
    let lines = Lines()
    let transport = ScriptedTransport([
      .answer(429, "", [HTTPField("Retry-After", "90")]), .answer(200, #"{"asset":{"id":"a"}}"#),
      .answer(429, "", [HTTPField("Retry-After", "3600")]),
    ])
    let client = ScenarioClient(configuration: try Planted.configuration(), transport: transport, clock: ManualClock())
      .logging(to: Logger(label: "test") { _ in Handler(lines: lines) })
    _ = try await client.asset(AssetID(rawValue: "a"))
    #expect(lines.all.filter { $0.level == .notice }.count == 1)
    #expect(lines.all.contains { $0.level == .notice && $0.text.contains("waiting 90 seconds") })
    await #expect(throws: ScenarioError.self) { try await client.asset(AssetID(rawValue: "a")) }
    #expect(lines.all.contains { $0.text.contains("3600") })
  }

  @Test("the log describes requests at debug and trace, and never contains a secret")
  func secrets() async throws {
    let lines = Lines()
    let transport = ScriptedTransport([
      .answer(400, #"{"reason":"see https://cdn.example/f?Signature=PlantedSignature"}"#),
      .answer(200, #"{"asset":{"id":"a","url":"https://cdn.example/f?Signature=PlantedSignature"}}"#),
      .answer(403, "PlantedBody"), .answer(404),
    ])
    let client = ScenarioClient(configuration: try Planted.configuration(), transport: transport)
      .logging(to: Logger(label: "test") { _ in Handler(lines: lines) })
    await #expect(throws: ScenarioError.self) {
      try await client.submitImg2Img(Img2ImgRequest(prompt: "p", image: .asset(AssetID(rawValue: "a"))))
    }
    let asset = try await client.asset(AssetID(rawValue: "a"))
    await #expect(throws: ScenarioError.self) {
      try await client.download(asset, to: NSTemporaryDirectory() + "gesso-\(UUID().uuidString)")
    }
    #expect(lines.all.count == 5)
    #expect(lines.all.contains { $0.text.contains("GET https://cdn.example/f?…") })
    #expect(lines.all.contains { $0.text.contains("POST https://service.example/v1/generate/img2img") })
    #expect(lines.all.contains { $0.text.contains("200") })
    for line in lines.all {
      #expect(line.level <= .debug)
      #expect(!Planted.leaks(line.text), "\(line.text)")
    }
  }
}
