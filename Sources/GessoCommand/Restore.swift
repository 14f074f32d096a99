package import ArgumentParser
internal import Digests
internal import Foundation
internal import GessoPipeline
internal import Ground
internal import ImagePreparation

/// `gesso restore`
package struct Restore: Verb {
  package static let configuration = CommandConfiguration(
    verb: "restore",
    "Put a generated image back on the source's canvas, transparent elsewhere, or onto the source itself.",
    examples: [
      "gesso restore out/result.png -o restored.png",
      "gesso restore out/result.png --onto photo.jpg --feather 16 -o edited.jpg",
      "gesso restore result.png --record prepared.json -o restored.png",
    ])

  @Argument(help: "The generated image: a path, - for standard input, or an http(s) URL.")
  var result: String

  @Option(
    help: ArgumentHelp(
      "The record that holds the geometry, of img2img or of gesso prepare --json; - for standard input "
        + "(default: RESULT.json, which img2img writes).",
      valueName: "FILE"))
  var record: String?

  @Option(
    help: ArgumentHelp(
      "Put it onto this image, from which it was made, instead of onto a transparent canvas.", valueName: "SOURCE"))
  var onto: String?

  @Option(
    help: ArgumentHelp("With --onto: pixels over which its edges fade into the source (default: 0).", valueName: "N"))
  var feather: Int?

  @Option(
    name: .customShort("o"),
    help: ArgumentHelp("The output: a PNG, with --onto also a JPEG; - is standard output.", valueName: "OUT"))
  var output = ""

  @Option(help: ArgumentHelp("JPEG quality, 1 to 100 (default: 92).", valueName: "1…100"))
  var quality: Int?

  @Flag(name: .customLong("no-clobber"), help: "Refuse to replace an existing output.")
  var noClobber = false

  @Flag(help: "Stretch a result of another shape than the prepared image.")
  var stretch = false

  @OptionGroup var limiting: LimitOptions

  @Option(
    name: .customLong("max-input-pixels"),
    help: ArgumentHelp("Refuse images above this (default: 500; with --limits service 100).", valueName: "MP"))
  var maxInputPixels: MegapixelsArgument?

  @Option(name: .customLong("max-download"), help: ArgumentHelp("Refuse a larger result from a URL.", valueName: "MB"))
  var maxDownload = 256

  @OptionGroup var addresses: AddressOptions
  @OptionGroup var isolating: IsolationOptions
  @OptionGroup var common: CommonOptions

  package init() {}

  private var isJPEG: Bool { [".jpg", ".jpeg"].contains { output.lowercased().hasSuffix($0) } }

  package mutating func validate() throws {
    guard !output.isEmpty else { throw ValidationError("say where it goes: -o OUT") }
    output = Console.outputName(output)
    try require(maxDownload, in: 1...1 << 20, "--max-download")
    try require(feather, in: 0...65_500, "--feather")
    try require(quality, in: 1...100, "--quality")
    if quality != nil, !isJPEG { throw ValidationError("--quality has no effect with PNG: leave it out") }
    let file = output.split(separator: "/").last ?? ""
    if onto == nil, output != "-", file.contains("."), !file.lowercased().hasSuffix(".png") {
      throw ValidationError(
        "the canvas is transparent in places, so it is written as PNG: name it .png, or add --onto SOURCE")
    }
    if onto != nil, output != "-", file.contains("."), !file.lowercased().hasSuffix(".png"), !isJPEG {
      throw ValidationError("the output's name \(output) ends in no known format: name it .jpg or .png")
    }
    if onto == nil, feather != nil { throw ValidationError("--feather needs an image to fade into: add --onto SOURCE") }
    if record == nil, result == "-" {
      throw ValidationError("standard input has no record beside it: add --record FILE")
    }
    if output == "-", common.json { throw ValidationError("-o - and --json both need standard output: keep one") }
  }

  package mutating func perform() async throws -> CommandStatus {
    let input = Input(result)
    let record = record ?? result + ".json"
    try PipedInput.checkNamedOnce([result, record] + [onto].compactMap(\.self))
    let geometry = try await geometry(in: record)
    let files = [input.file, onto.flatMap { Input($0).file }, record].compactMap(\.self)
    do {
      if output != "-" {
        DurableFile.removeAbandoned(beside: output)
        try DurableFile.check(output, replacing: !noClobber, notOver: files)
      }
      var limits = limiting.limits
      if let maxInputPixels { limits.maxPixels = maxInputPixels.pixels }
      let preparer = try Environment.preparer(Environment.variables, limits: limits, isolation: isolating.isolation)
      let image = try await restored(input, by: geometry, preparer)
      let isWrittenAsJPEG = isJPEG && !image.hasAlpha
      if isJPEG, !isWrittenAsJPEG {
        throw CommandError.usage(
          "the source is transparent in places, and a JPEG cannot be", remedy: "name the output .png")
      }
      let bytes =
        isWrittenAsJPEG
        ? try await preparer.encodeJPEG(image, quality: quality ?? 92) : try await preparer.encodePNG(image)
      common.console.note("\(input.name): \(Self.summary(geometry, onto: onto, feather: feather ?? 0))")
      guard output != "-" else {
        try common.console.output(bytes)
        return .done
      }
      try DurableFile.write(bytes, to: output, replacing: !noClobber, notOver: files)
      if common.json {
        try common.console.output(json: [
          "input": input.name, "output": output, "bytes": bytes.count, "width": image.size.width,
          "height": image.size.height,
        ])
      } else {
        try common.console.output(output)
      }
      return .done
    } catch {
      let failure = CommandError(any: error)
      try common.console.report(failure, input: input.name, json: common.json)
      return failure.status
    }
  }

  private func restored(
    _ input: Input, by geometry: GeometryRecord, _ preparer: ImagePreparer
  ) async throws -> PixelImage<UInt8> {
    let source = try await input.source(
      limit: maxDownload << 20, allowsPrivate: addresses.allowsPrivate, isReadAgain: false)
    guard let onto else { return try await preparer.restore(source, onto: geometry, stretching: stretch) }
    return try await preparer.composite(
      source,
      onto: try await Input(onto).source(
        limit: maxDownload << 20, allowsPrivate: addresses.allowsPrivate, isReadAgain: true), by: geometry,
      feather: feather ?? 0, stretching: stretch)
  }

  /// A description of the result in one line.
  private static func summary(_ geometry: GeometryRecord, onto source: String?, feather: Int) -> String {
    let crop = geometry.crop
    let (width, height) = (Int(crop.width.rounded()), Int(crop.height.rounded()))
    let whole = geometry.source
    let isWhole = width >= whole.width && height >= whole.height
    let part =
      isWhole
      ? "all of the \(whole) pixels"
      : "the \(width)x\(height) pixels at \(Int(crop.x.rounded())),\(Int(crop.y.rounded())) of \(whole)"
    let place = source.map { "of \(Input($0).name)" } ?? "of a transparent canvas"
    let fading = isWhole ? ", so that no edge fades" : ", its edges faded over \(feather) pixels"
    return "covers \(part) \(place)" + (feather > 0 ? fading : "")
  }

  /// Reads the geometry from a record: its member `geometry`, or the record itself.
  private func geometry(in record: String) async throws(CommandError) -> GeometryRecord {
    struct Record: Decodable {
      var geometry: GeometryRecord?
      var sourceSha256: String?
    }
    let bytes = try await SmallText.bytes(
      at: record,
      orThrow: self.record == nil
        ? .usage("there is no record \(record) beside the result", remedy: "name it with --record FILE")
        : .usage("the record \(record) cannot be read as a small text file", remedy: "check --record"))
    let text = TextEncoding.text(bytes) ?? ""
    if let whole = try? JSONText.value(Record.self, of: text), let geometry = whole.geometry {
      if let onto, let digest = whole.sourceSha256, let other = try? ContentDigest.sha256(ofFile: onto), other != digest
      {
        common.console.note(
          "gesso: written all the same: \(onto) is not the file that the result was made from, or was changed since")
      }
      return geometry
    }
    if let geometry = try? JSONText.value(GeometryRecord.self, of: text) { return geometry }
    throw .usage(
      "the record \(record) holds no geometry", remedy: "use the JSON beside a result, or of gesso prepare --json")
  }
}
