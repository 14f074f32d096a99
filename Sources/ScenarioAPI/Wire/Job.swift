public import Foundation

/// The state of a job as the service last reported it.
public struct Job: Sendable, Equatable {
  /// The charge for a job.
  public struct Billing: Sendable, Equatable {
    /// Creative units before the discount, if the service gives a number. The number does not change when a failed job is refunded.
    public let cuCost: Decimal?
    /// The discount in creative units.
    public let cuDiscount: Decimal?
    /// True when a failure of this job is not refunded.
    public let disableRefund: Bool?
  }

  /// The service's name of the job.
  public let id: JobID
  /// The kind of work, in the service's spelling, such as `flux`, `custom` or `upload`; nil if it is not named.
  public let type: String?
  /// The job's status.
  public let status: JobStatus
  /// The job's progress, 0 to 1.
  public let progress: Double
  /// The results in order, each once.
  public let assetIDs: [AssetID]
  /// The reason why the job failed, in the service's words, if it gives one.
  public let failureReason: String?
  /// The service's suggestion after a failure.
  public let hint: String?
  /// The charge, if the service reports it.
  public let billing: Billing?
  /// The time when the job was made, as ISO 8601 in UTC.
  public let createdAt: String?
  /// The fields of the request, if the service repeats them (`metadata.input`). The documents do not mention it.
  public internal(set) var input: [String: JSONValue]?
  /// The part of the request that the service repeats, in `metadata.input` or, in the reply to a submit, in `inference`.
  public internal(set) var echo: Echo?

  /// ``createdAt`` as seconds since 1970, by the service's clock; nil if it is not a time.
  public var createdSeconds: Double? {
    guard let createdAt else { return nil }
    let styles = [Date.ISO8601FormatStyle(includingFractionalSeconds: true), Date.ISO8601FormatStyle()]
    return styles.lazy.compactMap { try? $0.parse(createdAt) }.first?.timeIntervalSince1970
  }
}

extension Job.Billing: Decodable {
  private enum Key: String, CodingKey { case cuCost, cuDiscount, disableRefund }

  /// Decodes the fields that are there; a field of another type counts as absent.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Key.self)
    cuCost = fields.lenient(forKey: .cuCost)
    cuDiscount = fields.lenient(forKey: .cuDiscount)
    disableRefund = fields.lenient(forKey: .disableRefund)
  }
}

extension Job: Decodable {
  fileprivate enum Key: String, CodingKey {
    case jobId, job_id, id, jobType, status, progress, metadata, billing, createdAt
  }

  private struct Metadata: Decodable {
    enum Key: String, CodingKey { case assetIds, error, hint, input }
    let assetIDs: [AssetID]?
    let error, hint: ServiceWords?
    let input: [String: JSONValue]?

    init(from decoder: any Decoder) throws {
      let fields = try decoder.container(keyedBy: Key.self)
      assetIDs = fields.lenient(LossyArray<AssetID>.self, forKey: .assetIds)?.elements
      error = fields.lenient(forKey: .error)
      hint = fields.lenient(forKey: .hint)
      input = fields.lenient(forKey: .input)
    }
  }

