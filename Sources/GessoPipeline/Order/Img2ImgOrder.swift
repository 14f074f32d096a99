public import Foundation
public import ImagePreparation
public import ScenarioAPI

/// One img2img run: which image, prepared how, sent with which parameters, results put where.
public struct Img2ImgOrder: Sendable {
  /// The image to start from.
  public enum Source: Sendable {
    /// An image that is prepared and uploaded. A descriptor cannot be read twice, so its digest stays unknown; read it
    /// into memory to have it on record.
    case image(ImageSource)
    /// A public address that the service fetches itself; nothing is prepared and nothing uploaded.
    case remote(url: String)
  }

  /// An image that belongs to the first one, pixel on pixel: of the same size upright, and prepared to the same geometry.
  public enum SecondImage: Sendable {
    /// What is painted anew: white; what is black or transparent stays. It is sent in black and white.
    case mask(ImageSource)
    /// What controls the shapes of the result, taken for the modality.
    case control(ImageSource, modality: String)
  }

  /// The image to start from.
  public var source: Source
  /// A mask or an image that controls; sets the request's endpoint.
  public var second: SecondImage?
  /// What the source is called in the ledger and in records; give it no secrets.
  public var sourceName: String
  /// How it is prepared.
  public var recipe: Recipe
  /// What to make of it. `image` is set by the pipeline, `width` and `height` from the prepared image where they are
  /// nil, `seed` at random where it is nil.
  public var request: Img2ImgRequest
  /// The folder for the prepared image, the results and their records. Made when missing.
  public var folder: String
  /// What `{stem}` stands for in names.
  public var stem: String
  /// What results are called, without extension: `{stem}`, `{seed}` and `{index}` (from 1) are filled in.
  ///
  /// Where anything but this very result has the name of a result or of its record, both gain `-2`, `-3`, …
  public var nameTemplate = Self.defaultNameTemplate
  /// True to replace results and records of other orders instead, unless they were changed since they were written or an
  /// order starts from them. No other file is ever replaced by a result.
  public var replacesResults = false
  /// False to refuse, before anything is sent, when another file has the name of a prepared image.
  public var replacesPreparedImages = true
  /// True to draw anew what the ledger says is finished.
  public var again = false
  /// False to return as soon as the job is on record.
  public var waits = true
  /// Creative units a job may cost at most: the price is asked for first, and above it nothing is submitted.
  public var maxCost: Decimal?

  /// `forest-421337-1` for the first result of `forest.jpg` with the seed 421337.
  public static let defaultNameTemplate = "{stem}-{seed}-{index}"

  /// The default recipe of `prepare`, with both sides multiples of 16, which every model of the service takes, and no more
  /// bytes than an upload takes.
  public static let defaultRecipe = Recipe(
    size: .longestSide(1536, sides: .multiples(of: defaultMultiple)), output: .auto(budget: .bytes(defaultMaxBytes)))

  /// What sides are multiples of where nothing else is asked for: every model of the service takes that.
  package static let defaultMultiple = 16
  /// The largest prepared image where nothing else is asked for: what an upload takes.
  package static let defaultMaxBytes = ScenarioClient.directUploadLimit

  /// Makes an order.
  ///
  /// - Parameters:
  ///   - path: The image file.
  ///   - prompt: What the result should show.
  ///   - folder: Where results go.
  public init(path: String, prompt: String, folder: String) {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    let stem = name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
    self.init(
      source: .image(.file(path)), sourceName: path, stem: stem.isEmpty ? name : stem,
      request: Img2ImgRequest(prompt: prompt, image: Self.laterImage), folder: folder)
  }

  /// Makes an order of all its parts; ``recipe`` is the default one.
  public init(source: Source, sourceName: String, stem: String, request: Img2ImgRequest, folder: String) {
    self.source = source
    self.sourceName = sourceName
    self.stem = stem
    self.request = request
    self.folder = folder
    recipe = Self.defaultRecipe
  }

  /// Stands for the image in ``request`` until it is uploaded.
  public static let laterImage = Img2ImgRequest.Image.asset(laterAsset)
  private static let laterAsset = AssetID(rawValue: "uploaded-later")

  /// What results are called once the seed is known.
  func naming(seed: String) -> ResultNaming {
    ResultNaming(folder: folder, template: nameTemplate, stem: stem, seed: seed)
  }

  /// The files it starts from.
  var inputFiles: [String] {
    var images: [ImageSource] = second.map { [$0.source] } ?? []
    if case .image(let image) = source { images.append(image) }
    return images.compactMap { if case .file(let path) = $0 { path } else { nil } }
  }

  /// Checks what can be checked before any work is done.
  ///
  /// - Throws: A ``PipelineError`` with the code `invalid-order`, or a `ScenarioError` with the code `invalid-request`.
  func validate() throws {
    func refuse(_ message: String, _ remedy: String) -> PipelineError {
      PipelineError(.invalidOrder, stage: "submit", message, remedy: remedy)
    }
    try naming(seed: request.seed ?? String(Img2ImgRequest.largestSeed)).check(count: request.numSamples)
    var request = request
    if let second {
      guard request.endpoint == .img2img, case .image = source else {
        throw refuse(
          "a mask or control image belongs to an image that is prepared here, and says which endpoint makes the results",
          "give an INPUT and a legacy model")
      }
      request.endpoint = second.endpoint(Self.laterAsset)
    }
    if case .remote(let url) = source { request.image = .url(url) } else { request.image = Self.laterImage }
    if request.width == nil, request.height == nil { (request.width, request.height) = (512, 512) }
    // One side alone takes the other from the prepared image.
    request.width = request.width ?? request.height
    request.height = request.height ?? request.width
    try request.validate()
  }
}
