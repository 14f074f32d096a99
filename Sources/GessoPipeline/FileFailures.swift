package import Ground
package import ImagePreparation

extension PreparationError {
  /// Makes an error of stage `open` or `write` from the failure of a file that an order reads or writes.
  package init(_ failure: FileFailure) {
    let (code, stage): (Code, Stage) =
      switch failure.kind {
      case .notFound: (.notFound, .open)
      case .unreadable: (.unreadable, .open)
      case .exists: (.outputExists, .write)
      case .isInput: (.outputIsInput, .write)
      case .notWritten, .notRead: (.writeFailed, .write)
      }
    self.init(code, stage: stage, failure.message, remedy: failure.remedy)
  }
}

/// Runs work on files, and turns its failures into errors of this package's public calls.
package func onFiles<Result>(_ work: @autoclosure () throws(FileFailure) -> Result) throws(PreparationError) -> Result {
  do throws(FileFailure) {
    return try work()
  } catch {
    throw PreparationError(error)
  }
}
