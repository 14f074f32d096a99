/// A failure. Every error of this package's modules is one.
///
/// Code that only reports failures needs no switch over the modules' error types. Cancellation is not a failure: the asynchronous
/// methods throw `CancellationError` for it.
public protocol GessoFailure: Error, CustomStringConvertible {
  /// The kinds of failure. New kinds may be added; existing ones keep their spelling.
  associatedtype Code: RawRepresentable<String>, Hashable, Sendable

  /// The kind of failure. Its `rawValue` is stable and meant for programs.
  var code: Code { get }
  /// The step that failed.
  var stage: Stage { get }
  /// The cause, in one line without a period. It contains no credential and no query of a signed URL.
  var message: String { get }
  /// The remedy: the next step for the caller.
  var remedy: Remedy { get }
  /// The job concerned; nil if there is none, or none is known.
  var jobID: JobID? { get }
  /// The underlying error of a library or of a caller's closure; nil for none.
  var underlyingError: (any Error)? { get }
}

extension GessoFailure {
  /// No job is concerned.
  public var jobID: JobID? { nil }
  /// There is no underlying error.
  public var underlyingError: (any Error)? { nil }
  /// `message: remedy`, for programmers.
  public var description: String { remedy.isEmpty ? message : "\(message): \(remedy)" }
}

/// The steps from a source image to results on disk.
public enum Stage: String, Sendable, CaseIterable, Codable {
  /// Reading settings.
  case configure
  /// Finding and reading the source.
  case open
  /// Turning encoded bytes into rows.
  case decode
  /// Resampling.
  case resize
  /// Turning the image upright.
  case orient
  /// Color, alpha and depth.
  case color
  /// Turning rows into encoded bytes.
  case encode
  /// Putting a file at its destination.
  case write
  /// Sending an image to the service.
  case upload
  /// Asking for the price of a job.
  case price
  /// Submitting a job: the only step that costs anything.
  case submit
  /// Following a job.
  case wait
  /// Fetching a result.
  case download
}

/// An underlying error. Two are equal when their descriptions are equal, so that the errors that contain them can be compared.
package struct Cause: Sendable, Equatable {
  /// The error as it was thrown.
  package let error: any Error

  /// Wraps an error, if there is one.
  package init?(_ error: (any Error)?) {
    guard let error else { return nil }
    self.error = error
  }

  package static func == (a: Cause, b: Cause) -> Bool { "\(a.error)" == "\(b.error)" }
}

/// The error that a public asynchronous method throws in place of its module's error: `CancellationError` for a cancellation, whichever
/// module noticed it; otherwise the error itself.
package func publicError(_ error: any Error) -> any Error {
  if let failure = error as? any GessoFailure, failure.isCancellation { return CancellationError() }
  return error
}

extension GessoFailure {
  /// True when the task or a flag was canceled.
  package var isCancellation: Bool { code.rawValue == "canceled" }
}

/// The cause without the remedy: for messages that contain another error, and for records.
///
/// An error of a system library is named by its type and code only: its own description is a dump of several lines.
package func reason(of error: any Error) -> String {
  switch error {
  case let error as any GessoFailure: error.message
  case let error as FileFailure: error.message
  case is DecodingError: "it is not written as expected"
  case is EncodingError: "it cannot be written as JSON"
  default:
    "\(error)".contains(part: "Error Domain=") ? "\(type(of: error)) \(error._code)" : "\(error)"
  }
}
