import Foundation

/// The factor by which this machine is now slower than an idle machine of the present, for the same work.
///
/// A test that waits for a timeout, or limits the time of some work, multiplies its durations by this factor. Without the factor a busy
/// machine would make tests fail that have found nothing.
public enum TimeScale {
  /// The value of `GESSO_TEST_TIME_SCALE`, which Scripts/test measures before each stage; 1 if it is not set.
  public static let factor: Int = {
    guard let text = ProcessInfo.processInfo.environment["GESSO_TEST_TIME_SCALE"] else { return 1 }
    guard let factor = Int(text), factor >= 1 else { preconditionFailure("GESSO_TEST_TIME_SCALE=\(text) is no factor") }
    return factor
  }()
}
