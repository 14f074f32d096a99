public import Foundation
public import ImagePreparation
public import ScenarioAPI

/// The order of one img2img run: the image, its recipe, the request, and the place of the results.
public struct Img2ImgOrder: Sendable {
  /// The image to start from.
  public enum Source: Sendable {
    /// An image that is prepared and uploaded. A descriptor cannot be read twice, so the digest of its image is not recorded. Read the
    /// image into memory first if you need the digest on record.
    case image(ImageSource)
    /// A public address that the service fetches itself; nothing is prepared and nothing uploaded.
    case remote(url: String)
  }

  /// An image that covers the first image pixel by pixel. It has the same upright size, and is prepared to the same geometry.
  public enum SecondImage: Sendable {
    /// White areas are repainted; black and transparent areas are kept. The mask is sent in black and white.
    case mask(ImageSource)
    /// An image that controls the shapes of the result, interpreted as `modality`.
    case control(ImageSource, modality: String)
  }

  /// The image to start from.
  public var source: Source
  /// A mask or control image, which also sets the request's endpoint.
  public var second: SecondImage?
  /// More images, by the names of their fields; the pipeline uploads them and sets `request.parameters`.
  public var references: [String: ReferenceImages] = [:]
  /// The name of the source in the ledger and in records. It must not contain secrets.
  public var sourceName: String
  /// The recipe of the source.
  public var recipe: Recipe
  /// The settings of the generation. If `width` and `height` are nil, the pipeline takes them from the prepared image; if `seed`
  /// is nil, it takes one at random.
  public var generation: Generation
  /// The operation that makes the results. A ``second`` image sets its own operation instead.
  public var endpoint = Img2ImgRequest.Endpoint.img2img
  /// The folder for the prepared image, the results and their records. It is made if it is missing.
  public var folder: String
  /// The value of `{stem}` in names.
  public var stem: String
  /// The names of results, without extension: `{stem}`, `{seed}` and `{index}` (from 1) are filled in.
  ///
  /// If another file has the name of a result or of its record, both gain `-2`, `-3`, …
  public var nameTemplate = Self.defaultNameTemplate
  /// True to replace results and records of other orders. A file is kept all the same if it was edited, if an order
  /// starts from it, or if this package did not write it.
  public var replacesResults = false
  /// False to throw an error, before anything is sent, when another file has the name of a prepared image.
  public var replacesPreparedImages = true
  /// True to make a new attempt of an order that is finished in the ledger.
  public var again = false
  /// False to return as soon as the job is on record.
  public var waits = true
  /// The most creative units that the order may cost, its earlier attempts included. The price is asked for first, and
  /// nothing is submitted if the sum would exceed this limit.
  public var maxCost: Decimal?
  /// The most creative units that the account may spend on one day (UTC), this job included, as far as the ledger
  /// knows. The price is asked for first, and nothing is submitted if the sum would exceed this limit.
  public var maxCostPerDay: Decimal?
  /// True when the custom model `model_bfl-flux-1-dev` makes the results of `flux.1-dev` if the legacy endpoint refuses the submit in a way
  /// that shows that no job was started. The price of the custom model is asked for first, and settings that it does not take are refused.
  public var allowsCustomModel = true

  /// `forest-421337-1` for the first result of `forest.jpg` with the seed 421337.
  public static let defaultNameTemplate = "{stem}-{seed}-{index}"

  /// The default recipe of `prepare`, with two additions. Both sides are multiples of 16, which every model of the service takes, and the
  /// file is not larger than a direct upload may be.
  public static let defaultRecipe = Recipe(
    size: .longestSide(1536, sides: .multiples(of: defaultMultiple)), output: .auto(budget: .bytes(defaultMaxBytes)))

  /// The default multiple of both sides, which every model of the service takes.
  package static let defaultMultiple = 16
  /// The default byte budget of the prepared image: the limit of a direct upload.
  package static let defaultMaxBytes = ScenarioClient.directUploadLimit

  /// Makes an order.
  ///
  /// - Parameters:
  ///   - path: The image file.
  ///   - prompt: The prompt.
  ///   - folder: The folder for results.
  public init(path: String, prompt: String, folder: String) {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    let stem = name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
    self.init(
      source: .image(.file(path)), sourceName: path, stem: stem.isEmpty ? name : stem,
      generation: Generation(prompt: prompt), folder: folder)
  }

  /// Makes an order from its parts, with the default ``recipe``.
  public init(source: Source, sourceName: String, stem: String, generation: Generation, folder: String) {
    self.source = source
    self.sourceName = sourceName
    self.stem = stem
    self.generation = generation
    self.folder = folder
    recipe = Self.defaultRecipe
  }

  /// The request before its images are uploaded, with placeholders for them.
  package var request: Img2ImgRequest {
    Img2ImgRequest(generation, image: .asset(Self.laterAsset), endpoint: endpoint)
  }
  static let laterAsset = AssetID(rawValue: "uploaded-later")

  /// True when the custom model may take the place of the legacy endpoint.
  package var maySwitch: Bool {
    allowsCustomModel && request.endpoint != .custom && CustomModel.substitutes[request.modelID] != nil
  }

  /// The limits that a submit has to keep; ``maxCost`` is for all orders of this scope.
  func limits(_ scope: SpendingLimit.Scope) -> [SpendingLimit] {
    [maxCost.map { SpendingLimit(scope, $0) }, maxCostPerDay.map { SpendingLimit(.day, $0) }].compactMap(\.self)
  }

  /// The names of results, once the seed is known.
  func naming(seed: String) -> ResultNaming {
    ResultNaming(folder: folder, template: nameTemplate, stem: stem, seed: seed)
  }

  /// The files that the order starts from.
  var inputFiles: [String] {
    var images: [ImageSource] = (second.map { [$0.source] } ?? []) + references.values.flatMap(\.images)
    if case .image(let image) = source { images.append(image) }
    return images.compactMap { if case .file(let path) = $0 { path } else { nil } }
  }

  /// Checks the order before any work is done.
  ///
  /// - Throws: A ``PipelineError`` with the code `invalid-order`, or a `ScenarioError` with the code `invalid-request`.
  package func validate() throws {
    func refuse(_ message: String, _ remedy: Remedy) -> PipelineError {
      PipelineError(.invalidOrder, stage: .submit, message, remedy: remedy)
    }
    if let name = request.parameters.keys.first(where: { $0.lowercased() == "dryrun" }) {
      // The service ignores `dryRun` in a body, and starts a paid job (contract, section 7).
      throw refuse(
        "the parameter \(name) would not ask for the price but start a paid job", "ask for the price instead")
    }
    try recipe.checkSent()
    try naming(seed: request.seed ?? String(Img2ImgRequest.largestSeed)).check(count: request.numSamples)
    if let empty = references.first(where: \.value.images.isEmpty) {
      throw refuse("the field \(empty.key) has no image", "give one, or leave the field out")
    }
    var request = request
    if let second {
      guard request.endpoint == .img2img, case .image = source else {
        throw refuse(
          "a mask or control image belongs to an image that is prepared here, and says which endpoint makes the results",
          "give an image to prepare, and a legacy endpoint")
      }
      request.endpoint = second.endpoint(Self.laterAsset)
    }
    if case .remote(let url) = source { request.image = .url(url) }
    if request.width == nil, request.height == nil { (request.width, request.height) = (512, 512) }
    // If only one side is set, the check uses its value for the other side too, because the other side is not known before the image is
    // prepared.
    request.width = request.width ?? request.height
    request.height = request.height ?? request.width
    try request.validate()
  }
}
