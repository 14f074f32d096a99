internal import Ground

/// Work on one image that another process does.
package struct IsolatedTask: Codable, Sendable {
  /// The result that the other process makes of the image.
  package enum Product: Codable, Sendable {
    /// ``ImagePreparer/inspect(_:)``
    case description
    /// ``ImagePreparer/plan(of:as:tensor:)``
    case plan(Recipe, TensorFormat?)
    /// ``ImagePreparer/prepare(_:as:tensor:)``
    case image(Recipe, TensorFormat?)
    /// ``ImagePreparer/pixels(of:as:)``
    case pixels(Recipe)
    /// ``ImagePreparer/tensor(of:as:_:)``
    case tensor(Recipe, TensorFormat)
    /// ``ImagePreparer/stripped(_:keepsLook:)``
    case stripped(keepsLook: Bool)
  }

  package let product: Product
  package let limits: Limits
  package let instructionSet: InstructionSet
}

/// Writes and reads the values that processes send each other. This module has no JSON of its own.
package protocol IsolationCoder: Sendable {
  /// The bytes of a value; nil if it cannot be written.
  func bytes(of value: some Encodable) -> [UInt8]?
  /// The value in these bytes; nil if they contain no such value. The bytes may come from a process that an image has taken over.
  func value<Value: Decodable>(_ type: Value.Type, in bytes: [UInt8]) -> Value?
}

/// The failure of a task, as the other process words it.
struct IsolatedFailure: Codable, Sendable {
  let code: String
  let stage: String
  let message: String
  let remedy: String

  init(_ error: PreparationError, _ words: (Remedy) -> String) {
    (code, stage, message) = (error.code.rawValue, error.stage.rawValue, error.message)
    remedy = words(error.remedy)
  }

  var error: PreparationError {
    PreparationError(
      PreparationError.Code(rawValue: code), stage: Stage(rawValue: stage) ?? .decode, message, remedy: .text(remedy))
  }
}
