internal import FlyingFox
internal import Foundation
internal import enum Ground.JSONValue
internal import Synchronization

/// The body of `POST /sandbox/disagreements`, and its reply.
struct DisagreementsBody: Codable {
  let disagreements: [SandboxDisagreement]
}

extension SandboxService {
  /// The disagreements that hold for all requests.
  var disagreements: Set<SandboxDisagreement> { state.withLock(\.disagreements) }

  /// Switches disagreements on, and all others off.
  func disagree(_ kinds: Set<SandboxDisagreement>) {
    state.withLock { ($0.disagreements, $0.listings) = (kinds, [:]) }
  }

  /// The disagreements that hold for one job: those for all requests, and those of its order.
  private func disagreements(of job: Job) -> Set<SandboxDisagreement> {
    guard let seed = configuration.disagreementSeed else { return disagreements }
    return disagreements.union(SandboxDisagreement.drawn(seed: seed, order: job.input.prompt))
  }

  // MARK: The clock

  /// Seconds by which the clock that clients see is ahead of ``now``.
  private var skew: Double {
    var kinds = disagreements
    if let seed = configuration.disagreementSeed { kinds.insert(SandboxDisagreement.clock(seed: seed)) }
    return (kinds.contains(.clockAhead) ? 300 : 0) - (kinds.contains(.clockBehind) ? 300 : 0)
  }

  /// A time as clients see it.
  func shown(_ date: Date) -> Wire.Timestamp { Wire.Timestamp(date.addingTimeInterval(skew)) }

  /// The `Date` field of a reply.
  var shownDate: String { Wire.Timestamp.field(now.addingTimeInterval(skew)) }

  /// A time that a client gives, by the sandbox's own clock.
  func moment(_ name: String, of query: QueryParameters) throws(ServiceError) -> Date? {
    try query.date(name)?.addingTimeInterval(-skew)
  }

  // MARK: Refusals

  /// Refuses an operation that a disagreement switches off.
  func refuse(_ operation: String) throws(ServiceError) {
    let kinds = disagreements
    if kinds.contains(.pauseOfAnHour) { throw .pause(seconds: 3600) }
    guard operation.hasPrefix("generate") else { return }
    if operation != "generateCustom" {
      if kinds.contains(.gatewayForbids) { throw .missingToken }
      if kinds.contains(.legacyGone) { throw .noSuchPath }
      if kinds.contains(.modelRefused) { throw .badRequest("The model flux.1-dev is no longer supported") }
    }
    if kinds.contains(.paymentRequired) { throw .paymentRequired }
    if kinds.contains(.creditExhausted) { throw .badRequest("Insufficient creative units for this generation") }
  }

  /// Refuses to list several assets in one request, if one of them may belong to an order with that disagreement.
  func refuseBulk(_ assets: [Asset]) throws(ServiceError) {
    let jobs = state.withLock { state in assets.compactMap { $0.origin.flatMap { state.jobs[$0.jobID] } } }
    let isRefused =
      disagreements.contains(.bulkRefused) || jobs.contains { disagreements(of: $0).contains(.bulkRefused) }
    if isRefused { throw .forbidden }
  }

  /// Refuses the first reads of a job.
  func refuseFirstLooks(_ job: Job) throws(ServiceError) {
    guard disagreements(of: job).contains(.unknownAtFirst) else { return }
    let looks = state.withLock { state in
      state.looks[job.id, default: 0] += 1
      return state.looks[job.id, default: 0]
    }
    if looks <= 2 { throw .notFound("Job", job.id) }
  }

  // MARK: Replies

  /// A reply about one job.
  ///
  /// - Parameters:
  ///   - body: The reply as the documents describe it.
  ///   - job: The job, which is in `job`.
  ///   - isFlat: True to put the job's fields at the top level whatever is switched on.
  /// - Returns: The reply with the job's disagreements.
  func answer(_ body: some Encodable, about job: Job, isFlat: Bool = false) -> HTTPResponse {
    var kinds = disagreements(of: job)
    if isFlat { kinds.insert(.idsAtTop) }
    guard !kinds.isEmpty, var fields = [String: JSONValue](encoding: body) else { return .json(body) }
    if kinds.contains(.roundedNumbers), case .object(let inference)? = fields["inference"] {
      fields["inference"] = .object(inference.mapValues(\.rounded))
    }
    if kinds.contains(.sourceLeftOut), case .object(var inference)? = fields["inference"] {
      for key in Self.sourceKeys { inference[key] = nil }
      fields["inference"] = .object(inference)
    }
    guard case .object(let plain)? = fields["job"] else { return .json(fields) }
    let edited = disagreeing(plain, kinds)
    if kinds.contains(.idsAtTop) {
      fields["job"] = nil
      fields.merge(edited) { $1 }
    } else {
      fields["job"] = .object(edited)
    }
    return .json(fields)
  }

