public import ScenarioAPI

/// One run as the ledger knows it: what was wanted, how far it came, what was paid for.
public struct LedgerEntry: Sendable, Equatable, Identifiable {
  /// How far a run came. What stands here was durable before the next step began.
  public enum State: String, Sendable, CaseIterable {
    /// Nothing has been done yet.
    case planned
    /// The image is prepared; nothing has been sent.
    case prepared
    /// The service has the image.
    case uploaded
    /// The submit may have left, and no reply is on record: nobody knows whether a job was started.
    case submitting
    /// The service was asked which job the submit became, and that could not be told: somebody has to decide.
    case needsDecision = "needs-decision"
    /// The job's id is on record.
    case submitted
    /// The job ended well; results may still be on the service only.
    case succeeded
    /// Every result is on disk.
    case downloaded
    /// It ended without results: refused, failed or canceled.
    case failed
  }

  /// The ledger's own number.
  public let id: Int64
  /// Which draw of the same order this is, from 0.
  public let draw: Int
  /// When it was begun, as ISO 8601 in UTC.
  public let createdAt: String
  /// How far it came.
  public let state: State
  /// What was wanted.
  public let intent: LedgerIntent
  /// The uploaded source.
  public let assetID: AssetID?
  /// The job, from the moment the service named it.
  public let jobID: JobID?
  /// When the submit was about to leave, in seconds since 1970.
  package let submittedAt: Double?
  /// Creative units the service asked for, as a decimal number.
  public let cost: String?
  /// Why it failed, if it did.
  public let failure: String?
  /// What is on disk, in the service's order.
  public let results: [LedgerResult]
}

/// What a run is meant to do, written down before anything leaves.
///
/// It holds neither secrets nor signed URLs. Its fields are columns of the ledger's `run`.
public struct LedgerIntent: Sendable, Equatable, Codable {
  /// What makes two orders the same: a digest of the service's address, the account or project, the source's bytes, the
  /// recipe and everything asked for, a given seed included.
  public var key: String
  /// Whose order it is: the project, else a digest of the API key.
  public var account: String
  /// The service's address: a run against a stand-in never counts for the service.
  public var baseURL: String
  /// The project, if one was named.
  public var projectID: String?
  /// What the source is called, without a URL's query.
  public var source: String
  /// SHA-256 of the source's bytes in hexadecimal; nil where the service fetches it itself.
  public var sourceSHA256: String?
  /// SHA-256 of the bytes of the mask or control image in hexadecimal.
  package var secondSHA256: String?
  /// SHA-256 of the prepared bytes in hexadecimal.
  public var preparedSHA256: String?
  /// The prepared image's path, absolute.
  public var preparedPath: String?
  /// Where its pixels lie in the source, as JSON.
  public var geometry: String?
  /// The model.
  public var model: String
  /// What the results should show.
  public var prompt: String
  /// Everything else that was asked for, as JSON.
  public var parameters: String
  /// The seed.
  public var seed: String
  /// The folder results go to, absolute.
  public var folder: String
  /// What results are called: a template with `{stem}`, `{seed}` and `{index}`.
  public var nameTemplate: String
  /// What `{stem}` stands for.
  public var stem: String

  package init(
    key: String, account: String, baseURL: String, projectID: String?, source: String,
    sourceSHA256: String?, secondSHA256: String? = nil, preparedSHA256: String?, preparedPath: String?,
    geometry: String?, model: String, prompt: String, parameters: String, seed: String,
    folder: String, nameTemplate: String, stem: String
  ) {
    self.key = key
    self.account = account
    self.baseURL = baseURL
    self.projectID = projectID
    self.source = source
    self.sourceSHA256 = sourceSHA256
    self.secondSHA256 = secondSHA256
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
  /// True when the two call their source alike and want their results in the same place under the same names.
  func placesLike(_ other: LedgerIntent) -> Bool {
    (source, secondSHA256, folder) == (other.source, other.secondSHA256, other.folder)
      && (nameTemplate, stem) == (other.nameTemplate, other.stem)
  }
}

/// One result on disk. Its fields are columns of the ledger's `result`.
public struct LedgerResult: Sendable, Equatable, Codable {
  /// Its place in the service's order, from 1.
  public var index: Int
  /// The service's name for it.
  public var assetID: AssetID
  /// Where it is.
  public var path: String
  /// SHA-256 of its bytes in hexadecimal.
  public var sha256: String
  /// The number at the end of its name; 1 for a name without one.
  package var number: Int
  /// SHA-256 of its record as it was written; nil where that is not known.
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
