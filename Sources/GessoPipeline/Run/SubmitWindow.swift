package import ScenarioAPI

/// The time in which the job of a submit was made, by the service's clock.
package struct SubmitWindow: Sendable, Equatable {
  /// The width of the window before and after the submit, in seconds: the clocks of the service's machines differ, and a request
  /// may arrive late (ASSUMED).
  private static let margin = 600.0

  /// The earliest time, in seconds since 1970.
  package let earliest: Double
  /// The latest time, in seconds since 1970.
  package let latest: Double

  /// Makes the window of a submit.
  ///
  /// - Parameters:
  ///   - submittedAt: The time of the submit by this machine's clock, in seconds since 1970.
  ///   - clockOffset: The service's clock minus this machine's; nil if it is not known.
  package init(submittedAt: Double, clockOffset: Duration?) {
    let center = submittedAt + (clockOffset ?? .zero) / .seconds(1)
    (earliest, latest) = (center - Self.margin, center + Self.margin)
  }

  /// True for a job that was made in the window, or whose time is not known.
  package func contains(_ job: Job) -> Bool {
    guard let made = job.createdSeconds else { return true }
    return made >= earliest && made <= latest
  }
}
