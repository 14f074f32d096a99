import Digests
import Foundation
import GessoPipeline
import ScenarioAPI
import TestSupport
import Testing

@Suite("The report of a batch")
struct BatchReportTests {
  let folder = TestFolder.url.appending(path: "gesso-report-\(UUID().uuidString)")
  private var page: String { folder.appending(path: "report.html").path }

  private static let photograph = Fixtures.path("jpeg/small-420.jpg")
  private static let failure = FailureRecord(
    code: "truncated", stage: "decode", message: "the file ends early", remedy: "send it again")

  /// A ledger with a batch of these rows.
  private func ledger(
    _ name: String = "l", rows: [LedgerBatchRow], rowCount: Int? = nil, command: String = "make photos",
    _ runs: (Ledger, LedgerBatch) throws -> Void = { _, _ in }
  ) throws -> Ledger {
    let ledger = try Ledger(path: folder.appending(path: "\(name).sqlite").path)
    let batch = try ledger.beginBatch(
      named: "photos-1a2b3c", input: "/photos", folder: "/out", command: command, rowCount: rowCount ?? rows.count)
    for row in rows { try ledger.recordRow(LedgerBatchPlace(batch: batch.id, row: row)) }
    try runs(ledger, batch)
    return ledger
  }

  /// Records a finished run of a row: prepared image, job, cost and one result.
  private func finish(
    _ row: LedgerBatchRow, _ ledger: Ledger, _ batch: LedgerBatch, prepared: String = photograph,
    result: String = photograph, sha256: String? = nil, prompt: String = "autumn", cost: String = "4.5"
  ) throws {
    var intent = LedgerTests.intent(key: row.key)
    intent.sourceSHA256 = try row.path.map { try ContentDigest.sha256(ofFile: $0) }
    intent.prompt = prompt
    let run = try ledger.claim(intent, again: false, for: LedgerBatchPlace(batch: batch.id, row: row)).entry.id
    let digest = try ContentDigest.sha256(ofFile: Self.photograph)
    try ledger.recordPrepared(
      run, sha256: sha256 ?? digest, path: prepared, geometry: nil, parameters: #"{"strength":0.5,"guidance":null}"#)
    try ledger.recordSubmitting(
      run, Ledger.Submit(account: "proj_1", model: "flux.1-dev", parameters: #"{"strength":0.5}"#))
    try ledger.recordSubmission(run, job: JobID(rawValue: "job_\(row.key)"), cost: cost)
    try ledger.recordResult(
      run, LedgerResult(index: 1, assetID: AssetID(rawValue: "asset_\(row.key)"), path: result, sha256: digest))
    try ledger.recordDownloads(run)
  }

  /// The page of these ledgers.
  private func html(_ ledgers: Ledger...) async throws -> String {
    try await BatchReport(of: "photos-1a2b3c", in: ledgers).write(to: page, now: Date(timeIntervalSince1970: 0)).result
    return try String(contentsOfFile: page, encoding: .utf8)
  }

  private static func row(
    _ position: Int, _ name: String, path: String? = photograph, state: LedgerBatchRow.State = .done,
    failure: FailureRecord? = nil, times: [LedgerBatchRow.Moment: Double] = [:]
  ) -> LedgerBatchRow {
    LedgerBatchRow(
      position: position, key: name, input: name, path: path, state: state, failure: failure, times: times)
  }

  /// The content of the only element of this name.
  private func content(of element: String, in html: String) throws -> String {
    let parts = html.components(separatedBy: "<\(element)>")
    try #require(parts.count == 2, "one \(element)")
    return try #require(parts[1].components(separatedBy: "</\(element)>").first)
  }

  /// SHA-256 in base64, as openssl computes it.
  private func digest(_ text: String) throws -> String {
    let file = folder.appending(path: "digest")
    try Data(text.utf8).write(to: file)
    let (process, pipe) = (Process(), Pipe())
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", "openssl dgst -sha256 -binary \"$0\" | openssl base64 -A", file.path]
    process.standardOutput = pipe
    try process.run()
    process.waitUntilExit()
    return String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
  }

  // MARK: The policy, and text that is markup

  @Test("its policy allows one style and one script by their digests, pictures from itself, and nothing else")
  func policy() async throws {
    let html = try await html(try ledger(rows: [Self.row(1, "a")]))
    let style = try digest(try content(of: "style", in: html))
    let script = try digest(try content(of: "script", in: html))
    #expect(
      html.contains(
        """
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data: 'self'; \
        style-src 'sha256-\(style)'; script-src 'sha256-\(script)'">
        """))
    #expect(style.count == 44 && script.count == 44 && style != script)
  }

  @Test(
    "text of any origin stays text",
    arguments: [
      "<script>document.title = 'planted'</script>", #""><img src=x onerror=alert(1)>"#, "' onclick='alert(1)",
      "</style><b>",
      "a & b &lt; c", "</script><svg onload=alert(1)>", "line\u{2028}end\r!",
    ])
  func escapes(text: String) async throws {
    let name = text.replacing("/", with: "∕")
    let source = folder.appending(path: "photo \(name).jpg").path
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: Self.photograph, toPath: source)
    var row = Self.row(1, text, path: source, state: .failed)
    row.failure = FailureRecord(code: text, stage: text, message: text, remedy: text)
    let ledger = try ledger(rows: [row], command: text) { ledger, batch in
      try finish(row, ledger, batch, prompt: text)
    }
    var html = try await html(ledger)
    for element in ["style", "script"] { html = html.replacing(try content(of: element, in: html), with: "") }

    // All values of attributes are in quotation marks and contain no angle brackets, so this expression finds every element.
    let allowed: Set = [
      "html", "head", "meta", "title", "link", "style", "body", "a", "header", "main", "script", "h1", "h2", "h3", "p",
      "time", "bdi",
      "section", "svg", "rect", "dl", "div", "dt", "dd", "abbr", "small", "code", "button", "ol", "ul", "li", "details",
      "summary", "form",
      "input", "fieldset", "legend", "label", "span", "select", "option", "article", "figure", "figcaption", "img",
      "pre",
      "table", "caption", "tbody", "tfoot", "tr", "th", "td",
    ]
    var elements = 0
    for match in html.matches(of: #/<([^>]*)>/#).map(\.1) where !match.hasPrefix("/") && !match.hasPrefix("!") {
      elements += 1
      #expect(allowed.contains(String(match.prefix { $0.isASCII && ($0.isLetter || $0.isNumber) })), "<\(match)>")
      let names = match.replacing(#/"[^"]*"/#, with: "").split(separator: " ").dropFirst()
      for name in names {
        #expect(!name.hasPrefix("on") && !name.hasPrefix("style") && !name.contains("'"), "<\(match)>")
      }
    }
    #expect(elements > 60)
    // A parser of HTML would replace these entities and find the original text.
    let visible = html.replacing("&lt;", with: "<").replacing("&gt;", with: ">").replacing("&quot;", with: "\"")
      .replacing("&#39;", with: "'").replacing("&amp;", with: "&")
    let expected = text.replacing("\r", with: "\u{FFFD}")
    #expect(visible.contains("<bdi>\(expected)</bdi></h3>"), "the name")
    #expect(visible.contains("<dt>Prompt</dt><dd><bdi>\(expected)</bdi>"), "the prompt")
    #expect(visible.contains("<div class=\"command\"><code>\(expected)</code>"), "the command")
  }

  // MARK: Rows

  @Test("every state of a row is counted and named, and the failures come first with their remedies")
  func states() async throws {
    let rows = [
      Self.row(1, "a"),
      Self.row(
        2, "b", state: .failed, failure: Self.failure,
        times: [.began: 100, .preparing: 101, .prepared: 103, .ended: 104]),
      Self.row(3, "c", state: .failed, failure: Self.failure),
      Self.row(4, "d", state: .open),
    ]
    let ledger = try ledger(rows: rows, rowCount: 1_250) { ledger, batch in
      try finish(rows[0], ledger, batch)
    }
    let report = try BatchReport(of: "photos-1a2b3c", in: [ledger])
    #expect(report.summary.done == 1)
    #expect(report.summary.failed == 2)
    #expect(report.summary.open == 1)
    #expect(report.summary.notBegun == 1_246)
    #expect(report.summary.cost == 4.5)
    #expect(report.summary.times == 100...104)
    let html = try await html(ledger)
    for part in [
      "1 of 1,250 done", "<dt>Failed</dt><dd>2</dd>", "<dt>Unfinished</dt><dd>1</dd>",
      "<dt>Not begun</dt><dd>1,246</dd>",
      "<dt>Cost</dt><dd>4.5 <abbr", "<dt>From first to last</dt><dd>4.0 s</dd>", "This goes on with it",
      "<h3><span class=\"badge failed\">Failed</span> the file ends early</h3>\n<p class=\"advice\">send it again</p>",
      "<a href=\"#row-2\"><bdi>b</bdi></a>", "data-state=\"open\"", "<dt>Job</dt><dd><code>job_a</code>",
      "<pre tabindex=\"0\" aria-label=\"Parameters\">{\n  &quot;strength&quot; : 0.5\n}\n</pre>",
      "<th scope=\"row\">Prepare</th>", "<td>2.0 s</td>",
      "<rect class=\"prepare\" x=\"0.0\" width=\"100.0\" height=\"1\"/>",
    ] {
      #expect(html.contains(part), "\(part)")
    }
    let first = try #require(html.range(of: "id=\"attention\""))
    let images = try #require(html.range(of: "<div id=\"rows\">"))
    #expect(first.lowerBound < images.lowerBound)
  }

  @Test("a report on a batch without begun rows is not an error")
  func nothingBegun() async throws {
    let html = try await html(try ledger(rows: [], rowCount: 3))
    #expect(html.contains("0 of 3 done"))
    #expect(html.contains("No image has begun yet"))
    #expect(!html.contains("id=\"attention\""))
  }

  @Test(
    "files that are gone, or no longer those of the order, are marked",
    arguments: [
      // The name of the file of the source, the prepared image or the result, and the words that the report has for it.
      ("gone.jpg", "No longer there"), ("changed.jpg", "Changed since"), ("folder", "No longer a file"),
      ("pipe", "No longer a file"),
    ])
  func missing(name: String, words: String) async throws {
    try FileManager.default.createDirectory(at: folder.appending(path: "folder"), withIntermediateDirectories: true)
    try Data("other".utf8).write(to: folder.appending(path: "changed.jpg"))
    #expect(unsafe mkfifo(folder.appending(path: "pipe").path, 0o600) == 0)
    let path = folder.appending(path: name).path
    let rows = [Self.row(1, "a"), Self.row(2, "b"), Self.row(3, "https://example.com/c.jpg", path: nil)]
    let ledger = try ledger(rows: rows) { ledger, batch in
      try finish(rows[0], ledger, batch, prepared: path)
      try finish(rows[1], ledger, batch, result: path)
    }
    let html = try await html(ledger)
    #expect(html.components(separatedBy: "<p class=\"missing\">\(words)</p>").count == 3)
    #expect(html.contains("<p class=\"missing\">Not a file on this machine</p>"))
    #expect(html.components(separatedBy: "<img ").count == 5, "the others are shown")
    #expect(!html.contains("type=\"range\""), "nothing to compare")
  }

  @Test("a source that cannot be decoded is named as such")
  func undecodable() async throws {
    let html = try await html(try ledger(rows: [Self.row(1, "a", path: Fixtures.path("foreign/text.jpg"))]))
    #expect(html.contains("<p class=\"missing\">Cannot be shown: "))
  }

  @Test("a prepared image and its result are compared by a range input")
  func compares() async throws {
    let row = Self.row(1, "a")
    let html = try await html(try ledger(rows: [row]) { try finish(row, $0, $1) })
    #expect(html.components(separatedBy: "<img src=\"data:image/jpeg;base64,/9j/").count == 4)
    #expect(
      html.contains("<input type=\"range\" min=\"0\" max=\"100\" value=\"50\" aria-label=\"Share of the prepared image")
    )
  }

