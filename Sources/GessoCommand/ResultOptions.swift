internal import ArgumentParser
internal import GessoPipeline

/// The flags for the place of results.
struct ResultOptions: ParsableArguments {
  @Option(
    name: [.customShort("o"), .customLong("out-dir")],
    help: ArgumentHelp(
      "The folder for results and records, and for the prepared image; made when missing (default: the working "
        + "directory; for a known job, where it was meant to go).", valueName: "DIR"))
  var folder: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "What results are called; a name that is taken gains -2, -3, … (default: {stem}-{seed}-{index}; for a known "
        + "job, as it was meant).",
      valueName: "TEMPLATE"))
  var name: String?

  @Flag(
    help:
      "Replace earlier results and records of that name; never an image that an order starts from, or what was edited since."
  )
  var overwrite = false

  init() {}

  mutating func validate() throws {
    try requireText(name, "--name")
    if folder.map(Console.outputName) == "-" {
      throw ValidationError("results are several files: name a folder with -o DIR")
    }
    guard let folder else { return }
    var path = folder[...]
    while path.count > 1, path.hasSuffix("/") { path = path.dropLast() }
    self.folder = path.isEmpty ? "." : String(path)
  }
}
