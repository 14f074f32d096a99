internal import Foundation

/// The time that the service asks to wait, in any of its forms.
///
/// The contract documents only `remainingSeconds` in the body (section 10). The forms of the header are those of HTTP (RFC 9110,
/// 10.2.3) and of the service's generic SDK.
enum RetryAfter {
  /// The time that the service asks to wait; nil if it asks for none. A date in the past is a wait of 0 seconds.
  ///
  /// `now` is used for a date when the reply has no `Date` field.
  static func delay(of response: HTTPResponse, remainingSeconds: Double?, now: Date) -> Duration? {
    if let text = response.value(of: "retry-after-ms"), let milliseconds = Double(text) {
      return duration(milliseconds / 1000)
    }
    if let text = response.value(of: "retry-after") {
      if let seconds = Double(text) { return duration(seconds) }
      if let date = Date(httpField: text) {
        let sent = response.value(of: "date").flatMap(Date.init(httpField:)) ?? now
        return duration(max(date.timeIntervalSince(sent), 0))
      }
    }
    return remainingSeconds.flatMap(duration)
  }

  /// A wait of 0 seconds to a year; nil for anything else.
  private static func duration(_ seconds: Double) -> Duration? {
    (0...31_536_000).contains(seconds) ? .seconds(seconds) : nil
  }
}
