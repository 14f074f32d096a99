/// The sizes of a result while they are computed: first the target, then caps, the sides of a model, and multiples.
struct FittedSize {
  private let source: ImageSize
  private let fitting: Recipe.Fitting
  /// The size that the whole source is scaled to, fractions allowed until the end.
  private var content: (width: Double, height: Double)
  /// The part of ``content`` that the result shows.
  private var kept: (width: Double, height: Double)
  /// The size of the result. The area that ``kept`` does not fill is padding.
  private(set) var canvas: ImageSize
  /// Notes for the user.
  private(set) var notes: [String] = []
  /// The longest sides that the result may have.
  private let most: ImageSize
  private let maxPixels: Int
  /// True if the content may be larger than the source.
  private var mayEnlarge: Bool
  /// The model whose shortest side the result was enlarged to.
  private var raisedFor: ModelSizing?

  /// Begins with the target of a fitting. The model's longest side caps every target except a box.
  init(source: ImageSize, _ fitting: Recipe.Fitting, maxPixels: Int) {
    self.source = source
    self.fitting = fitting
    self.maxPixels = maxPixels
    let longest = fitting.model?.maxSide ?? .max
    switch fitting.target {
    case .original:
      most = ImageSize(width: longest, height: longest)
      mayEnlarge = false
      content = Self.scaled(source, toSide: longest, mayEnlarge: false)
    case .longestSide(let side, let enlarge):
      most = ImageSize(width: min(side, longest), height: min(side, longest))
      mayEnlarge = enlarge
      content = Self.scaled(source, toSide: most.width, mayEnlarge: enlarge)
    case .box(let box, let fit, let enlarge):
      most = box
      mayEnlarge = enlarge
      content = (0, 0)
      kept = content
      canvas = box
      fitSource(into: box, fit)
      return
    }
    kept = content
    canvas = Self.rounded(content)
  }

  /// The whole source with a longest side of `side` pixels.
  private static func scaled(
    _ source: ImageSize, toSide side: Int, mayEnlarge: Bool
  ) -> (width: Double, height: Double) {
    var scale = Double(side) / Double(source.longestSide)
    if !mayEnlarge { scale = min(scale, 1) }
    return (Double(source.width) * scale, Double(source.height) * scale)
  }

  /// Fits the source into a box, or into a smaller one of its shape so that nothing is enlarged.
  private mutating func fitSource(into size: ImageSize, _ fit: Recipe.Fit) {
    let (width, height) = (Double(source.width), Double(source.height))
    var box = (width: Double(size.width), height: Double(size.height))
    if fit == .cover || fit == .stretch, !mayEnlarge {
      let factor = min(1, width / box.width, height / box.height)
      if factor < 1 {
        box = (box.width * factor, box.height * factor)
        notes.append("the source is smaller than the box, and nothing was enlarged: the box was shrunk to it")
      }
    }
    let scales = (box.width / width, box.height / height)
    switch fit {
    case .contain, .pad:
      let scale = mayEnlarge ? min(scales.0, scales.1) : min(scales.0, scales.1, 1)
      content = (width * scale, height * scale)
      kept = content
    case .cover:
      let scale = max(scales.0, scales.1)
      content = (width * scale, height * scale)
      kept = box
    case .stretch:
      content = box
      kept = box
    }
    canvas = Self.rounded(fit == .contain ? content : box)
  }

  private var boxFit: Recipe.Fit? { if case .box(_, let fit, _) = fitting.target { fit } else { nil } }

  private mutating func scale(by x: Double, _ y: Double) {
    content = (content.width * x, content.height * y)
    kept = (kept.width * x, kept.height * y)
  }

