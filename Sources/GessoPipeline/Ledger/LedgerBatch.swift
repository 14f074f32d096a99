/// One batch in the ledger: a command that makes an order from each row of a folder, a list or a manifest.
public struct LedgerBatch: Sendable, Equatable, Identifiable, Codable {
  /// The ledger's number of the batch.
  public let id: Int64
  /// The name that the command prints, equal for equal commands.
  public let name: String
  /// When it was first begun, as ISO 8601 in UTC.
  public let createdAt: String
  /// When it was last started, as ISO 8601 in UTC.
  public let updatedAt: String
  /// The source of its rows: the absolute path of a folder or of a manifest, `-` for standard input.
  public let input: String
  /// The absolute path of the folder for results.
  public let folder: String
  /// The command as it was last given, as one line for a shell.
  public let command: String
  /// The number of its rows when it was last started. The ledger contains only rows that have begun.
  public let rowCount: Int
}

/// One row of a batch in the ledger, from the moment its order begins.
public struct LedgerBatchRow: Sendable, Equatable {
  /// The progress of a row.
  public enum State: String, Sendable, CaseIterable {
    /// It has begun and has not ended; the same command continues it. If a failure stopped it,
    /// ``LedgerBatchRow/failure`` is that failure.
    case open
    /// The row's results are on disk, or its job is on record if the command does not wait.
    case done
    /// It failed, and is skipped unless its command retries failed rows.
    case failed
  }

  /// A point in the progress of a row whose time is recorded.
  public enum Moment: String, Sendable, CaseIterable {
    case began, preparing, prepared, uploading, uploaded, submitting, submitted, downloading, ended
  }

  /// The row's line in the manifest or in the list, or its place in the folder, from 1.
  public var position: Int
  /// The row's key, which no other row of the batch has: the same row has the same key in every run of the command.
  public var key: String
  /// The row's image as the row names it; a URL without its query.
  public var input: String
  /// The absolute path of that image; nil if it is not a file.
  public var path: String?
  /// The run of its order, ``LedgerEntry/id``: prepared image, geometry, job, cost and results. Nil if no run has begun.
  public var runID: Int64?
  /// The progress of the row.
  public var state: State
  /// The reason why it failed, or was stopped.
  public var failure: FailureRecord?
  /// The time when the row reached each moment, in seconds since 1970, in the last attempt. A row whose results existed already has only a
  /// few of these times.
  public var times: [Moment: Double]

  /// Makes a row.
  package init(
    position: Int, key: String, input: String, path: String? = nil, runID: Int64? = nil, state: State = .open,
    failure: FailureRecord? = nil, times: [Moment: Double] = [:]
  ) {
    self.position = position
    self.key = key
    self.input = input
    self.path = path
    self.runID = runID
    self.state = state
    self.failure = failure
    self.times = times
  }
}

/// A failure as the ledger keeps it: its code and texts, without the underlying error.
public struct FailureRecord: Sendable, Equatable, Codable {
  /// A stable word for programs.
  public var code: String
  /// The step that failed.
  public var stage: String
  /// The cause, in one line.
  public var message: String
  /// The remedy, in one line.
  public var remedy: String

  /// Makes a failure from its parts.
  package init(code: String, stage: String, message: String, remedy: String) {
    self.code = code
    self.stage = stage
    self.message = message
    self.remedy = remedy
  }
}
