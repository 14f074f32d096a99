/// The decision about transparency for every path.
///
/// A decision that depends on pixels is stored as a rule with its possible outcomes, which the executing code follows.
///
/// The inputs of the plan are decided elsewhere: the decoders find whether a source has alpha (``ImageDescription/decodedChannels``), and
/// ``Recipe/mask(matching:failOn:)`` and ``Recipe/forAttention`` choose backgrounds. The following parts of the package have no plan, or
/// change no transparency:
///
/// - `PNGEncoderForm` stores opaque images without alpha, as it stores gray images without hue: the same image in fewer bytes.
/// - `VisibleBounds` reads alpha to trim, which is geometry.
/// - Readers deliver straight alpha: those of TIFF, TGA, PSD and `gesso-decode` divide colors that are stored premultiplied or matted.
/// - Methods on pixels that have no recipe: `PixelImage.resized` premultiplies, `PixelImage.tensor` flattens on the color it is given,
///   `encodeJPEG` refuses alpha, restoring makes a canvas that is always transparent outside of the pixels, and compositing gives alpha if
///   its source has alpha.
/// - Consequences of the transparency that is decided here: a transparent WebP has no loss, and a transparent image is not flat.
/// - Pixels that a damaged file lacks are opaque gray (`RowLayout.fillGray`, and `fill_gray` in C for interlaced PNG).
/// - Other modules give a background: the sandbox and the previews of `gesso mcp` flatten on white, and `SecondImage` prepares a mask on
///   white as well, to note that it has transparent parts. `gesso restore` refuses to write a transparent image as JPEG.
struct AlphaPlan: Sendable, Equatable {
  /// Whether a pixel of the result is transparent.
  enum Transparency: Sendable, Equatable {
    /// No pixel is transparent: the result has no alpha channel.
    case never
    /// The ``AlphaPlan/rule`` decides: the finished image has an alpha channel if a pixel is transparent.
    case possible
    /// The padding is transparent, whatever the pixels are.
    case always
  }

  /// The handling of decoded alpha in the result; nil if none is decoded.
  let rule: AlphaRule?
  /// True if the encoder carries out the ``rule``: that of a PNG keeps alpha unless it is opaque everywhere.
  let isSettledByEncoder: Bool
  /// True when colors are premultiplied before the resize, so that alpha weights them. Colors are also premultiplied if the result is
  /// flattened, even for data, because the result is then the same as if the source had been flattened before the resize.
  let premultiplies: Bool
  /// The color of padding; nil for transparent padding, which only an image with alpha of its own gets.
  let padding: BackgroundColor?
  /// Whether a pixel of the result is transparent, which makes it a PNG if no format is asked for.
  let transparency: Transparency
  /// The handling of alpha in the tensor.
  let tensor: AlphaHandling

  /// Makes the decision. `isPadded` is true if the image does not fill its canvas.
  init(
    source: ImageDescription, recipe: Recipe, depth: DepthPlan, isPadded: Bool, product: OutputPlan.Product
  ) {
    let format = depth.format
    let opaqueFormat = format.only.flatMap { $0.holdsAlpha ? nil : $0.name }
    let isDecoded = source.decodedChannels.hasAlpha
    let linear = recipe.samples.isLinear
    premultiplies = isDecoded && (!recipe.samples.isData || recipe.background != nil)
    padding = recipe.background ?? (opaqueFormat != nil || !isDecoded ? .white : nil)
    tensor =
      recipe.samples.isData && recipe.background == nil
      ? .drop : .flatten(recipe.background ?? .white, linear: linear)

    let result: AlphaHandling
    let note: String?
    if let background = recipe.background {
      (result, note) = (.flatten(background, linear: linear), nil)
    } else if let opaqueFormat, recipe.samples.isData {
      (result, note) = (.drop, "the channel stored as alpha was left out, because a \(opaqueFormat) has none")
    } else if let opaqueFormat {
      (result, note) = (
        .flatten(.white, linear: linear), "transparency was flattened on white, because a \(opaqueFormat) has none"
      )
    } else {
      (result, note) = (.keep, nil)
    }
    rule = isDecoded ? AlphaRule(bits: depth.result, whereOpaque: .drop, elsewhere: result, note: note) : nil
    isSettledByEncoder = product == .file(tensor: nil) && format == .png && result == .keep
    transparency =
      if isPadded, padding == nil { .always } else if isDecoded, result == .keep { .possible } else { .never }
  }
}
