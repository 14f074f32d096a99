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

  @OptionGroup var sources: InputOptions

  @OptionGroup var destination: OutputOptions

  @Flag(
    help: "Also remove the color profile and the orientation: viewers may then show other colors, or the image turned.")
  var all = false

  @Option(
    name: .customLong("max-download"),
    help: ArgumentHelp("Refuse inputs from a URL or a pipe above this.", valueName: "MB"))
  var maxDownload = 256

  @OptionGroup var limiting: LimitOptions
  @OptionGroup var addresses: AddressOptions
  @OptionGroup var isolating: IsolationOptions
  @OptionGroup var common: CommonOptions

  package init() {}

  package mutating func validate() throws {
    try require(maxDownload, in: 1...1 << 20, "--max-download")
    try destination.check(for: sources.inputs.count, json: common.json)
  }

  package mutating func perform() async throws -> CommandStatus {
    let inputs = try sources.list()
    try destination.check(for: inputs)
    let preparer = try Environment.preparer(
      Environment.variables, limits: limiting.limits, isolation: isolating.isolation)
    let (command, console) = (self, common.console)
    let names = OutputNaming.names(
      inputs.map { OutputNaming.stem(of: $0.argument) }, destination.name ?? "{stem}.stripped")
    return try await Interruption.guarding(patience: .seconds(1), onSignal: { console.error(.interrupted) }) {
      do {
        if let folder = command.destination.folder { try OutputFolder.make(folder) }
        if let output = command.destination.output, !command.destination.isStandardOutput {
          try OutputFolder.makeParent(of: output)
          DurableFile.removeAbandoned(beside: output)
        }
      } catch {
        throw CommandError(any: error)
      }
      var (failures, failed) = ([CommandStatus](), [String]())
      for (input, name) in zip(inputs, names) {
        do {
          try await command.strip(input, named: name, notOver: inputs.compactMap(\.file), by: preparer)
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

  private func strip(_ input: Input, named name: String, notOver files: [String], by preparer: ImagePreparer)
    async throws
  {
    let source = try await input.source(
      limit: maxDownload << 20, allowsPrivate: addresses.allowsPrivate, isReadAgain: true)
    let image = try await preparer.stripped(source, keepsLook: !all)
    let console = common.console
    let position = image.hadGPS ? ", and with it the GPS position" : ""
    let removed =
      image.removed.isEmpty
      ? "there was nothing to remove" : "removed \(image.removed.joined(separator: ", "))\(position)"
    guard !destination.isStandardOutput else {
      try console.output(image.bytes)
      return console.note("\(input.name): \(removed)")
    }
    let path = destination.output ?? "\(destination.folder ?? ".")/\(name).\(image.format.fileExtension)"
    let suffix = path.split(separator: "/").last.flatMap { name in
      name.lastIndex(of: ".").map { name[$0...].lowercased() }
    }
    guard suffix.map({ image.format.fileExtensions.contains(String($0.dropFirst())) }) ?? true else {
      throw CommandError.usage(
        "stripping does not change the format, and \(path) would be a \(image.format.name)",
        remedy: "name it .\(image.format.fileExtension)")
    }
    try DurableFile.write(image.bytes, to: path, replacing: !destination.noClobber, notOver: files)
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
