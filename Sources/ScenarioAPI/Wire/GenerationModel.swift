/// A model as the service describes it (`GET /models/{modelId}`, contract section 6).
public struct GenerationModel: Sendable, Equatable {
  /// One field of a custom model's request.
  public struct Input: Sendable, Equatable {
    /// Whether a request must have the field.
    public struct Required: Sendable, Equatable {
      /// True when it must have it in any case.
      public let always: Bool?
      /// By name, fields of which any makes this one necessary.
      public let ifDefined: [String: JSONValue]?
      /// By name, fields without which this one is necessary.
      public let ifNotDefined: [String: JSONValue]?
      /// Values of other fields that make this one necessary.
      public let conditional: Conditional?

      /// A condition on the values of other fields.
      public struct Conditional: Sendable, Equatable {
        /// By name, the value, or an array of values of which it is one.
        public let values: [String: JSONValue]
        /// `and` (also where it is left out) or `or`.
        public let `operator`: String?
      }

      /// Whether these fields make it necessary.
      ///
      /// ASSUMED: that keys of `ifDefined` and `ifNotDefined` are names of fields, and what `conditional` compares. The
      /// contract (section 6.2) has their names only.
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
    /// Smallest number.
    public let min: Double?
    /// Largest number.
    public let max: Double?
    /// Numbers are multiples of this.
    public let step: Double?
    /// Shortest text in characters, or the fewest items of an array.
    public let minLength: Double?
    /// Longest text in characters, or the most items of an array.
    public let maxLength: Double?
    /// What a text may be.
    public let allowedValues: [JSONValue]?
    /// Whether a request must have the field.
    public let required: Required?
  }

  /// What the service calls the model.
  public let id: String
  /// True when only `POST /generate/custom/{modelId}` runs it.
  public let custom: Bool?
  /// The fields of a request, where the model publishes them.
  public let inputs: [Input]?

  /// Checks a request against the fields that the model publishes, before anything is sent: the service refuses fields it
  /// does not know, and numbers off their step.
  ///
  /// - Throws: A ``ScenarioError`` with the code `invalid-request` that names the first field that does not fit.
  public func check(_ request: Img2ImgRequest) throws(ScenarioError) {
    guard request.endpoint == .custom, let inputs else { return }
    func refuse(_ field: String, _ remedy: String) -> ScenarioError {
      ScenarioError(
        .invalidRequest, .notSent, stage: .submit, "model \(id) does not take this \(field)", remedy: remedy)
    }
    let fields = request.fields
    let known = Dictionary(inputs.map { ($0.name, $0) }) { first, _ in first }
    for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
      guard let input = known[name] else {
        throw refuse(name, "leave it out; the model takes " + inputs.map(\.name).joined(separator: ", "))
      }
      if let remedy = input.remedy(for: value) { throw refuse(name, remedy) }
    }
    if let missing = inputs.first(where: { fields[$0.name] == nil && $0.required?.applies(to: fields) == true }) {
      throw ScenarioError(
        .invalidRequest, .notSent, stage: .submit, "model \(id) needs \(missing.name)",
        remedy: "give it with --param \(missing.name)=VALUE")
    }
  }
}

extension GenerationModel.Input {
  /// What to give instead of a value that does not fit; nil for one that does.
  fileprivate func remedy(for value: JSONValue) -> String? {
    switch (type, value) {
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
    // The service drops a bare string given for an array without a word.
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
    // A type that is newer than this client.
    case (let type, _) where !Self.knownTypes.contains(type): return nil
    default: return "give a \(type)"
    }
    if let allowedValues, !allowedValues.contains(value) {
      let choices = allowedValues.map { choice in
        if case .string(let text) = choice {
          text
        } else if case .number(let number) = choice {
          Self.text(number)
        } else {
          "…"
        }
      }
      return "give one of " + choices.joined(separator: ", ")
    }
    return nil
  }

  private static let knownTypes = [
    "boolean", "file", "file_array", "model", "model_array", "number", "number_array", "string", "string_array",
    "inputs_array",
  ]

  private static func text(_ number: Double) -> String { Int(exactly: number).map(String.init) ?? "\(number)" }
}

// Of a model only the id is needed, of an input only the name: a field of another type counts as absent, so that the rest
// can still be checked.

extension GenerationModel: Decodable {
  private enum Key: String, CodingKey { case id, custom, inputs }

  /// Reads a model; inputs without a name are left out.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Key.self)
    id = try fields.decode(String.self, forKey: .id)
    custom = fields.lenient(forKey: .custom)
    inputs = fields.lenient(LossyArray<Input>.self, forKey: .inputs)?.elements
  }
}

extension GenerationModel.Input: Decodable {
  private enum Key: String, CodingKey {
    case name, type, min, max, step, minLength, maxLength, allowedValues, required
  }

  /// Reads an input; one without a type takes any value.
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
  }
}

extension GenerationModel.Input.Required: Decodable {
  private enum Key: String, CodingKey { case always, ifDefined, ifNotDefined, conditional }

  /// Reads a rule.
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

  /// Reads a condition, of which only the values are needed.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Key.self)
    values = try fields.decode([String: JSONValue].self, forKey: .values)
    `operator` = fields.lenient(forKey: .operator)
  }
}

/// The envelope of a model.
struct ModelReply: Decodable { let model: GenerationModel }
