public import Foundation
internal import Ground
public import ImagePreparation

/// A report of a batch for people: one HTML file that shows each image with its results, each failure, and its remedy.
///
/// The page fetches nothing from a network, and its content security policy allows only its own style, its own script and its
/// thumbnails. Files of the batch that were deleted or changed since are marked.
public struct BatchReport: Sendable {
  /// The outcome of a batch, as counts.
  public struct Summary: Sendable, Equatable {
    /// The rows whose results are on disk.
    public internal(set) var done = 0
    /// The rows that failed.
    public internal(set) var failed = 0
    /// The rows that have begun and not ended: a process works on them, or was interrupted.
    public internal(set) var open = 0
    /// The rows that have not begun.
    public internal(set) var notBegun = 0
    /// The creative units of all jobs, those of earlier attempts included.
    public internal(set) var cost: Decimal = 0
    /// The number of jobs with neither cost nor price on record, which are missing from ``cost``.
    public internal(set) var jobsWithoutCost = 0
    /// The first and the last moment on record, in seconds since 1970; nil if no row has begun.
    public internal(set) var times: ClosedRange<Double>?

    /// All rows.
    public var rows: Int { done + failed + open + notBegun }
  }

  /// A row, and the ledger that contains it.
  struct Row: Sendable {
    var row: LedgerBatchRow
    var ledger: Ledger
  }

  /// The most rows for which thumbnails are in the page itself. With more rows, thumbnails are files in a folder beside
  /// the page.
  public static let mostRowsWithinPage = 500

  /// The outcome of the batch.
  public let summary: Summary
  /// The batch as each of the ledgers has it.
  let batches: [LedgerBatch]
  /// The rows that have begun, by their positions.
  let rows: [Row]
  private let ledgers: [Ledger]

  /// Reads a batch.
  ///
  /// - Parameters:
  ///   - name: The name of the batch.
  ///   - ledgers: The ledgers that contain it: one, or one for each shard.
  /// - Throws: A ``PipelineError``: `unknown-batch` if one of the ledgers does not know it, or `ledger-unavailable`.
  public init(of name: String, in ledgers: [Ledger]) throws(PipelineError) {
    var (batches, rows, summary) = ([LedgerBatch](), [Row](), Summary())
    for ledger in ledgers {
      let batch = try Self.batch(named: name, in: ledger, of: ledgers.count)
      batches.append(batch)
      rows += try ledger.rows(of: batch).map { Row(row: $0, ledger: ledger) }
      let cost = try ledger.cost(of: batch)
      summary.cost += cost.sum
      summary.jobsWithoutCost += cost.unknown
    }
    // Each shard knows how many rows the whole batch has.
    summary.notBegun = max(0, (batches.map(\.rowCount).max() ?? 0) - Set(rows.map(\.row.key)).count)
    rows.sort { ($0.row.position, $0.row.key) < ($1.row.position, $1.row.key) }
    for row in rows {
      switch row.row.state {
      case .done: summary.done += 1
      case .failed: summary.failed += 1
      case .open: summary.open += 1
      }
    }
    let times = rows.flatMap(\.row.times.values)
    if let first = times.min(), let last = times.max() { summary.times = first...last }
    (self.batches, self.rows, self.summary, self.ledgers) = (batches, rows, summary, ledgers)
  }

  /// The batch on record in one of several ledgers.
  private static func batch(
    named name: String, in ledger: Ledger, of count: Int
  ) throws(PipelineError) -> LedgerBatch {
    do throws(PipelineError) {
      return try ledger.batch(named: name)
    } catch {
      guard count > 1, error.code == .unknownBatch else { throw error }
      throw PipelineError(
        .unknownBatch, stage: error.stage, error.message,
        remedy: .both("leave it out if its shard has not begun", and: error.remedy))
    }
  }

  /// The folder beside the report for its thumbnails; nil if they are in the page.
  public func thumbnailFolder(of path: String) -> String? {
    guard rows.count > Self.mostRowsWithinPage else { return nil }
    return URL(filePath: path).deletingPathExtension().path + "-files"
  }

  /// Writes the report.
  ///
  /// - Parameters:
  ///   - path: The path of the HTML file. Its folder is made if it is missing.
  ///   - replacing: False to refuse when the file exists.
  ///   - preparer: Makes the thumbnails.
  ///   - width: The number of rows to process at a time, from 1.
  ///   - now: The time of the report.
  /// - Returns: The work. Its events are the numbers of rows that are ready. Its result throws a `PreparationError` of stage `write` when
  ///   a file cannot be written, a ``PipelineError`` when a ledger cannot be read, or `CancellationError`.
  public func write(
    to path: String, replacing: Bool = true, preparer: ImagePreparer = ImagePreparer(limits: Limits(threads: 1)),
    width: Int = 1, now: Date = .now
  ) -> Run<Int, Void> {
    Run { report in
      let inputs = ledgers.map(\.path) + rows.compactMap(\.row.path)
      DurableFile.removeAbandoned(beside: path)
      try onFiles(try DurableFile.check(path, replacing: replacing, notOver: inputs))
      try OutputFolder.makeParent(of: path)
      let folder = thumbnailFolder(of: path)
      if let folder { try OutputFolder.make(folder) }
      let maker = ThumbnailMaker(
        preparer: preparer, folder: folder.map { ($0, "./" + Self.percentEncoded($0.lastPathComponent)) })
      let cards = try await cards(maker, width: max(1, width), report)
      let page = BatchReportPage(report: self, cards: cards, now: now)
      try onFiles(
        try DurableFile.write([UInt8](page.html.markup.utf8), to: path, replacing: replacing, notOver: inputs))
    }
  }

  /// The cards of all rows, in their order.
  private func cards(
    _ maker: ThumbnailMaker, width: Int, _ report: @escaping @Sendable (Int) -> Void
  ) async throws -> [HTML] {
    try await withThrowingTaskGroup(of: (Int, HTML).self) { group in
      var cards = [HTML](repeating: "", count: rows.count)
      var (begun, ended) = (0, 0)
      while ended < rows.count {
        while begun < rows.count, begun - ended < width {
          let (index, row) = (begun, rows[begun])
          group.addTask { (index, try await BatchReportCard(of: row, number: index + 1, maker).html) }
          begun += 1
        }
        guard let (index, card) = try await group.next() else { break }
        cards[index] = card
        ended += 1
        report(ended)
      }
      return cards
    }
  }

  /// A path, percent-encoded for use in a URL.
  static func percentEncoded(_ path: String) -> String {
    path.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed.subtracting([";", ":"])) ?? ""
  }
}
