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
  /// Alpha is handled as its pixels require.
  case settleAlpha(AlphaRule)
  /// The image is placed on a canvas, the rest of which is filled with a color, or is transparent.
  case pad(ImageSize, x: Int, y: Int, fill: BackgroundColor?)
  /// A tensor is made of the image, which stays as it is. `tables` has a float for each level of each channel.
  case makeTensor(TensorFormat.Layout, tables: [Float], alpha: AlphaHandling)
  /// Samples are brought to 8 or 16 bits. Last, so that every other step has all bits.
  case changeDepth(bits: Int)

  /// The stage that its time counts for.
  var stage: Stage {
    switch self {
    case .turn: .orient
    case .convertColor, .settleAlpha, .pad, .makeTensor, .changeDepth: .color
    }
  }

  /// True where Y, Cb and Cr may be taken through it one by one, each at its own size; false where it needs the pixels' colors.
  var worksOnPlanes: Bool {
    switch self {
    case .turn, .changeDepth: true
    case .convertColor, .settleAlpha, .pad, .makeTensor: false
    }
  }

  /// The step's name in a plan.
  var word: String {
    switch self {
    case .turn: "turn"
    case .convertColor: "convert-color"
    case .settleAlpha: "settle-alpha"
    case .pad: "pad"
    case .makeTensor: "make-tensor"
    case .changeDepth(let bits): "change-depth-to-\(bits)"
    }
  }

  /// Carries out the step.
  ///
  /// - Throws: `canceled` once the flag is raised.
  func apply(to image: inout UnfinishedImage, _ cancellation: CancellationFlag?) throws(PreparationError) {
    switch self {
    case .turn(let orientation):
      try image.map { plane throws(PreparationError) in try orientation.upright(plane, cancellation) }
    case .convertColor(let conversion):
      try image.map { plane throws(PreparationError) in
        try plane.inBands(cancellation, stage) { conversion.convert($0) }
      }
    case .settleAlpha(let rule):
      var notes: [String] = []
      try image.map { plane throws(PreparationError) in
        try plane.followingAlphaRule(rule, notes: &notes, cancellation)
      }
      image.notes += notes
    case .pad(let canvas, let x, let y, let fill):
      try image.map { plane throws(PreparationError) in
        try plane.padded(to: canvas, x: x, y: y, background: fill, cancellation)
      }
    case .makeTensor(let layout, let tables, let alpha):
      image.tensor = try image.planes[0].tensor(layout: layout, tables: tables, alpha: alpha, cancellation)
    case .changeDepth(let bits):
      try image.map { plane throws(PreparationError) in
        try plane.bitDepth == bits ? plane : plane.inBands(cancellation, stage) { $0.withDepth(bits) }
      }
    }
  }
}

/// The small image on its way through the finishing steps, and what they make besides it.
struct UnfinishedImage {
  /// Planes, or one interleaved image.
  var planes: [Raster]
  /// Notes for the user.
  var notes: [String] = []
  /// The tensor, once it is made.
  var tensor: Tensor?

  fileprivate mutating func map(
    _ change: (Raster) throws(PreparationError) -> Raster
  ) throws(PreparationError) {
    for index in planes.indices { planes[index] = try change(planes[index]) }
  }
}
