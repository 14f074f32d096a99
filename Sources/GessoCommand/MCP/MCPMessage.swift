internal import Foundation
internal import GessoPipeline
internal import ScenarioAPI

/// A message of JSON-RPC 2.0 from a client.
enum MCPMessage: Sendable, Equatable {
  case request(id: JSONValue, method: String, params: JSONValue?)
  case notification(method: String, params: JSONValue?)
  /// A response. It is ignored, because this server sends no requests.
  case response
  /// An invalid message. The reply is an error, with the id of the message if it has one.
  case invalid(id: JSONValue, MCPError)

  /// Reads the value of a line.
  init(_ value: JSONValue) {
    guard case .object(let members) = value else {
      self = .invalid(id: .null, .invalidRequest("a message is an object"))
      return
    }
    let id = members["id"]
    let answered = id.flatMap { Self.isID($0) ? $0 : nil } ?? .null
    guard members["jsonrpc"] == .string("2.0") else {
      self = .invalid(id: answered, .invalidRequest("jsonrpc is not 2.0"))
      return
    }
    guard case .string(let method)? = members["method"] else {
      let isResponse = members["method"] == nil && (members["result"] != nil || members["error"] != nil)
      self = isResponse ? .response : .invalid(id: answered, .invalidRequest("method is not text"))
      return
    }
    if let params = members["params"], params.members == nil {
      self = .invalid(id: answered, .invalidParams("params are not an object"))
    } else if let id {
      self =
        Self.isID(id)
        ? .request(id: id, method: method, params: members["params"])
        : .invalid(id: .null, .invalidRequest("an id is a text or a whole number"))
    } else {
      self = .notification(method: method, params: members["params"])
    }
  }

  private static func isID(_ value: JSONValue) -> Bool {
    switch value {
    case .string, .integer: true
    case .number(let number): number == number.rounded()
    default: false
    }
  }
}

/// An error of the protocol, not of a tool.
struct MCPError: Error, Sendable, Equatable {
  /// JSON-RPC's number, or one of the Model Context Protocol's own.
  let code: Int
  let message: String
  /// The supported revisions, in the error for a request with another one.
  var supported: [String]?
  var requested: String?

  static func parse(_ message: String) -> MCPError { MCPError(code: -32_700, message: message) }
  static func invalidRequest(_ message: String) -> MCPError { MCPError(code: -32_600, message: message) }
  static func unknownMethod(_ name: String) -> MCPError {
    MCPError(code: -32_601, message: "there is no method \(name)")
  }
  static func invalidParams(_ message: String) -> MCPError { MCPError(code: -32_602, message: message) }
  static func unsupportedRevision(_ requested: String) -> MCPError {
    MCPError(
      code: -32_022, message: "Unsupported protocol version", supported: ProtocolRevision.all, requested: requested)
  }

  /// The response to a request.
  func response(to id: JSONValue) -> JSONObject {
    var error: JSONObject = ["code": code, "message": message]
    if let supported { error = error.adding(["data": ["supported": supported, "requested": requested] as JSONObject]) }
    return ["jsonrpc": "2.0", "id": id, "error": error]
  }
}

/// The supported revisions of the Model Context Protocol.
enum ProtocolRevision {
  /// The revision without a handshake: each request names it.
  static let stateless = "2026-07-28"
  /// The revisions that a client agrees upon by `initialize`, the latest first.
  static let negotiated = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]
  /// The only revision in which a line may be a list of messages.
  static let withBatches = "2025-03-26"
  static let all = [stateless] + negotiated
}

extension JSONValue {
  /// The members of an object; nil for anything else.
  var members: [String: JSONValue]? { if case .object(let members) = self { members } else { nil } }
  /// A member of an object; nil if there is none.
  subscript(name: String) -> JSONValue? { members?[name] }
  /// A text; nil for anything else.
  var text: String? { if case .string(let text) = self { text } else { nil } }
  /// A list; nil for anything else.
  var list: [JSONValue]? { if case .array(let list) = self { list } else { nil } }
}
