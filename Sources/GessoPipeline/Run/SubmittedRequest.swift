internal import Foundation
package import ScenarioAPI

/// The request of a submit as the ledger records it, for comparison with the requests that jobs repeat.
///
/// The service repeats a request with defaults filled in, and sometimes in another form: archived prompts are replaced
/// by the id of an asset, numbers may be rounded to 32 bits, sides may be moved onto a grid, and an image comes back as
/// an id or as a signed address (contract, section 8). A repeated setting is therefore evidence, not proof.
package struct SubmittedRequest: Sendable, Equatable {
  private typealias Images = [Job.Echo.Image]

  /// Settings of the generation that are on record, under the names of the legacy family.
  private struct Settings: Decodable, Equatable {
    var endpoint: String?
    var strength: Double?
    var numSamples: Int?
    var width: Int?
    var height: Int?
    var maskId: AssetID?
    var controlImageId: AssetID?
    /// More fields of the body.
    var param: [String: JSONValue]?
  }

  private let model: String
  private let prompt: String
  private let seed: String
  /// The uploaded image; nil for one that the service fetches.
  private let image: AssetID?
  /// The address of that image, without its query.
  private let address: String
  private let settings: Settings

  /// The endpoint's name, as in a job's `type`.
  private var kind: String { settings.endpoint ?? Img2ImgRequest.Endpoint.img2img.name }
  private var isCustom: Bool { kind == Img2ImgRequest.Endpoint.custom.name }
  private var isControlled: Bool { kind.hasPrefix("controlnet") }

  /// Reads a request from the ledger.
  ///
  /// - Throws: A `DecodingError` for parameters that are not those of a request.
  package init(_ entry: LedgerEntry) throws {
    (model, prompt, seed) = (entry.intent.model, entry.intent.prompt, entry.intent.seed)
    (image, address) = (entry.assetID, Self.withoutQuery(entry.intent.source))
    settings = try JSONText.value(Settings.self, of: entry.intent.parameters)
  }

  // MARK: Evidence

  /// The evidence of a job, and of its first result if that was read.
  package func evidence(of job: Job, result: Asset? = nil) -> JobEvidence {
    let echo = job.echo
    // The body of a custom model may name a LoRA as `modelId`.
    let models = [.string(model), settings.param?["modelId"]].compactMap(\.self)
    if let given = echo?.modelID, !models.contains(.string(given)) { return .against }
    // The kind is not compared for a custom model, because its id identifies it.
    if !isCustom, let given = echo?.type, Self.kind(given) != kind { return .against }
    let source = source(in: echo) ?? result?.parentID.flatMap { parent in image.map { $0 == parent } }
    if source == false || differsInSecondImage(echo) { return .against }
    let (prompt, seed) = (echo?.prompt ?? result?.prompt, echo?.seed ?? result?.seed)
    if contradicts(echo, prompt, seed) { return .weak }
    if source == true { return .positive }
    return echo?.modelID != nil && seed == self.seed ? .positive : .weak
  }

  /// True if the first result of the job could change the evidence.
  package func needsResult(of job: Job) -> Bool { evidence(of: job) == .weak && source(in: job.echo) == nil }

  /// The settings that have other values in the reply than were sent. `image` is among them also if the reply repeats settings but no
  /// image.
  package func differences(in echo: Job.Echo?) -> [String] {
    guard let echo else { return [] }
    var names: [String] = []
    let hasImage = !(echo.images + echo.controlImages).isEmpty
    if source(in: echo) == false || !hasImage { names.append("image") }
    for (name, sent, given) in numbers(of: echo) where !Self.agree(sent, given, tolerance: 0) { names.append(name) }
    return names
  }

  // MARK: Comparisons

  /// Whether the repeated source is the one that was sent; nil if no source is repeated in a form that can be compared.
  private func source(in echo: Job.Echo?) -> Bool? {
    guard let echo else { return nil }
    let images = kind == "controlnet" ? echo.controlImages + echo.images : echo.images
    if let image { return Job.Echo.names(image, in: images) }
    // An image that the service fetches gets an id of its own.
    let addresses = images.compactMap { image in
      if case .url(let url) = image, !url.rawValue.contains("asset_") { Self.withoutQuery(url.rawValue) } else { nil }
    }
    return addresses.isEmpty ? nil : addresses.contains(address)
  }

  /// True for a job with another mask or control image, or with one that this request does not have.
  private func differsInSecondImage(_ echo: Job.Echo?) -> Bool {
    // The names of image fields differ between custom models.
    guard let echo, !isCustom else { return false }
    func differs(_ images: Images, _ sent: AssetID?, isExpected: Bool) -> Bool {
      guard !images.isEmpty else { return false }
      return !isExpected || sent.map { Job.Echo.names($0, in: images) == false } ?? false
    }
    return differs(echo.masks, settings.maskId, isExpected: settings.maskId != nil)
      || differs(echo.controlImages, settings.controlImageId, isExpected: isControlled)
  }

  /// True when a value certainly differs from the one that was sent.
  private func contradicts(_ echo: Job.Echo?, _ prompt: String?, _ seed: String?) -> Bool {
    func trimmed(_ text: String) -> String { text.trimmingCharacters(in: .whitespacesAndNewlines) }
    if let prompt, !Job.Echo.isArchived(prompt), trimmed(prompt) != trimmed(self.prompt) { return true }
    if let seed, seed != self.seed {
      guard let one = Double(seed), let other = Double(self.seed), Self.agree(one, other, tolerance: 0) else {
        return true
      }
    }
    guard let echo else { return false }
    return numbers(of: echo).contains { name, sent, given in
      // The service may move a side onto the grid of the model.
      !Self.agree(sent, given, tolerance: ["width", "height"].contains(name) ? 64 : 0)
    }
  }

  /// The numbers that were sent and are repeated.
  private func numbers(of echo: Job.Echo) -> [(name: String, sent: Double, given: Double)] {
    let all: [(String, Double?, Double?)] = [
      ("height", settings.height.map(Double.init), echo.height.map(Double.init)),
      ("numSamples", settings.numSamples.map(Double.init), echo.numSamples.map(Double.init)),
      ("strength", settings.strength, echo.strength),
      ("width", settings.width.map(Double.init), echo.width.map(Double.init)),
    ]
    return all.compactMap { name, sent, given in
      // A parameter of the same name was sent in place of this field.
      guard let sent, let given, settings.param?[name] == nil else { return nil }
      return (name, sent, given)
    }
  }

  /// True for numbers that are equal after rounding to 32 bits.
  private static func agree(_ one: Double, _ other: Double, tolerance: Double) -> Bool {
    abs(one - other) <= tolerance || Float(one) == Float(other)
  }

  /// `inference-img2img`, as assets have it, is `img2img`.
  private static func kind(_ type: String) -> String {
    type.hasPrefix("inference-") ? String(type.dropFirst("inference-".count)) : type
  }

  private static func withoutQuery(_ address: String) -> String { String(address.prefix { $0 != "?" && $0 != "#" }) }
}
