#if Client
/// Something that goes wrong on purpose, with one request.
public struct SandboxFault: Sendable, Hashable, Codable {
  /// What goes wrong.
  public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
    /// The connection is reset; the request has no effect.
    case resetBefore = "reset-before"
    /// The request has its effect, and the connection is reset instead of an answer.
    case resetAfter = "reset-after"
    /// The request has its effect, and the answer stops in the middle.
    case stall
    /// No answer ever comes; the request has no effect.
    case hang
    /// The answer comes late (``SandboxConfiguration/faultDelay``).
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
    /// A job in a status nobody knows.
    case unknownStatus = "unknown-status"
    /// A successful job that names no results.
    case emptySuccess = "empty-success"
    /// A job whose results are smaller than asked for.
    case wrongSize = "wrong-size"
    /// A job that ends `failure`.
    case jobFailure = "job-failure"
    /// 403 of the CDN, as for an expired URL.
    case expiredURL = "expired-url"

    /// True for the kinds that need the relay, since the server by itself cannot drop a connection.
    var needsRelay: Bool { relayAction != nil }

    /// What the relay is told to do with the answer.
    var relayAction: RelayAction? {
      switch self {
      case .resetBefore, .resetAfter: .reset
      case .stall: .stall
      case .hang: .hang
      default: nil
      }
    }

    /// True when it can happen to this operation.
    func fits(_ operation: String) -> Bool {
      switch self {
      case .unknownStatus, .emptySuccess: operation == "getJob"
      case .wrongSize, .jobFailure: operation.hasPrefix("generate")
      case .expiredURL: operation == SandboxService.fileOperation
      default: true
      }
    }
  }

  /// What goes wrong.
  public var kind: Kind
  /// The operation it happens to: an operation id of the OpenAPI file, `part` (the bytes of an upload's part) or `file`
  /// (a download); nil for any that the kind fits.
  public var operation: String?
  /// Requests of that operation that are let pass first.
  public var skip: Int
  /// Requests it happens to.
  public var count: Int

  /// Makes a fault.
  public init(_ kind: Kind, on operation: String? = nil, skip: Int = 0, count: Int = 1) {
    self.kind = kind
    self.operation = operation
    self.skip = skip
    self.count = count
  }

  private enum CodingKeys: String, CodingKey { case kind, operation, skip, count }

  /// Reads `{"kind":…,"operation":…,"skip":0,"count":1}`; all but the kind may be left out.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    kind = try fields.decode(Kind.self, forKey: .kind)
    operation = try fields.given(String.self, .operation)
    skip = try fields.integer(.skip) ?? 0
    count = try fields.integer(.count) ?? 1
  }
}

/// Faults drawn at random, the same ones for the same seed and order of requests.
public struct SandboxFaultPlan: Sendable, Equatable {
  /// Where the draw begins.
  public var seed: UInt64
  /// How many requests of all something goes wrong with, 0 to 1.
  public var rate: Double
  /// What may go wrong.
  public var kinds: [SandboxFault.Kind]

  /// Makes a plan.
  public init(seed: UInt64, rate: Double, kinds: [SandboxFault.Kind] = SandboxFault.Kind.allCases) {
    self.seed = seed
    self.rate = rate
    self.kinds = kinds
  }
}

/// What a sandbox has done, so that a test can ask whether anything was paid twice.
public struct SandboxStatistics: Sendable, Equatable, Encodable {
  /// Requests by operation id, answered or not.
  public internal(set) var requests: [String: Int] = [:]
  /// Faults by kind.
  public internal(set) var faults: [String: Int] = [:]
  /// Jobs created and not refunded, which is jobs paid.
  public internal(set) var jobs = 0
  /// Jobs that failed, which are refunded.
  public internal(set) var refundedJobs = 0
  /// Jobs paid by what was asked for: a digest of the request with the source's bytes in place of its asset id.
  public internal(set) var jobsByIntent: [String: Int] = [:]

  /// Different things that were asked for.
  public var distinctIntents: Int { jobsByIntent.count }
}

/// Which faults are still to come.
struct FaultScript: Sendable {
  private var queue: [SandboxFault]
  private let plan: SandboxFaultPlan?
  private var state: UInt64

  init(_ faults: [SandboxFault], plan: SandboxFaultPlan?) {
    queue = faults
    self.plan = plan
    state = plan?.seed ?? 0
  }

  /// Takes more faults in.
  mutating func append(_ faults: [SandboxFault]) { queue += faults }

  /// What goes wrong with this request, if anything does.
  mutating func draw(_ operation: String) -> SandboxFault.Kind? {
    for index in queue.indices {
      let fault = queue[index]
      guard fault.count > 0, fault.operation ?? operation == operation, fault.kind.fits(operation) else { continue }
      guard fault.skip == 0 else {
        queue[index].skip -= 1
        continue
      }
      queue[index].count -= 1
      return fault.kind
    }
    guard let plan else { return nil }
    let (chance, choice) = (random(), random())
    guard Double(chance >> 11) * 0x1p-53 < plan.rate else { return nil }
    let kinds = plan.kinds.filter { $0.fits(operation) }
    return kinds.isEmpty ? nil : kinds[Int(choice % UInt64(kinds.count))]
  }

  /// SplitMix64 (Steele, Lea and Flood 2014).
  private mutating func random() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
#endif
