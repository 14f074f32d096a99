public import ImagePreparation
public import ScenarioAPI

/// Where an img2img run stands, in this order; some steps come more than once.
public enum Img2ImgEvent: Sendable {
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

/// Work on an order or a job.
public typealias Img2ImgRun<Success: Sendable> = PipelineRun<Img2ImgEvent, Success>
