internal import Foundation
package import ScenarioAPI

/// The custom models that take the place of legacy models (contract, section 6).
package enum CustomModel {
  /// The custom models by the id of the legacy model.
  package static let substitutes = ["flux.1-dev": Img2ImgRequest.customModelID]

  /// The model itself, with the model that replaces it or that it replaces.
  package static func alternatives(to model: String) -> [String] {
    [model] + substitutes.filter { $0.key == model || $0.value == model }.flatMap { [$0.key, $0.value] }
  }

  /// The values that a custom model permits for a setting.
  private enum Range {
    case number(ClosedRange<Double>, step: Double?)
    /// Nothing: the setting has no counterpart.
    case none
  }

  /// The ranges of `model_bfl-flux-1-dev` for the settings of the legacy endpoint.
  private static let ranges: [(field: GenerationField, range: Range)] = [
    (.strength, .number(0.01...1, step: 0.01)), (.numSamples, .number(1...4, step: 1)),
    (.numInferenceSteps, .number(1...50, step: 1)), (.guidance, .number(0...10, step: nil)),
    (.width, .number(128...2048, step: 16)), (.height, .number(128...2048, step: 16)),
    (.seed, .number(0...Double(Img2ImgRequest.largestSeed), step: 1)),
  ]
  private static let longestPrompt = 2048

  /// The same request for the custom model. A setting that the custom model does not take is refused: leaving it out or
  /// rounding it would change the results.
  ///
  /// - Throws: A ``PipelineError`` with the code `no-substitute` that names the first such setting.
  package static func request(like request: Img2ImgRequest) throws(PipelineError) -> Img2ImgRequest {
    func refused(_ what: String, _ remedy: Remedy) -> PipelineError {
      PipelineError(
        .noSubstitute, stage: .submit,
        "the service no longer runs \(request.modelID) at its legacy endpoint, and the custom model cannot take its place: \(what)",
        remedy: remedy)
    }
    guard let model = substitutes[request.modelID] else {
      throw refused("none is known for \(request.modelID)", "order a custom model")
    }
    switch request.endpoint {
    case .img2img: break
    case .inpaint: throw refused("it takes no mask", "leave the mask out")
    case .controlnet, .controlnetImg2Img: throw refused("it takes no control image here", "leave the control image out")
    case .custom: throw refused("the order is for a custom model already", "choose another model")
    }
    guard case .asset = request.image else { throw refused("it takes no image URL", "give the image as a file") }
    if let name = request.parameters.keys.min() {
      throw refused("the parameter \(name) is for the legacy endpoint", "leave it out")
    }
    guard request.prompt.count <= longestPrompt else {
      throw refused("its prompt has at most \(longestPrompt) characters", "shorten the prompt")
    }
    for field in GenerationField.all {
      guard let value = field.value(in: request) else { continue }
      switch ranges.first(where: { $0.field.name == field.name })?.range ?? .none {
      case .none: throw refused("it has no \(field.name)", "leave it out")
      case .number(let range, let step):
        let number: Double? =
          switch value {
          case .number(let number): number
          case .string(let text): Double(text)
          default: nil
          }
        let steps = step.map { (number ?? 0) / $0 } ?? 0
        guard let number, range.contains(number), abs(steps.rounded() - steps) <= 1e-6 else {
          let grid = step.map { " in steps of \(GenerationField.text($0))" } ?? ""
          throw refused(
            "its \(field.customName) is \(GenerationField.text(range.lowerBound)) to \(GenerationField.text(range.upperBound))\(grid)",
            "change \(field.name)")
        }
      }
    }
    var custom = request
    (custom.endpoint, custom.modelID) = (.custom, model)
    return custom
  }
}
