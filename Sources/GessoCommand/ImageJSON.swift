internal import Digests
internal import GessoPipeline
internal import ImagePreparation

extension ImageDescription {
  /// The object `source` of `prepare`.
  var json: JSONObject {
    [
      "format": format.rawValue, "width": size.width, "height": size.height, "orientation": orientation.rawValue,
      "bits": bitDepth, "model": colorModel.rawValue, "subsampling": subsampling, "icc": profileLabel,
      "alpha": hasAlpha,
    ]
  }

  /// The object of `inspect`.
  func inspection(input: String) -> JSONObject {
    json.adding([
      "input": input, "megapixels": (Double(size.pixelCount) / 10_000).rounded() / 100,
      "progressive": isProgressive && format == .jpeg, "interlaced": isProgressive && format == .png,
      "restartInterval": restartInterval, "exif": hasEXIF, "gps": hasGPS, "place": hasPlaceName, "xmp": hasXMP,
      "text": hasText, "animated": isAnimated, "notes": notes, "colorNotes": colorNotes(),
    ])
  }

  /// The name of the color profile; nil if there is none.
  var profileLabel: String? { iccProfile == nil ? nil : iccProfileName ?? "unnamed" }

  /// The lines of `inspect`, without the name of the file.
  var inspectionLines: [String] {
    var shape = "\(format.name), \(size), \(Figure.megapixels(size.pixelCount)), \(bitDepth) bit"
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
    lines.append("metadata: \(metadata.isEmpty ? "none" : metadata.joined(separator: ", "))")
    return lines + notes.map { "note: \($0)" } + colorNotes().map { "when prepared: \($0)" }
  }
}

extension ImageDescription {
  /// The names of the metadata that the file contains.
  var metadata: [String] {
    [
      ("EXIF", hasEXIF), ("GPS position", hasGPS), ("name of a place", hasPlaceName), ("XMP", hasXMP),
      ("text", hasText),
    ].filter(\.1).map(\.0)
  }
}

extension PreparedImage {
  /// The object of `prepare`.
  func json(input: String, output: String?, tensorPath: String? = nil, peakMemoryBytes: Int?) -> JSONObject {
    func tenths(_ value: Double) -> Double { (value * 10).rounded() / 10 }
    let prepared: JSONObject = [
      "format": format.rawValue, "width": size.width, "height": size.height, "quality": quality,
      "subsampling": subsampling, "bits": bits,
    ]
    let milliseconds: JSONObject = [
      "decode": tenths(timings.decode), "resize": tenths(timings.resize), "color": tenths(timings.color),
      "encode": tenths(timings.encode), "total": tenths(timings.total),
    ]
    let tensor = tensor.map { tensor -> JSONObject in ["output": tensorPath, "shape": tensor.shape] }
    return [
      "input": input, "output": output, "bytes": bytes.count, "sha256": ContentDigest.sha256(of: bytes),
      "source": source.json,
      "prepared": prepared, "tensor": tensor, "geometry": geometry, "decoderScale": plan.decoderScale,
      "path": plan.path.rawValue, "instructionSet": plan.instructionSet.rawValue, "milliseconds": milliseconds,
      "peakMemoryBytes": peakMemoryBytes, "notes": notes,
    ]
  }

  /// One line for people.
  var summary: String {
    let time = Int(timings.total.rounded())
    return
      "\(source.size) \(source.format.rawValue) → \(size) \(format.rawValue), \(Figure.bytes(bytes.count)) in \(time) ms"
  }
}

extension PreparedImage {
  /// The notes for people, with the option that corrects a crop by attention.
  var lines: [String] {
    let kept = geometry.attentionNote
    return notes.map { $0 == kept ? "\(kept): --focus X,Y corrects it" : $0 }
  }

  /// The details of the preparation, for `--verbose`.
  var details: String {
    let stages = [
      ("decode", timings.decode), ("resize", timings.resize), ("color", timings.color), ("encode", timings.encode),
    ]
    let times = stages.map { "\($0) \(($1 * 10).rounded() / 10) ms" }.joined(separator: ", ")
    return "\(times); decoder scale \(plan.decoderScale), \(plan.path.rawValue), \(plan.instructionSet.rawValue)"
  }
}

/// Formats numbers for people.
enum Figure {
  /// For example `501 kB`.
  static func bytes(_ count: Int) -> String {
    switch count {
    case ..<1_000: "\(count) bytes"
    case ..<1_000_000: "\(count / 1_000) kB"
    default: "\(count / 1_000_000).\(count / 100_000 % 10) MB"
    }
  }

  /// For example `10,000`.
  static func count(_ count: Int) -> String {
    var text = "\(count)"
    for place in stride(from: text.count - 3, to: 0, by: -3) {
      text.insert(",", at: text.index(text.startIndex, offsetBy: place))
    }
    return text
  }

  /// For example `2.16 megapixels`.
  static func megapixels(_ pixels: Int) -> String {
    pixels < 10_000 ? "\(pixels) pixels" : "\((Double(pixels) / 10_000).rounded() / 100) megapixels"
  }
}
