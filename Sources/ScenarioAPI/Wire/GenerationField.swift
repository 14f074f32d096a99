/// One setting of a generation, described once. The checks of a request, its body, records, the identity of orders, and the
/// command's flags and help are made from this table.
///
/// Every property of ``Img2ImgRequest`` that is a setting has a line in ``all`` under the property's name. Its default is the
/// one in the property's declaration. Tests compare the table with the properties and with the flags.
public struct GenerationField: Sendable {
  /// The operations that take a field.
  public struct Endpoints: OptionSet, Sendable {
    /// One bit for each operation.
    public let rawValue: Int
    /// Makes a set from its bits.
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// `POST /generate/img2img`
    public static let img2img = Endpoints(rawValue: 1)
    /// `POST /generate/inpaint`
    public static let inpaint = Endpoints(rawValue: 2)
    /// `POST /generate/controlnet`
    public static let controlnet = Endpoints(rawValue: 4)
    /// `POST /generate/controlnet-img2img`
    public static let controlnetImg2Img = Endpoints(rawValue: 8)
    /// `POST /generate/custom/{modelId}`
    public static let custom = Endpoints(rawValue: 16)
    /// The operations with a control image.
    public static let controlled: Endpoints = [controlnet, controlnetImg2Img]
    /// The legacy family.
    public static let legacy: Endpoints = [img2img, inpaint, controlled]
    /// All operations.
    public static let all: Endpoints = [legacy, custom]
  }

  /// The values that a field may have.
  public enum Values: Sendable, Equatable {
    /// A number in a range.
    case number(ClosedRange<Double>)
    /// A whole number in a range, a multiple of `step`.
    case integer(ClosedRange<Int>, step: Int)
    /// A whole number in a range. The legacy family takes it as text, and the custom family as a number.
    case numberAsText(ClosedRange<Int>)
    /// Any text.
    case text
    /// One of these texts.
    case choice([String])
    /// `true` or `false`.
    case flag
  }

  /// The field's name in bodies of the legacy family and in records, which is also the name of the request's property.
  public let name: String
  /// The field's name in bodies of the custom family.
  public let customName: String
  /// The field's name in messages.
  public let label: String
  /// The field's purpose, in a sentence.
  public let summary: String
  /// The command's flag, without dashes; nil for a field that is set with `--param`.
  public let flag: String?
  /// The values that the field may have.
  public let values: Values
  /// The operations that take the field.
  public let endpoints: Endpoints
  private let read: @Sendable (Img2ImgRequest) -> JSONValue?

  private init(
    _ name: String, customName: String? = nil, label: String? = nil, flag: String? = nil, _ values: Values,
    in endpoints: Endpoints = .all, _ summary: String, _ read: @escaping @Sendable (Img2ImgRequest) -> JSONValue?
  ) {
    self.name = name
    self.customName = customName ?? name
    self.label = label ?? name
    self.summary = summary
    self.flag = flag
    self.values = values
    self.endpoints = endpoints
    self.read = read
  }

  /// The field's value in a request, in the legacy family's type; nil if it is not set.
  public func value(in request: Img2ImgRequest) -> JSONValue? { read(request) }

  /// The default value; nil for a field that is left out by default.
  public var defaultValue: JSONValue? { read(Img2ImgRequest.defaults) }
}

// MARK: The table (contract, sections 5 and 6)

extension GenerationField {
  /// ``Generation/strength``
  public static let strength = GenerationField(
    "strength", flag: "strength", .number(0.01...1), in: [.img2img, .inpaint, .controlnetImg2Img, .custom],
    "How much the result may differ from the image."
  ) { .number($0.strength) }
  /// ``Generation/numSamples``
  public static let numSamples = GenerationField(
    "numSamples", customName: "numOutputs", label: "the number of samples", flag: "samples", .integer(1...128, step: 1),
    "The number of results."
  ) { .number(Double($0.numSamples)) }
  /// ``Generation/guidance``
  public static let guidance = GenerationField(
    "guidance", flag: "guidance", .number(0...20), "How closely to follow the prompt."
  ) { .number($0.guidance) }
  /// ``Generation/numInferenceSteps``
  public static let numInferenceSteps = GenerationField(
    "numInferenceSteps", label: "the number of steps", flag: "steps", .integer(1...150, step: 1), "Denoising steps."
  ) { .number(Double($0.numInferenceSteps)) }
  /// ``Generation/width``
  public static let width = GenerationField(
    "width", flag: "width", .integer(64...2048, step: 8), "Width of the results (default: the prepared image's)."
  ) { $0.width.map { .number(Double($0)) } }
  /// ``Generation/height``
  public static let height = GenerationField(
    "height", flag: "height", .integer(64...2048, step: 8), "Height of the results (default: the prepared image's)."
  ) { $0.height.map { .number(Double($0)) } }
  /// ``Generation/seed``
  public static let seed = GenerationField(
    "seed", label: "the seed", flag: "seed", .numberAsText(0...Img2ImgRequest.largestSeed),
    "Makes the result repeatable (default: random, and recorded)."
  ) { $0.seed.map(JSONValue.string) }
  /// ``Generation/negativePrompt``
  public static let negativePrompt = GenerationField(
    "negativePrompt", label: "the negative prompt", flag: "negative-prompt", .text, in: .legacy,
    "What to keep out of the image."
  ) { $0.negativePrompt.map(JSONValue.string) }
  /// ``Generation/negativePromptStrength``
  public static let negativePromptStrength = GenerationField(
    "negativePromptStrength", label: "the negative prompt's strength", flag: "negative-prompt-strength",
    .number(0...10),
    in: .legacy, "The strength of the negative prompt (default: 1.0 with one)."
  ) { $0.negativePromptStrength.map(JSONValue.number) }
  /// ``Generation/scheduler``
  public static let scheduler = GenerationField(
    "scheduler", flag: "scheduler", .choice(Img2ImgRequest.schedulers), in: .legacy,
    "The scheduler of denoising (legacy models)."
  ) { $0.scheduler.map(JSONValue.string) }
  /// ``Generation/disableMerging``
  public static let disableMerging = GenerationField(
    "disableMerging", .flag, in: .inpaint,
    "Returns the generated result without restoring the areas that the mask keeps."
  ) { $0.disableMerging.map(JSONValue.bool) }
  /// ``Generation/controlStart``
  public static let controlStart = GenerationField(
    "controlStart", .number(0...0.9), in: .controlled, "The share of the steps after which the image begins to control."
  ) { $0.controlStart.map(JSONValue.number) }
  /// ``Generation/controlEnd``
  public static let controlEnd = GenerationField(
    "controlEnd", .number(0.1...1), in: .controlled, "The share of the steps after which the image no longer controls."
  ) { $0.controlEnd.map(JSONValue.number) }
  /// ``Generation/disableModalityDetection``
  public static let disableModalityDetection = GenerationField(
    "disableModalityDetection", .flag, in: .controlled,
    "The image is already in the modality, such as an image of edges."
  ) { $0.disableModalityDetection.map(JSONValue.bool) }

