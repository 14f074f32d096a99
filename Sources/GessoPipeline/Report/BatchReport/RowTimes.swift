internal import Foundation

/// The stages of a row on a common scale of time.
struct RowTimes {
  private struct Stage {
    let name: HTML
    /// The class of its bar.
    let style: HTML
    let time: ClosedRange<Double>
  }

  private let stages: [Stage]
  /// The seconds from the beginning of the row to its end; nil if one of the two is not on record.
  let total: Double?

  init(_ row: LedgerBatchRow) {
    typealias Moment = LedgerBatchRow.Moment
    let known: [(name: HTML, style: HTML, starts: [Moment], end: Moment)] = [
      ("Prepare", "prepare", [.preparing], .prepared), ("Upload", "upload", [.uploading], .uploaded),
      ("Wait for a place", "wait", [.uploaded, .prepared], .submitting),
      ("Submit", "submit", [.submitting], .submitted),
      ("Job", "job", [.submitted], .downloading), ("Download", "download", [.downloading], .ended),
    ]
    let times = row.times
    stages = known.compactMap { stage in
      guard let start = stage.starts.lazy.compactMap({ times[$0] }).first else { return nil }
      // If a row failed within a stage, the stage ends with the row. If it failed between two stages, there is no wait to show.
      let isLast = stage.end != .submitting && !times.contains { $0.key != .ended && $0.value > start }
      guard let end = times[stage.end] ?? (isLast ? times[.ended] : nil), end >= start else { return nil }
      return Stage(name: stage.name, style: stage.style, time: start...end)
    }
    total = times[.began].flatMap { began in times[.ended].map { max(0, $0 - began) } }
  }

  /// A table with a bar for each stage; nothing if no stage is on record.
  var html: HTML {
    guard let first = stages.map(\.time.lowerBound).min(), let last = stages.map(\.time.upperBound).max() else {
      return ""
    }
    let scale = 100 / max(last - first, 0.001)
    let rows = stages.map { stage -> HTML in
      let length = stage.time.upperBound - stage.time.lowerBound
      // A bar has a minimum width, so that short stages can be seen.
      let width = min(100, max(0.8, length * scale))
      let start = min((stage.time.lowerBound - first) * scale, 100 - width)
      return """
        <tr><th scope="row">\(stage.name)</th><td class="bar"><svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">\
        <rect class="\(stage.style)" x="\(Self.number(start))" width="\(Self.number(width))" height="1"/></svg></td>\
        <td>\(Self.words(length))</td></tr>
        """
    }
    let sum: HTML =
      total.map { "<tfoot><tr><th scope=\"row\">In all</th><td></td><td>\(Self.words($0))</td></tr></tfoot>" } ?? ""
    return "<table class=\"times\"><caption>Time</caption><tbody>\(rows)</tbody>\(sum)</table>"
  }

  /// A number with at most two decimals, as attributes take it.
  static func number(_ value: Double) -> String { String((value * 100).rounded() / 100) }

  /// A time as people read it.
  static func words(_ seconds: Double) -> String {
    if seconds < 0.0095 { return "\(Int((seconds * 1_000).rounded())) ms" }
    if seconds < 9.95 { return "\((seconds * 100).rounded() / 100) s" }
    let whole = Int(min(seconds, 1e12).rounded())
    if whole < 120 { return "\(whole) s" }
    if whole < 7_200 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3_600) h \(whole / 60 % 60) min"
  }
}
