public import ImagePreparation
public import ScenarioAPI

/// Where an img2img run stands, in this order; some steps come more than once.
public enum Img2ImgProgress: Sendable {
  /// The image is being prepared.
  case preparing
  /// The image is prepared and on disk.
  case prepared(PreparedImage, path: String)
  /// So many bytes of an image have been sent.
  case uploading(UploadProgress)
  /// Another process is uploading the same image, and its upload is waited for.
  case waitingForUpload
  /// The job is being asked for: from now on until the answer is read, nobody knows whether there is one.
  case submitting
  /// The service refused the submit for now and started no job; it is asked again after this pause.
  case pausing(Duration, ScenarioError)
  /// The submit had no usable answer; the service is being asked whether it started a job.
  case reconciling
  /// The service took the job, and it is on record.
  case submitted(JobID)
  /// The job as last seen.
  case waiting(Job)
  /// The results are being fetched, so many.
  case downloading(count: Int)
  /// Something else has the name of a result, which is therefore on disk under a number. `wasEdited` when it was this
  /// result, and was changed since.
  case nameTaken(String, wasEdited: Bool, result: String)
  /// One result is on disk.
  case downloaded(Img2ImgResult.File)
}

/// What came of an img2img run.
public struct Img2ImgResult: Sendable {
  /// One result on disk.
  public struct File: Sendable, Equatable {
    /// Its place in the service's order, from 1.
    public var index: Int
    /// Where it is.
    public var path: String
    /// Where its record is: prompt, parameters, seed, model, job, asset ids, cost, source digest, geometry.
    public var recordPath: String
    /// The service's name for it.
    public var assetID: AssetID
    /// Its media type.
    public var mimeType: String
    /// SHA-256 of its bytes in hexadecimal.
    public var sha256: String
    /// Its size in bytes.
    public var byteCount: Int
    /// Width and height as a viewer shows them; nil for a format this package does not read.
    public var size: ImageSize?
  }

  /// The ledger's number of the run.
  public let runID: Int64
  /// The job; nil when none was asked for.
  public let jobID: JobID?
  /// The uploaded source; nil when the service fetched it.
  public let sourceAssetID: AssetID?
  /// The seed the results were asked for with.
  public let seed: String
  /// Creative units the service asked for, as a decimal number; nil if it did not say.
  public let cost: String?
  /// The prepared image's path; nil when nothing was prepared.
  public let preparedPath: String?
  /// The results in the service's order; none when they were not waited for.
  public let files: [File]
}

extension Img2ImgResult {
  init(_ run: LedgerEntry, preparedPath: String?, files: [File]) {
    runID = run.id
    jobID = run.jobID
    sourceAssetID = run.assetID
    seed = run.intent.seed
    cost = run.cost
    self.preparedPath = preparedPath
    self.files = files
  }
}
