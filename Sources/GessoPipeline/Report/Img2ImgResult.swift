public import Foundation
public import ImagePreparation
public import ScenarioAPI

/// The result of an img2img run.
public struct Img2ImgResult: Sendable {
  /// One result on disk.
  public struct File: Sendable, Equatable {
    /// The file's place in the service's order, from 1.
    public var index: Int
    /// The path of its file.
    public var path: String
    /// The path of its record: prompt, parameters, seed, model, job, asset ids, cost, source digest, geometry.
    public var recordPath: String
    /// The service's name for it.
    public var assetID: AssetID
    /// The media type of the file.
    public var mimeType: String
    /// SHA-256 of its bytes in hexadecimal.
    public var sha256: String
    /// The size of the file in bytes.
    public var byteCount: Int
    /// Width and height as a viewer shows them; nil for a format this package does not read.
    public var size: ImageSize?
  }

  /// The ledger's number of the run.
  public let runID: Int64
  /// The job; nil when none was started.
  public let jobID: JobID?
  /// The uploaded source; nil when the service fetched it.
  public let sourceAssetID: AssetID?
  /// The seed that was sent.
  public let seed: String
  /// The price of the job in creative units, as a decimal number; nil if the service gave none. A reused result was paid for before.
  public let cost: String?
  /// True if the order was already finished: this call made and paid nothing.
  public let reused: Bool
  /// The time just before the job was submitted; nil for a job that this machine did not submit.
  public let submitted: Date?
  /// The prepared image's path; nil when nothing was prepared.
  public let preparedPath: String?
  /// The results in the service's order; empty when the run did not wait for them.
  public let files: [File]
}

extension Img2ImgResult {
  init(_ run: LedgerEntry, files: [File], reused: Bool = false) {
    runID = run.id
    jobID = run.jobID
    sourceAssetID = run.assetID
    seed = run.intent.seed
    cost = run.cost
    self.reused = reused
    submitted = run.submittedAt.map { Date(timeIntervalSince1970: $0) }
    preparedPath = run.intent.preparedPath
    self.files = files
  }
}
