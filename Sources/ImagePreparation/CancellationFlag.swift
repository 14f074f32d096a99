internal import CImageCodecs

/// Stops work in progress, from any thread.
///
/// The flag is one C atomic, which the C code around the codecs polls within long calls. Swift loops poll it once for each strip of rows.
@safe
public final class CancellationFlag: @unchecked Sendable {
  // Unchecked: the only state is a C11 atomic, written and read with sequential consistency.
  let pointer: UnsafeMutablePointer<cic_cancel_flag>
  /// The flag that this one follows, which must live as long.
  private let parent: CancellationFlag?

  /// Makes a flag that is not raised.
  public convenience init() { self.init(following: nil, seconds: .max) }

  /// Makes a flag that is raised with another one, and after a time.
  ///
  /// - Parameters:
  ///   - parent: The other flag, which is not changed.
  ///   - seconds: The time from now on, 0 or more; `Int.max` for no end.
  init(following parent: CancellationFlag?, seconds: Int) {
    self.parent = parent
    unsafe pointer = .allocate(capacity: 1)
    unsafe cic_cancel_flag_init(pointer, parent?.pointer, Int64(clamping: seconds))
  }

  deinit { unsafe pointer.deallocate() }

  /// Raises the flag; it stays raised.
  public func cancel() { unsafe cic_cancel_flag_raise(pointer) }

  /// The number of times that work has checked this flag, for tests.
  package var looks: Int { Int(truncatingIfNeeded: unsafe cic_cancel_flag_looks(pointer)) }

  /// True once ``cancel()`` was called.
  public var isCanceled: Bool { unsafe cic_cancel_flag_is_raised(pointer) }

  /// True if the time of this flag has passed, and neither this flag nor the one that it follows was raised.
  var isLate: Bool { unsafe cic_cancel_flag_is_late(pointer) }
}