  /// All fields, in the order in which they are checked.
  public static let all = [
    strength, numSamples, guidance, numInferenceSteps, width, height, seed, negativePrompt, negativePromptStrength,
    scheduler, disableMerging, controlStart, controlEnd, disableModalityDetection,
  ]
}

extension GenerationField {
  /// The field's member of a request's body; nil if it is not set, or if the operation does not take it.
  func member(of request: Img2ImgRequest) -> (name: String, value: JSONValue)? {
    let operation = request.endpoint.operation
    guard endpoints.contains(operation), let value = value(in: request) else { return nil }
    guard operation == .custom else { return (name, value) }
    if case .numberAsText = values, case .string(let text) = value {
      return (customName, .number(Double(text) ?? 0))
    }
    return (customName, value)
  }

  /// Checks the field's value in a request.
  ///
  /// - Throws: A ``ScenarioError`` with the code `invalid-request` that names the field.
  func check(_ request: Img2ImgRequest) throws(ScenarioError) {
    guard let value = value(in: request) else { return }
    let operation = request.endpoint.operation
    guard endpoints.contains(operation) else {
      // A field with a default is not sent to such an operation; only a field that was set to another value is an error.
      guard value != defaultValue else { return }
      let family = operation == .custom ? "custom models" : "the endpoint \(request.endpoint.name)"
      throw ScenarioError(
        .invalidRequest, .notSent, stage: .submit, "\(name) is not a field of \(family)",
        remedy: operation == .custom ? "leave it out, or use a legacy model" : "leave it out")
    }
    guard let fault = fault(of: value, operation) else { return }
    throw ScenarioError(.invalidRequest, .notSent, stage: .submit, fault, remedy: "give \(range)")
  }

  private func fault(of value: JSONValue, _ operation: Endpoints) -> String? {
    switch (values, value) {
    case (.number(let range), .number(let number)): range.contains(number) ? nil : "\(label) is \(number)"
    case (.integer(let range, let step), .number(let number)):
      range.contains(Int(number)) && Int(number) % step == 0 ? nil : "\(label) is \(Int(number))"
    case (.numberAsText, .string(let text)) where text.allSatisfy(\.isWhitespace): "\(label) is empty"
    case (.numberAsText(let range), .string(let text)):
      operation != .custom || Int(text).map(range.contains) == true ? nil : "\(label) is \(text)"
    case (.choice(let choices), .string(let text)): choices.contains(text) ? nil : "there is no \(label) \(text)"
    default: nil
    }
  }

  /// The allowed values in words: `0.01 to 1`.
  private var range: String {
    switch values {
    case .number(let range): "\(Self.text(range.lowerBound)) to \(Self.text(range.upperBound))"
    case .integer(let range, let step):
      "\(range.lowerBound) to \(range.upperBound)" + (step == 1 ? "" : " in steps of \(step)")
    case .numberAsText(let range): "\(range.lowerBound) to \(range.upperBound)"
    case .choice(let choices): "one of " + choices.joined(separator: ", ")
    case .text: "text"
    case .flag: "true or false"
    }
  }

  /// The placeholder for the value in help: `0.01…1`; nil if the flag's name is used.
  public var valueName: String? {
    switch values {
    case .number(let range): "\(Self.text(range.lowerBound))…\(Self.text(range.upperBound))"
    case .integer(let range, _): "\(range.lowerBound)…\(range.upperBound)"
    case .numberAsText: "N"
    case .choice: "NAME"
    case .text, .flag: nil
    }
  }

  /// A number as people write it: whole ones without a fraction.
  package static func text(_ number: Double) -> String { Int(exactly: number).map(String.init) ?? "\(number)" }
}
