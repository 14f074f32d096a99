internal import Foundation
internal import GessoPipeline
internal import Ground
internal import ScenarioAPI
internal import Synchronization

/// A server of the Model Context Protocol that offers only tools.
///
/// It serves clients that begin with `initialize`, and those whose requests name the revision 2026-07-28 themselves, side by side.
/// Tools run concurrently; every other request gets its reply before the next line is read.
final class MCPServer: Sendable {
  /// The way in which a message gets its reply.
  private enum Answer {
    case none
    case now(JSONObject)
    /// The response of a tool; nil when the request was canceled.
    case later(Task<JSONObject?, Never>)
  }

  /// The revision of the protocol that the reply to a request follows.
  private enum Revision { case negotiated, stateless }

  private struct State {
    /// The revision that `initialize` agreed upon.
    var negotiated: String?
    var running: [JSONValue: Task<JSONObject?, Never>] = [:]
    /// The reader of the replies has closed its end.
    var isClosed = false
  }

  /// The most tools that run at a time.
  static let mostCalls = 16

  private let tools: ToolList
  private let write: @Sendable (String) throws -> Void
  private let state = Mutex(State())

  /// Makes a server.
  ///
  /// - Parameters:
  ///   - tools: The tools.
  ///   - write: Sends one message.
  init(tools: ToolList, write: @escaping @Sendable (String) throws -> Void) {
    self.tools = tools
    self.write = write
  }

  /// Handles lines until the input ends, or until the reader of the replies closes its end. Then it cancels the running tools and waits
  /// until they have ended.
  func serve(_ next: () async -> ProtocolStreams.Line?) async {
    await withDiscardingTaskGroup { group in
      while !state.withLock(\.isClosed), let line = await next() {
        for answer in answers(to: line) {
          switch answer {
          case .none: break
          case .now(let response): send(response)
          case .later(let task):
            group.addTask { [self] in if let response = await task.value { send(response) } }
          }
        }
      }
      for task in state.withLock({ Array($0.running.values) }) { task.cancel() }
    }
  }

  private func send(_ response: some Encodable) {
    do {
      try write(JSONText.line(response))
    } catch {
      state.withLock { $0.isClosed = true }
    }
  }

  // MARK: Messages

  private func answers(to line: ProtocolStreams.Line) -> [Answer] {
    guard case .bytes(let bytes) = line else {
      let longest = ProtocolStreams.longestLine
      return [.now(MCPError.invalidRequest("a line has at most \(longest) bytes").response(to: .null))]
    }
    // White space between messages is ignored.
    if bytes.allSatisfy({ [0x20, 0x09, 0x0D].contains($0) }) { return [] }
    let value: JSONValue
    do {
      value = try JSONText.value(JSONValue.self, of: bytes)
    } catch {
      let excess = error as? JSONNesting.Excess
      return [
        .now(MCPError.parse(excess.map { "in the line \($0.message)" } ?? "the line is not JSON").response(to: .null))
      ]
    }
    guard let list = value.list else { return [answer(to: MCPMessage(value))] }
    guard state.withLock(\.negotiated) == ProtocolRevision.withBatches, !list.isEmpty else {
      let reason = "a line is one message; lists of them are of the revision \(ProtocolRevision.withBatches) alone"
      return [.now(MCPError.invalidRequest(reason).response(to: .null))]
    }
    return [answer(toAll: list)]
  }

  /// The reply to a list of messages: the list of their replies, without those that need none.
  private func answer(toAll list: [JSONValue]) -> Answer {
    let answers = list.map { answer(to: MCPMessage($0)) }
    let task = Task { () -> JSONObject? in
      var responses: [JSONObject] = []
      for answer in answers {
        switch answer {
        case .none: break
        case .now(let response): responses.append(response)
        case .later(let task): if let response = await task.value { responses.append(response) }
        }
      }
      if !responses.isEmpty { send(responses) }
      return nil
    }
    return .later(task)
  }

  private func answer(to message: MCPMessage) -> Answer {
    switch message {
    case .request(let id, let method, let params):
      do throws(MCPError) {
        return try answer(to: method, params, id)
      } catch {
        return .now(error.response(to: id))
      }
    case .notification("notifications/cancelled", let params):
      if let id = params?["requestId"] { state.withLock { $0.running[id] }?.cancel() }
      return .none
    case .notification, .response: return .none
    case .invalid(let id, let error): return .now(error.response(to: id))
    }
  }

