internal import Foundation
internal import ImagePreparation
internal import ScenarioAPI

/// One row of a batch as a part of the page: its images, its settings, its times and its ids.
struct BatchReportCard: Sendable {
  /// The sides of thumbnails: of a source beside the comparison, and of the images that are compared.
  private static let (smallSide, largeSide) = (192, 384)

  let row: LedgerBatchRow
  /// The row's number in the report, from 1.
  let number: Int
  /// The last attempt at its order; nil if none has begun.
  let entry: LedgerEntry?
  let source: Thumbnail
  /// Nil if no prepared image is on record.
  let prepared: Thumbnail?
  /// The results on record, in their order.
  let results: [(result: LedgerResult, thumbnail: Thumbnail)]

  /// Reads the record of a row, and makes its thumbnails.
  ///
  /// - Throws: The errors of ``ThumbnailMaker/thumbnail(of:)``, or a ``PipelineError`` when the ledger cannot be read.
  init(of row: BatchReport.Row, number: Int, _ maker: ThumbnailMaker) async throws {
    self.row = row.row
    self.number = number
    let entry = try row.row.runID.map { id throws(PipelineError) in try row.ledger.entry(run: id) }
    self.entry = entry
    source = try await maker.thumbnail(
      of: .init(
        path: row.row.path, sha256: entry?.intent.sourceSHA256, name: "\(number)-source", side: Self.smallSide))
    prepared =
      if let path = entry?.intent.preparedPath {
        try await maker.thumbnail(
          of: .init(
            path: path, sha256: entry?.intent.preparedSHA256, name: "\(number)-prepared", side: Self.largeSide))
      } else {
        nil
      }
    var results: [(LedgerResult, Thumbnail)] = []
    for result in entry?.results ?? [] {
      let thumbnail = try await maker.thumbnail(
        of: .init(
          path: result.path, sha256: result.sha256, name: "\(number)-\(result.index)", side: Self.largeSide))
      results.append((result, thumbnail))
    }
    self.results = results
  }

  // MARK: The card

  var html: HTML {
    """
    <article class="card" id="row-\(number)" aria-labelledby="name-\(number)" data-state="\(row.state.rawValue)" \
    data-name="\(row.input)" data-cost="\(entry?.cost ?? "0")" data-seconds="\(RowTimes.number(RowTimes(row).total ?? 0))">
    <header><h3 id="name-\(number)"><bdi>\(row.input)</bdi></h3>\(row.state.badge)\
    <a class="quiet" href="#row-\(number)">row \(row.position)</a></header>
    \(row.failure.map { failure in "<p class=\"failure\">\(failure.message)</p>\n\(failure.advice)" })\
    <div class="pictures">\(pictures)</div>
    <div class="facts">\(facts)\(RowTimes(row).html)</div>
    <details><summary>Parameters, files and ids</summary>\(ids)\(parameters)</details>
    </article>

    """
  }

  private var pictures: [HTML] {
    var pictures = [figure("Source", geometry.map(\.source), source, "Source of \(row.input)")]
    let compared = results.map {
      (name: name(of: $0.result), $0.thumbnail, slider: slider(name(of: $0.result), $0.thumbnail))
    }
    // The slider already shows the prepared image.
    if let prepared, !compared.contains(where: { $0.slider != nil }) {
      pictures.append(figure("Prepared", geometry.map(\.canvas), prepared, "Prepared image of \(row.input)"))
    }
    return pictures
      + compared.map { name, thumbnail, slider in
        slider ?? figure(name, nil, thumbnail, "\(name) of \(row.input)")
      }
  }

  private func figure(_ name: String, _ size: ImageSize?, _ thumbnail: Thumbnail, _ description: String) -> HTML {
    """
    <figure>\(Self.picture(thumbnail, description))\
    <figcaption>\(name)\(Self.words(size))</figcaption></figure>
    """
  }

