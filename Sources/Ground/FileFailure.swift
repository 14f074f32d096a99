/// A failure to read or write a file. Each module makes its own error of it, with the stage in which it happened.
package struct FileFailure: Error, Sendable, Equatable {
  /// The kind of failure.
  package enum Kind: Sendable {
    /// There is no such file to read.
    case notFound
    /// The file cannot be read.
    case unreadable
    /// The name is taken, and its file may not be replaced.
    case exists
    /// The name is that of an input, which is never replaced.
    case isInput
    /// The bytes or the name could not be written.
    case notWritten
    /// The reader of the pipe that the bytes were written to has ended.
    case notRead
  }

  /// The kind of failure.
  package let kind: Kind
  /// The cause, in one line without a period.
  package let message: String
  /// The remedy, in one line without a period.
  package let remedy: Remedy

  /// A failure to read `path`, with the reason that `errno` has.
  package static func reading(_ path: String) -> FileFailure {
    errno == ENOENT
      ? .missing(path)
      : FileFailure(kind: .unreadable, message: "the file cannot be read", remedy: "check the permissions of \(path)")
  }

  /// A failure to list a folder, with the reason that `errno` has.
  package static func listing(_ path: String) -> FileFailure {
    let code = errno
    return FileFailure(
      kind: code == ENOENT ? .notFound : .unreadable,
      message: "the folder \(path) cannot be read: \(unsafe String(cString: strerror(code)))",
      remedy: "check the folder and its permissions")
  }

  /// A name that is not UTF-8, in a folder whose path ends with a slash.
  package static func notUTF8(_ folder: [UInt8], _ name: [UInt8]) -> FileFailure {
    let old = ShellWords.word(of: folder + name)
    let new = ShellWords.word(of: folder + [UInt8]("NEW-NAME".utf8))
    return FileFailure(
      kind: .unreadable, message: "the name of \(old) is not UTF-8, and nothing was done",
      remedy: "rename it, for example: mv \(old) \(new) (many of them: convmv)")
  }

  /// A file that is not there.
  package static func missing(_ path: String) -> FileFailure {
    FileFailure(kind: .notFound, message: "there is no such file", remedy: "check the path: \(path)")
  }

  /// A failure to write, with the reason that `errno` has.
  package static func writing(_ what: String) -> FileFailure {
    let code = errno
    let remedy: Remedy =
      switch code {
      case ENAMETOOLONG, EINVAL, EILSEQ: "choose another name or another folder"
      case ENOSPC, EDQUOT: "make room, or use a folder on another disk"
      case EFBIG: "raise the limit for the size of a file (ulimit -f)"
      default: "check the folder, its permissions and the free space"
      }
    return FileFailure(
      kind: code == EPIPE ? .notRead : .notWritten, message: "\(what): \(unsafe String(cString: strerror(code)))",
      remedy: remedy)
  }

  /// A path that leads out of the folders that this process may write to.
  static func elsewhere(_ path: String) -> FileFailure {
    FileFailure(
      kind: .notWritten, message: "\(path) leads out of the folders that may be written to",
      remedy: "name a file in one of them")
  }

  /// A name that is taken.
  static func exists(_ path: String) -> FileFailure {
    FileFailure(
      kind: .exists, message: "\(path) exists", remedy: .either(.chooseAnotherName(path), or: .allowReplacing))
  }
}
