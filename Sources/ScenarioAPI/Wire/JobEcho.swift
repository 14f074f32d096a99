extension Job {
  /// The part of its request that a job repeats. It is evidence, not proof, of the order that a job belongs to.
  ///
  /// The service fills defaults in, archives prompts, writes images as ids or as signed URLs, and may round numbers (contract,
  /// section 8). A field that is absent or of another type is nil.
  public struct Echo: Sendable, Equatable {
    /// An image of a request.
    public enum Image: Sendable, Hashable {
      /// By its asset.
      case asset(AssetID)
      /// By an address, which may contain the asset's id.
      case url(SignedURL)
    }

    /// The model. A custom model's job may have the model of a LoRA here.
    public let modelID: String?
    /// The kind of generation, for example `img2img`.
    public let type: String?
    /// The prompt, or the id of the text asset that replaced an archived prompt.
    public let prompt: String?
    /// The source image, in every form in which it is repeated.
    public let images: [Image]
    /// The control image, in every form in which it is repeated.
    public let controlImages: [Image]
    /// The mask, in every form in which it is repeated.
    public let masks: [Image]
    /// The seed, as text.
    public let seed: String?
    /// The strength.
    public let strength: Double?
    /// The number of results.
    public let numSamples: Int?
    /// Width of the results in pixels.
    public let width: Int?
    /// Height of the results in pixels.
    public let height: Int?

    /// True if the prompt is the id of a text asset, which cannot be compared.
    public var isPromptArchived: Bool { prompt.map(Self.isArchived) ?? false }

    /// True for the id of a text asset, which replaces the prompt of an archived job (contract, section 8).
    package static func isArchived(_ prompt: String) -> Bool {
      prompt.hasPrefix("asset_") && !prompt.contains(where: \.isWhitespace)
    }

    /// Whether the source image is this asset; nil if no source is repeated in a form that can be compared.
    public func hasSource(_ asset: AssetID) -> Bool? { Self.names(asset, in: images) }

    /// Whether one of the images is this asset. An image names an asset by its id, or by an address that contains the id as a whole word.
    /// Nil if no image names any asset.
    package static func names(_ asset: AssetID, in images: [Image]) -> Bool? {
      var hasNames = false
      for image in images {
        switch image {
        case .asset(asset): return true
        case .asset: hasNames = true
        case .url(let url):
          let words = url.rawValue.split { !($0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-")) }
          if words.contains(asset.rawValue[...]) { return true }
          if words.contains(where: { $0.hasPrefix("asset_") }) { hasNames = true }
        }
      }
      return hasNames ? false : nil
    }
  }
}

extension Job.Echo {
  /// Reads the fields of a request from the places where a job repeats them, the likeliest first; nil if there are none.
  init?(_ places: [[String: JSONValue]?]) {
    let places = places.compactMap(\.self).filter { !$0.isEmpty }
    guard !places.isEmpty else { return nil }
    func first<Value>(_ names: [String], _ read: (JSONValue) -> Value?) -> Value? {
      for place in places {
        for name in names { if let value = place[name].flatMap(read) { return value } }
      }
      return nil
    }
    func whole(_ names: String...) -> Int? { first(names) { $0.number.flatMap { Int(exactly: $0) } } }
    func images(_ names: String...) -> [Image] {
      var seen = Set<Image>()
      let all = places.flatMap { place in names.compactMap { place[$0].flatMap(Image.init) } }
      return all.filter { seen.insert($0).inserted }
    }
    modelID = first(["modelId"]) { $0.text }
    type = first(["type"]) { $0.text }
    prompt = first(["prompt"]) { $0.text }
    self.images = images("image", "imageId", "imageUrl")
    controlImages = images("controlImage", "controlImageId")
    masks = images("mask", "maskId")
    seed = first(["seed"]) { $0.text }
    strength = first(["strength"]) { $0.number }
    numSamples = whole("numSamples", "numOutputs")
    width = whole("width")
    height = whole("height")
  }
}

extension Job.Echo.Image {
  /// Reads an image: an address, or any other text as an id. A data URL is neither.
  fileprivate init?(_ value: JSONValue) {
    guard case .string(let text) = value, !text.isEmpty, !text.hasPrefix("data:") else { return nil }
    self = text.contains("://") ? .url(SignedURL(rawValue: text)) : .asset(AssetID(rawValue: text))
  }
}
