internal import Foundation

/// The content of the body of a refusal, in any of its shapes (contract, section 10).
struct ServiceErrorBody: Equatable {
  /// The service's message, made printable; nil where there is none.
  var reason: String?
  /// The service's error class.
  var name: String?
  /// The action that the plan limits, for example `parallel-inferences`.
  var limitedAction: String?
  /// The plan's limit for that action.
  var actionLimit: Int?
  /// The remaining seconds of a cool-down.
  var remainingSeconds: Double?
  /// The service's name of the request.
  var traceID: String?

  /// Reads a body: JSON of any shape, otherwise HTML or plain text.
  init(_ bytes: [UInt8]) {
    // Bodies of refusals are small; the rest of a larger one is not read.
    let bytes = bytes.prefix(64 << 10)
    guard let fields = try? JSONDecoder().decode(Fields.self, from: Data(bytes)) else {
      reason = Self.text(String(decoding: bytes, as: UTF8.self))
      return
    }
    let reasons = [fields.reason, fields.message, fields.error?.text, fields.detail]
    reason = reasons.lazy.compactMap { $0.map(printable) }.first { !$0.isEmpty }
    name = fields.name.map(printable)
    limitedAction = fields.details?.actionName
    actionLimit = fields.details?.actionLimit.flatMap { Int(exactly: $0) }
    remainingSeconds = fields.details?.remainingSeconds ?? fields.remainingSeconds
    traceID = (fields.traceId ?? fields.trace_id).map(printable)
  }

  /// The title or the text of an HTML page, or the text of another body: 200 characters at most, nil when it is empty.
  private static func text(_ body: String) -> String? {
    var text = String(body.prefix(4096))
    if let title = text.firstMatch(of: /<title[^>]*>([^<]+)<\/title>/.ignoresCase()) { text = String(title.output.1) }
    let plain = String(printable(text.replacing(/<[^>]*>/, with: " ")).prefix(200))
    return plain.isEmpty ? nil : plain
  }

  /// Fields of the wrong type count as absent, so that one odd field does not hide the others.
  private struct Fields: Decodable {
    struct Details: Decodable {
      let actionName: String?
      let actionLimit, remainingSeconds: Double?

      enum Key: String, CodingKey { case actionName, actionLimit, remainingSeconds }
      init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        actionName = fields.lenient(forKey: .actionName)
        actionLimit = fields.lenient(forKey: .actionLimit)
        remainingSeconds = fields.lenient(forKey: .remainingSeconds)
      }
    }

    let reason, message, detail, name, traceId, trace_id: String?
    let error: ServiceWords?
    let details: Details?
    let remainingSeconds: Double?

    enum Key: String, CodingKey {
      case reason, message, detail, name, traceId, trace_id, error, details, remainingSeconds
    }
    init(from decoder: any Decoder) throws {
      let fields = try decoder.container(keyedBy: Key.self)
      reason = fields.lenient(forKey: .reason)
      message = fields.lenient(forKey: .message)
      detail = fields.lenient(forKey: .detail)
      name = fields.lenient(forKey: .name)
      traceId = fields.lenient(forKey: .traceId)
      trace_id = fields.lenient(forKey: .trace_id)
      error = fields.lenient(forKey: .error)
      details = fields.lenient(forKey: .details)
      remainingSeconds = fields.lenient(forKey: .remainingSeconds)
    }
  }
}