  // MARK: Files

  @Test("thumbnails of up to 500 rows are in the page, those of more are files beside it", arguments: [500, 501])
  func thumbnails(count: Int) async throws {
    let rows = (1...count).map { Self.row($0, "row \($0)", path: $0 == count ? Self.photograph : nil) }
    let ledger = try ledger(rows: rows)
    let html = try await html(ledger)
    let file = folder.appending(path: "report-files/\(count)-source.jpg").path
    #expect(html.contains("<img src=\"data:") == (count == 500))
    #expect(html.contains("<img src=\"./report-files/501-source.jpg\"") == (count == 501))
    #expect(FileManager.default.fileExists(atPath: file) == (count == 501))
  }

  @Test("the ledgers of shards are one report, in the order of the rows")
  func shards() async throws {
    // The row count in each ledger is that of all shards together.
    let a = try ledger("a", rows: [Self.row(1, "one"), Self.row(3, "three")], rowCount: 5)
    let b = try ledger("b", rows: [Self.row(2, "two", state: .failed)], rowCount: 5)
    let html = try await html(a, b)
    #expect(html.contains("2 of 5 done"))
    #expect(html.contains("<dt>Not begun</dt><dd>2</dd>"))
    let names = html.matches(of: #/<h3 id="name-\d+"><bdi>(\w+)</#).map { String($0.1) }
    #expect(names == ["one", "two", "three"])
  }

  @Test("a ledger that does not know the batch is refused")
  func unknown() throws {
    let other = try Ledger(path: folder.appending(path: "other.sqlite").path)
    let known = try ledger(rows: [])
    #expect { try BatchReport(of: "photos-1a2b3c", in: [known, other]) } throws: { error in
      let error = error as? PipelineError
      return error?.code == .unknownBatch && error?.message == "the ledger \(other.path) knows no batch photos-1a2b3c"
        && error?.remedy == .both("leave it out if its shard has not begun", and: "it has none yet")
    }
  }

  @Test(
    "it replaces no source, no ledger, and no other report unless that is allowed",
    arguments: ["a.jpg", "l.sqlite", "report.html"])
  func replaces(name: String) async throws {
    let source = folder.appending(path: "a.jpg").path
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: Self.photograph, toPath: source)
    try Data("kept".utf8).write(to: URL(filePath: page))
    let report = try BatchReport(of: "photos-1a2b3c", in: [try ledger(rows: [Self.row(1, "a", path: source)])])
    let path = folder.appending(path: name).path
    let before = try Data(contentsOf: URL(filePath: path))
    await #expect(throws: (any Error).self) {
      try await report.write(to: path, replacing: name != "report.html").result
    }
    #expect(try Data(contentsOf: URL(filePath: path)) == before)
  }
}
