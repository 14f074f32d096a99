internal import Foundation
internal import ScenarioAPI

extension Img2ImgRequest {
  /// What was asked for besides image, prompt, model and seed, under the names of the wire.
  var record: OrderedJSON {
    var members: [(key: String, value: OrderedJSON)] = [
      ("strength", .number(strength)), ("numSamples", .integer(numSamples)), ("guidance", .number(guidance)),
      ("numInferenceSteps", .integer(numInferenceSteps)), ("width", .optional(width)), ("height", .optional(height)),
    ]
    if let negativePrompt { members.append(("negativePrompt", .string(negativePrompt))) }
    if let negativePromptStrength { members.append(("negativePromptStrength", .number(negativePromptStrength))) }
    if let scheduler { members.append(("scheduler", .string(scheduler))) }
    if let disableMerging { members.append(("disableMerging", .bool(disableMerging))) }
    if let controlStart { members.append(("controlStart", .number(controlStart))) }
    if let controlEnd { members.append(("controlEnd", .number(controlEnd))) }
    if let disableModalityDetection { members.append(("disableModalityDetection", .bool(disableModalityDetection))) }
    switch endpoint {
    case .img2img: break
    case .inpaint(let mask): members += [("endpoint", .string("inpaint")), ("maskId", .string(mask.rawValue))]
    case .controlnet(let modality):
      members += [("endpoint", .string("controlnet")), ("modality", .string(modality))]
    case .controlnetImg2Img(let control, let modality):
      members += [
        ("endpoint", .string("controlnet-img2img")), ("controlImageId", .string(control.rawValue)),
        ("modality", .string(modality)),
      ]
    case .custom: members.append(("endpoint", .string("custom")))
    }
    if let parametersText { members.append(("param", .verbatim(parametersText))) }
    return .object(members)
  }

  /// Fills in what an earlier attempt found out: the size, and the images that it uploaded.
  mutating func restore(from entry: LedgerEntry) throws {
    struct Found: Decodable {
      var width: Int?
      var height: Int?
      var maskId: AssetID?
      var controlImageId: AssetID?
      var modality: String?
    }
    let found = try JSONDecoder().decode(Found.self, from: Data(entry.intent.parameters.utf8))
    width = width ?? found.width
    height = height ?? found.height
    if let mask = found.maskId { endpoint = .inpaint(mask: mask) }
    if let control = found.controlImageId {
      endpoint = .controlnetImg2Img(control: control, modality: found.modality ?? "")
    }
    if let asset = entry.assetID { image = .asset(asset) }
  }

  /// ``parameters`` as JSON, sorted by name; nil without any.
  var parametersText: String? {
    guard !parameters.isEmpty else { return nil }
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    // What holds JSON values only can be written as JSON.
    return (try? encoder.encode(parameters)).map { String(decoding: $0, as: UTF8.self) }
  }
}
