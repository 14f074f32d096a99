/// The decisions about the small image: its finishing steps, its format, and whether it is encoded while its rows arrive.
struct OutputPlan: Sendable {
  /// The product of a run.
  enum Product: Sendable, Equatable {
    /// An encoded file, and optionally a tensor of the pixels before they are encoded.
    case file(tensor: TensorFormat?)
    /// The finished pixels.
    case pixels
    /// A tensor of the finished pixels.
    case tensor(TensorFormat)

    /// The format of the requested tensor.
    var tensor: TensorFormat? {
      switch self {
      case .file(let format): format
      case .tensor(let format): format
      case .pixels: nil
      }
    }

    /// True when the product is a file.
    var isFile: Bool { if case .file = self { true } else { false } }
  }

  /// The format of the file. A choice that depends on pixels is a rule with its possible outcomes.
  enum Format: String, Sendable {
    /// JPEG.
    case jpeg
    /// PNG.
    case png
    /// JPEG, or PNG for a flat illustration that is smaller as PNG.
    case jpegUnlessFlat = "jpeg-unless-flat"
    /// PNG if any pixel is transparent, otherwise as ``jpegUnlessFlat``.
    case pngIfTransparent = "png-if-transparent"

    /// WebP, lossless if a pixel is transparent or the compression is ``Recipe/Compression/small``.
    case webp

    /// True when flat pixels may make the file a PNG.
    var mayBeFlat: Bool { self == .jpegUnlessFlat || self == .pngIfTransparent }

    /// The format of the file, unless the image is flat. `isTransparent` is true if a pixel of the finished image is transparent.
    func encoded(isTransparent: Bool) -> EncodedFormat {
      switch self {
      case .png: .png
      case .pngIfTransparent: isTransparent ? .png : .jpeg
      case .jpeg, .jpegUnlessFlat: .jpeg
      case .webp: .webp
      }
    }

    /// The recipe's name for the format.
    var asked: Recipe.Output.Format {
      switch self {
      case .jpeg: .jpeg
      case .png: .png
      case .webp: .webp
      case .jpegUnlessFlat, .pngIfTransparent: .auto
      }
    }
  }

  /// The form in which the encoder receives the image.
  enum Delivery: String, Sendable {
    /// The whole image, after all ``steps``.
    case whole
    /// Rows of Y, Cb and Cr, or of luma alone, while they arrive, encoded without conversion.
    case planes
    /// Interleaved rows while they arrive, as JPEG.
    case jpegRows = "jpeg-rows"
    /// Interleaved rows while they arrive, as PNG. If the image turns out to have few colors or no hue, it is encoded as a whole instead.
    case pngRows = "png-rows"
  }

  /// The settings of an encoder that can change for the same pixels; the search for a byte budget tries several.
  struct Settings: Sendable, Equatable {
    /// The format.
    var format: Format
    /// The quality of a lossy file, 1 to 100.
    var quality: Double
    /// The compression of a PNG or WebP.
    var compression: Recipe.Compression
  }

  /// The product of the run.
  let product: Product
  /// The byte budget; nil for none. The quality and size that meet it are known only after encoding.
  let budget: Recipe.Budget?
  /// The settings of the encoder.
  let settings: Settings
  /// The steps on the small image before it is encoded, in order. Rows are encoded while they arrive only if there are no steps, see
  /// ``delivery``.
  var steps: [FinishingStep]
  /// The conversion of planes to sRGB while they are encoded as JPEG, in place of a finishing step; nil for none.
  let planeConversion: ProfileConversion?
  /// Whether a pixel of the result is transparent.
  let transparency: AlphaPlan.Transparency
  /// Width and height of the result.
  let size: ImageSize
  /// JPEG chroma subsampling.
  let subsampling: Recipe.Subsampling
  /// The ICC profile that the result carries.
  let embeddedProfile: [UInt8]?
  /// The color chunk of a PNG result.
  let pngColor: PNGEncoder.Color
  /// The metadata that the result carries; nil for none.
  let metadata: KeptMetadata?
  /// Bits of the result's samples: 8 or 16.
  let bits: Int
  /// The threads of a PNG encoder that receives the whole image.
  let threads: Int
  /// The channels of decoded rows, or of one plane.
  private let channels: RowLayout.Channels
  /// The number of planes that the decoder delivers: those of a JPEG or a WebP, or one of interleaved rows.
  let planeCount: Int
  /// True if planes are delivered, and the only result is a JPEG of them.
  private let wantsPlanes: Bool

