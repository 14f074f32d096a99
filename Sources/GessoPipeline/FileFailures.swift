package import Ground
package import ImagePreparation

extension PreparationError {
  /// The failure of a file that an order reads or writes; of the stage `open` or `write`.
  package init(_ failure: FileFailure) {
    let (code, stage): (Code, Stage) =
      switch failure.kind {
      case .notFound: (.notFound, .open)
      case .unreadable: (.unreadable, .open)
      case .exists: (.outputExists, .write)
      case .isInput: (.outputIsInput, .write)
      case .notWritten: (.writeFailed, .write)
      }
    self.init(code, stage: stage, failure.message, remedy: failure.remedy)
  }
}

/// Runs work on files, whose failures become errors of this package's public calls.
package func onFiles<Result>(_ work: @autoclosure () throws(FileFailure) -> Result) throws(PreparationError) -> Result {
  do throws(FileFailure) {
    return try work()
  } catch {
    throw PreparationError(error)
  }
}
