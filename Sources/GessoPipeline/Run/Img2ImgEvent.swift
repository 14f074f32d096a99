public import Foundation
public import Ground
public import ImagePreparation
public import ScenarioAPI

/// The progress of an img2img run. Events come in this order; some come more than once.
public enum Img2ImgEvent: Sendable {
  /// The image is being prepared.
  case preparing
  /// The image is prepared, and on disk if it belongs to an order.
  case prepared(PreparedImage, path: String?)
  /// The same image, prepared by the same recipe for this order or another, is used again. If it belongs to an order,
  /// it is on disk under this order's name.
  case preparedBefore(path: String?)
  /// Another process works on the same order, and this run waits for that process, at most this long. `run` is the ledger's number of the
  /// order's run.
  case waitingForOrder(run: Int64?, upTo: Duration)
  /// A remark about the order, before anything is paid.
  case noticed(OrderNote)
  /// A part of an image has been sent.
  case uploading(UploadProgress)
  /// Another process is uploading the same image, and this run waits for it, at most this long.
  case waitingForUpload(upTo: Duration)
  /// The service started this job although only the price was asked for. It is paid for, and recorded as the job of the
  /// order.
  case dryRunStartedJob(JobID)
  /// The service refused the legacy endpoint or its model, and started no job. The custom model makes the results
  /// instead; its price is asked for next.
  case switchedToCustom(model: String, ScenarioError)
  /// The submit is being sent. Until its reply is read, it is unknown whether there is a job.
  case submitting
  /// The service refused a request for now and gave a pause, after which the request is sent again. The error's `stage` names the request.
  /// If it is a submit, no job was started.
  case pausing(Duration, ScenarioError)
  /// The service refused the submit because the account's limit of parallel jobs is reached. The order waits until
  /// another job of this pipeline has ended.
  case waitingForPlace
  /// The reply to the submit was lost or unreadable: the run looks for its job at the service.
  case reconciling
  /// The service accepted the job, and its id is on record.
  case submitted(JobID)
  /// The service charges more for the job than the price that it named before.
  case costsMore(Decimal, than: Decimal)
  /// In the reply, these settings have other values than were sent, or the image is missing: the results may not be those of the order.
  case repeatedOtherwise([String])
  /// The job as the service last reported it.
  case waiting(Job)
  /// This number of results is being downloaded.
  case downloading(count: Int)
  /// The name of a result is taken, so the result is on disk under a numbered name. `wasEdited` is true when the file that has
  /// the name was this result and has been changed since.
  case nameTaken(String, wasEdited: Bool, result: String)
  /// One result is on disk.
  case downloaded(Img2ImgResult.File)
}

/// Work on an order or a job, with its events and its result.
public typealias Img2ImgRun<Success: Sendable> = Run<Img2ImgEvent, Success>
