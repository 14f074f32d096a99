internal import Foundation
internal import Ground

/// The body of `POST /generate/custom/{modelId}`: a flat object, checked against the inputs that the model publishes.
struct CustomParameters: Decodable, Sendable {
  /// The body, as it was sent.
  var fields: [String: JSONValue]

  init(from decoder: any Decoder) throws {
    fields = try decoder.singleValueContainer().decode([String: JSONValue].self)
  }

  /// Refuses unknown fields, and values that the model's inputs do not allow by type, range, step, length or choice.
  func check(against inputs: [Model.Input]) throws(ServiceError) {
    let known = Set(inputs.map(\.name))
    if let unknown = fields.keys.sorted().first(where: { !known.contains($0) }) {
      throw .badRequest("Unknown input \(unknown)", parameter: unknown)
    }
    for input in inputs {
      guard let value = fields[input.name] else {
        guard input.required?.always != true else {
          throw .badRequest("Input \(input.name) is required", parameter: input.name)
        }
        continue
      }
      try check(value, input)
    }
  }

  private func check(_ value: JSONValue, _ input: Model.Input) throws(ServiceError) {
    func refusal(_ expected: String) -> ServiceError {
      .badRequest("Input \(input.name) must be \(expected)", parameter: input.name)
    }
    switch (input.type, value) {
    case ("number", .number(let number)):
      if let least = input.min, number < least { throw refusal("at least \(least.formatted())") }
      if let most = input.max, number > most { throw refusal("at most \(most.formatted())") }
      if let step = input.step, abs((number / step).rounded() * step - number) > step * 1e-6 {
        throw refusal("a multiple of \(step.formatted())")
      }
    case ("string", .string(let text)), ("file", .string(let text)), ("model", .string(let text)):
      if input.required?.always == true, text.isEmpty { throw .badRequest("Input \(input.name) is required") }
      if let most = input.maxLength, Double(text.count) > most {
        throw refusal("at most \(Int(most)) characters long")
      }
      if let choices = input.allowedValues, !choices.contains(text) {
        throw refusal("one of " + choices.joined(separator: ", "))
      }
    case ("number_array", .array(let items)), ("model_array", .array(let items)):
      if let most = input.maxLength, Double(items.count) > most { throw refusal("at most \(Int(most)) items long") }
      for item in items {
        switch (input.type, item) {
        case ("number_array", .number(let number))
        where number >= input.min ?? -.infinity && number <= input.max ?? .infinity:
          break
        case ("model_array", .string): break
        default: throw refusal("an array of allowed values")
        }
      }
    // If a single string is given for an array, the service ignores it.
    case ("number_array", .string), ("model_array", .string): break
    default: throw refusal("of type \(input.type)")
    }
  }

  /// The value of a number, or the model's own default.
  func number(_ name: String, of model: Model) -> Double? {
    switch fields[name] ?? model.inputs?.first(where: { $0.name == name })?.default {
    case .number(let number): number
    default: nil
    }
  }

  /// The value of a text.
  func text(_ name: String) -> String? {
    if case .string(let text)? = fields[name] { text } else { nil }
  }
}
