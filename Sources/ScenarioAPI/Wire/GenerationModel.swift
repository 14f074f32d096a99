/// A model as the service describes it (`GET /models/{modelId}`, contract section 6).
public struct GenerationModel: Sendable, Equatable {
  /// One field of a custom model's request.
  public struct Input: Sendable, Equatable {
    /// Whether a request must have the field.
    public struct Required: Sendable, Equatable {
      /// True when a request must always have the field.
      public let always: Bool?
      /// The names of fields that each make this field necessary.
      public let ifDefined: [String: JSONValue]?
      /// The names of fields without which this field is necessary.
      public let ifNotDefined: [String: JSONValue]?
      /// Values of other fields that make this one necessary.
      public let conditional: Conditional?

      /// A condition on the values of other fields.
      public struct Conditional: Sendable, Equatable {
        /// The value that a field must have, or an array of the values that it may have, by the field's name.
        public let values: [String: JSONValue]
        /// `and` or `or`; nil means `and`.
        public let `operator`: String?
      }

      /// True when a request with these fields must also have this one.
      ///
      /// ASSUMED: the keys of `ifDefined` and `ifNotDefined` are names of fields, and `conditional` compares their values. The
      /// contract (section 6.2) gives only the names of these rules.
      func applies(to fields: [String: JSONValue]) -> Bool {
        if always == true { return true }
        if let ifDefined, ifDefined.keys.contains(where: { fields[$0] != nil }) { return true }
        if let ifNotDefined, !ifNotDefined.isEmpty, ifNotDefined.keys.allSatisfy({ fields[$0] == nil }) { return true }
        guard let conditional, !conditional.values.isEmpty else { return false }
        let holds = conditional.values.map { name, wanted in
          if case .array(let choices) = wanted { return fields[name].map(choices.contains) ?? false }
          return fields[name] == wanted
        }
        return conditional.operator == "or" ? holds.contains(true) : !holds.contains(false)
      }
    }

    /// The field's name in the body.
    public let name: String
    /// `string`, `number`, `boolean`, `file`, `model`, or an array of these (`number_array`).
    public let type: String
    /// The smallest number.
    public let min: Double?
    /// The largest number.
    public let max: Double?
    /// Numbers are multiples of this.
    public let step: Double?
    /// The smallest number of characters of a text, or of items of an array.
    public let minLength: Double?
    /// The largest number of characters of a text, or of items of an array.
    public let maxLength: Double?
    /// The texts that are allowed.
    public let allowedValues: [JSONValue]?
    /// Whether a request must have the field.
    public let required: Required?
    /// The value that the service takes if the field is left out.
    public let defaultValue: JSONValue?
    /// True when the price depends on the field.
    public let hasCostImpact: Bool
    /// The kind of asset that a file is, for example `image`.
    public let kind: String?
    /// The largest file in bytes.
    public let maxSize: Int?
    /// The field's name for people.
    public let label: String?
    /// The description of the field, in the service's words.
    public let summary: String?

    /// True when a request must always have the field.
    public var isRequired: Bool { required?.always == true }
  }

  /// The sides that results may have; nil for parts that the model does not publish.
  public struct SizeRules: Sendable, Equatable {
    /// The field for the width.
    public let width: Input?
    /// The field for the height.
    public let height: Input?
    /// The field for an aspect ratio, which some models take instead of a size.
    public let aspectRatio: Input?
  }

  /// The service's name of the model.
  public let id: String
  /// The model's name for people.
  public let name: String?
  /// The model's family, for example `flux.1`.
  public let type: String?
  /// Whether the model can be used, for example `trained`.
  public let status: String?
  /// The capabilities of the model, for example `img2img`.
  public let capabilities: [String]
  /// True when only `POST /generate/custom/{modelId}` runs it.
  public let custom: Bool?
  /// The fields of a request, if the model publishes them.
  public let inputs: [Input]?

  /// The fields on which the price depends.
  public var costInputs: [Input] { inputs?.filter(\.hasCostImpact) ?? [] }

  /// The fields for the size of results.
  public var sizeRules: SizeRules {
    func input(_ name: String) -> Input? { inputs?.first { $0.name == name } }
    return SizeRules(width: input("width"), height: input("height"), aspectRatio: input("aspectRatio"))
  }

  /// Checks a request against the fields that the model publishes, before anything is sent. The service refuses fields that it
  /// does not know, and numbers that are not a multiple of their step.
  ///
  /// - Throws: A ``ScenarioError`` with the code `invalid-request` that names the first field that does not fit.
  public func check(_ request: Img2ImgRequest) throws(ScenarioError) {
    guard request.endpoint == .custom, let inputs else { return }
    func refuse(_ field: String, _ remedy: Remedy) -> ScenarioError {
      ScenarioError(
        .invalidRequest, .notSent, stage: .submit, "model \(printable(id)) does not take this \(field)", remedy: remedy)
    }
    let fields = request.fields
    let known = Dictionary(inputs.map { ($0.name, $0) }) { first, _ in first }
    for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
      guard let input = known[name] else {
        let names = inputs.map { printable($0.name) }.joined(separator: ", ")
        throw refuse(name, "leave it out; the model takes \(names)")
      }
      if let remedy = input.remedy(for: value) { throw refuse(name, remedy) }
    }
    if let missing = inputs.first(where: { fields[$0.name] == nil && $0.required?.applies(to: fields) == true }) {
      throw ScenarioError(
        .invalidRequest, .notSent, stage: .submit, "model \(printable(id)) needs \(printable(missing.name))",
        remedy: .giveField(printable(missing.name)))
    }
  }
}

