internal import Ground
package import ImagePreparation

/// The folder that results and prepared images go to.
package enum OutputFolder {
  /// Makes a folder and its parents, removes temporary files that killed processes left in it, and checks that it takes new files.
  ///
  /// - Parameters:
  ///   - path: The folder.
  ///   - name: The beginning of the longest file name that will be used. The check makes a file with such a name. Nil for a name of any
  ///     characters.
  ///   - length: The length of that name in bytes.
  ///   - cleans: False to leave out the search for temporary files of killed processes, which reads the whole folder, if they were removed
  ///     already.
  /// - Throws: `writeFailed` of stage `write`.
  package static func make(
    _ path: String, name: String? = nil, length: Int = 0, cleans: Bool = true
  ) throws(PreparationError) {
    try onFiles(try Folder.make(path))
    if cleans { DurableFile.removeAbandoned(in: path) }
    try onFiles(try DurableFile.tryOut(path, name: name ?? "", length: length))
  }

  /// Makes the folder that a file is in, if it is missing. An existing folder is not checked, because some, such as
  /// `/dev/fd`, take no new files.
  ///
  /// - Throws: `writeFailed` of stage `write`.
  package static func makeParent(of file: String) throws(PreparationError) {
    guard let slash = file.lastIndex(of: "/"), slash != file.startIndex else { return }
    let folder = String(file[..<slash])
    if FileIdentity(folder) == nil { try make(folder) }
  }

  /// Checks that the disk has room for a number of bytes, as far as the system reports the free space.
  ///
  /// - Parameters:
  ///   - bytes: The size of everything that is still to be written.
  ///   - path: The folder.
  ///   - freeBytes: The free space of the folder; nil if it is not known.
  /// - Throws: `writeFailed` of stage `write`.
  static func checkSpace(for bytes: UInt64, in path: String, freeBytes: UInt64?) throws(PreparationError) {
    guard let freeBytes, freeBytes < bytes else { return }
    func megabytes(_ count: UInt64) -> UInt64 { (count + 999_999) / 1_000_000 }
    throw PreparationError(
      .writeFailed, stage: .write,
      "the results may take \(megabytes(bytes)) MB, and \(path) has room for \(freeBytes / 1_000_000) MB",
      remedy: "make room, or use a folder on another disk")
  }
}
