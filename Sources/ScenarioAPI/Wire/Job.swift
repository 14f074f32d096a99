public import Foundation

/// A job as the service last reported it.
public struct Job: Sendable, Equatable {
  /// What was charged for a job.
  public struct Billing: Sendable, Equatable, Decodable {
    /// Creative units, before the discount. It keeps showing the original charge when a failed job was refunded.
    public let cuCost: Decimal
    /// Creative units taken off.
    public let cuDiscount: Decimal?
    /// True when a failure of this job is not refunded.
    public let disableRefund: Bool?
  }

  /// What the service calls the job.
  public let id: JobID
  /// Where it stands.
  public let status: JobStatus
  /// How far it is, 0 to 1.
  public let progress: Double
  /// The results in order, each once.
  public let assetIDs: [AssetID]
  /// Why the job failed, in the service's words, if it says so.
  public let failureReason: String?
  /// What the service suggests after a failure.
  public let hint: String?
  /// What was charged, if the service says so.
  public let billing: Billing?
  /// When the job was made, ISO 8601 in UTC.
  public let createdAt: String?
  /// What the job was asked for, where the service repeats it (`metadata.input`); whether it does is an open question.
  public internal(set) var input: [String: JSONValue]?
}

extension Job: Decodable {
  private enum Key: String, CodingKey { case jobId, status, progress, metadata, billing, createdAt }
  private struct Metadata: Decodable {
    var assetIds: [AssetID]?
    var error: String?
    var hint: String?
    var input: [String: JSONValue]?

    enum Key: String, CodingKey { case assetIds, error, hint, input }
    init(from decoder: any Decoder) throws {
      let fields = try decoder.container(keyedBy: Key.self)
      assetIds = try fields.decodeIfPresent([AssetID].self, forKey: .assetIds)
      error = try fields.decodeIfPresent(String.self, forKey: .error)
      hint = try fields.decodeIfPresent(String.self, forKey: .hint)
      // Undocumented, so an odd form of it must not hide the job.
      input = try? fields.decode([String: JSONValue].self, forKey: .input)
    }
  }

  /// Reads a job, ignoring fields it does not know.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Key.self)
    let metadata = try fields.decodeIfPresent(Metadata.self, forKey: .metadata)
    let progress = try fields.decodeIfPresent(Double.self, forKey: .progress) ?? 0
    var seen = Set<AssetID>()
    id = try fields.decode(JobID.self, forKey: .jobId)
    status = try fields.decode(JobStatus.self, forKey: .status)
    // Tutorials show percentages; the specification says 0 to 1.
    self.progress = min(max(progress > 1 ? progress / 100 : progress, 0), 1)
    // Results may be named twice.
    assetIDs = metadata?.assetIds?.filter { seen.insert($0).inserted } ?? []
    failureReason = metadata?.error.map(printable)
    hint = metadata?.hint.map(printable)
    billing = try fields.decodeIfPresent(Billing.self, forKey: .billing)
    createdAt = try fields.decodeIfPresent(String.self, forKey: .createdAt)
    input = metadata?.input
  }
}

/// What the service answers to an accepted generation.
public struct Submission: Sendable, Equatable {
  /// The job, as accepted.
  public let job: Job
  /// What it costs in creative units, if the service says so; fractions occur.
  public let cost: Decimal?
  /// What is taken off the cost.
  public let discount: Decimal?
}

extension Submission: Decodable {
  private enum CodingKeys: String, CodingKey {
    case job
    case cost = "creativeUnitsCost"
    case discount = "creativeUnitsDiscount"
  }
}

/// The envelope of everything that answers with a job.
struct JobReply: Decodable { let job: Job }

/// One page of the account's jobs.
struct JobPage: Decodable {
  let jobs: [Job]
  let nextPaginationToken: String?
}
