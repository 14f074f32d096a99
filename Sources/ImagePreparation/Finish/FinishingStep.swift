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

extension FinishingStep {
  /// Counts the memory of the step: of the image that it makes, and of all others that are there at the same time.
  func count(in memory: inout UnfinishedMemory) {
    switch self {
    case .turn, .convertColor, .settleAlpha: memory.replaceImage(by: memory.bytes)
    case .pad(let canvas, _, _, let fill):
      // Gray becomes RGB for a color with hue, and an opaque image gets alpha for transparent padding, before it is on its canvas.
      // Alpha that turned out to be opaque is gone by now.
      let isWidened = fill.map { memory.isGray && !$0.isGray } ?? true
      memory.isGray = memory.isGray && fill?.isGray ?? true
      memory.hasAlpha = memory.hasAlpha || fill == nil
      let channels = (memory.isGray ? 1 : 3) + (memory.hasAlpha ? 1 : 0)
      let bytes = canvas.pixelCount * channels * memory.bits / 8
      memory.replaceImage(by: bytes, beside: isWidened ? bytes : 0)
    case .makeTensor(let layout, _, _):
      // The image without its alpha is beside the tensor, and a band of planes.
      memory.addTensor(beside: memory.hasAlpha ? memory.bytes : 0, hasPlanes: layout == .nchw)
    case .changeDepth(let bits):
      memory.replaceImage(by: memory.bytes * bits / memory.bits)
      memory.bits = bits
    }
  }
}

/// The memory of an image on its way through the finishing steps.
struct UnfinishedMemory {
  /// The bytes of the image.
  private(set) var bytes: Int
  /// Bits of its samples.
  fileprivate(set) var bits: Int
  /// True for gray, with alpha or without.
  fileprivate(set) var isGray: Bool
  /// True when the image has an alpha channel.
  fileprivate(set) var hasAlpha: Bool
  /// The bytes of the tensor, once it is made.
  private(set) var tensorBytes = 0
  /// The most bytes of all so far.
  private(set) var most: Int
  private let size: ImageSize

  /// Makes the memory of an image as the resize made it. `size` is that of the canvas, of which a tensor is made.
  init(bytes: Int, bitDepth: Int, channels: RowLayout.Channels, size: ImageSize) {
    (self.bytes, bits, most) = (bytes, bitDepth, bytes)
    (isGray, hasAlpha) = (channels == .gray || channels == .grayAlpha, channels.hasAlpha)
    self.size = size
  }

  fileprivate mutating func replaceImage(by other: Int, beside: Int = 0) {
    most = max(most, tensorBytes + bytes + other + beside)
    bytes = other
  }

  fileprivate mutating func addTensor(beside: Int, hasPlanes: Bool) {
    let row = size.width * 3 * MemoryLayout<Float>.size
    tensorBytes = row * size.height
    most = max(most, tensorBytes + bytes + beside + (hasPlanes ? row * min(size.height, Raster.bandRows) : 0))
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
