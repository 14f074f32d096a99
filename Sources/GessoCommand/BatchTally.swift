internal import Foundation
internal import GessoPipeline
internal import Ground

/// The state of a batch so far, as counts and costs.
struct BatchTally: Sendable {
  let total: Int
  var done = 0
  /// The rows among them that an earlier command finished.
  var reused = 0
  var failed = 0
  /// Rows that stopped before their jobs, or got no reply: the same command continues with them.
  var open = 0
  var prepared = 0
  /// The pixels of the sources that were prepared.
  var pixels = 0
  var running = 0
  var sentBytes = 0
  var receivedBytes = 0
  /// The cost of this command, and that of the rows that were finished before.
  var spent = Decimal.zero
  var spentBefore = Decimal.zero
  private let start = ContinuousClock.now

  init(total: Int) { self.total = total }

  /// Rows that have not ended, and those that are open.
  var left: Int { total - done - failed }

  var seconds: Double { (ContinuousClock.now - start) / .seconds(1) }

  /// The parts of a line for people, the most important first.
  func parts(prepares: Bool) -> [String] {
    var parts = [counts(prepares: prepares)]
    if failed > 0 { parts.append("\(failed) failed") }
    if running > 0 { parts.append("\(running) running") }
    if let rest = secondsLeft { parts.append("\(Self.time(rest)) left") }
    let paid = spent + spentBefore
    if paid > 0 { parts.append("\(paid) spent\(before(spentBefore))") }
    if !prepares, prepared > 0 { parts.append("\(prepared) prepared") }
    let made = done - reused
    if made > 0 { parts.append("\(Self.rate(Double(made) / seconds)) images/s") }
    if pixels > 0 { parts.append("\(Self.rate(Double(pixels) / 1e6 / seconds)) megapixels/s") }
    let moved = sentBytes + receivedBytes
    if moved > 0 { parts.append("\(Self.rate(Double(moved) / 1e6 / seconds)) MB/s") }
    return parts
  }

  /// `120 of 200 done (52 before)`.
  func counts(prepares: Bool) -> String {
    "\(done) of \(total) \(prepares ? "prepared" : "done")\(before(Decimal(reused)))"
  }

  /// The part of a sum from earlier runs: ` (52 before)`, or nothing.
  func before(_ part: Decimal) -> String { part == 0 ? "" : " (\(part) before)" }

  /// An estimate of the remaining time at the rate so far; nil while too few rows are finished.
  private var secondsLeft: Double? {
    let made = done - reused + failed
    guard made >= 3, seconds > 1, left > 0 else { return nil }
    return Double(left) * seconds / Double(made)
  }

  private static func rate(_ rate: Double) -> String {
    rate >= 10 ? "\(Int(rate.rounded()))" : "\((rate * 10).rounded() / 10)"
  }

  /// `40 s`, `12 min`, `3 h 20 min`.
  static func time(_ seconds: Double) -> String {
    let whole = Int(seconds.rounded(.up))
    if whole < 100 { return "\(whole) s" }
    let minutes = (whole + 59) / 60
    return minutes < 100 ? "\(minutes) min" : "\(minutes / 60) h \(minutes % 60) min"
  }

  /// The object of `--json`.
  var json: JSONObject {
    [
      "rows": total, "done": done, "reused": reused, "failed": failed, "left": left, "prepared": prepared,
      "running": running, "spent": spent, "spentBefore": spentBefore, "seconds": (seconds * 10).rounded() / 10,
    ]
  }
}
