internal import Digests
internal import Foundation

/// The page around the rows of a report: its policy, style and script, the summary, and the rows that need attention.
struct BatchReportPage {
  let report: BatchReport
  /// The cards of the rows, in their order.
  let cards: [HTML]
  let now: Date

  /// The style and the script, exactly as in the page, because the policy contains their digests.
  static let style = String(decoding: PackageResources.report_css, as: UTF8.self)
  static let script = String(decoding: PackageResources.report_js, as: UTF8.self)

  /// The content security policy: the page loads only thumbnails, from itself or from beside it, and runs only the
  /// style and the script with these digests.
  static let policy =
    "default-src 'none'; img-src data: 'self'; style-src '\(source(of: style))'; script-src '\(source(of: script))'"

  /// The source expression for the content of an element (Content Security Policy Level 3, section 2.3.1).
  private static func source(of content: String) -> String {
    let digest = ContentDigest.sha256(of: [UInt8](content.utf8))
    let bytes = stride(from: 0, to: digest.count, by: 2).compactMap { UInt8(digest.dropFirst($0).prefix(2), radix: 16) }
    return "sha256-" + Data(bytes).base64EncodedString()
  }

  var html: HTML {
    // The name is the same in every ledger of the batch.
    let name = report.batches.first?.name ?? ""
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta http-equiv="Content-Security-Policy" content="\(HTML(trusted: Self.policy))">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <meta name="referrer" content="no-referrer">
      <title>\(name)</title>
      <link rel="icon" href="data:,">
      <style>\(HTML(trusted: Self.style))</style>
      </head>
      <body>
      <a class="skip" href="#images">Skip to the images</a>
      <header class="page">
      <h1><bdi>\(name)</bdi></h1>
      <p class="quiet">\(dates)</p>
      </header>
      <main>
      \(summary)\(attention)\(images)</main>
      <script>\(HTML(trusted: Self.script))</script>
      </body>
      </html>

      """
  }

  // MARK: The summary

  private var dates: HTML {
    let begun = report.batches.map(\.createdAt).min() ?? ""
    let last = report.batches.map(\.updatedAt).max() ?? ""
    let again: HTML = last == begun ? "" : ", last continued \(Self.time(last))"
    return "Begun \(Self.time(begun))\(again). Report of \(Self.time(now.formatted(.iso8601)))."
  }

  /// A time in UTC, from ISO 8601.
  private static func time(_ text: String) -> HTML {
    let words = text.replacing("T", with: " ").replacing("Z", with: " UTC")
    return "<time datetime=\"\(text)\">\(words)</time>"
  }

  private var summary: HTML {
    let sum = report.summary
    let parts: [(state: HTML, name: HTML, count: Int)] = [
      ("done", "Done", sum.done), ("failed", "Failed", sum.failed), ("open", "Unfinished", sum.open),
      ("idle", "Not begun", sum.notBegun),
    ]
    var start = 0
    var (bars, figures) = ([HTML](), [HTML]())
    for part in parts {
      bars.append("<rect class=\"\(part.state)\" x=\"\(start)\" width=\"\(part.count)\" height=\"1\"/>")
      start += part.count
      figures.append(
        "<div class=\"\(part.count > 0 ? part.state : "idle")\"><dt>\(part.name)</dt><dd>\(Self.grouped(part.count))</dd></div>"
      )
    }
    let unknown = sum.jobsWithoutCost
    let note: HTML =
      unknown == 0 ? "" : "<small>without \(unknown) \(unknown == 1 ? "job" : "jobs") of unknown cost</small>"
    let seconds = sum.times.map { RowTimes.words($0.upperBound - $0.lowerBound) } ?? "–"
    return """
      <section aria-labelledby="summary"><h2 id="summary">\(Self.grouped(sum.done)) of \(Self.grouped(sum.rows)) done</h2>
      <svg class="whole" viewBox="0 0 \(max(1, sum.rows)) 1" preserveAspectRatio="none" aria-hidden="true">\(bars)</svg>
      <dl class="figures">\(figures)<div><dt>Cost</dt><dd>\(String(describing: sum.cost)) <abbr title="creative units">CU</abbr>\(note)</dd></div>\
      <div><dt>From first to last</dt><dd>\(seconds)</dd></div></dl>
      \(commands)</section>

      """
  }

  /// The commands that started the batch. The same commands continue it.
  private var commands: HTML {
    let isComplete = report.summary.open + report.summary.notBegun == 0
    let lines = Set(report.batches.map(\.command)).sorted().map { line -> HTML in
      """
      <div class="command"><code>\(line)</code>\
      <button type="button" class="copy" value="\(line)" aria-label="Copy: command">Copy</button></div>
      """
    }
    return "<p class=\"label\">\(isComplete ? "Made by" : "This goes on with it")</p>\(lines)"
  }

  /// A count with commas between thousands.
  static func grouped(_ count: Int) -> String {
    let digits = String(count)
    return String(
      digits.enumerated().flatMap { index, digit in
        index > 0 && (digits.count - index) % 3 == 0 ? [",", digit] : [digit]
      })
  }

  // MARK: What needs attention

  /// The rows that failed or were stopped, grouped by remedy, the largest group first.
  private var attention: HTML {
    struct Kind: Hashable {
      var code: String
      var remedy: String
      var state: LedgerBatchRow.State
    }
    var kinds: [Kind: [(number: Int, row: LedgerBatchRow, failure: FailureRecord)]] = [:]
    for (index, row) in report.rows.lazy.map(\.row).enumerated() {
      guard let failure = row.failure else { continue }
      kinds[Kind(code: failure.code, remedy: failure.remedy, state: row.state), default: []].append(
        (index + 1, row, failure))
    }
    guard !kinds.isEmpty else { return "" }
    // Failures come before rows that continue without a decision.
    let sorted = kinds.sorted {
      ($0.key.state == .open ? 1 : 0, -$0.value.count, $0.value[0].number)
        < ($1.key.state == .open ? 1 : 0, -$1.value.count, $1.value[0].number)
    }
    let groups = sorted.map { kind, rows -> HTML in
      let messages = Set(rows.map(\.failure.message))
      let items = rows.map { row -> HTML in
        let message: HTML = messages.count == 1 ? "" : " <span class=\"quiet\">\(row.failure.message)</span>"
        return "<li><a href=\"#row-\(row.number)\"><bdi>\(row.row.input)</bdi></a>\(message)</li>"
      }
      let failure = rows[0].failure
      let title = messages.count == 1 ? failure.message : "\(failure.stage): \(failure.code)"
      let count = rows.count == 1 ? "1 image" : "\(Self.grouped(rows.count)) images"
      let list: HTML = "<ul>\(items)</ul>"
      return """
        <li><h3>\(kind.state.badge) \(title)</h3>
        \(failure.advice)\
        \(rows.count > 5 ? "<details><summary>\(count)</summary>\(list)</details>" : list)</li>

        """
    }
    return """
      <section aria-labelledby="attention"><h2 id="attention">What to do</h2>
      <ol class="attention">\(groups)</ol></section>

      """
  }

  // MARK: The images

  /// The cards in groups. A browser skips the layout of groups that are off the screen. Within visible groups, it skips the layout of cards
  /// that are off the screen. Both levels are needed. Without groups, the browser would check thousands of cards in every frame of a
  /// scroll. If it skipped no cards, it would lay out a whole group in one frame.
  private var groups: [HTML] {
    let size = 25
    return stride(from: 0, to: cards.count, by: size).map { start in
      "<div class=\"group\">\n\(Array(cards[start..<min(start + size, cards.count)]))</div>\n"
    }
  }

  private var images: HTML {
    guard !cards.isEmpty else {
      return """
        <section aria-labelledby="images"><h2 id="images">Images</h2>
        <p class="empty">No image has begun yet. The command above begins them.</p></section>

        """
    }
    let sum = report.summary
    let states: [(value: HTML, name: HTML, count: Int)] = [
      ("", "All", cards.count), ("failed", "Failed", sum.failed), ("open", "Unfinished", sum.open),
      ("done", "Done", sum.done),
    ]
    let choices = states.map { state -> HTML in
      """
      <label><input type="radio" name="state" value="\(state.value)"\(state.value == "" ? " checked" as HTML : "")>\
      <span>\(state.name) <small>\(Self.grouped(state.count))</small></span></label>
      """
    }
    return """
      <section aria-labelledby="images"><h2 id="images">Images</h2>
      <form id="filter" hidden>
      <input type="search" name="text" aria-label="Find by name, prompt or id" placeholder="Name, prompt or id" autocomplete="off">
      <fieldset><legend>State</legend>\(choices)</fieldset>
      <label class="sort">Sort by <select name="sort"><option value="">row</option><option value="name">name</option>\
      <option value="state">failed first</option><option value="cost">highest cost</option><option value="seconds">longest time</option></select></label>
      <p id="count" role="status"></p>
      </form>
      <div id="rows">
      \(groups)</div>
      <p class="empty" id="none" hidden>No image is like that.</p></section>

      """
  }
}
