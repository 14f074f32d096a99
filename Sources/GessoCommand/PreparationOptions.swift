package import ArgumentParser
package import ImagePreparation

/// The flags for the preparation of an image, shared by every verb that prepares one.
package struct PreparationOptions: ParsableArguments {
  @Option(name: .customLong("max-side"), help: "Longest side after the resize, in pixels (default: 1536).")
  package var maxSide: Int?

  @Option(help: ArgumentHelp("Target box, for example 1024x768; 1024x is a width alone.", valueName: "WxH|Wx|xH"))
  package var size: BoxArgument?

  @Option(help: "How the image is fitted into the box of --size (default: contain).")
  package var fit: Recipe.Fit?

  @Option(help: "Which part stays when cropping, and where the image lies when padding (default: center).")
  package var gravity: Gravity?

  @Option(
    help: ArgumentHelp(
      "The point that stays in the middle when cropping, from the top left corner: 0.85,0.4 or 85%,40%.",
      valueName: "X,Y"))
  package var focus: FocusArgument?

  @Option(
    name: .customLong("max-pixels"),
    help: ArgumentHelp(
      "Megapixel cap; the shape stays, and a smaller image stays as it is without --enlarge.", valueName: "MP"))
  package var maxPixels: MegapixelsArgument?

  @Option(
    name: .customLong("for"),
    help: ArgumentHelp(
      "The size rules of a model: "
        + ModelSizing.known.map { "\($0.name) (\($0.words))" }.joined(separator: "; ") + ".",
      valueName: "MODEL"))
  package var sizing: ModelSizing?

  @Option(help: "Encoded form of the result; auto is JPEG or PNG. A transparent WebP is lossless.")
  package var format: Recipe.Output.Format = .auto

  @Option(help: ArgumentHelp("Quality of JPEG and lossy WebP, 1 to 100 (default: 92).", valueName: "1…100"))
  package var quality: Int?

  @Option(
    name: .customLong("max-bytes"),
    help: ArgumentHelp(
      "Largest encoded size: lowers the quality, then the size, and reports it (default: none; for img2img what an upload takes).",
      valueName: "N[kB|MB]"))
  package var maxBytes: ByteCountArgument?

  @Option(help: ArgumentHelp("Flatten transparency on this color, and pad with it.", valueName: "COLOR"))
  package var background: BackgroundColor?

  @Option(
    help:
      "Strip all metadata, GPS among them; keep EXIF, XMP and text with the orientation reset; or keep them without GPS."
  )
  package var metadata: Recipe.MetadataHandling = .none

  @Option(name: .customLong("icc"), help: "Convert to sRGB, keep the color profile, or ignore it (default: convert).")
  package var profile: Recipe.ProfileHandling?

  @Flag(help: "Allow the image to be enlarged.")
  package var enlarge = false

  @Flag(help: "Trim fully transparent borders first.")
  package var trim = false

  @Option(
    name: .customLong("multiple-of"),
    help: ArgumentHelp("Both sides become multiples of N (default: 1; 16 for img2img).", valueName: "N"))
  package var multipleOf: Int?

  @Option(help: "How sides become multiples (default: crop).")
  package var snap: Recipe.Snap?

  @Flag(help: "Treat the image as data (normals, roughness): no conversion of color or light at all.")
  package var data = false

  @Flag(help: "Resize in linear light.")
  package var linear = false

  @Option(help: "Resampling filter.")
  package var filter: ResamplingFilter = .lanczos3

  @Option(help: "How much of the shrinking the decoder may do, which is faster and less exact.")
  package var effort: Recipe.Effort = .balanced

  @Option(
    help: ArgumentHelp(
      "Bits per sample of a PNG: auto is 16 for --data of 16 bits, else 8 (default: auto; images for the service have 8).",
      valueName: "8|16|auto"))
  package var bits: BitsArgument?

  @Option(help: "JPEG chroma subsampling (default: 420).")
  package var subsampling: Recipe.Subsampling?

  @Option(help: "PNG and WebP: fast is larger, small is slower and makes a WebP lossless (default: balanced).")
  package var compression: Recipe.Compression?

  @Option(
    name: .customLong("min-quality"),
    help: ArgumentHelp("Lowest quality for --max-bytes (default: 60).", valueName: "1…100"))
  package var minQuality: Int?

  @Option(
    name: .customLong("min-side"),
    help: ArgumentHelp("The shortest side that --max-bytes may shrink the image to (default: 256).", valueName: "N"))
  package var minSide: Int?

  @Option(name: .customLong("fail-on"), help: "The damage from which a source is refused.")
  package var failOn: DamagePolicy = .truncated

  @OptionGroup package var limiting: LimitOptions

  @Option(
    name: .customLong("max-input-pixels"),
    help: ArgumentHelp("Refuse sources above this (default: 500; with --limits service 100).", valueName: "MP"))
  package var maxInputPixels: MegapixelsArgument?

  @Option(
    name: .customLong("max-download"),
    help: ArgumentHelp(
      "Refuse inputs above this from a URL, and from a pipe where the bytes are needed twice.", valueName: "MB"))
  package var maxDownload = 256

  @Option(help: ArgumentHelp("Processor threads (default: one for each core).", valueName: "N"))
  package var threads: Int?

  package init() {}

  package mutating func validate() throws {
    try require(quality, in: 1...100, "--quality")
    try require(maxSide, in: 1...Self.longestSide, "--max-side")
    try require(multipleOf, in: 1...Self.longestSide, "--multiple-of")
    try require(minQuality, in: 1...100, "--min-quality")
    try require(maxDownload, in: 1...1 << 20, "--max-download")
    try require(minSide, in: 1...Self.longestSide, "--min-side")
    try require(threads, in: 1...1024, "--threads")
    if linear, data { throw ValidationError("--linear and --data exclude each other: keep one") }
    if gravity != nil, focus != nil { throw ValidationError("--gravity and --focus exclude each other: keep one") }
    if size == nil, fit != nil { throw ValidationError("--fit needs a box: add --size WxH") }
    if let size, size.isOpen, let fit, fit != .contain {
      throw ValidationError("--fit \(fit.rawValue) needs both sides of --size: give the other one")
    }
    if size != nil, maxSide != nil { throw ValidationError("--size and --max-side exclude each other: keep one") }
  }

  /// The recipe that these flags describe.
  ///
  /// - Parameters:
  ///   - defaultMultiple: The multiple of both sides when no flag sets one; 1 for any sides.
  ///   - defaultMaxBytes: The byte budget when no flag sets one; nil for none.
  ///   - model: The model whose size rules hold when no flag names one; a model without rules is ignored.
  ///   - output: The output's name, whose extension decides the format; nil if there is none.
  ///   - isSent: True for an image that is sent to the service.
  /// - Returns: The recipe, which is checked only when it is used.
  /// - Throws: Status 2 when the output's name has no known extension and no flag names the format, or when both contradict
  ///   each other.
  package func recipe(
    defaultMultiple: Int = 1, defaultMaxBytes: Int? = nil, model: String? = nil, output: String? = nil,
    isSent: Bool = false
  ) throws(CommandError) -> Recipe {
    if isSent, bits?.bits == .sixteen {
      throw .usage(
        "--bits 16 is for prepare: models take 8 bits per sample, so that is what is sent", remedy: "leave it out")
    }
    let target: Recipe.Target =
      if let size {
        .box(size.size, fit ?? .contain, enlarge: enlarge)
      } else {
        .longestSide(maxSide ?? 1536, enlarge: enlarge)
      }
    let multiple = multipleOf ?? defaultMultiple
    try refuseIdlePlacing(isSnapped: multiple > 1 || sizing != nil)
    let sides: Recipe.Sides =
      if let sizing = sizing ?? model.flatMap(ModelSizing.init(named:)) {
        .model(sizing, multiplesOf: multiple > 1 ? multiple : nil, snap ?? .crop)
      } else {
        multiple > 1 ? .multiples(of: multiple, snap ?? .crop) : .any
      }
    return Recipe(
      size: .fitted(
        Recipe.Fitting(
          target, gravity: focus?.gravity ?? gravity ?? .center, maxPixels: maxPixels?.pixels, sides: sides,
          trim: trim)),
      samples: data ? .data : .color(profile: profile ?? .convert, linear: linear), resamplingFilter: filter,
      effort: effort,
      background: background, output: try encoding(output: output, maxBytes: maxBytes?.bytes ?? defaultMaxBytes),
      metadata: metadata, failOn: failOn)
  }

  /// Notes that explain why a result has another size than the flags name.
  func sizeNotes(for result: ImageSize, of source: ImageSize) -> [String] {
    var notes: [String] = []
    if let box = size?.size, size?.isOpen == false, result != box {
      if (fit ?? .contain) == .contain {
        notes.append(
          "\(box) is a box, in which the image lies with its own shape; --fit cover, pad or stretch fills it")
      } else if !enlarge, source.width < box.width || source.height < box.height {
        notes.append("--enlarge makes it \(box)")
      }
    }
    guard !enlarge else { return notes }
    if let maxSide, source.longestSide < maxSide {
      notes.append("smaller than --max-side \(maxSide), as its source is: --enlarge makes it larger")
    }
    if let pixels = maxPixels?.pixels, result.pixelCount < pixels * 9 / 10 {
      if source.pixelCount < pixels {
        notes.append("smaller than --max-pixels, as its source is: --enlarge makes it larger")
      } else if maxSide == nil, size == nil, sizing == nil {
        notes.append("smaller than --max-pixels, as no side is longer than 1536 without --max-side")
      }
    }
    return notes
  }

  /// The limits of one image, which may use `threads` threads.
  package func limits(threads: Int) -> Limits {
    var limits = limiting.limits
    if let maxInputPixels { limits.maxPixels = maxInputPixels.pixels }
    limits.threads = threads
    return limits
  }

  /// The encoded form of the result.
  private func encoding(output: String?, maxBytes: Int?) throws(CommandError) -> Recipe.Output {
    var format = try Self.format(format, output: output)
    if bits?.bits == .sixteen {
      if let only = format.only, !only.holdsSixteenBits {
        throw .usage(
          "--bits 16 needs PNG: a \(only.name) has 8 bits per sample", remedy: "leave it out, or write a .png")
      }
      format = .png
    }
    try refuseIdle(format, maxBytes: maxBytes)
    let (quality, subsampling) = (quality ?? 92, subsampling ?? .yuv420)
    let (compression, bits) = (compression ?? .balanced, bits?.bits)
    let budget = maxBytes.map { Recipe.Budget(bytes: $0, minQuality: minQuality ?? 60, minSide: minSide ?? 256) }
    return switch format {
    case .auto:
      .auto(quality: quality, subsampling: subsampling, compression: compression, bits: bits, budget: budget)
    case .jpeg: .jpeg(quality: quality, subsampling: subsampling, budget: budget)
    case .png: .png(compression: compression, bits: bits, budget: budget)
    case .webp: .webp(quality: quality, compression: compression, budget: budget)
    }
  }

  /// Refuses flags that would have no effect.
  private func refuseIdle(_ format: Recipe.Output.Format, maxBytes: Int?) throws(CommandError) {
    let idle: [(flag: String, isGiven: Bool, isIdle: Bool, with: String)] = [
      ("--quality", quality != nil, format == .png, "with PNG"),
      (
        "--quality", quality != nil, format == .webp && compression == .small,
        "with --compression small, which is lossless"
      ),
      ("--subsampling", subsampling != nil, format == .webp, "with WebP"),
      ("--subsampling", subsampling != nil, format == .png, "with PNG"),
      ("--min-quality", minQuality != nil, format == .png, "with PNG"),
      ("--compression", compression != nil, format == .jpeg, "with JPEG"),
      ("--min-quality", minQuality != nil, maxBytes == nil, "without --max-bytes"),
      ("--min-side", minSide != nil, maxBytes == nil, "without --max-bytes"),
      ("--icc", profile != nil, data, "with --data"),
    ]
    if let (flag, _, _, with) = idle.first(where: { $0.isGiven && $0.isIdle }) {
      throw .usage("\(flag) has no effect \(with)", remedy: "leave it out")
    }
  }

  /// Refuses flags for a crop or a position, if nothing is cropped or padded.
  private func refuseIdlePlacing(isSnapped: Bool) throws(CommandError) {
    let places = size != nil && [.cover, .pad].contains(fit)
    if !places, !isSnapped, let flag = gravity != nil ? "--gravity" : focus != nil ? "--focus" : nil {
      throw .usage(
        "\(flag) has no effect where nothing is cropped or padded",
        remedy: "add \(size == nil ? "--size WxH " : "")--fit cover, or leave it out")
    }
    if !isSnapped, snap != nil {
      throw .usage("--snap has no effect without multiples", remedy: "add --multiple-of N, or leave it out")
    }
  }

  /// Refuses flags of the preparation if nothing is prepared, because of the flag `other`.
  func refuseAll(with other: String) throws(CommandError) {
    guard try recipe() != Recipe() else { return }
    throw .usage(
      "nothing is prepared with \(other), so flags of the preparation have no effect",
      remedy: "leave one of the two out")
  }

  /// The format that the output's name or the flag asks for; throws when they contradict each other.
  private static func format(
    _ asked: Recipe.Output.Format, output: String?
  ) throws(CommandError) -> Recipe.Output.Format {
    guard let output, let dot = output.lastIndex(of: "."), !output[dot...].contains("/") else { return asked }
    let named: Recipe.Output.Format
    switch output[dot...].dropFirst().lowercased() {
    case "jpg", "jpeg": named = .jpeg
    case "png": named = .png
    case "webp": named = .webp
    default:
      if asked != .auto { return asked }
      throw .usage(
        "the output's name \(output) ends in no known format", remedy: "name it .jpg, .png or .webp, or add --format")
    }
    guard asked == .auto || asked == named else {
      throw .usage(
        "--format \(asked.rawValue) contradicts the output's name \(output)", remedy: "change one of the two")
    }
    return named
  }

  /// The largest side that both formats can hold: the limit of libjpeg-turbo, close to that of JPEG's 16-bit fields.
  static let longestSide = 65_500
}

/// Refuses a value outside its range, in one line that names the flag.
package func require<Number: Comparable>(_ value: Number?, in range: ClosedRange<Number>, _ flag: String) throws {
  guard let value, !range.contains(value) else { return }
  throw ValidationError("\(flag) goes from \(range.lowerBound) to \(range.upperBound), not \(value)")
}

/// Refuses two kinds of text: the name of a flag, because the user then forgot the text itself, and a text that could not be decoded. Other
/// texts may begin with a dash.
func requireText(_ text: String?, _ flag: String) throws {
  guard let text else { return }
  if text.wholeMatch(of: /--|-[a-z]|--[a-z][a-z-]*(=.*)?/) != nil {
    throw ValidationError("\(flag) has no text before \(text): give one, or begin it otherwise")
  }
  guard PromptText.isText(text) else {
    throw ValidationError("\(flag) is not text in UTF-8: check the terminal's encoding, or use --prompt-file")
  }
}