  /// The elements of a list for one job: the job, and the elements that a disagreement adds.
  func listed(_ job: Job, at now: Date) -> [JSONValue] {
    // The elements of ended jobs are kept, because clients read lists of thousands of jobs.
    let hasEnded = job.hasEnded(at: now)
    if hasEnded, let listing = state.withLock({ $0.listings[job.id] }) { return listing }
    let elements = elements(of: job, at: now)
    if hasEnded { state.withLock { $0.listings[job.id] = elements } }
    return elements
  }

  private func elements(of job: Job, at now: Date) -> [JSONValue] {
    let kinds = disagreements(of: job)
    guard let plain = [String: JSONValue](encoding: wire(job, at: now)) else { return [] }
    var elements: [JSONValue] = [.object(disagreeing(plain, kinds))]
    if kinds.contains(.oddSibling) {
      elements += [.null, .object(Self.sibling(of: job, created: plain["createdAt"] ?? .null))]
    }
    return elements
  }

  private static let sourceKeys = ["image", "imageId", "imageUrl"]

  /// A job of another kind, such as a job of a workflow. Its fields have other types than in the documents.
  private static func sibling(of job: Job, created: JSONValue) -> [String: JSONValue] {
    [
      "jobId": .string(job.id + "_sibling"), "jobType": .string("workflow"), "status": .string("failure"),
      "progress": .string("half"), "createdAt": created, "updatedAt": .number(7), "statusHistory": .null,
      "billing": .object([:]),
      "metadata": .object([
        "assetIds": .array([.null]), "error": .object(["code": .number(3)]), "hint": .array([.string("none")]),
        "input": .string("archived"),
      ]),
    ]
  }

  private func disagreeing(
    _ plain: [String: JSONValue], _ kinds: Set<SandboxDisagreement>
  ) -> [String: JSONValue] {
    var job = plain
    if case .object(var metadata)? = job["metadata"] {
      if case .object(let input)? = metadata["input"] { metadata["input"] = .object(disagreeing(input: input, kinds)) }
      if kinds.contains(.errorAsObject), let error = metadata["error"] {
        metadata["error"] = .object(["message": error, "code": .number(7)])
      }
      job["metadata"] = .object(metadata)
    }
    if kinds.contains(.billingWithoutCost) { job["billing"] = .object(["cuDiscount": .number(0)]) }
    if kinds.contains(.idOfJob) { (job["id"], job["jobId"]) = (job["jobId"], nil) }
    return job
  }

  private func disagreeing(
    input plain: [String: JSONValue], _ kinds: Set<SandboxDisagreement>
  ) -> [String: JSONValue] {
    var input = kinds.contains(.roundedNumbers) ? plain.mapValues(\.rounded) : plain
    if kinds.contains(.archivedPrompt) { input["prompt"] = .string("asset_archived_prompt") }
    if case .string(let id)? = input["image"] {
      if kinds.contains(.sourceAsImageID) { (input["imageId"], input["image"]) = (.string(id), nil) }
      if kinds.contains(.sourceAsURL) { input["image"] = .string(url(of: id, delivery: .transformed)) }
    }
    if kinds.contains(.sourceLeftOut) { for key in Self.sourceKeys { input[key] = nil } }
    return input
  }
}

extension [String: JSONValue] {
  /// The fields of a value that is encoded as an object; nil for any other.
  init?(encoding value: some Encodable) {
    guard let data = try? JSONEncoder().encode(value), let fields = try? JSONDecoder().decode(Self.self, from: data)
    else { return nil }
    self = fields
  }
}

extension JSONValue {
  /// The value, rounded to 32 bits if it is a number.
  fileprivate var rounded: JSONValue {
    if case .number(let number) = self { .number(Double(Float(number))) } else { self }
  }
}

extension ServiceError {
  /// 429 of the gateway with the time to wait in the header.
  static func pause(seconds: Int) -> ServiceError {
    ServiceError(
      status: HTTPStatusCode(429, phrase: "Too Many Requests"), body: Body(message: "Too Many Requests"),
      headers: [HTTPHeader("Retry-After"): String(seconds)])
  }

  /// 403 of the gateway for a path that does not exist.
  static let missingToken = ServiceError(status: .forbidden, body: Body(message: "Missing Authentication Token"))

  /// 403 of the gateway for an operation that the key may not use.
  static let forbidden = ServiceError(status: .forbidden, body: Body(message: "Forbidden"))

  /// 402 (ASSUMED: status and text for an account without credit).
  static let paymentRequired = ServiceError(
    status: HTTPStatusCode(402, phrase: "Payment Required"), body: Body(message: "Payment Required"))
}
