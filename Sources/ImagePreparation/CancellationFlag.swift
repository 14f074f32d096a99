internal import CImageCodecs

/// Stops work in progress, from any thread.
///
/// The flag is one C atomic that the codec shim polls inside long calls. Swift loops poll it once for each strip of rows.
@safe
public final class CancellationFlag: @unchecked Sendable {
  // Unchecked: the only state is a C11 atomic, written and read with sequential consistency.
  let pointer: UnsafeMutablePointer<cic_cancel_flag>

  /// Makes a flag that is not raised.
  public init() {
    unsafe pointer = .allocate(capacity: 1)
    unsafe cic_cancel_flag_init(pointer)
  }

  deinit { unsafe pointer.deallocate() }

  /// Raises the flag; it stays raised.
  public func cancel() { unsafe cic_cancel_flag_raise(pointer) }

  /// True once ``cancel()`` was called.
  public var isCanceled: Bool { unsafe cic_cancel_flag_is_raised(pointer) }
}
