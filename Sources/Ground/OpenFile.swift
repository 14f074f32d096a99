/// An open descriptor that is closed with the last reference to this value.
package final class OpenFile: Sendable {
  /// The descriptor.
  package let descriptor: Int32

  private init(_ descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }

  /// Opens an input that can be read only once, such as a named pipe, without waiting for its writer if the system allows that.
  ///
  /// A read then returns `EAGAIN` while there is nothing to read, so that `poll` has to come first.
  ///
  /// - Throws: A failure of the kind `notFound` or `unreadable`.
  package static func stream(_ path: String) throws(FileFailure) -> OpenFile {
    let descriptor = unsafe open(path, O_RDONLY | opensWithoutWriter | O_CLOEXEC)
    guard descriptor >= 0 else { throw .reading(path) }
    return OpenFile(descriptor)
  }

  /// Makes an empty file without a name, for reading and writing. The system removes it with the last descriptor, so that nothing is
  /// left after `kill -9`.
  ///
  /// - Parameter folder: A folder of the file system on which the file is made.
  /// - Returns: The file, at its beginning.
  /// - Throws: A failure of the kind `notWritten`.
  package static func temporary(in folder: String) throws(FileFailure) -> OpenFile {
    var template = [CChar]("\(folder)/gesso-XXXXXX".utf8CString)
    let descriptor = unsafe mkstemp(&template)
    guard descriptor >= 0 else { throw .writing("cannot write to \(folder)") }
    unsafe unlink(template)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    return OpenFile(descriptor)
  }
}
