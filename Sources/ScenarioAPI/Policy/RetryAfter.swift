internal import Foundation

/// How long the service asks to wait, in any of the forms it may use.
///
/// The contract documents only `remainingSeconds` in the body (section 10); the header forms are what HTTP (RFC 9110,
/// 10.2.3) and the service's generic SDK know.
enum RetryAfter {
  /// The wait asked for, or nil. A date in the past is no wait.
  ///
  /// - Parameter now: Used for a date when the answer has no `Date` of its own.
  static func delay(of response: HTTPResponse, remainingSeconds: Double?, now: Date) -> Duration? {
    if let text = response.value(of: "retry-after-ms"), let milliseconds = Double(text) {
      return duration(milliseconds / 1000)
    }
    if let text = response.value(of: "retry-after") {
      if let seconds = Double(text) { return duration(seconds) }
      if let date = httpDate(text) {
        let sent = response.value(of: "date").flatMap(httpDate) ?? now
        return duration(max(date.timeIntervalSince(sent), 0))
      }
    }
    return remainingSeconds.flatMap(duration)
  }

  /// A wait of 0 seconds to a year; nil for anything else.
  private static func duration(_ seconds: Double) -> Duration? {
    (0...31_536_000).contains(seconds) ? .seconds(seconds) : nil
  }

  /// Reads `Sun, 06 Nov 1994 08:49:37 GMT`, the form every sender has to use (RFC 9110, 5.6.7).
  private static func httpDate(_ text: String) -> Date? {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = TimeZone(secondsFromGMT: 0)
    formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
    return formatter.date(from: text)
  }
}
