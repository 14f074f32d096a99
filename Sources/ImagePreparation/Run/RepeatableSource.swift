internal import Ground

/// A source that can be read more than once. A descriptor of a file is set back to its first position.
struct RepeatableSource {
  /// The source, at its first byte before the first read and after each ``rewind()``.
  let input: ImageSource
  /// The descriptor and its first position; nil for other sources, and for descriptors that cannot be searched, such as pipes.
  private let start: (descriptor: Int32, offset: off_t)?
  /// False for a descriptor that can be read only once.
  let canRewind: Bool

  init(_ source: ImageSource) {
    input = source
    guard case .descriptor(let descriptor) = source else {
      (start, canRewind) = (nil, true)
      return
    }
    let offset = lseek(descriptor, 0, SEEK_CUR)
    canRewind = offset >= 0
    start = offset >= 0 ? (descriptor, offset) : nil
  }

  /// Checks that the source can be read twice for `what`.
  ///
  /// - Throws: `invalidRecipe` of stage `open`.
  func check(_ what: String, without setting: Remedy.Setting) throws(PreparationError) {
    guard !canRewind else { return }
    throw PreparationError(
      .invalidRecipe, stage: .open, "\(what) reads the source twice, and this one can be read only once",
      remedy: .either("read it into memory or a file first", or: .leaveOut(setting)))
  }

  /// Goes back to the first byte.
  ///
  /// - Throws: `unreadable` of stage `open`.
  func rewind() throws(PreparationError) {
    guard let start, lseek(start.descriptor, start.offset, SEEK_SET) != start.offset else { return }
    throw .unreadable(errno, stage: .open)
  }
}
