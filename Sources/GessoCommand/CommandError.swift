#if Client
package import GessoPipeline
package import ImagePreparation

/// A failure as the command reports it: one line for people, an object for scripts, an exit status.
package struct CommandError: Error, Sendable, Equatable {
  /// A stable word for programs.
  package let code: String
  /// The step that failed: one of the pipeline's stage names, or `configure` for what comes before them.
  package let stage: String
  /// What is wrong, without a period.
  package let message: String
  /// What to do about it.
  package let remedy: String
  /// What the process ends with when nothing else happens.
  package let status: ExitStatus

  package init(_ code: String, stage: String, _ message: String, remedy: String, status: ExitStatus) {
    self.code = code
    self.stage = stage
    self.message = message
    self.remedy = remedy
    self.status = status
  }

  package init(_ error: PreparationError) {
    self.init(
      error.code.rawValue, stage: error.stage.rawValue, error.message, remedy: error.remedy,
      status: ExitStatus(error.code))
  }

  /// A bad value among the flags, found after parsing.
  package static func usage(_ message: String, remedy: String) -> CommandError {
    CommandError("usage", stage: "configure", message, remedy: remedy, status: .usage)
  }

  /// `what is wrong: what to do`.
  package var line: String { remedy.isEmpty ? message : "\(message): \(remedy)" }

  /// The object of `--json`.
  package func json(input: String?) -> OrderedJSON {
    .object([
      ("input", .optional(input)),
      (
        "error",
        .object([
          ("code", .string(code)), ("message", .string(message)), ("stage", .string(stage)),
          ("remedy", .string(remedy)),
        ])
      ),
    ])
  }
}
#endif