  /// Makes the decisions.
  ///
  /// `form`, `planeCount` and `channels` describe the rows that the decoder delivers. `settled` are the settings that a search for a
  /// byte budget has chosen; nil for the recipe's.
  ///
  /// - Throws: `invalidRecipe` for an invalid tensor format.
  init(
    source: ImageDescription, decoded form: DecodingPlan.Form, planeCount: Int, channels: RowLayout.Channels,
    depth: DepthPlan, geometry: GeometryRecord, color: ColorPlan, alpha: AlphaPlan, recipe: Recipe, settled: Settings?,
    product: Product, threads: Int
  ) throws(PreparationError) {
    let format = depth.format
    self.planeCount = planeCount
    wantsPlanes = form == .planes && product == .file(tensor: nil) && (format == .auto || format == .jpeg)

    let turn: [FinishingStep] = source.orientation == .upright ? [] : [.turn(source.orientation)]
    var rest: [FinishingStep] = []
    if let rule = alpha.rule, !alpha.isSettledByEncoder { rest.append(.settleAlpha(rule)) }
    if geometry.isPadded {
      rest.append(.pad(geometry.canvas, x: geometry.contentX, y: geometry.contentY, fill: alpha.padding))
    }
    if let format = product.tensor {
      rest.append(
        .makeTensor(format.layout, tables: try format.tables(levels: 1 << depth.decoded), alpha: alpha.tensor))
    }
    if depth.result != depth.decoded { rest.append(.changeDepth(bits: depth.result)) }
    let conversion = color.conversionAfterResize
    let staysPlanes = wantsPlanes && rest.allSatisfy(\.worksOnPlanes) && conversion?.takesPlanes == true
    planeConversion = staysPlanes ? conversion : nil
    steps = turn + (staysPlanes ? [] : conversion.map { [.convertColor($0)] } ?? []) + rest

    transparency = alpha.transparency
    let rule: Format =
      switch format {
      case .png: .png
      case .jpeg: .jpeg
      case .webp: .webp
      case .auto: alpha.transparency == .never ? .jpegUnlessFlat : .pngIfTransparent
      }
    settings =
      settled
      ?? Settings(format: rule, quality: Double(recipe.output.quality ?? 100), compression: recipe.output.compression)

    self.product = product
    budget = recipe.output.budget
    size = geometry.canvas
    if format == .webp, product.isFile { try WebPEncoder.check(size) }
    subsampling = recipe.output.subsampling
    embeddedProfile = color.embeddedProfile
    pngColor = color.pngColor(recipe)
    metadata =
      recipe.metadata == .none
      ? nil : KeptMetadata(of: source, size: geometry.canvas, withoutLocation: recipe.metadata == .keepWithoutGPS)
    bits = depth.result
    self.threads = threads
    self.channels = channels
  }

  /// True if planes go into the JPEG as they are, neither merged nor upsampled.
  var encodesPlanes: Bool { wantsPlanes && steps.allSatisfy(\.worksOnPlanes) }

  /// True if Y, Cb and Cr become RGB while their rows arrive.
  var mergesPlanes: Bool { planeCount > 1 && !encodesPlanes }

  /// The channels of the small image's rows, where they are interleaved.
  var deliveredChannels: RowLayout.Channels { mergesPlanes ? .rgb : channels }

  /// The way in which the encoder gets the image: row by row as rows arrive, if no other step needs them.
  var delivery: Delivery {
    guard product == .file(tensor: nil), steps.isEmpty else { return .whole }
    if encodesPlanes { return .planes }
    switch settings.format {
    case .png: return PNGRowStream.takes(size, deliveredChannels, bits: bits, settings.compression) ? .pngRows : .whole
    case .jpeg, .jpegUnlessFlat: return JPEGRowStream.takes(deliveredChannels) ? .jpegRows : .whole
    case .pngIfTransparent, .webp: return .whole
    }
  }

  /// The encoding of a JPEG result with `settings`.
  func jpeg(_ settings: Settings) -> JPEGEncoding {
    JPEGEncoding(quality: settings.quality, subsampling: subsampling, iccProfile: embeddedProfile)
  }

  /// True if a WebP is lossless. `hasAlpha` is true if the image has an alpha channel.
  func isLosslessWebP(_ settings: Settings, hasAlpha: Bool) -> Bool { hasAlpha || settings.compression == .small }

  /// A PNG encoder with `settings`.
  func pngEncoder(
    _ settings: Settings, kernels: KernelTable, cancellation: CancellationFlag?
  ) -> PNGEncoder {
    PNGEncoder(
      compression: settings.compression, kernels: kernels, threads: threads, cancellation: cancellation)
  }
}