  /// The prepared image over a result, with a slider; nil if one of the two cannot be shown.
  private func slider(_ name: String, _ after: Thumbnail) -> HTML? {
    guard let prepared, case .picture = prepared, case .picture = after else { return nil }
    return """
      <figure><div class="stack">\(Self.picture(after, "\(name) of \(row.input)"))\
      <span class="before">\(Self.picture(prepared, "Prepared image of \(row.input)"))</span><span class="line"></span>\
      <input type="range" min="0" max="100" value="50" \
      aria-label="Share of the prepared image in front of \(name) of \(row.input), in percent"></div>\
      <figcaption><span>Prepared\(Self.words(geometry.map(\.canvas)))</span><span>\(name)</span></figcaption></figure>
      """
  }

  private func name(of result: LedgerResult) -> String { results.count > 1 ? "Result \(result.index)" : "Result" }

  private static func words(_ size: ImageSize?) -> String { size.map { " \($0.width)×\($0.height)" } ?? "" }

  /// A thumbnail, or the words in its place.
  private static func picture(_ thumbnail: Thumbnail, _ description: String) -> HTML {
    switch thumbnail {
    case .picture(let address, let size):
      """
      <img src="\(address)" width="\(size.width)" height="\(size.height)" alt="\(description)" loading="lazy" decoding="async">
      """
    case .none(let reason): "<p class=\"missing\">\(reason)</p>"
    }
  }

  // MARK: Settings, files and ids

  private var geometry: GeometryRecord? {
    entry?.intent.geometry.flatMap { try? JSONText.value(GeometryRecord.self, of: $0) }
  }

  private var facts: HTML {
    guard let entry else { return "" }
    return """
      <dl>\(Self.fact("Prompt", entry.intent.prompt, wide: true))\(Self.fact("Model", entry.intent.model))\
      \(Self.fact("Seed", entry.intent.seed))\(Self.fact("Cost", entry.cost.map { "\($0) CU" }))\
      \(Self.fact("Attempt", entry.attempt > 0 ? String(entry.attempt + 1) : nil))</dl>
      """
  }

  private static func fact(_ name: String, _ value: String?, wide: Bool = false) -> HTML {
    guard let value, !value.isEmpty else { return "" }
    return "<div\(wide ? " class=\"wide\"" as HTML : "")><dt>\(name)</dt><dd><bdi>\(value)</bdi></dd></div>"
  }

  private var ids: HTML {
    var rows: [HTML] = []
    if let entry {
      rows.append(Self.copied("Job", entry.jobID?.rawValue))
      rows.append(Self.copied("Run", String(entry.id)))
      rows.append(Self.copied("Uploaded image", entry.assetID?.rawValue))
    }
    rows.append(Self.copied("Source", row.path ?? row.input))
    rows.append(Self.copied("Prepared", entry?.intent.preparedPath))
    for (result, _) in results {
      let name = name(of: result)
      rows.append(Self.copied(name, result.path, opens: true))
      rows.append(Self.copied("\(name), asset", result.assetID.rawValue))
    }
    return "<dl class=\"ids\">\(rows)</dl>"
  }

  /// A line with a button that copies its value.
  private static func copied(_ name: String, _ value: String?, opens: Bool = false) -> HTML {
    guard let value else { return "" }
    let text: HTML = "<code>\(value)</code>"
    let shown: HTML = opens ? "<a href=\"file://\(BatchReport.percentEncoded(value))\">\(text)</a>" : text
    return """
      <div><dt>\(name)</dt><dd>\(shown)\
      <button type="button" class="copy" value="\(value)" aria-label="Copy: \(name)">Copy</button></dd></div>
      """
  }

  /// All other settings, without those that are not set.
  private var parameters: HTML {
    guard let entry, let all = try? JSONText.value([String: JSONValue].self, of: entry.intent.parameters),
      let text = try? JSONText.document(all.filter { $0.value != .null }), text != "{\n\n}\n"
    else { return "" }
    return "<pre tabindex=\"0\" aria-label=\"Parameters\">\(text)</pre>"
  }
}

extension LedgerBatchRow.State {
  /// Its label.
  var name: String {
    switch self {
    case .done: "Done"
    case .failed: "Failed"
    case .open: "Unfinished"
    }
  }

  var badge: HTML { "<span class=\"badge \(rawValue)\">\(name)</span>" }
}

extension FailureRecord {
  /// The remedy as it was printed; empty if there is none.
  var advice: HTML { remedy.isEmpty ? "" : "<p class=\"advice\">\(remedy)</p>\n" }
}
