/// One step on the whole small image between the resize and the encoder.
///
/// A plan lists them in order, and every image is taken through all of them: rows are encoded while they come only where the list is
/// empty, and planes go into a JPEG as planes only where every step ``worksOnPlanes``. Work that belongs here can therefore be
/// forgotten on no path. One thing is done elsewhere: the encoder converts the colors of planes (``OutputPlan/planeConversion``).
enum FinishingStep: Sendable {
  /// Stored rows and columns become those of the upright image.
  case turn(Orientation)
  /// Colors are converted to sRGB.
  case convertColor(ProfileConversion)
  /// Samples of 16 bits are rounded to 8.
  case roundToBytes
  /// Alpha is handled as its pixels require.
  case settleAlpha(AlphaRule)
  /// The image is placed on a canvas, the rest of which is filled with a color, or is transparent.
  case pad(ImageSize, x: Int, y: Int, fill: BackgroundColor?)

  /// The stage that its time counts for.
  var stage: Stage {
    switch self {
    case .turn: .orient
    case .convertColor, .roundToBytes, .settleAlpha, .pad: .color
    }
  }

  /// True where Y, Cb and Cr may be taken through it one by one, each at its own size; false where it needs the pixels' colors.
  var worksOnPlanes: Bool {
    switch self {
    case .turn, .roundToBytes: true
    case .convertColor, .settleAlpha, .pad: false
    }
  }

  /// The step's name in a plan.
  var word: String {
    switch self {
    case .turn: "turn"
    case .convertColor: "convert-color"
    case .roundToBytes: "round-to-bytes"
    case .settleAlpha: "settle-alpha"
    case .pad: "pad"
    }
  }

  /// Carries out the step.
  ///
  /// - Parameters:
  ///   - planes: Planes, or one interleaved image.
  ///   - notes: Gains notes for the user.
  func apply(to planes: inout [Raster], notes: inout [String]) {
    switch self {
    case .turn(let orientation): planes = planes.map { orientation.upright($0) }
    case .convertColor(let conversion): planes = planes.map { conversion.convert($0) }
    case .roundToBytes: planes = planes.map { $0.roundedToBytes() }
    case .settleAlpha(let rule): planes = planes.map { $0.followingAlphaRule(rule, notes: &notes) }
    case .pad(let canvas, let x, let y, let fill):
      planes = planes.map { $0.padded(to: canvas, x: x, y: y, background: fill) }
    }
  }
}
