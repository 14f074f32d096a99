import CGesso
import Ground
import ImagePreparation

/// The failure of a call of the C interface: the content of `gesso_error`, and the status that the call returns.
struct CallFailure: Error {
  let status: gesso_status
  let code: String
  let stage: Stage
  let message: String
  let remedy: String
  /// If the status is `GESSO_TOO_SMALL`, the size that is enough, in the unit of the call; otherwise 0.
  let needed: Int

  private init(
    _ status: gesso_status, _ code: String, _ stage: Stage, _ message: String, _ remedy: String, needed: Int = 0
  ) {
    self.status = status
    self.code = code
    self.stage = stage
    self.message = message
    self.remedy = remedy
    self.needed = needed
  }

  /// A failure of image preparation. Its remedy names the fields of the header.
  init(_ error: PreparationError) {
    self.init(
      error.code == .canceled ? GESSO_CANCELED : GESSO_FAILED, error.code.rawValue, error.stage, error.message,
      error.remedy.headerWords)
  }

  /// The failure for an invalid argument.
  static func misuse(_ message: String, _ remedy: String) -> CallFailure {
    CallFailure(GESSO_MISUSE, "misuse", .configure, message, remedy)
  }

  /// The failure for an invalid recipe.
  static func recipe(_ message: String, _ remedy: String) -> CallFailure {
    CallFailure(GESSO_FAILED, PreparationError.Code.invalidRecipe.rawValue, .configure, message, remedy)
  }

  /// The failure for memory of the caller that is too small; `unit` is the name of the counted elements.
  static func tooSmall(_ count: Int, needed: Int, _ unit: String) -> CallFailure {
    CallFailure(
      GESSO_TOO_SMALL, "too-small", .write, "the memory is for \(count) \(unit), and the result takes \(needed)",
      "give memory for \(needed) \(unit)", needed: needed)
  }
}

/// Runs the body of a call.
///
/// - Parameters:
///   - error: The caller's error, which may be NULL.
///   - body: The work.
/// - Returns: `GESSO_OK`, or the status of the failure, which is described in `error`.
func call(
  _ error: UnsafeMutablePointer<gesso_error>?, _ body: () throws(CallFailure) -> Void
) -> Int32 {
  // If the size of the caller's struct is not valid, nothing may be written to it.
  if let error, (try? check(error)) == nil { return Int32(GESSO_MISUSE.rawValue) }
  var status = GESSO_OK
  var described = gesso_error()
  do throws(CallFailure) {
    try body()
  } catch {
    status = error.status
    described.needed = Int64(error.needed)
    fill(&described.code, error.code)
    fill(&described.stage, error.stage.rawValue)
    fill(&described.message, error.message)
    fill(&described.remedy, error.remedy)
  }
  if let error { write(described, to: error) }
  return Int32(status.rawValue)
}

/// Runs `body` and turns a failure of image preparation into a failure of the call.
func preparing<Result>(_ body: () throws(PreparationError) -> Result) throws(CallFailure) -> Result {
  do throws(PreparationError) { return try body() } catch { throw CallFailure(error) }
}