extension GenerationModel.Input {
  /// The remedy for a value that does not fit; nil for a value that fits.
  fileprivate func remedy(for value: JSONValue) -> Remedy? {
    switch (type, value) {
    case ("number", .integer(let integer)): return remedy(for: .number(Double(integer)))
    case ("number", .number(let number)):
      if let min, number < min { return "give at least \(Self.text(min))" }
      if let max, number > max { return "give at most \(Self.text(max))" }
      if let step, step > 0, abs((number / step).rounded() * step - number) > step * 1e-6 {
        return "give a multiple of \(Self.text(step))"
      }
    case ("string", .string(let text)), ("file", .string(let text)), ("model", .string(let text)):
      if let minLength, Double(text.count) < minLength { return "give at least \(Self.text(minLength)) characters" }
      if let maxLength, Double(text.count) > maxLength { return "give at most \(Self.text(maxLength)) characters" }
    case ("boolean", .bool): break
    // If a string is sent in place of an array, the service ignores it silently.
    case (let type, .array(let items)) where type.hasSuffix("_array"):
      if let minLength, Double(items.count) < minLength { return "give at least \(Self.text(minLength)) items" }
      if let maxLength, Double(items.count) > maxLength { return "give at most \(Self.text(maxLength)) items" }
      if type == "number_array" {
        for case .number(let number) in items {
          if let min, number < min { return "give numbers of at least \(Self.text(min))" }
          if let max, number > max { return "give numbers of at most \(Self.text(max))" }
        }
      }
      return nil
    // A type that this client does not know.
    case (let type, _) where !Self.knownTypes.contains(type): return nil
    default: return "give a \(type)"
    }
    if let allowedValues, !allowedValues.contains(value) {
      let choices = allowedValues.map { choice in
        if case .string(let text) = choice {
          printable(text)
        } else if case .number(let number) = choice {
          Self.text(number)
        } else {
          "…"
        }
      }
      return "give one of \(choices.joined(separator: ", "))"
    }
    return nil
  }

  private static let knownTypes = [
    "boolean", "file", "file_array", "model", "model_array", "number", "number_array", "string", "string_array",
    "inputs_array",
  ]

  private static func text(_ number: Double) -> String { Int(exactly: number).map(String.init) ?? "\(number)" }
}

// A model requires only its id, and an input only its name. A field of another type counts as absent, so that the others can
// still be checked.

extension GenerationModel: Decodable {
  private enum Key: String, CodingKey { case id, name, type, status, capabilities, custom, inputs }

  /// Decodes a model. Inputs without a name are left out.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Key.self)
    id = try fields.decode(String.self, forKey: .id)
    name = fields.lenient(forKey: .name)
    type = fields.lenient(forKey: .type)
    status = fields.lenient(forKey: .status)
    capabilities = fields.lenient(LossyArray<String>.self, forKey: .capabilities)?.elements ?? []
    custom = fields.lenient(forKey: .custom)
    inputs = fields.lenient(LossyArray<Input>.self, forKey: .inputs)?.elements
  }
}

extension GenerationModel.Input: Decodable {
  private enum Key: String, CodingKey {
    case name, type, min, max, step, minLength, maxLength, allowedValues, required, `default`, costImpact, kind, maxSize
    case label, description
  }

  /// Decodes an input. An input without a type takes any value.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Key.self)
    name = try fields.decode(String.self, forKey: .name)
    type = fields.lenient(forKey: .type) ?? ""
    min = fields.lenient(forKey: .min)
    max = fields.lenient(forKey: .max)
    step = fields.lenient(forKey: .step)
    minLength = fields.lenient(forKey: .minLength)
    maxLength = fields.lenient(forKey: .maxLength)
    allowedValues = fields.lenient(forKey: .allowedValues)
    required = fields.lenient(forKey: .required)
    // A default of null counts as no default.
    let value: JSONValue? = fields.lenient(forKey: .default)
    defaultValue = value == .null ? nil : value
    hasCostImpact = fields.lenient(forKey: .costImpact) ?? false
    kind = fields.lenient(forKey: .kind)
    maxSize = fields.lenient(forKey: .maxSize)
    label = fields.lenient(String.self, forKey: .label).map(printable)
    summary = fields.lenient(String.self, forKey: .description).map(printable)
  }
}

extension GenerationModel.Input.Required: Decodable {
  private enum Key: String, CodingKey { case always, ifDefined, ifNotDefined, conditional }

  /// Decodes a rule.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Key.self)
    always = fields.lenient(forKey: .always)
    ifDefined = fields.lenient(forKey: .ifDefined)
    ifNotDefined = fields.lenient(forKey: .ifNotDefined)
    conditional = fields.lenient(forKey: .conditional)
  }
}

extension GenerationModel.Input.Required.Conditional: Decodable {
  private enum Key: String, CodingKey { case values, `operator` }

  /// Decodes a condition. Only the values are required.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Key.self)
    values = try fields.decode([String: JSONValue].self, forKey: .values)
    `operator` = fields.lenient(forKey: .operator)
  }
}

/// The envelope of a model.
struct ModelReply: Decodable { let model: GenerationModel }
