internal import Ground

/// A source of encoded bytes.
public enum ImageSource: Sendable {
  /// A file, read through a bounded window.
  case file(String)
  /// An open descriptor such as standard input (0), read through a bounded window. This package does not close the descriptor. `owner`
  /// lives as long as this value, and may close the descriptor when it ends.
  ///
  /// A file is read from the descriptor's present position on. The position does not change, so that the file can be read again. Pipes,
  /// sockets and devices can be read only once, under a path as well. Some recipes read a source twice: ``Recipe/Fitting/trim``,
  /// ``Gravity/attention``, and a ``Recipe/Budget`` that only a smaller image meets. They throw an error for such a source.
  case descriptor(Int32, owner: (any AnyObject & Sendable)? = nil)
  /// Bytes in memory.
  case memory([UInt8])
}

extension ImageSource {
  /// True for a source whose bytes can be read only once.
  package var isReadOnce: Bool {
    switch self {
    case .file(let path): FileIdentity(path)?.isReadOnce == true
    case .descriptor(let descriptor, _): FileIdentity(descriptor: descriptor)?.isReadOnce == true
    case .memory: false
    }
  }

  /// Checks that the source can be read twice for `what`. `setting` is the setting that asks for this; nil if the call itself needs it.
  ///
  /// - Throws: `invalidRecipe` of stage `open`.
  func checkIsReadAgain(for what: String, without setting: Remedy.Setting? = nil) throws(PreparationError) {
    guard isReadOnce else { return }
    let remedy: Remedy = "read it into memory or a file first"
    throw PreparationError(
      .invalidRecipe, stage: .open, "\(what) reads the source twice, and this one can be read only once",
      remedy: setting.map { .either(remedy, or: .leaveOut($0)) } ?? remedy)
  }
}
