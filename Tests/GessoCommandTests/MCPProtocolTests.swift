import Foundation
import TestSupport
import Testing

@Suite("gesso mcp: the protocol")
struct MCPProtocolTests {
  let gesso: GessoExecutable
  init() throws { gesso = try GessoExecutable() }

  /// Sends a line and a ping after it, and returns the messages before the reply to the ping.
  private func answers(to line: String, _ assistant: Assistant) async throws -> [Any] {
    try assistant.send(line)
    try assistant.send(#"{"jsonrpc":"2.0","id":"fence","method":"ping"}"#)
    var answers: [Any] = []
    while true {
      let answer = try await assistant.next()
      if (answer as? [String: Any])?["id"] as? String == "fence" { return answers }
      answers.append(answer)
    }
  }

  @Test(
    "a line that is not a request gets an error of JSON-RPC, or no reply, and the server continues",
    arguments: [
      // The line, the code of the error (0 for no reply), and the id in the reply.
      ("{", -32700, "null"), ("\u{FF}", -32700, "null"), ("[1,", -32700, "null"), ("", 0, ""), ("  \t", 0, ""),
      ("5", -32600, "null"), ("\"text\"", -32600, "null"), ("null", -32600, "null"), ("{}", -32600, "null"),
      (#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#, -32600, "7"), (#"{"id":7,"method":"ping"}"#, -32600, "7"),
      (#"{"jsonrpc":"2.0","id":7,"method":5}"#, -32600, "7"), (#"{"jsonrpc":"2.0","id":7}"#, -32600, "7"),
      (#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600, "null"),
      (#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, -32600, "null"),
      (#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, -32600, "null"),
      (#"{"jsonrpc":"2.0","id":7,"method":"ping","params":[1]}"#, -32602, "7"),
      (#"{"jsonrpc":"2.0","id":7,"method":"no/such"}"#, -32601, "7"),
      (#"{"jsonrpc":"2.0","id":"a","method":"resources/list"}"#, -32601, "a"),
      (#"{"jsonrpc":"2.0","id":7,"method":"tools/call"}"#, -32602, "7"),
      (#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"rm"}}"#, -32602, "7"),
      (#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"budget","arguments":[]}}"#, -32602, "7"),
      (#"{"jsonrpc":"2.0","id":7,"method":"tools/list","params":{"cursor":"x"}}"#, -32602, "7"),
      (#"{"jsonrpc":"2.0","id":7,"method":"initialize","params":{}}"#, -32602, "7"),
      (#"[{"jsonrpc":"2.0","id":7,"method":"ping"}]"#, -32600, "null"), ("[]", -32600, "null"),
      (#"{"jsonrpc":"2.0","method":"no/such"}"#, 0, ""), (#"{"jsonrpc":"2.0","id":7,"result":{}}"#, 0, ""),
      (#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":12}}"#, 0, ""),
      (#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#, 0, ""),
      (String(repeating: "[", count: 65), -32700, "null"), (String(repeating: "[", count: 1_000_000), -32700, "null"),
      (
        #"{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":"# + String(repeating: "[", count: 1_000_000), -32700,
        "null"
      ),
      (#"{"jsonrpc":"2.0","id":7,"method":""# + String(repeating: "x", count: 1 << 20) + #""}"#, -32600, "null"),
    ])
  func lines(line: String, code: Int, id: String) async throws {
    let assistant = try await Assistant(gesso)
    let answers = try await answers(to: line, assistant)
    #expect(answers.count == (code == 0 ? 0 : 1), "\(answers)")
    if let answer = answers.first as? [String: Any] {
      #expect((answer["error"] as? [String: Any])?["code"] as? Int == code, "\(answer)")
      let found = answer["id"].map { $0 is NSNull ? "null" : "\($0)" }
      #expect(found == id, "\(answer)")
    }
    let (status, rest) = try await assistant.end()
    #expect(status == 0 && rest == [])
  }

  @Test("a line of many megabytes is not kept, and later lines are answered")
  func hugeLine() async throws {
    let assistant = try await Assistant(gesso)
    let answers = try await answers(to: String(repeating: "x", count: 20 << 20), assistant)
    #expect(answers.count == 1)
    #expect(try await assistant.end().status == 0)
  }

  @Test(
    "initialize agrees on a revision that both have, or offers the latest",
    arguments: [
      ("2025-11-25", "2025-11-25"), ("2025-06-18", "2025-06-18"), ("2025-03-26", "2025-03-26"),
      ("2024-11-05", "2024-11-05"), ("2026-07-28", "2025-11-25"), ("1999-01-01", "2025-11-25"),
    ])
  func negotiates(asked: String, agreed: String) async throws {
    let assistant = try await Assistant(gesso, revision: nil)
    let reply = try await assistant.request("initialize", ["protocolVersion": asked])
    let result = try #require(reply["result"] as? [String: Any])
    #expect(result["protocolVersion"] as? String == agreed)
    #expect((result["capabilities"] as? [String: Any])?.keys.sorted() == ["tools"])
    #expect((result["serverInfo"] as? [String: Any])?["name"] as? String == "gesso")
    #expect(try await assistant.end().status == 0)
  }

  @Test("a list of messages is answered by a list, in the revision that has them")
  func batches() async throws {
    let assistant = try await Assistant(gesso, revision: "2025-03-26")
    let line =
      #"[{"jsonrpc":"2.0","id":7,"method":"ping"},{"jsonrpc":"2.0","method":"x"},{"jsonrpc":"2.0","id":8,"method":"x"}]"#
    try assistant.send(line)
    let answers = try #require(try await assistant.next() as? [[String: Any]])
    #expect(answers.compactMap { $0["id"] as? Int } == [7, 8])
    #expect(try await assistant.end().status == 0)
  }

  /// The metadata of a request of the stateless revision.
  private static func meta(_ revision: Any = "2026-07-28") -> [String: Any] {
    [
      "_meta": [
        "io.modelcontextprotocol/protocolVersion": revision, "io.modelcontextprotocol/clientCapabilities": [:],
      ]
    ]
  }

  @Test("requests of the stateless revision need no handshake")
  func stateless() async throws {
    let assistant = try await Assistant(gesso, revision: nil)
    let found = try await assistant.request("server/discover", Self.meta())
    let discovered = try #require(found["result"] as? [String: Any])
    #expect(discovered["resultType"] as? String == "complete")
    #expect((discovered["supportedVersions"] as? [String])?.first == "2026-07-28")
    #expect(discovered["ttlMs"] is Int && discovered["cacheScope"] as? String == "private")
    let meta = try #require(discovered["_meta"] as? [String: Any])
    #expect((meta["io.modelcontextprotocol/serverInfo"] as? [String: Any])?["name"] as? String == "gesso")
    let listed = try await assistant.request("tools/list", Self.meta())
    #expect(((listed["result"] as? [String: Any])?["tools"] as? [Any])?.count == 8)
    let called = try await assistant.request("tools/call", Self.meta().merging(["name": "budget"]) { $1 })
    #expect((called["result"] as? [String: Any])?["resultType"] as? String == "complete")
    #expect(try await assistant.end().status == 0)
  }

  @Test(
    "a request that names no revision, one that this server does not have, or too little is refused",
    arguments: ["none", "2099-01-01", "2025-11-25", "number", "no capabilities", "ping"])
  func refusesRevisions(named: String) async throws {
    let assistant = try await Assistant(gesso, revision: nil)
    let (params, method): ([String: Any], String) =
      switch named {
      case "none": ([:], "tools/list")
      case "number": (Self.meta(5), "tools/list")
      case "no capabilities":
        (["_meta": ["io.modelcontextprotocol/protocolVersion": "2026-07-28"]], "tools/list")
      case "ping": (Self.meta(), "ping")
      default: (Self.meta(named), "tools/list")
      }
    let reply = try await assistant.request(method, params)
    let error = try #require(reply["error"] as? [String: Any])
    let isRevision = named.hasPrefix("20")
    #expect(error["code"] as? Int == (isRevision ? -32022 : named == "ping" ? -32601 : -32602))
    if isRevision {
      let data = try #require(error["data"] as? [String: Any])
      #expect(data["requested"] as? String == named && (data["supported"] as? [String])?.count == 5)
    }
    #expect(try await assistant.end().status == 0)
  }

  @Test(
    "a last line without a line feed is a message, too",
    arguments: [
      (#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#, #""result":{}"#), ("{", "-32700"),
      (String(repeating: "x", count: 20 << 20), "-32600"),
    ])
  func lastLine(line: String, part: String) async throws {
    try gesso.write(line, to: "lines")
    let outcome = try await gesso.run(["mcp"], input: gesso.folder.appending(path: "lines"))
    #expect(outcome.status == 0 && outcome.text.split(separator: "\n").count == 1, "\(outcome.text)")
    #expect(outcome.text.contains(part), "\(outcome.text)")
  }

  @Test("SIGTERM ends the server as the end of its input does")
  func terminated() async throws {
    let assistant = try await Assistant(gesso)
    assistant.terminate()
    #expect(await assistant.status() == 0)
  }
}
