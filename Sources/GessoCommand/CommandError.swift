package import GessoPipeline
package import Ground
internal import ImagePreparation

/// A failure as the command reports it: one line for people, an object for scripts, an exit status.
package struct CommandError: Error, Sendable, Equatable {
  /// A stable word for programs.
  package let code: String
  /// The step that failed.
  package let stage: Stage
  /// The cause, in one line without a period.
  package let message: String
  /// The remedy.
  package let remedy: String
  /// The exit code of the process, if no other failure follows.
  package let status: CommandStatus

  package init(_ code: String, stage: Stage, _ message: String, remedy: String, status: CommandStatus) {
    self.code = code
    self.stage = stage
    self.message = Secrets.withoutUser(message)
    self.remedy = remedy
    self.status = status
  }

  /// A failure of any module.
  package init(_ failure: some GessoFailure) {
    self.init(
      failure.code.rawValue, stage: failure.stage, failure.message, remedy: failure.remedy.commandWords,
      status: CommandStatus(failure))
  }

  package init(_ failure: FileFailure) { self.init(PreparationError(failure)) }

  /// Any error that a library throws.
  package init(any error: any Error) {
    switch error {
    case let error as CommandError: self = error
    case let error as any GessoFailure: self.init(error)
    case let error as FileFailure: self.init(error)
    case is CancellationError: self = .interrupted
    default: self.init("unexpected", stage: .configure, reason(of: error), remedy: "report this", status: .someFailed)
    }
  }

  /// A signal interrupted the work.
  static let interrupted = CommandError(
    "canceled", stage: .configure, "interrupted", remedy: "the same command starts again", status: .interrupted)

  /// Standard output is a pipe whose reader has ended, as with `| head`. This is not a failure, and nothing is printed.
  static let outputClosed = CommandError(
    "output-closed", stage: .write, "standard output is closed", remedy: "", status: .cannotWrite)

  /// A bad value among the flags, found after parsing.
  package static func usage(_ message: String, remedy: String) -> CommandError {
    CommandError("usage", stage: .configure, message, remedy: remedy, status: .usage)
  }

  /// `what is wrong: what to do`.
  package var line: String { remedy.isEmpty ? message : "\(message): \(remedy)" }

  /// The line for one of the inputs, after its name. The name is left out if the remedy already ends with it.
  package func line(of input: String?) -> String {
    guard let input else { return line }
    let end = ": \(input)"
    return "\(input): \(line.hasSuffix(end) ? String(line.dropLast(end.count)) : line)"
  }

  /// The object of `--json`.
  package func json(input: String?) -> JSONObject { ["input": input, "error": object] }

  /// The failure itself as an object.
  var object: JSONObject { ["code": code, "message": message, "stage": stage.rawValue, "remedy": remedy] }
}

/// Turns any error of the libraries into a failure of the command.
func reportingErrors<Result>(_ body: () throws -> Result) throws(CommandError) -> Result {
  do {
    return try body()
  } catch {
    throw CommandError(any: error)
  }
}
