import Foundation

/// The factor by which this machine is slower than an idle machine of today, for the same work.
///
/// A test that waits for a timeout, or bounds how long something takes, multiplies its durations with the factor. Without it a busy
/// machine fails tests that have found nothing.
public enum TimeScale {
  /// `GESSO_TEST_TIME_SCALE`, which Scripts/test measures before each stage; 1 if nobody has measured.
  public static let factor: Int = {
    guard let text = ProcessInfo.processInfo.environment["GESSO_TEST_TIME_SCALE"] else { return 1 }
    guard let factor = Int(text), factor >= 1 else { preconditionFailure("GESSO_TEST_TIME_SCALE=\(text) is no factor") }
    return factor
  }()
}
