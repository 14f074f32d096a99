internal import ArgumentParser
internal import GessoPipeline
internal import Ground

/// The flags of verbs that write a file for each input.
struct OutputOptions: ParsableArguments {
  @Option(
    name: .customShort("o"),
    help: ArgumentHelp(
      "The output: a file, a folder (with / at its end, or existing), or - for standard output.",
      valueName: "FILE"))
  var output: String?

  @Option(
    name: .customLong("out-dir"),
    help: ArgumentHelp("The folder for outputs; made when missing.", valueName: "DIR"))
  var folder: String?

  @Option(
    help: ArgumentHelp(
      "The name of an output in a folder, without extension; {stem} is the input's name (default: {stem}.prepared, of strip {stem}.stripped).",
      valueName: "TEMPLATE"))
  var name: String?

  @Flag(name: .customLong("no-clobber"), help: "Refuse to replace an existing output.")
  var noClobber = false

  /// True for a single output on standard output.
  var isStandardOutput: Bool { output == "-" }

  /// Treats `-o` as a folder if its path ends with `/` or if the folder exists.
  mutating func validate() throws {
    output = output.map(Console.outputName)
    if let given = output, given.hasSuffix("/") || Input.isFolder(given) {
      guard folder == nil else { throw ValidationError("-o names a folder, and so does --out-dir: keep one") }
      var path = given[...]
      while path.count > 1, path.hasSuffix("/") { path = path.dropLast() }
      (output, folder) = (nil, String(path))
    }
    guard let name else { return }
    if output != nil { throw ValidationError("--name is for a folder, and -o names a file: leave one of the two out") }
    if let field = name.replacing("{stem}", with: "").firstMatch(of: /\{[^}]*\}/) {
      throw ValidationError("--name has the unknown field \(field.0): use {stem}")
    }
    guard !name.isEmpty, !name.contains("/"), !name.hasPrefix(".") else {
      throw ValidationError("--name \(name) makes no file name: use one such as {stem}-small")
    }
  }

  /// Refuses a place that, by the flags alone, cannot take the outputs.
  ///
  /// - Parameters:
  ///   - count: The arguments that name inputs.
  ///   - isOptional: True if nothing is written, so that no place is needed.
  ///   - json: True if standard output is for JSON.
  /// - Throws: A `ValidationError`.
  func check(for count: Int, isOptional: Bool = false, json: Bool) throws {
    let places = [output, folder].compactMap(\.self).count
    guard places == 1 || isOptional && places == 0 else {
      throw ValidationError("say where it goes: -o FILE or --out-dir DIR")
    }
    if output != nil, count > 1 { throw ValidationError("-o takes one input: use --out-dir DIR for several") }
    guard isStandardOutput, !isOptional else { return }
    if isatty(STDOUT_FILENO) == 1 {
      throw ValidationError("standard output is a terminal: redirect it, or name a file")
    }
    if json { throw ValidationError("-o - and --json both need standard output: keep one") }
  }

  /// Refuses one path or one name for several outputs. Called when folders have been replaced by their images.
  func check(for inputs: [Input]) throws(CommandError) {
    guard inputs.count > 1 else { return }
    if output != nil {
      throw .usage("-o takes one input, and these are \(inputs.count)", remedy: "name a folder with -o DIR/")
    }
    if let name, !name.contains("{stem}") {
      throw .usage("\(inputs.count) outputs would have one name", remedy: "put {stem} into --name")
    }
  }
}
