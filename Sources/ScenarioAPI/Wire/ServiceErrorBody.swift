internal import Foundation

/// The content of the body of a refusal, in any of its shapes (contract, section 10).
struct ServiceErrorBody: Equatable {
  /// The service's message, made printable; nil if there is none.
  var reason: String?
  /// The service's error class.
  var name: String?
  /// The action that the plan limits, for example `parallel-inferences`.
  var limitedAction: String?
  /// The plan's limit for that action; 0 if the plan does not have it at all.
  var actionLimit: Int?
  /// The field of the request that the refusal is about.
  var parameter: String?
  /// The remaining seconds of a cool-down.
  var remainingSeconds: Double?
  /// The service's id of the request.
  var traceID: String?
  /// The whole body in lower case.
  private let text: String

  /// Reads a body: JSON of any shape, otherwise HTML or plain text.
  init(_ bytes: [UInt8]) {
    // Bodies of refusals are small; the rest of a larger one is not read.
    let bytes = Array(bytes.prefix(64 << 10))
    text = String(decoding: bytes, as: UTF8.self).lowercased()
    guard let fields = try? ReplyJSON.value(Fields.self, of: bytes) else {
      reason = Self.text(String(decoding: bytes, as: UTF8.self))
      return
    }
    let reasons = [fields.reason, fields.message, fields.error?.text, fields.detail]
    reason = reasons.lazy.compactMap { $0.map(printable) }.first { !$0.isEmpty }
    name = fields.name.map(printable)
    limitedAction = fields.details?.actionName
    actionLimit = fields.details?.actionLimit.flatMap { Int(exactly: $0) }
    parameter = fields.details?.parameter
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
      let actionName, parameter: String?
      let actionLimit, remainingSeconds: Double?

      enum Key: String, CodingKey { case actionName, parameter, actionLimit, remainingSeconds }
      init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        actionName = fields.lenient(forKey: .actionName)
        parameter = fields.lenient(forKey: .parameter)
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

// The subject of a refusal. The service documents no codes for these, so the text has to be matched.

extension ServiceErrorBody {
  /// True when a word is anywhere in the body, in upper or lower case.
  func mentions(_ word: String) -> Bool { text.contains(word.lowercased()) }

  /// True when the account has too little credit. The words are those that clients of the service look for (contract, section 15).
  ///
  /// A limit that ends after a time, and a limit of parallel jobs, are other refusals.
  var isAboutCredit: Bool {
    guard remainingSeconds == nil, limitedAction?.hasPrefix("parallel") != true else { return false }
    let words = "\(reason ?? "") \(name ?? "")".lowercased()
    return ["insufficient", "exhausted"].contains { words.contains($0) }
      && ["credit", "creative unit", "creativeunit", "quota"].contains { words.contains($0) }
  }

  /// True if the body mentions the model of the generation, or any model.
  func mentionsModel(of generation: HTTPRequest.Generation) -> Bool {
    mentions("model") || mentions(generation.modelID)
  }

  /// True when a refusal is about the model of a generation itself, not about a field that the model does not take.
  func refusesModel(of generation: HTTPRequest.Generation?) -> Bool {
    guard let generation else { return false }
    if parameter?.lowercased() == "modelid" { return true }
    let words = (reason ?? "").lowercased().replacing(generation.modelID.lowercased(), with: "model")
    let isSubject = words.contains(
      /\bmodel(?:\s?id)?\b[^.;,]*?\b(?:not found|not supported|unsupported|unknown|unavailable|not available|not exist|no longer|deprecated|removed|retired|disabled|runs|not reachable)\b/
    )
    return isSubject
      || words.contains(/\b(?:unknown|unsupported|invalid|deprecated|retired|no such)\s+(?:base\s?)?model\b/)
  }
}
