import Foundation
import Testing

/// A client of `gesso mcp`.
final class Assistant {
  private let process: RunningProcess
  private var lines: AsyncStream<String>.Iterator
  private var number = 0

  /// Starts the server, and makes the handshake if a revision is given.
  init(
    _ gesso: GessoExecutable, _ arguments: [String] = [], environment: [String: String] = [:],
    revision: String? = "2025-11-25"
  ) async throws {
    process = try RunningProcess(gesso, ["mcp"] + arguments, environment: environment)
    lines = process.output.makeAsyncIterator()
    guard let revision else { return }
    let reply = try await request(
      "initialize", ["protocolVersion": revision, "capabilities": [:], "clientInfo": ["name": "test", "version": "1"]])
    let result = try #require(reply["result"] as? [String: Any])
    #expect(result["protocolVersion"] as? String == revision)
    try send(#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
  }

  /// Sends a line as it is.
  func send(_ line: String) throws { try process.send(line: line) }

  /// The next message of the server, which must be JSON.
  func next() async throws -> Any {
    let line = try #require(await lines.line(), "the server ended")
    return try JSONSerialization.jsonObject(with: Data(line.utf8))
  }

  /// Sends a request, and returns the response to it.
  func request(_ method: String, _ params: [String: Any] = [:]) async throws -> [String: Any] {
    number += 1
    let message: [String: Any] = ["jsonrpc": "2.0", "id": number, "method": method, "params": params]
    try send(String(decoding: try JSONSerialization.data(withJSONObject: message), as: UTF8.self))
    while true {
      let reply = try #require(try await next() as? [String: Any])
      if reply["id"] as? Int == number { return reply }
    }
  }

  /// The result of a tool.
  struct Outcome {
    /// The result of the tool; empty for a failure.
    var object: [String: Any] = [:]
    /// The failure: code, message, stage, remedy.
    var error: [String: String] = [:]
    /// The kinds of all parts of the content.
    var kinds: [String] = []
    /// The pictures.
    var images: [Data] = []
    var texts: [String] = []
  }

  /// Calls a tool.
  func call(_ tool: String, _ arguments: [String: Any] = [:]) async throws -> Outcome {
    let reply = try await request("tools/call", ["name": tool, "arguments": arguments])
    let result = try #require(reply["result"] as? [String: Any], "\(reply)")
    let content = try #require(result["content"] as? [[String: Any]])
    var outcome = Outcome()
    outcome.kinds = content.compactMap { $0["type"] as? String }
    outcome.texts = content.compactMap { $0["text"] as? String }
    outcome.images = content.compactMap { ($0["data"] as? String).flatMap { Data(base64Encoded: $0) } }
    if result["isError"] as? Bool == true {
      let text = try #require(outcome.texts.first)
      let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
      outcome.error = try #require(object?["error"] as? [String: String])
      #expect(result["structuredContent"] == nil)
    } else {
      outcome.object = try #require(result["structuredContent"] as? [String: Any])
      let text = try JSONSerialization.jsonObject(with: Data(try #require(outcome.texts.first).utf8))
      let texts = try [text, outcome.object].map {
        String(decoding: try JSONSerialization.data(withJSONObject: $0, options: .sortedKeys), as: UTF8.self)
      }
      #expect(texts[0] == texts[1], "the text is the object")
    }
    return outcome
  }

  /// Ends the server's input, and returns its status and the lines that were not read.
  func end() async throws -> (status: Int32, rest: [String]) {
    try process.endInput()
    var rest: [String] = []
    while let line = await lines.line() { rest.append(line) }
    return (await process.status(), rest)
  }

  /// Asks the server to end, as `kill` does.
  func terminate() { process.terminate() }
  func status() async -> Int32 { await process.status() }
}
