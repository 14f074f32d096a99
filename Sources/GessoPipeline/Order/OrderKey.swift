internal import Digests
internal import Foundation
internal import ImagePreparation
internal import ScenarioAPI

/// What makes two orders the same: a digest that the ledger looks runs up by, in every version of this package.
///
/// Only what was said counts, sorted by name, so that a field which a later version adds changes no key as long as nobody
/// sets it. What a field means while nobody sets it is written down here and not taken from the types' own defaults: when
/// one of those changes, the same words ask for something else, and the key has to say so.
package struct OrderKey: Sendable {
  /// One thing that can be said, as text, and what it is while nobody says it.
  package typealias Field = (name: String, value: String?, unsaid: String?)

  /// SHA-256 in hexadecimal.
  package let digest: String

  /// Makes the key of an order.
  ///
  /// - Parameters:
  ///   - baseURL: A run against a stand-in never counts for the service.
  ///   - account: The project, else a digest of the API key.
  ///   - sourceSHA256: Of the source's bytes; nil for one that cannot be read twice, which is like no other order's.
  ///   - secondSHA256: The same of the order's second image, if it has one.
  init(_ order: Img2ImgOrder, baseURL: String, account: String, sourceSHA256: String?, secondSHA256: String?) {
    var (origin, recipe) = (sourceSHA256 ?? "unknown \(UUID().uuidString)", order.recipe)
    let second = order.second.map { _ in secondSHA256 ?? "unknown \(UUID().uuidString)" }
    // Nothing is prepared of what the service fetches itself.
    if case .remote(let url) = order.source { (origin, recipe) = (url, Recipe()) }
    let request = order.request
    let identity = OrderedJSON.object([
      ("version", .integer(3)), ("service", .string(baseURL)), ("account", .string(account)),
      ("source", .string(origin)), ("recipe", .string(Self.json(of: recipe))),
      ("model", .string(request.modelID)),
      ("prompt", .string(request.prompt)),
      ("request", Self.said(Self.fields(of: request) + [("second", second, nil)])),
      ("seed", .optional(request.seed)),
    ])
    digest = ContentDigest.sha256(of: [UInt8](identity.line.utf8))
  }

  /// The fields that somebody has set, by name.
  package static func said(_ fields: [Field]) -> OrderedJSON {
    .object(
      fields.filter { $0.value != $0.unsaid }.sorted { $0.name < $1.name }.map { ($0.name, .optional($0.value)) })
  }

  /// The canonical JSON of a recipe: equal recipes have the same.
  private static func json(of recipe: Recipe) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // A geometry that holds no numbers, which alone cannot be written, is refused when it is used.
    return (try? encoder.encode(recipe)).map { String(decoding: $0, as: UTF8.self) } ?? "unknown \(UUID().uuidString)"
  }

  private static func fields(of request: Img2ImgRequest) -> [Field] {
    var fields: [Field] = [
      ("strength", "\(request.strength)", "0.75"), ("numSamples", "\(request.numSamples)", "1"),
      ("guidance", "\(request.guidance)", "3.5"), ("numInferenceSteps", "\(request.numInferenceSteps)", "28"),
      ("width", request.width.map(String.init), nil), ("height", request.height.map(String.init), nil),
      ("negativePrompt", request.negativePrompt, nil),
      ("negativePromptStrength", request.negativePromptStrength.map { "\($0)" }, nil),
      ("scheduler", request.scheduler, nil), ("param", request.parametersText, nil),
    ]
    fields += [
      ("disableMerging", request.disableMerging.map { "\($0)" }, nil),
      ("controlStart", request.controlStart.map { "\($0)" }, nil),
      ("controlEnd", request.controlEnd.map { "\($0)" }, nil),
      ("disableModalityDetection", request.disableModalityDetection.map { "\($0)" }, nil),
    ]
    switch request.endpoint {
    case .img2img: break
    case .inpaint(let mask): fields += [("endpoint", "inpaint", nil), ("maskId", mask.rawValue, nil)]
    case .controlnet(let modality): fields += [("endpoint", "controlnet", nil), ("modality", modality, nil)]
    case .controlnetImg2Img(let control, let modality):
      fields += [
        ("endpoint", "controlnet-img2img", nil), ("controlImageId", control.rawValue, nil), ("modality", modality, nil),
      ]
    case .custom: fields += [("endpoint", "custom", nil)]
    }
    return fields
  }
}
