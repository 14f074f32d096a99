internal import Foundation

extension Date {
  /// Reads the date of a header field, `Sun, 06 Nov 1994 08:49:37 GMT`: the form every sender has to use (RFC 9110, 5.6.7).
  init?(httpField text: String) {
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    guard let match = text.wholeMatch(of: /\w{3}, (\d{2}) (\w{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT/)?.output,
      let month = months.firstIndex(of: String(match.2)), let day = Int(match.1), let year = Int(match.3),
      let hour = Int(match.4), let minute = Int(match.5), let second = Int(match.6),
      let date = DateComponents(
        calendar: Calendar(identifier: .gregorian), timeZone: .gmt, year: year, month: month + 1, day: day, hour: hour,
        minute: minute, second: second
      ).date
    else { return nil }
    self = date
  }
}
