/// One thing that is done to the whole small image between the resize and the encoder.
///
/// A plan lists them in order, and every image that is not encoded while its rows come is taken through all of them; rows are
/// encoded while they come only where the list is empty. Work that belongs here can therefore be forgotten on no path.
enum FinishingStep: Sendable {
  /// Stored rows and columns become those of the upright image.
  case turn(Orientation)
  /// Colors are converted.
  case convertColor(ProfileConversion)
  /// Samples of 16 bits are rounded to 8.
  case roundToBytes
  /// Alpha that is opaque everywhere is left out; other alpha is handled, which is worth a note.
  case settleAlpha(AlphaHandling, note: String?)
  /// The image is placed on a canvas, the rest of which is filled with a color, or is transparent.
  case pad(ImageSize, x: Int, y: Int, fill: BackgroundColor?)

  /// The stage that its time counts for.
  var stage: PreparationError.Stage { if case .turn = self { .orient } else { .color } }

  /// What it is called in a plan.
  var word: String {
    switch self {
    case .turn: "turn"
    case .convertColor: "convert-color"
    case .roundToBytes: "round-to-bytes"
    case .settleAlpha: "settle-alpha"
    case .pad: "pad"
    }
  }

  /// Does it.
  ///
  /// - Parameters:
  ///   - planes: Planes, or one interleaved image.
  ///   - notes: Gains what a user should know.
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
