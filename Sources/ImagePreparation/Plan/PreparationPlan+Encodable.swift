/// The object `plan` of `gesso prepare --explain`.
extension PreparationPlan: Encodable {
  /// Writes the plan. Decisions that need pixels are in `unsettled`, each with its possible outcomes.
  public func encode(to encoder: any Encoder) throws { try explanation.encode(to: encoder) }

  /// The fields of the plan in JSON.
  var explanation: Explanation { found?.explanation ?? Explanation(self) }
}

/// The fields of a plan in JSON.
struct Explanation: Codable, Sendable {
  struct Size: Codable, Sendable {
    let width: Int
    let height: Int

    init(_ size: ImageSize) { (width, height) = (size.width, size.height) }
  }

  struct Decode: Codable, Sendable {
    let delivers: String
    let scale: Double
    let threads: Int
  }

  struct Resize: Codable, Sendable {
    struct Plane: Codable, Sendable {
      let from: Size
      let to: Size
      let arithmetic: String
    }

    let filter: String
    let linear: Bool
    let premultiplied: Bool
    let planes: [Plane]
  }

  struct Alpha: Codable, Sendable {
    let decoded: Bool
    let result: String?
    let padding: String?
    let tensor: String?
  }

  struct Output: Codable, Sendable {
    let format: String?
    let size: Size
    let quality: Double?
    let subsampling: String?
    let compression: String?
    let bits: Int
    let delivery: String
    let metadata: String
    let maxBytes: Int?
  }

  struct Unsettled: Codable, Sendable {
    let what: String
    let rule: String
    let outcomes: [String]
  }

  let geometry: GeometryRecord
  let decode: Decode
  let resize: Resize
  let color: String
  let alpha: Alpha
  let steps: [String]
  let output: Output
  let unsettled: [Unsettled]
  let instructionSet: String
  let bufferBytes: Int
  let notes: [String]

  init(_ plan: PreparationPlan) {
    let (alphaPlan, outputPlan) = (plan.alpha, plan.output)
    geometry = plan.geometry
    decode = Decode(delivers: plan.decoding.form.rawValue, scale: plan.decoderScale, threads: plan.threads)
    resize = Resize(
      filter: plan.filter.rawValue, linear: plan.resampling[0].scale.linear, premultiplied: alphaPlan.premultiplies,
      planes: plan.resampling.map { plane in
        Resize.Plane(from: Size(plane.input), to: Size(plane.output), arithmetic: plane.arithmetic)
      })
    color = plan.color.word
    alpha = Alpha(
      decoded: alphaPlan.rule != nil, result: alphaPlan.rule?.elsewhere.words,
      padding: plan.geometry.isPadded ? alphaPlan.padding?.hex ?? "transparent" : nil,
      tensor: outputPlan.product.tensor == nil || alphaPlan.rule == nil ? nil : alphaPlan.tensor.words)
    steps =
      ((outputPlan.mergesPlanes ? [.mergePlanes] : []) + outputPlan.steps.map(\.word)
      + (outputPlan.planeConversion == nil ? [] : [FinishingStep.Word.convertPlanes])).map(\.rawValue)
    let formats = outputPlan.possibleFormats
    output = Output(
      format: formats.count == 1 ? formats[0].rawValue : nil, size: Size(outputPlan.size),
      quality: outputPlan.mayBeLossy ? outputPlan.settings.quality : nil,
      subsampling: formats.contains(.jpeg) ? outputPlan.subsampling.rawValue : nil,
      compression: formats == [.jpeg] ? nil : outputPlan.settings.compression.rawValue, bits: outputPlan.bits,
      delivery: outputPlan.delivery.rawValue,
      metadata: (outputPlan.metadata.map { $0.isWithoutLocation ? .keepWithoutGPS : .keep }
        ?? Recipe.MetadataHandling.none).rawValue,
      maxBytes: outputPlan.budget?.bytes)
    unsettled = Self.unsettled(plan)
    instructionSet = plan.instructionSet.rawValue
    bufferBytes = plan.bufferBytes
    notes = plan.notes
  }

  /// The decisions that are in the plan as rules.
  private static func unsettled(_ plan: PreparationPlan) -> [Unsettled] {
    var rules: [Unsettled] = []
    let output = plan.output
    if let rule = plan.alpha.rule {
      rules.append(
        Unsettled(
          what: "alpha", rule: "left out where every pixel is opaque",
          outcomes: [rule.whereOpaque.words, rule.elsewhere.words]))
    }
    let formats = output.possibleFormats.map(\.rawValue)
    switch output.settings.format {
    case .jpegUnlessFlat:
      rules.append(
        Unsettled(what: "format", rule: "PNG where the image is flat and PNG is smaller", outcomes: formats))
    case .pngIfTransparent where formats.count > 1:
      rules.append(
        Unsettled(
          what: "format", rule: "PNG where a pixel is transparent, or the image is flat and PNG is smaller",
          outcomes: formats))
    case .webp where output.mayBeLossy && output.transparency != .never:
      rules.append(
        Unsettled(
          what: "loss", rule: "none where a pixel is transparent",
          outcomes: ["quality \(Int(output.settings.quality))", "lossless"]))
    case .jpeg, .png, .webp, .pngIfTransparent: break
    }
    if let budget = output.budget {
      var ways: [String] = []
      if output.mayBeLossy {
        ways.append("quality from \(Int(output.settings.quality)) down to \(budget.minQuality)")
      }
      if formats.contains("png") || formats.contains("webp") && output.transparency != .never,
        output.settings.compression != .small
      {
        ways.append("compression small")
      }
      rules.append(
        Unsettled(
          what: "bytes", rule: "no more than \(budget.bytes)",
          outcomes: ["as planned"] + ways + ["fewer pixels", "over-budget"]))
    }
    return rules
  }
}

extension OutputPlan {
  /// The formats that the file may have.
  var possibleFormats: [EncodedFormat] {
    switch settings.format {
    case .jpeg: [.jpeg]
    case .png: [.png]
    case .webp: [.webp]
    case .jpegUnlessFlat: [.jpeg, .png]
    case .pngIfTransparent: transparency == .always ? [.png] : [.png, .jpeg]
    }
  }

  /// True if the file may have a quality.
  var mayBeLossy: Bool {
    possibleFormats.contains(.jpeg)
      || settings.format == .webp && !isLosslessWebP(settings, hasAlpha: transparency == .always)
  }
}

extension AlphaHandling {
  fileprivate var words: String {
    switch self {
    case .keep: "keep"
    case .drop: "drop"
    case .flatten(let background, let linear): "flatten on \(background.hex)\(linear ? " in linear light" : "")"
    }
  }
}

extension ColorPlan {
  fileprivate var word: String {
    switch self {
    case .untouched: "as stored"
    case .tagged: "as stored, with the profile"
    case .converted: "converted to sRGB after the resize"
    case .convertedFirst: "converted to sRGB before the resize"
    }
  }
}

extension ResamplingPlan {
  /// `copy` if the output is a part of the input; otherwise the width of the sums.
  fileprivate var arithmetic: String {
    switch method {
    case .copy: "copy"
    case .verticalFirst, .horizontalFirst, .light: "int32"
    case .float: "float32"
    case .wide: "int64"
    }
  }
}