  /// Decodes a job. Only its id is required: a field of another type counts as absent, and unknown fields are ignored.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Key.self)
    guard let id = Self.id(in: fields, spelled: [.jobId, .id, .job_id]) else {
      throw DecodingError.keyNotFound(
        Key.jobId, DecodingError.Context(codingPath: decoder.codingPath, debugDescription: "no id"))
    }
    self.init(id: id, of: [fields], inference: nil)
  }

  /// Decodes a job whose fields may be in several places, the likeliest first.
  fileprivate init(id: JobID, of places: [KeyedDecodingContainer<Key>], inference: [String: JSONValue]?) {
    func first<Value>(_ read: (KeyedDecodingContainer<Key>) -> Value?) -> Value? {
      places.lazy.compactMap(read).first
    }
    let metadata = places.compactMap { $0.lenient(Metadata.self, forKey: .metadata) }
    let progress: Double = first { $0.lenient(forKey: .progress) } ?? 0
    var seen = Set<AssetID>()
    self.id = id
    type = first { $0.lenient(forKey: .jobType) }
    // A job without a status was accepted, and may be in any state.
    status = first { $0.lenient(forKey: .status) } ?? .pending
    // Tutorials show percentages; the specification has 0 to 1.
    self.progress = min(max(progress > 1 ? progress / 100 : progress, 0), 1)
    // A result may be listed twice.
    assetIDs =
      metadata.lazy.compactMap(\.assetIDs).first { !$0.isEmpty }?
      .filter { !$0.rawValue.isEmpty && seen.insert($0).inserted } ?? []
    failureReason = metadata.lazy.compactMap(\.error).first.map { printable($0.text) }
    hint = metadata.lazy.compactMap(\.hint).first.map { printable($0.text) }
    billing = first { $0.lenient(forKey: .billing) }
    createdAt = first { $0.lenient(forKey: .createdAt) }
    input = metadata.lazy.compactMap(\.input).first
    echo = Echo([input, inference])
  }

  fileprivate static func id(in fields: KeyedDecodingContainer<Key>, spelled keys: [Key]) -> JobID? {
    keys.lazy.compactMap { fields.lenient(JobID.self, forKey: $0) }.first { !$0.rawValue.isEmpty }
  }
}

/// A reply that contains a job: in `job`, at top level, or in both (contract, section 5).
///
/// The id may also be in `inference`, which repeats the request.
struct JobReply: Decodable {
  let job: Job

  private enum Key: String, CodingKey { case job, inference }

  init(from decoder: any Decoder) throws {
    let outer = try decoder.container(keyedBy: Job.Key.self)
    let envelope = try decoder.container(keyedBy: Key.self)
    let inner = try? envelope.nestedContainer(keyedBy: Job.Key.self, forKey: .job)
    let inference = try? envelope.nestedContainer(keyedBy: Job.Key.self, forKey: .inference)
    // Outside of `job`, this key may belong to something else, such as the request.
    func marked(_ fields: KeyedDecodingContainer<Job.Key>?) -> JobID? {
      fields.flatMap { Job.id(in: $0, spelled: [.id]) }.flatMap { $0.rawValue.hasPrefix("job_") ? $0 : nil }
    }
    guard
      let id = inner.flatMap({ Job.id(in: $0, spelled: [.jobId, .id, .job_id]) })
        ?? Job.id(in: outer, spelled: [.jobId, .job_id])
        ?? inference.flatMap({ Job.id(in: $0, spelled: [.jobId, .job_id]) })
        ?? marked(outer) ?? marked(inference)
    else {
      throw DecodingError.keyNotFound(
        Key.job, DecodingError.Context(codingPath: decoder.codingPath, debugDescription: "no id of a job"))
    }
    job = Job(
      id: id, of: [inner, outer].compactMap(\.self), inference: envelope.lenient(forKey: .inference))
  }
}

/// The service's reply to an accepted generation.
public struct Submission: Sendable, Equatable {
  /// The job, as accepted.
  public let job: Job
  /// The price in creative units, if the service gives a number; it may have a fraction.
  public let cost: Decimal?
  /// The discount that is already part of ``cost``, if the service names one.
  public let discount: Decimal?
}

extension Submission: Decodable {
  private enum Key: String, CodingKey { case creativeUnitsCost, creativeUnitsDiscount }

  /// Decodes a reply. Only the job's id is required.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Key.self)
    job = try JobReply(from: decoder).job
    cost = fields.lenient(forKey: .creativeUnitsCost)
    discount = fields.lenient(forKey: .creativeUnitsDiscount)
  }
}

/// One page of the account's jobs. Jobs without an id are left out.
struct JobPage: Decodable {
  let jobs: [Job]
  let nextPaginationToken: String?

  private enum Key: String, CodingKey { case jobs, nextPaginationToken }

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Key.self)
    jobs = try fields.decode(LossyArray<Job>.self, forKey: .jobs).elements
    nextPaginationToken = fields.lenient(forKey: .nextPaginationToken)
  }
}
