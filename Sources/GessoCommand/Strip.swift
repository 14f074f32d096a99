package import ArgumentParser
internal import Dispatch
internal import GessoPipeline
internal import Ground
internal import ImagePreparation

/// `gesso strip`
package struct Strip: Verb {
  package static let configuration = CommandConfiguration(
    verb: "strip", "Remove metadata such as GPS, names and dates without encoding the image again.",
    examples: [
      "gesso strip photo.jpg -o clean.jpg",
      "gesso strip photos/*.jpg --out-dir clean",
      "cat photo.jpg | gesso strip - -o - > clean.jpg",
    ],
    discussion: """
      The pixels stay the same, byte for byte. Everything that does not describe them is removed: EXIF, XMP, IPTC, text, thumbnails, \
      and further images or a video behind the first image. Color and orientation stay.
      """)

  @Argument(help: "Paths, folders, - for standard input, or http(s) URLs.")
  var inputs: [String]

  @Flag(help: "Take the images of folders within folders as well.")
  var recursive = false

  @Option(
    name: .customShort("o"),
    help: ArgumentHelp(
      "Where it goes: a file, a folder (with / at its end, or there already), or - for standard output.",
      valueName: "FILE"))
  var output: String?

  @Option(
    name: .customLong("out-dir"),
    help: ArgumentHelp("The folder it goes to; made when missing.", valueName: "DIR"))
  var folder: String?

  @Option(
    help: ArgumentHelp(
      "Its name in a folder, without extension; {stem} is that of the input (default: {stem}.stripped).",
      valueName: "TEMPLATE"))
  var name: String?

  @Flag(
    help: "Remove the color profile and the orientation as well: viewers may show other colors, or the image lying.")
  var all = false

  @Flag(name: .customLong("no-clobber"), help: "Refuse to replace an existing output.")
  var noClobber = false

  @Option(
    name: .customLong("max-download"),
    help: ArgumentHelp("Refuse inputs from a URL or a pipe above this.", valueName: "MB"))
  var maxDownload = 256

  @Option(
    name: .customLong("max-memory"),
    help: ArgumentHelp("Refuse files that need more for them and their copy.", valueName: "MB"))
  var maxMemory = 1024

  @OptionGroup var common: CommonOptions

  package init() {}

  package mutating func validate() throws {
    output = output.map(Console.outputName)
    try OutputOptions.check(name: name, output: output)
    if let given = output, OutputOptions.isFolder(given) {
      if folder != nil { throw ValidationError("-o names a folder, and so does --out-dir: keep one") }
      (output, folder) = (nil, OutputOptions.folder(given))
    }
    try require(maxDownload, in: 1...1 << 20, "--max-download")
    try require(maxMemory, in: 1...1 << 20, "--max-memory")
    guard [output, folder].compactMap(\.self).count == 1 else {
      throw ValidationError("say where it goes: -o FILE or --out-dir DIR")
    }
    if output != nil, inputs.count > 1 { throw ValidationError("-o takes one input: use --out-dir DIR for several") }
    if output == "-", isatty(STDOUT_FILENO) == 1 {
      throw ValidationError("standard output is a terminal: redirect it, or name a file")
    }
    if output == "-", common.json { throw ValidationError("-o - and --json both need standard output: keep one") }
  }

  package mutating func perform() async throws -> CommandStatus {
    let inputs = try Input.list(inputs, isRecursive: recursive)
    try OutputOptions.check(name: name, output: output, for: inputs)
    let preparer = try Environment.preparer(Environment.variables, limits: Limits(maxMemory: maxMemory << 20))
    let (command, console) = (self, common.console)
    let stems = OutputNaming.distinct(inputs.map { OutputNaming.stem(of: $0.argument) })
    return try await Interruption.guarding(patience: .seconds(1), onSignal: { console.error(.interrupted) }) {
      do {
        let parent = command.output.flatMap { path in path.lastIndex(of: "/").map { String(path[..<$0]) } }
        if let folder = command.folder ?? parent, !folder.isEmpty { try OutputFolder.make(folder) }
      } catch {
        throw CommandError(any: error)
      }
      var (failures, failed) = ([CommandStatus](), [String]())
      for (input, stem) in zip(inputs, stems) {
        do {
          try await command.strip(input, stem: stem, notOver: inputs.compactMap(\.file), by: preparer)
        } catch {
          let failure = CommandError(any: error)
          if failure.status == .interrupted { return .interrupted }
          try console.report(failure, input: input.name, json: command.common.json)
          failures.append(failure.status)
          failed.append(input.name)
        }
      }
      console.summary(of: inputs.count, failed: failed)
      return CommandStatus(failures: failures, of: inputs.count)
    }
  }

  private func strip(_ input: Input, stem: String, notOver files: [String], by preparer: ImagePreparer) async throws {
    let source = try await input.source(limit: maxDownload << 20, isReadAgain: true)
    let image = try await preparer.stripped(source, keepsLook: !all)
    let console = common.console
    let position = image.hadGPS ? ", and with it the GPS position" : ""
    let removed =
      image.removed.isEmpty
      ? "there was nothing to remove" : "removed \(image.removed.joined(separator: ", "))\(position)"
    guard output != "-" else {
      try console.output(image.bytes)
      return console.note("\(input.name): \(removed)")
    }
    let path =
      output ?? "\(folder ?? ".")/\(OutputNaming.name(name ?? "{stem}.stripped", stem)).\(image.format.fileExtension)"
    let suffix = path.split(separator: "/").last.flatMap { name in
      name.lastIndex(of: ".").map { name[$0...].lowercased() }
    }
    let suffixes: [String?] = image.format == .jpeg ? [".jpg", ".jpeg", nil] : [".png", nil]
    guard suffixes.contains(suffix) else {
      throw CommandError.usage(
        "stripping does not change the format, and \(path) would be a \(image.format.rawValue.uppercased())",
        remedy: "name it .\(image.format.fileExtension)")
    }
    try DurableFile.write(image.bytes, to: path, replacing: !noClobber, notOver: files)
    console.note("\(input.name): \(removed)")
    if common.json {
      try console.output(json: [
        "input": input.name, "output": path, "bytes": image.bytes.count, "removed": image.removed,
      ])
    } else {
      try console.output(path)
    }
  }
}
