/// One step on the whole small image between the resize and the encoder.
///
/// A plan lists the steps in order. Rows are encoded while they arrive only if the list is empty; every other image goes through all
/// of its steps. A step that is added here is therefore skipped on no path.
enum FinishingStep: Sendable {
  /// Stored rows and columns become those of the upright image.
  case turn(Orientation)
  /// Colors are converted to sRGB.
  case convertColor(ProfileConversion)
  /// Samples of 16 bits are rounded to 8.
  case roundToBytes
  /// Alpha that is opaque everywhere is left out; other alpha is handled, with this note for the user.
  case settleAlpha(AlphaHandling, note: String?)
  /// The image is placed on a canvas, whose remaining area is filled with a color or is transparent.
  case pad(ImageSize, x: Int, y: Int, fill: BackgroundColor?)

  /// The stage to which the step's time is added.
  var stage: PreparationError.Stage { if case .turn = self { .orient } else { .color } }

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
    case .settleAlpha(let handling, let note):
      planes = planes.map { image in
        guard image.channels.hasAlpha else { return image }
        if image.isOpaque { return image.withoutAlpha() }
        if let note { notes.append(note) }
        return image.handlingAlpha(handling)
      }
    case .pad(let canvas, let x, let y, let fill):
      planes = planes.map { $0.padded(to: canvas, x: x, y: y, background: fill) }
    }
  }
}
