/// What becomes of the small image: how it is finished, what it is encoded as, and whether that happens while its rows come.
struct OutputPlan: Sendable {
  /// What a run is for.
  enum Product: Sendable, Equatable {
    /// An encoded file, and a tensor of the pixels before they were encoded.
    case file(tensor: TensorFormat?)
    /// The finished pixels.
    case pixels
    /// A tensor of the finished pixels.
    case tensor(TensorFormat)

    /// The tensor that is wanted.
    var tensor: TensorFormat? {
      switch self {
      case .file(let format): format
      case .tensor(let format): format
      case .pixels: nil
      }
    }

    /// True where a file is wanted.
    var isFile: Bool { if case .file = self { true } else { false } }
  }

  /// The format of the file. What only pixels can settle stands here as a rule with its possible outcomes.
  enum Format: String, Sendable {
    /// JPEG.
    case jpeg
    /// PNG.
    case png
    /// JPEG, or PNG where the pixels are those of a flat illustration and PNG codes them in fewer bytes.
    case jpegUnlessFlat = "jpeg-unless-flat"
    /// PNG where a pixel is transparent, else as ``jpegUnlessFlat``.
    case pngIfTransparent = "png-if-transparent"

    /// True where flat pixels may make it a PNG.
    var mayBeFlat: Bool { self == .jpegUnlessFlat || self == .pngIfTransparent }

    /// The recipe's word for it.
    var asked: Recipe.Output.Format { self == .jpeg ? .jpeg : self == .png ? .png : .auto }
  }

  /// How the encoder gets the image.
  enum Delivery: String, Sendable {
    /// Whole, after all ``steps``.
    case whole
    /// Y, Cb and Cr, or luma alone, while their rows come, to be coded as they are.
    case planes
    /// Interleaved rows while they come, as JPEG.
    case jpegRows = "jpeg-rows"
    /// Interleaved rows while they come, as PNG; from the whole image where that turns out to have few colors or no hue.
    case pngRows = "png-rows"
  }

  /// What an encoder may be told anew for the same pixels; a byte budget tries several.
  struct Settings: Sendable, Equatable {
    /// The format.
    var format: Format
    /// JPEG quality, 1 to 100.
    var quality: Double
    /// PNG effort.
    var compression: Recipe.Compression
  }

  /// What is wanted.
  let product: Product
  /// The largest file that is wanted; nil for any. What becomes of quality and size to meet it, only encoding settles.
  let budget: Recipe.Budget?
  /// How the result is encoded.
  let settings: Settings
  /// What is done to the small image before it is encoded, in order. Rows are encoded while they come only where there is nothing
  /// to do, see ``delivery``.
  var steps: [FinishingStep]
  /// True where planes go into the JPEG as they are, neither merged nor upsampled.
  let encodesPlanes: Bool
  /// True where Y, Cb and Cr become RGB while their rows come.
  let mergesPlanes: Bool
  /// Width and height of the result.
  let size: ImageSize
  /// JPEG chroma subsampling.
  let subsampling: Recipe.Subsampling
  /// The ICC profile that the result carries.
  let embeddedProfile: [UInt8]?
  /// What a PNG says about its colors.
  let pngColor: PNGEncoder.Color
  /// The metadata that the result carries; nil for none.
  let metadata: KeptMetadata?
  /// The order of the tensor's axes and what each byte of each channel becomes; nil for no tensor.
  let tensor: (layout: TensorFormat.Layout, tables: [Float])?
  /// Threads of a PNG encoder that has the whole image.
  let threads: Int
  /// The channels of decoded rows, or of one plane.
  private let channels: RowLayout.Channels

  /// Decides.
  ///
  /// - Parameters:
  ///   - planes: What the decoder delivers: planes of a JPEG, or one of interleaved rows.
  ///   - settled: How the result is encoded, where a byte budget has settled that; nil for what the recipe says.
  /// - Throws: `invalidRecipe` for a tensor without meaning.
  init(
    source: ImageDescription, decoded form: DecodingPlan.Form, planeCount: Int, layout: RowLayout,
    geometry: GeometryRecord, color: ColorPlan, alpha: AlphaPlan, recipe: Recipe, settled: Settings?,
    product: Product, threads: Int
  ) throws(PreparationError) {
    let format = settled?.format.asked ?? recipe.output.format
    let isPadded = geometry.content != geometry.canvas
    let isOnlyEncoded = product == .file(tensor: nil)
    encodesPlanes =
      form == .planes && isOnlyEncoded && format != .png && color.conversionAfterResize == nil && !isPadded

    mergesPlanes = planeCount > 1 && !encodesPlanes
    var steps: [FinishingStep] = []
    if source.orientation != .upright { steps.append(.turn(source.orientation)) }
    if let conversion = color.conversionAfterResize { steps.append(.convertColor(conversion)) }
    if layout.bitDepth == 16 { steps.append(.roundToBytes) }
    // A PNG of alpha that stays is encoded without looking for opaque alpha, which its encoder leaves out.
    if alpha.isDecoded, !(isOnlyEncoded && format == .png && alpha.result == .keep) {
      steps.append(.settleAlpha(alpha.result, note: alpha.note))
    }
    if isPadded {
      steps.append(.pad(geometry.canvas, x: geometry.contentX, y: geometry.contentY, fill: alpha.padding))
    }
    self.steps = steps

    let mayBeTransparent = alpha.isDecoded && alpha.result == .keep || isPadded && alpha.padding == nil
    let rule: Format =
      switch format {
      case .png: .png
      case .jpeg: .jpeg
      case .auto: mayBeTransparent ? .pngIfTransparent : .jpegUnlessFlat
      }
    settings =
      settled
      ?? Settings(format: rule, quality: Double(recipe.output.quality ?? 100), compression: recipe.output.compression)

    self.product = product
    budget = recipe.output.budget
    size = geometry.canvas
    subsampling = recipe.output.subsampling
    embeddedProfile = color.embeddedProfile
    pngColor = color.pngColor(recipe)
    metadata = recipe.metadata == .keep ? KeptMetadata(of: source) : nil
    if let format = product.tensor {
      tensor = (format.layout, try format.tables())
    } else {
      tensor = nil
    }
    self.threads = threads
    channels = layout.channels
  }

  /// How the encoder gets the image: while its rows come where nothing else happens to them.
  var delivery: Delivery {
    guard product == .file(tensor: nil), steps.isEmpty, !mergesPlanes else { return .whole }
    if encodesPlanes { return .planes }
    switch settings.format {
    case .png: return PNGRowStream.takes(size, channels, settings.compression) ? .pngRows : .whole
    case .jpeg, .jpegUnlessFlat: return JPEGRowStream.takes(channels) ? .jpegRows : .whole
    case .pngIfTransparent: return .whole
    }
  }

  /// How a JPEG of the result is coded with `settings`.
  func jpeg(_ settings: Settings) -> JPEGEncoding {
    JPEGEncoding(quality: settings.quality, subsampling: subsampling, iccProfile: embeddedProfile)
  }

  /// A PNG encoder with `settings`.
  func pngEncoder(
    _ settings: Settings, kernels: KernelTable, cancellation: CancellationFlag?
  ) -> PNGEncoder {
    PNGEncoder(
      compression: settings.compression, kernels: kernels.png, threads: threads, cancellation: cancellation)
  }
}
