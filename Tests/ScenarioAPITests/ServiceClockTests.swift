import Foundation
import Testing

@testable import ScenarioAPI

@Suite("The service's clock and name")
struct ServiceClockTests {
  /// Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110.
  private static let now = Date(timeIntervalSince1970: 784_111_777)

  private func client(_ transport: ScriptedTransport) throws -> ScenarioClient {
    var client = ScenarioClient(configuration: try Planted.configuration(), transport: transport, clock: ManualClock())
    client.now = { Self.now }
    return client
  }

  private static func answer(_ status: Int, _ date: String?) -> ScriptedTransport.Step {
    .answer(status, #"{"asset":{"id":"a","url":"https://cdn.example/f"}}"#, date.map { [HTTPField("date", $0)] } ?? [])
  }

  @Test(
    "the difference is known from the newest answer with a date, whatever its status",
    arguments: [
      ([(200, "Sun, 06 Nov 1994 08:54:37 GMT")], 300), ([(200, "Sun, 06 Nov 1994 08:44:37 GMT")], -300),
      ([(404, "Sun, 06 Nov 1994 08:49:38 GMT")], 1),
      ([(200, "Sun, 06 Nov 1994 08:54:37 GMT"), (200, "Sun, 06 Nov 1994 08:50:37 GMT"), (200, nil)], 60),
      ([(200, nil)], nil), ([(200, "soon")], nil), ([(200, "Sun, 06 Non 1994 08:54:37 GMT")], nil),
      ([(200, "1994-11-06T08:54:37Z")], nil),
    ] as [([(Int, String?)], Int?)])
  func offset(answers: [(Int, String?)], seconds: Int?) async throws {
    let client = try client(ScriptedTransport(answers.map { Self.answer($0.0, $0.1) }))
    let copy = client
    #expect(copy.clockOffset == nil)
    for _ in answers { _ = try? await client.asset(AssetID(rawValue: "a")) }
    #expect(copy.clockOffset == seconds.map { .seconds($0) })
  }

  @Test("the clock of the server of files does not count")
  func files() async throws {
    let transport = ScriptedTransport([
      Self.answer(200, "Sun, 06 Nov 1994 08:49:38 GMT"),
      .answer(404, "", [HTTPField("Date", "Sun, 06 Nov 1994 09:49:37 GMT")]),
    ])
    let client = try client(transport)
    let asset = try await client.asset(AssetID(rawValue: "a"))
    _ = try? await client.download(asset, to: NSTemporaryDirectory() + "gesso-\(UUID().uuidString)")
    #expect(transport.stepsLeft == 0 && client.clockOffset == .seconds(1))
  }

  @Test(
    "addresses of one service have one identity",
    arguments: [
      ("https://api.cloud.scenario.com/v1", "https://api.cloud.scenario.com/v1"),
      ("https://api.scenario.com/v1", "https://api.cloud.scenario.com/v1"),
      ("https://API.Scenario.com:443/v1/", "https://api.cloud.scenario.com/v1"),
      ("HTTPS://api.scenario.com:8443/v1", "https://api.cloud.scenario.com:8443/v1"),
      ("https://eu.api.scenario.com/v1", "https://eu.api.scenario.com/v1"),
      ("https://api.scenario.com.evil.example/v1", "https://api.scenario.com.evil.example/v1"),
      ("http://localhost:8080/v1", "http://localhost:8080/v1"), ("http://[::1]:80/a/b", "http://[::1]/a/b"),
      ("https://service.example", "https://service.example"),
    ])
  func identity(baseURL: String, identity: String) throws {
    let configuration = try Planted.configuration(baseURL)
    #expect(configuration.serviceIdentity == identity)
    // Requests go to the address that the user set.
    #expect(baseURL.hasPrefix(configuration.baseURL))
  }
}
