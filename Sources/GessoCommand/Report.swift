package import ArgumentParser
internal import Foundation
internal import GessoPipeline
internal import Ground
internal import ImagePreparation

/// `gesso report`
package struct Report: Verb {
  package static let configuration = CommandConfiguration(
    verb: "report", "Write one HTML file about a batch: its images, what failed, and what to do about it.",
    examples: [
      "gesso report BATCH -o report.html",
      "gesso report BATCH -o out/report.html --json",
      "gesso report BATCH --ledger a.sqlite --ledger b.sqlite -o report.html",
    ],
    discussion: """
      The page fetches nothing from a network. Above \(BatchReport.mostRowsWithinPage) rows its small pictures are files beside it, in a \
      folder with the name of the page and -files.
      """)

  @Argument(help: "The name of the batch, which gesso batch prints.")
  var batch: String

  @Option(
    name: .customShort("o"),
    help: ArgumentHelp("The output: a file whose name ends in .html.", valueName: "FILE"))
  var output = ""

  @Option(
    help: ArgumentHelp(
      "The ledger of the batch; several for a batch in shards (default: the ledger of this user).",
      valueName: "FILE"))
  var ledger: [String] = []

  @Flag(name: .customLong("no-clobber"), help: "Refuse to replace an existing report.")
  var noClobber = false

  @OptionGroup var common: CommonOptions

  package init() {}

  package mutating func validate() throws {
    guard !output.isEmpty else { throw ValidationError("say where it goes: -o report.html") }
    guard [".html", ".htm"].contains(where: output.lowercased().hasSuffix) else {
      throw ValidationError("the output's name \(output) does not end in .html: name it .html")
    }
  }

  package mutating func perform() async throws -> CommandStatus {
    let (command, console) = (self, common.console)
    do {
      let report = try BatchReport(of: batch, in: try ledgers())
      let preparer = try Environment.preparer(Environment.variables, limits: Limits(threads: 1))
      try await Interruption.guarding(patience: .seconds(1), onSignal: { console.error(.interrupted) }) {
        try await command.write(report, by: preparer)
      }
      return .done
    } catch is CancellationError {
      return .interrupted
    } catch {
      let failure = CommandError(any: error)
      try console.report(failure, input: batch, json: common.json)
      return failure.status
    }
  }

  private func ledgers() throws(CommandError) -> [Ledger] {
    let settings = Configuration(flags: .init(), environment: Environment.variables, folder: ".")
    let paths = ledger.isEmpty ? [try settings.ledgerPath()] : ledger
    var (known, ledgers) = ([FileIdentity](), [Ledger]())
    for path in paths {
      // The file must exist: to open a missing ledger would make one.
      guard let identity = FileIdentity(path) else {
        throw .usage("there is no ledger \(path)", remedy: "name the ledger of the batch with --ledger FILE")
      }
      // A ledger that is named twice counts once.
      guard !known.contains(identity) else { continue }
      known.append(identity)
      ledgers.append(try ServiceOptions.ledger(at: path, allowingNetwork: true))
    }
    return ledgers
  }

  private func write(_ report: BatchReport, by preparer: ImagePreparer) async throws {
    let console = common.console
    let summary = report.summary
    let work = report.write(
      to: output, replacing: !noClobber, preparer: preparer, width: Environment.cores)
    let begun = summary.rows - summary.notBegun
    for await ready in work.events { console.progress("reading images", "\(ready) of \(begun)") }
    console.endProgress()
    try await work.result
    console.note(
      "gesso: \(summary.done) of \(summary.rows) done, \(summary.failed) failed, \(summary.open) unfinished, "
        + "for \(summary.cost) creative units")
    guard common.json else { return try console.output(output) }
    try console.output(json: [
      "batch": batch, "output": output, "thumbnails": report.thumbnailFolder(of: output), "rows": summary.rows,
      "done": summary.done, "failed": summary.failed, "unfinished": summary.open, "notBegun": summary.notBegun,
      "cost": summary.cost,
    ])
  }
}
