internal import Digests
internal import GessoPipeline
internal import ImagePreparation

extension ImageDescription {
  /// The object `source` of `prepare`.
  var json: OrderedJSON {
    .object([
      ("format", .string(format.rawValue)), ("width", .integer(size.width)), ("height", .integer(size.height)),
      ("orientation", .integer(orientation.rawValue)), ("bits", .integer(bitDepth)),
      ("model", .string(colorModel.rawValue)), ("subsampling", .optional(subsampling)),
      ("icc", .optional(profileLabel)), ("alpha", .bool(hasAlpha)),
    ])
  }

  /// The object of `inspect`.
  func inspection(input: String) -> OrderedJSON {
    guard case .object(let members) = json else { return json }
    return .object(
      [("input", .string(input))] + members + [
        ("megapixels", .number((Double(size.pixelCount) / 10_000).rounded() / 100)),
        ("progressive", .bool(isProgressive && format == .jpeg)),
        ("interlaced", .bool(isProgressive && format == .png)),
        ("restartInterval", .integer(restartInterval)), ("exif", .bool(hasEXIF)), ("gps", .bool(hasGPS)),
        ("place", .bool(hasPlaceName)), ("xmp", .bool(hasXMP)), ("text", .bool(hasText)),
        ("animated", .bool(isAnimated)),
        ("notes", .array(notes.map(OrderedJSON.string))),
        ("colorNotes", .array(colorNotes().map(OrderedJSON.string))),
      ])
  }

  /// What the color profile is called; nil where there is none.
  var profileLabel: String? { iccProfile == nil ? nil : iccProfileName ?? "unnamed" }

  /// The lines of `inspect`, without the name of the file.
  var inspectionLines: [String] {
    var shape = "\(format.rawValue.uppercased()), \(size), \(Figure.megapixels(size.pixelCount)), \(bitDepth) bit"
    shape += " \(colorModel.rawValue)" + (subsampling.map { " \($0)" } ?? "")
    if hasAlpha { shape += ", alpha" }
    if isProgressive { shape += format == .jpeg ? ", progressive" : ", interlaced" }
    if isAnimated { shape += ", animated" }
    var lines = [shape]
    lines.append(
      "orientation \(orientation.rawValue)"
        + (orientation == .upright ? "" : " (stored as \(storedSize), shown as \(size))"))
    lines.append("color profile: \(profileLabel ?? "none")")
    if restartInterval > 0 { lines.append("restart marker every \(restartInterval) blocks") }
    let metadata = [
      ("EXIF", hasEXIF), ("GPS position", hasGPS), ("name of a place", hasPlaceName), ("XMP", hasXMP),
      ("text", hasText),
    ]
    let present = metadata.filter(\.1).map(\.0)
    lines.append("metadata: \(present.isEmpty ? "none" : present.joined(separator: ", "))")
    return lines + notes.map { "note: \($0)" } + colorNotes().map { "when prepared: \($0)" }
  }
}

extension PreparedImage {
  /// The object of `prepare`.
  func json(input: String, output: String?, tensorPath: String? = nil, peakMemoryBytes: Int?) -> OrderedJSON {
    func milliseconds(_ value: Double) -> OrderedJSON { .number((value * 10).rounded() / 10) }
    return .object([
      ("input", .string(input)), ("output", .optional(output)), ("bytes", .integer(bytes.count)),
      ("sha256", .string(ContentDigest.sha256(of: bytes))), ("source", source.json),
      (
        "prepared",
        .object([
          ("format", .string(format.rawValue)), ("width", .integer(size.width)), ("height", .integer(size.height)),
          ("quality", .optional(quality)), ("subsampling", .optional(subsampling)),
        ])
      ),
      (
        "tensor",
        tensor.map {
          .object([("output", .optional(tensorPath)), ("shape", .array($0.shape.map(OrderedJSON.integer)))])
        } ?? .null
      ), ("geometry", geometry.json), ("decoderScale", .number(plan.decoderScale)),
      ("path", .string(plan.path.rawValue)),
      ("instructionSet", .string(plan.instructionSet.rawValue)),
      (
        "milliseconds",
        .object([
          ("decode", milliseconds(timings.decode)), ("resize", milliseconds(timings.resize)),
          ("color", milliseconds(timings.color)), ("encode", milliseconds(timings.encode)),
          ("total", milliseconds(timings.total)),
        ])
      ),
      ("peakMemoryBytes", .optional(peakMemoryBytes)), ("notes", .array(notes.map(OrderedJSON.string))),
    ])
  }

  /// One line for people.
  var summary: String {
    let time = Int(timings.total.rounded())
    return
      "\(source.size) \(source.format.rawValue) → \(size) \(format.rawValue), \(Figure.bytes(bytes.count)) in \(time) ms"
  }
}

extension PreparedImage {
  /// How it was done, for `--verbose`.
  var details: String {
    let stages = [
      ("decode", timings.decode), ("resize", timings.resize), ("color", timings.color), ("encode", timings.encode),
    ]
    let times = stages.map { "\($0) \(($1 * 10).rounded() / 10) ms" }.joined(separator: ", ")
    return "\(times); decoder scale \(plan.decoderScale), \(plan.path.rawValue), \(plan.instructionSet.rawValue)"
  }
}

/// Numbers as people read them.
enum Figure {
  /// For example `501 kB`.
  static func bytes(_ count: Int) -> String {
    switch count {
    case ..<1_000: "\(count) bytes"
    case ..<1_000_000: "\(count / 1_000) kB"
    default: "\(count / 1_000_000).\(count / 100_000 % 10) MB"
    }
  }

  /// For example `2.16 megapixels`.
  static func megapixels(_ pixels: Int) -> String {
    pixels < 10_000 ? "\(pixels) pixels" : "\((Double(pixels) / 10_000).rounded() / 100) megapixels"
  }
}
