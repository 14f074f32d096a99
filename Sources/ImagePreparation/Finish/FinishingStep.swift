/// One step on the whole small image between the resize and the encoder.
///
/// A plan lists them in order, and every image goes through all of them. Rows are encoded while they arrive only if the list is
/// empty, and planes are encoded as planes of a JPEG only if every step ``worksOnPlanes``. So no path can skip a step. One thing is
/// done elsewhere: the encoder converts the colors of planes (``OutputPlan/planeConversion``).
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
  /// Samples are converted to 8 or 16 bits. This is the last step, so that all others have all bits.
  case changeDepth(bits: Int)

  /// The stage that the time of the step is counted for.
  var stage: Stage {
    switch self {
    case .turn: .orient
    case .convertColor, .settleAlpha, .pad, .makeTensor, .changeDepth: .color
    }
  }

  /// True if the step can be applied to the planes of Y, Cb and Cr one by one, each at its own size; false if the step needs the colors of
  /// pixels.
  var worksOnPlanes: Bool {
    switch self {
    case .turn, .changeDepth: true
    case .convertColor, .settleAlpha, .pad, .makeTensor: false
    }
  }

  /// The steps' names in a plan. The JSON of `gesso prepare --explain` has no others (Documentation/Schemas/prepare-explain.schema.json).
  enum Word: String, CaseIterable {
    case mergePlanes = "merge-planes"
    case turn
    case convertColor = "convert-color"
    case settleAlpha = "settle-alpha"
    case pad
    case makeTensor = "make-tensor"
    case changeDepthTo8 = "change-depth-to-8"
    case changeDepthTo16 = "change-depth-to-16"
    case convertPlanes = "convert-planes"
  }

  /// The step's name in a plan.
  var word: Word {
    switch self {
    case .turn: .turn
    case .convertColor: .convertColor
    case .settleAlpha: .settleAlpha
    case .pad: .pad
    case .makeTensor: .makeTensor
    case .changeDepth(let bits): bits == 8 ? .changeDepthTo8 : .changeDepthTo16
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

/// The small image on its way through the finishing steps, and their other results.
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