  /// Shrinks until there are no more than `maxPixels`.
  mutating func shrink(toPixels maxPixels: Int) {
    guard canvas.pixelCount > maxPixels else { return }
    var factor = (Double(maxPixels) / Double(canvas.pixelCount)).squareRoot()
    // A side of one pixel cannot be shorter.
    if Double(min(canvas.width, canvas.height)) * factor < 1 {
      factor = Double(maxPixels) / Double(canvas.longestSide)
    }
    scale(by: factor, factor)
    // The size is rounded down, so that it stays within the cap.
    canvas = ImageSize(
      width: max(1, Int(Double(canvas.width) * factor)), height: max(1, Int(Double(canvas.height) * factor)))
  }

  /// Enlarges until no side is shorter than the model's shortest.
  mutating func raise(for model: ModelSizing) {
    let factor = Double(model.minSide) / Double(min(canvas.width, canvas.height))
    guard factor > 1 else { return }
    notes.append("enlarged, because the model takes sides of \(model.minSide) or more")
    scale(by: factor, factor)
    canvas = Self.rounded((Double(canvas.width) * factor, Double(canvas.height) * factor))
    (mayEnlarge, raisedFor) = (true, model)
  }

  // MARK: Multiples

  /// Makes both sides multiples, within the caps.
  ///
  /// - Throws: `invalidRecipe` if the caps and the multiple contradict each other, or the multiple needs an image that is larger
  ///   than the source.
  mutating func snap() throws(PreparationError) {
    let (unit, snap) = fitting.multiple
    guard most.width >= unit, most.height >= unit else {
      throw refusal(
        "no multiple of \(unit) fits in \(sidesInWords)",
        .change(boxFit == nil ? [.longestSide, .multiple] : [.box, .multiple]))
    }
    // An image that is padded to a box is also padded to the multiple, whatever `snap` is.
    switch boxFit == .pad ? .pad : snap {
    case .crop: try crop(to: unit)
    case .pad: pad(to: unit)
    case .stretch: try stretch(to: unit)
    }
  }

  private func down(_ side: Int, _ unit: Int) -> Int { max(side / unit * unit, unit) }

  private mutating func crop(to unit: Int) throws(PreparationError) {
    // A side below one multiple has nothing to crop: the content is scaled until it covers the multiple.
    var x = canvas.width < unit ? max(1, Double(unit) / content.width) : 1
    var y = canvas.height < unit ? max(1, Double(unit) / content.height) : 1
    let isForced = canvas.width < unit || canvas.height < unit
    if boxFit != .stretch { (x, y) = (max(x, y), max(x, y)) }
    if x > 1 || y > 1 {
      scale(by: x, y)
      try checkEnlarging(to: unit)
    }
    let whole = ImageSize(
      width: down(Int((Double(canvas.width) * x).rounded()), unit),
      height: down(Int((Double(canvas.height) * y).rounded()), unit))
    canvas = ImageSize(
      width: min(whole.width, down(most.width, unit)), height: min(whole.height, down(most.height, unit)))
    if isForced || raisedFor != nil, canvas.pixelCount > maxPixels {
      // The shorter side cannot be shorter, so the longer one is cropped.
      if canvas.width > canvas.height {
        canvas.width = down(min(canvas.width, maxPixels / canvas.height), unit)
      } else {
        canvas.height = down(min(canvas.height, maxPixels / canvas.width), unit)
      }
    }
    if canvas.width * 2 < whole.width || canvas.height * 2 < whole.height {
      let need =
        raisedFor.map { "sides of \($0.minSide) or more, which \($0.name) takes," } ?? "one multiple of \(unit)"
      throw refusal(
        "with \(need) less than half of the image of \(source) fits in \(capsInWords)",
        raisedFor == nil ? .either(.padToMultiple, or: .cropToBox) : .cropToBox)
    }
    kept = (Double(canvas.width), Double(canvas.height))
    if canvas != whole { notes.append("cropped from \(whole) to \(canvas), because the size is limited") }
  }

