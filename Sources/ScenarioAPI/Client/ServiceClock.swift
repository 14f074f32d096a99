internal import Foundation
internal import Synchronization

/// The difference between the service's clock and this machine's, from the `Date` field of the newest reply.
///
/// The times of jobs are those of the service's clock, and the time of a submit is that of this machine's clock. They can be compared only
/// with this difference.
final class ServiceClock: Sendable {
  private let newest = Mutex<Duration?>(nil)

  /// The service's time minus this machine's; nil before a reply with a date. The field has whole seconds.
  var offset: Duration? { newest.withLock(\.self) }

  /// Reads the date of a reply that has just arrived.
  func read(_ response: HTTPResponse, at now: Date) {
    guard let date = response.value(of: "date").flatMap(Date.init(httpField:)) else { return }
    newest.withLock { $0 = .seconds(date.timeIntervalSince(now)) }
  }
}
