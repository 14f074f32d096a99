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
  /// The image was prepared by the same recipe before, for this order or another, and is not decoded again. It is on
  /// disk, under this order's name, if it belongs to an order.
  case preparedBefore(path: String?)
  /// Another process is at work on the same order (the ledger's number of its run), and this one waits for it, for at most this long.
  case waitingForOrder(run: Int64?, upTo: Duration)
  /// A remark about the order, before anything is paid.
  case noticed(OrderNote)
  /// A part of an image has been sent.
  case uploading(UploadProgress)
  /// Another process is uploading the same image, and this run waits for it, for at most this long.
  case waitingForUpload(upTo: Duration)
  /// Only the price was asked for, and the service started this job all the same. It is paid for, and on record as the job of the
  /// order.
  case dryRunStartedJob(JobID)
  /// The service no longer has the legacy endpoint or its model, as the refusal shows, and started no job. The custom model makes the
  /// results instead, at a price that is asked for next.
  case switchedToCustom(model: String, ScenarioError)
  /// The submit is being sent. Until its reply is read, it is unknown whether there is a job.
  case submitting
  /// The service refused a request for now and asked for a pause, after which it is sent again. The error's `stage` names the request;
  /// a submit was refused without a job.
  case pausing(Duration, ScenarioError)
  /// The service refused the submit, because as many jobs run as the account's plan allows, and started none: the order waits until one of
  /// this pipeline's has ended.
  case waitingForPlace
  /// The submit had no usable reply, and the run looks for its job at the service.
  case reconciling
  /// The service accepted the job, and its id is on record.
  case submitted(JobID)
  /// The service charges more for the job than the price that it named before.
  case costsMore(Decimal, than: Decimal)
  /// The service repeats these settings of the request otherwise than they were sent, or leaves the image out: the results may
  /// not be those of the order.
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

/// Work on an order or a job.
public typealias Img2ImgRun<Success: Sendable> = Run<Img2ImgEvent, Success>
