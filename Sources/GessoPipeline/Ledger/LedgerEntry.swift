public import ScenarioAPI

/// One run in the ledger: its intent, its state, and the job that was paid for.
public struct LedgerEntry: Sendable, Equatable, Identifiable {
  /// The progress of a run. Each state is on disk before the next step begins.
  public enum State: String, Sendable, CaseIterable {
    /// Nothing has been done yet.
    case planned
    /// The image is prepared; nothing has been sent.
    case prepared
    /// The image is uploaded.
    case uploaded
    /// The submit may have been sent, and no reply is on record: it is unknown whether a job was started.
    case submitting
    /// Reconciling found no job that the submit may have started, or several: the user has to decide.
    case needsDecision = "needs-decision"
    /// The job's id is on record.
    case submitted
    /// The job succeeded; its results may not be on disk yet.
    case succeeded
    /// Every result is on disk.
    case downloaded
    /// The run ended without results: refused, failed or canceled.
    case failed

    /// True if no submit is on record.
    package var isBeforeSubmit: Bool { [.planned, .prepared, .uploaded].contains(self) }
  }

  /// The ledger's number of the run.
  public let id: Int64
  /// The number of this attempt at its order, from 0.
  public let attempt: Int
  /// When it was begun, as ISO 8601 in UTC.
  public let createdAt: String
  /// The run's progress.
  public let state: State
  /// The intent.
  public let intent: LedgerIntent
  /// The uploaded source.
  public let assetID: AssetID?
  /// The job, as soon as its id is known.
  public let jobID: JobID?
  /// The time just before the price was asked for, in seconds since 1970; nil once it is certain that the request
  /// started no job.
  package let dryRunAt: Double?
  /// The time just before the request that started the job, or that may have started it, in seconds since 1970. This request is the submit,
  /// or a dry run whose job is on record or was given up. Nil while it is certain that no job was started.
  package let submittedAt: Double?
  /// The price before the submit, in creative units, as a decimal number.
  public let price: String?
  /// The price of the accepted job, in creative units, as a decimal number.
  public let cost: String?
  /// True if a dry run started the job.
  public let wasStartedByDryRun: Bool
  /// The ids of jobs and assets that an unreadable reply to the submit or dry run names, and the ids of jobs that the request may have
  /// started.
  public let namedIDs: [String]
  /// The reason why it failed, or why the results of a job that succeeded cannot be downloaded.
  public let failure: String?
  /// The results on disk, in the service's order.
  public let results: [LedgerResult]

  /// True if a submit or a dry run may have started a job that is not on record, and the run was not given up.
  package var mayHaveJob: Bool {
    guard jobID == nil else { return false }
    return [.submitting, .needsDecision].contains(state) || dryRunAt != nil && submittedAt == nil
  }

  /// The time just before the last request that may have started a job, in seconds since 1970.
  package var lastRequestAt: Double { max(submittedAt ?? 0, dryRunAt ?? 0) }

  /// The jobs among ``namedIDs``: one of them may be the job of the submit.
  public var candidates: [JobID] { namedIDs.filter { !$0.hasPrefix("asset_") }.map(JobID.init(rawValue:)) }
}

/// The intent of a run, recorded before anything is sent.
///
/// It holds neither secrets nor signed URLs. Its fields are columns of the ledger's table `run`.
public struct LedgerIntent: Sendable, Equatable, Codable {
  /// The order key, equal for equal orders: a digest of the service's address, the project or the API key, the source's bytes, the
  /// recipe and all settings, with the seed if the order names one.
  public var key: String
  /// The account that pays: a digest of the service's address, the API key and the project.
  public var account: String
  /// The service's address, so that a run against a stand-in never counts for the service. The two names of the public service are one
  /// address here.
  public var baseURL: String
  /// The project, if one was named.
  public var projectID: String?
  /// The name of the source, without a URL's query.
  public var source: String
  /// SHA-256 of the source's bytes in hexadecimal; nil if the service fetches it itself.
  public var sourceSHA256: String?
  /// SHA-256 of the bytes of the order's other images in hexadecimal: mask or control image, and images for fields of the model.
  package var otherSHA256: [String]
  /// SHA-256 of the recipe that the image is prepared by, in hexadecimal; nil if no image is prepared, or if the recipe is not known.
  package var recipeSHA256: String?
  /// SHA-256 of the prepared bytes in hexadecimal.
  public var preparedSHA256: String?
  /// The absolute path of the prepared image.
  public var preparedPath: String?
  /// The geometry record of the prepared image, as JSON.
  public var geometry: String?
  /// The model.
  public var model: String
  /// The prompt.
  public var prompt: String
  /// All other settings of the generation, as JSON.
  public var parameters: String
  /// The seed.
  public var seed: String
  /// The absolute path of the folder for results.
  public var folder: String
  /// The names of results: a template with `{stem}`, `{seed}` and `{index}`.
  public var nameTemplate: String
  /// The value of `{stem}`.
  public var stem: String

  package init(
    key: String, account: String, baseURL: String, projectID: String?, source: String,
    sourceSHA256: String?, otherSHA256: [String] = [], recipeSHA256: String? = nil, preparedSHA256: String?,
    preparedPath: String?,
    geometry: String?, model: String, prompt: String, parameters: String, seed: String,
    folder: String, nameTemplate: String, stem: String
  ) {
    self.key = key
    self.account = account
    self.baseURL = baseURL
    self.projectID = projectID
    self.source = source
    self.sourceSHA256 = sourceSHA256
    self.otherSHA256 = otherSHA256
    self.recipeSHA256 = recipeSHA256
    self.preparedSHA256 = preparedSHA256
    self.preparedPath = preparedPath
    self.geometry = geometry
    self.model = model
    self.prompt = prompt
    self.parameters = parameters
    self.seed = seed
    self.folder = folder
    self.nameTemplate = nameTemplate
    self.stem = stem
  }
}

extension LedgerIntent {
  /// True when both have the same name for the source and the same folder and names for the results.
  func placesLike(_ other: LedgerIntent) -> Bool {
    (source, folder, nameTemplate, stem) == (other.source, other.folder, other.nameTemplate, other.stem)
  }
}

/// One result on disk. Its fields are columns of the ledger's table `result`.
public struct LedgerResult: Sendable, Equatable, Codable {
  /// The result's place in the service's order, from 1.
  public var index: Int
  /// The service's name for it.
  public var assetID: AssetID
  /// The path of its file.
  public var path: String
  /// SHA-256 of its bytes in hexadecimal.
  public var sha256: String
  /// The number at the end of its name; 1 for a name without one.
  package var number: Int
  /// SHA-256 of its record as it was written; nil if that is not known.
  package var recordSHA256: String?

  package init(
    index: Int, assetID: AssetID, path: String, sha256: String, number: Int = 1, recordSHA256: String? = nil
  ) {
    self.index = index
    self.assetID = assetID
    self.path = path
    self.sha256 = sha256
    self.number = number
    self.recordSHA256 = recordSHA256
  }

  private enum CodingKeys: String, CodingKey {
    case index = "position"
    case assetID, path, sha256, number, recordSHA256
  }
}
