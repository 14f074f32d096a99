/// A deliberate fault of single requests.
package struct SandboxFault: Sendable, Hashable, Codable {
  /// The kind of fault.
  package enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
    /// The connection is reset; the request has no effect.
    case resetBefore = "reset-before"
    /// The request has its effect, and the connection is reset instead of a reply.
    case resetAfter = "reset-after"
    /// The request has its effect, and the reply stops in the middle.
    case stall
    /// No reply ever comes; the request has no effect.
    case hang
    /// The reply comes late (``SandboxConfiguration/faultDelay``).
    case delay
    /// 429 with `remainingSeconds`.
    case coolDown = "cool-down"
    /// 429 `PlanLimitReachedError` about parallel jobs.
    case concurrency
    /// 429 `PlanLimitReachedError` about creative units.
    case quota
    /// 429 of the gateway.
    case throttle
    /// 500, without effect.
    case serverError = "server-error"
    /// 500, after the effect.
    case serverErrorAfter = "server-error-after"
    /// 502 with an HTML body, without effect.
    case badGateway = "bad-gateway"
    /// A job in an undocumented status.
    case unknownStatus = "unknown-status"
    /// A successful job that names no results.
    case emptySuccess = "empty-success"
    /// A job whose results are smaller than requested.
    case wrongSize = "wrong-size"
    /// A job that ends `failure`.
    case jobFailure = "job-failure"
    /// 403 of the CDN, as for an expired URL.
    case expiredURL = "expired-url"

    /// True for the kinds that need the relay, because the server itself cannot drop a connection.
    var needsRelay: Bool { relayAction != nil }

    /// The relay's handling of the reply; nil for a fault of another kind.
    var relayAction: RelayAction? {
      switch self {
      case .resetBefore, .resetAfter: .reset
      case .stall: .stall
      case .hang: .hang
      default: nil
      }
    }

    /// True when this operation can have the fault.
    func fits(_ operation: String) -> Bool {
      switch self {
      case .unknownStatus, .emptySuccess: operation == "getJob"
      case .wrongSize, .jobFailure: operation.hasPrefix("generate")
      case .expiredURL: operation == SandboxFault.fileOperation
      default: true
      }
    }
  }

  /// The download of a file and the upload of a part, which are not operations of the OpenAPI file.
  static let (fileOperation, partOperation) = ("file", "part")

  /// The kind of fault.
  package var kind: Kind
  /// The operation with the fault: an operation id of the OpenAPI file, `part` (the bytes of an upload's part) or
  /// `file` (a download); nil for every operation that the kind fits.
  package var operation: String?
  /// The number of requests of that operation that succeed first.
  package var skip: Int
  /// The number of requests with the fault.
  package var count: Int

  /// Makes a fault.
  package init(_ kind: Kind, on operation: String? = nil, skip: Int = 0, count: Int = 1) {
    self.kind = kind
    self.operation = operation
    self.skip = skip
    self.count = count
  }

  private enum CodingKeys: String, CodingKey { case kind, operation, skip, count }

  /// Reads `{"kind":…,"operation":…,"skip":0,"count":1}`; all but the kind may be left out.
  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    kind = try fields.decode(Kind.self, forKey: .kind)
    operation = try fields.given(String.self, .operation)
    skip = try fields.integer(.skip) ?? 0
    count = try fields.integer(.count) ?? 1
  }
}