  private mutating func pad(to unit: Int) {
    let most = ImageSize(width: down(most.width, unit), height: down(most.height, unit))
    let factor = min(1, Double(most.width) / kept.width, Double(most.height) / kept.height)
    scale(by: factor, factor)
    func up(_ side: Int, _ most: Int) -> Int {
      min((Int((Double(side) * factor).rounded()) + unit - 1) / unit * unit, most)
    }
    canvas = ImageSize(
      width: max(unit, up(canvas.width, most.width)), height: max(unit, up(canvas.height, most.height)))
  }

  private mutating func stretch(to unit: Int) throws(PreparationError) {
    /// The content's side and the multiple: the nearest multiple, or the one below if caps or the source's side exclude the nearest.
    func side(_ content: Double, _ side: Int, _ source: Int, _ most: Int) -> (content: Double, multiple: Int)? {
      for multiple in [max((side + unit / 2) / unit * unit, unit), down(side, unit)] where multiple <= most {
        // Content that is cropped in any case needs no stretching.
        let stretched = content - Double(side) >= 1 ? max(content, Double(multiple)) : Double(multiple)
        if mayEnlarge || stretched <= Double(source) + 1e-6 { return (stretched, multiple) }
      }
      return nil
    }
    guard let x = side(content.width, canvas.width, source.width, most.width),
      let y = side(content.height, canvas.height, source.height, most.height)
    else {
      guard let raisedFor else { throw enlarging(to: unit) }
      throw refusal(
        "sides of \(raisedFor.minSide) or more, which \(raisedFor.name) takes, do not go together with \(sidesInWords)",
        .cropToBox)
    }
    content = (x.content, y.content)
    canvas = ImageSize(width: x.multiple, height: y.multiple)
    kept = (Double(canvas.width), Double(canvas.height))
  }

  private mutating func checkEnlarging(to unit: Int) throws(PreparationError) {
    guard content.width > Double(source.width) * (1 + 1e-9) || content.height > Double(source.height) * (1 + 1e-9)
    else { return }
    guard mayEnlarge else { throw enlarging(to: unit) }
    notes.append("enlarged to reach one multiple of \(unit)")
  }

  private func enlarging(to unit: Int) -> PreparationError {
    refusal(
      "one multiple of \(unit) is reached only if the image of \(source) is enlarged",
      .either(.allowEnlarging, or: .padToMultiple))
  }

  private var capsInWords: String {
    let sides = most.width == .max ? [] : [sidesInWords]
    return (sides + (maxPixels == .max ? [] : ["\(maxPixels) pixels"])).joined(separator: " and ")
  }

  private var sidesInWords: String { boxFit == nil ? "a longest side of \(most.width)" : "a box of \(most)" }

  private func refusal(_ message: String, _ remedy: Remedy) -> PreparationError {
    PreparationError(.invalidRecipe, stage: .resize, message, remedy: remedy)
  }

  // MARK: The record

  /// The record of these sizes.
  func record(orientation: Orientation, attention: Attention?) -> GeometryRecord {
    let rounded = Self.rounded(kept)
    let size = ImageSize(width: min(rounded.width, canvas.width), height: min(rounded.height, canvas.height))
    // The part that is shown, in source pixels; rounding a side crops nothing.
    let whole = (width: Double(source.width), height: Double(source.height))
    var crop = GeometryRecord.SourceRect(x: 0, y: 0, width: whole.width, height: whole.height)
    if content.width - Double(size.width) >= 1 { crop.width *= Double(size.width) / content.width }
    if content.height - Double(size.height) >= 1 { crop.height *= Double(size.height) / content.height }
    (crop.x, crop.y) = fitting.gravity.origin(of: crop, in: whole, attention: attention)
    let (x, y) = fitting.gravity.offset(of: size, in: canvas)
    return GeometryRecord(
      source: source, orientation: orientation, crop: crop, content: size, contentX: x, contentY: y, canvas: canvas)
  }

  private static func rounded(_ size: (width: Double, height: Double)) -> ImageSize {
    ImageSize(width: max(1, Int(size.width.rounded())), height: max(1, Int(size.height.rounded())))
  }
}
