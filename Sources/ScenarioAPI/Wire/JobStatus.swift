/// The status of a job.
///
/// Statuses come in any order and any may be skipped. Other spellings that tutorials and plug-ins of the service show
/// (`failed`, `cancelled`, `succeeded`, `completed`, `processing`) are read as the status that they mean. An unknown status
/// becomes ``unknown(_:)`` and is not final: the caller's deadline ends the wait.
public enum JobStatus: Hashable, Sendable, CustomStringConvertible {
  /// Accepted.
  case pending
  /// Waiting for a machine.
  case queued
  /// The model is being loaded.
  case warmingUp
  /// The model is running.
  case inProgress
  /// Results are being stored.
  case finalizing
  /// Final: results are listed.
  case success
  /// Final: the job failed. It is refunded unless ``Job/Billing/disableRefund`` is true.
  case failure
  /// Final: the job was canceled.
  case canceled
  /// A status that this client does not know, in the service's spelling.
  case unknown(String)

  /// Reads the service's spelling.
  public init(_ spelling: String) {
    self =
      switch spelling {
      case "pending": .pending
      case "queued": .queued
      case "warming-up": .warmingUp
      case "in-progress", "processing": .inProgress
      case "finalizing": .finalizing
      case "success", "succeeded", "completed": .success
      case "failure", "failed": .failure
      case "canceled", "cancelled": .canceled
      default: .unknown(spelling)
      }
  }

  /// True when the job will not change any more.
  public var isFinal: Bool { self == .success || self == .failure || self == .canceled }

  /// The contract's spelling.
  public var description: String {
    switch self {
    case .pending: "pending"
    case .queued: "queued"
    case .warmingUp: "warming-up"
    case .inProgress: "in-progress"
    case .finalizing: "finalizing"
    case .success: "success"
    case .failure: "failure"
    case .canceled: "canceled"
    case .unknown(let spelling): spelling
    }
  }
}

extension JobStatus: Decodable {
  /// Reads the service's spelling.
  public init(from decoder: any Decoder) throws { self.init(try decoder.singleValueContainer().decode(String.self)) }
}
