internal import ArgumentParser
internal import GessoPipeline

/// The flags for the place of results.
struct ResultOptions: ParsableArguments {
  @Option(
    name: [.customShort("o"), .customLong("out-dir")],
    help: ArgumentHelp(
      "The folder for results and records, and for the prepared image; made when missing (default: the working "
        + "directory; for a known job, the folder of its order).", valueName: "DIR"))
  var folder: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The names of results; a name that is taken gains -2, -3, … (default: {stem}-{seed}-{index}; for a known "
        + "job, that of its order).",
      valueName: "TEMPLATE"))
  var name: String?

  @Flag(
    help:
      "Replace earlier results and records of that name, but no image that an order starts from, and no edited file."
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