  private func answer(to method: String, _ params: JSONValue?, _ id: JSONValue) throws(MCPError) -> Answer {
    func now(_ result: JSONObject) -> Answer { .now(["jsonrpc": "2.0", "id": id, "result": result]) }
    if method == "initialize" { return now(try initialized(params)) }
    let revision = try revision(of: method, params)
    switch (method, revision) {
    case ("ping", .negotiated): return now([:])
    case ("server/discover", .stateless): return now(Self.kept(discovered()))
    case ("tools/list", _):
      guard params?["cursor"] == nil else { throw .invalidParams("the list of tools has one page") }
      let list: JSONObject = ["tools": tools.descriptions]
      return now(revision == .stateless ? Self.kept(list) : list)
    case ("tools/call", _): return .later(try call(params, id, revision))
    default: throw .unknownMethod(method)
    }
  }

  // MARK: Revisions

  private func revision(of method: String, _ params: JSONValue?) throws(MCPError) -> Revision {
    if let named = params?["_meta"]?["io.modelcontextprotocol/protocolVersion"] {
      guard let text = named.text else { throw .invalidParams("the protocol version is not text") }
      guard text == ProtocolRevision.stateless else { throw .unsupportedRevision(text) }
      guard params?["_meta"]?["io.modelcontextprotocol/clientCapabilities"]?.members != nil else {
        throw .invalidParams("_meta has no io.modelcontextprotocol/clientCapabilities")
      }
      return .stateless
    }
    if method == "server/discover" { throw .unknownMethod(method) }
    guard method == "ping" || state.withLock({ $0.negotiated != nil }) else {
      throw .invalidParams(
        "the request names no protocol version: send initialize first, or "
          + "io.modelcontextprotocol/protocolVersion in _meta (\(ProtocolRevision.all.joined(separator: ", ")))")
    }
    return .negotiated
  }

  private func initialized(_ params: JSONValue?) throws(MCPError) -> JSONObject {
    guard let asked = params?["protocolVersion"]?.text else {
      throw .invalidParams("initialize needs a protocolVersion")
    }
    // The reply to an unknown revision names the latest one of this server, and the client decides.
    let agreed = ProtocolRevision.negotiated.contains(asked) ? asked : ProtocolRevision.negotiated[0]
    state.withLock { $0.negotiated = agreed }
    return [
      "protocolVersion": agreed, "capabilities": Self.capabilities, "serverInfo": Self.identity,
      "instructions": tools.instructions,
    ]
  }

  private func discovered() -> JSONObject {
    [
      "supportedVersions": ProtocolRevision.all, "capabilities": Self.capabilities,
      "instructions": tools.instructions,
    ]
  }

  private static let capabilities: JSONObject = ["tools": [:] as JSONObject]
  private static let identity: JSONObject = ["name": "gesso", "title": "Gesso", "version": Version.current]

  /// A result of the stateless revision.
  private static func complete(_ result: JSONObject) -> JSONObject {
    result.adding([
      "resultType": "complete", "_meta": ["io.modelcontextprotocol/serverInfo": identity] as JSONObject,
    ])
  }

  /// A result of the stateless revision that may be kept as long as the server runs.
  private static func kept(_ result: JSONObject) -> JSONObject {
    complete(result).adding(["ttlMs": 3_600_000, "cacheScope": "private"])
  }

  // MARK: Tools

  /// The result of a call while too many others run.
  private static let busy = ToolResult(
    failure: CommandError(
      "busy", stage: .configure, "\(mostCalls) calls are running", remedy: "call again when one has ended",
      status: .limit))

  private func call(
    _ params: JSONValue?, _ id: JSONValue, _ revision: Revision
  ) throws(MCPError) -> Task<JSONObject?, Never> {
    guard let name = params?["name"]?.text else { throw .invalidParams("a call names a tool") }
    guard let tool = tools[name] else {
      throw .invalidParams("there is no tool \(name); there are \(tools.names.joined(separator: ", "))")
    }
    let given = params?["arguments"] ?? .null
    guard let arguments = given == .null ? [:] : given.members else {
      throw .invalidParams("arguments are not an object")
    }
    return try state.withLock { state throws(MCPError) in
      guard state.running[id] == nil else { throw .invalidRequest("a request with this id is running") }
      let isFull = state.running.count >= Self.mostCalls
      let task = Task { [self] () -> JSONObject? in
        let result = isFull ? Self.busy : await tools.result(of: tool, arguments)
        self.state.withLock { $0.running[id] = nil }
        guard !Task.isCancelled else { return nil }
        let object = result.json
        return [
          "jsonrpc": "2.0", "id": id, "result": revision == .stateless ? Self.complete(object) : object,
        ]
      }
      state.running[id] = task
      return task
    }
  }
}
