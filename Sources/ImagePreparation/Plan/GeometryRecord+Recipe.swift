extension GeometryRecord {
  /// Resolves a recipe's sizes for one source: the part that is kept, its size in the result, the canvas and the place on it.
  ///
  /// - Parameters:
  ///   - source: The upright source's size.
  ///   - orientation: The orientation of the stored rows, which goes into the record.
  ///   - recipe: The recipe.
  ///   - trimmed: The part of the source that counts as the whole; nil for all of it.
  ///   - attention: The saliency of that part; nil to take the middle for ``Gravity/attention``.
  /// - Returns: The record, and notes for the user.
  /// - Throws: `invalidRecipe` of stage `resize` for sizes without meaning.
  package static func resolve(
    source: ImageSize, orientation: Orientation, recipe: Recipe, trimmed: SourceRect? = nil, attention: Attention? = nil
  ) throws(PreparationError) -> (record: GeometryRecord, notes: [String]) {
    let fitting: Recipe.Fitting
    switch recipe.size {
    case .fitted(let value): fitting = value
    case .matching(var record):
      try record.check()
      guard record.source == source else {
        throw PreparationError(
          .invalidRecipe, stage: .resize, "the image is \(source), and the one it belongs to is \(record.source)",
          remedy: "give images of the same size")
      }
      record.orientation = orientation
      return (record, [])
    }
    if let trimmed {
      let part = ImageSize(width: Int(trimmed.width), height: Int(trimmed.height))
      var (record, notes) = try resolve(source: part, orientation: orientation, recipe: recipe, attention: attention)
      record.source = source
      record.crop.x += trimmed.x
      record.crop.y += trimmed.y
      return (record, ["trimmed to the \(part) pixels that are not transparent"] + notes)
    }
    try fitting.check()
    let model = fitting.model
    let (unit, snap) = fitting.multiple
    let maxPixels = min(fitting.maxPixels ?? .max, model?.maxPixels ?? .max)
    var cap = maxPixels
    var notes: [String] = []
    var target: Target
    repeat {
      notes = []
      target = Target(source: source, fitting.target, longestSide: model?.maxSide, notes: &notes)
      target.shrink(toPixels: cap)
      if let minSide = model?.minSide { target.raise(toSide: minSide, notes: &notes) }
      if unit > 1 { target.snap(unit, snap, notes: &notes) }
      // Rounding up to a multiple may exceed the cap; then a smaller cap is tried.
      cap = min(cap, target.canvas.pixelCount) - max(1, target.canvas.pixelCount / 64)
    } while target.canvas.pixelCount > maxPixels && cap > 0
    try model?.check(target.canvas)
    if target.canvas.pixelCount > maxPixels {
      throw PreparationError(
        .invalidRecipe, stage: .resize,
        "multiples of \(unit) do not fit in \(maxPixels) pixels", remedy: .raise(.resultPixels))
    }
    return (target.record(orientation: orientation, gravity: fitting.gravity, attention: attention), notes)
  }

  /// The sizes while a record is computed.
  private struct Target {
    let source: ImageSize
    /// The size that the kept part is scaled to, fractions allowed until the end.
    var content: (width: Double, height: Double)
    var canvas: ImageSize
    /// True when the canvas crops the content, false when it pads it.
    var crops = true

    /// Begins with a target. `longestSide` is the model's, which caps every target except a box.
    init(source: ImageSize, _ target: Recipe.Target, longestSide: Int?, notes: inout [String]) {
      self.source = source
      switch target {
      case .original: (content, canvas) = Self.scaled(source, toSide: longestSide, mayEnlarge: false)
      case .longestSide(let side, let enlarge):
        (content, canvas) = Self.scaled(source, toSide: min(side, longestSide ?? side), mayEnlarge: enlarge)
      case .box(let box, let fit, let enlarge):
        (content, canvas) = Self.fitted(source, into: box, fit, mayEnlarge: enlarge, notes: &notes)
        crops = fit != .pad
      }
    }

    /// The whole source with a longest side of `side` pixels; at its own size if that is nil.
    private static func scaled(
      _ source: ImageSize, toSide side: Int?, mayEnlarge: Bool
    ) -> (content: (width: Double, height: Double), canvas: ImageSize) {
      var scale = side.map { Double($0) / Double(source.longestSide) } ?? 1
      if !mayEnlarge { scale = min(scale, 1) }
      let content = (width: Double(source.width) * scale, height: Double(source.height) * scale)
      return (content, rounded(content))
    }

    /// The source in a box, or in a smaller one of its shape so that nothing is enlarged.
    private static func fitted(
      _ source: ImageSize, into size: ImageSize, _ fit: Recipe.Fit, mayEnlarge: Bool, notes: inout [String]
    ) -> (content: (width: Double, height: Double), canvas: ImageSize) {
      let (width, height) = (Double(source.width), Double(source.height))
      var box = (width: Double(size.width), height: Double(size.height))
      if fit == .cover || fit == .stretch, !mayEnlarge {
        let factor = min(1, width / box.width, height / box.height)
        if factor < 1 {
          box = (box.width * factor, box.height * factor)
          notes.append("the source is smaller than the box, which was shrunk to fit; enlarging keeps it")
        }
      }
      let scales = (box.width / width, box.height / height)
      let content: (width: Double, height: Double)
      switch fit {
      case .contain, .pad:
        let scale = mayEnlarge ? min(scales.0, scales.1) : min(scales.0, scales.1, 1)
        content = (width * scale, height * scale)
      case .cover:
        let scale = max(scales.0, scales.1)
        content = (width * scale, height * scale)
      case .stretch: content = box
      }
      return (content, fit == .contain ? rounded(content) : rounded(box))
    }

    mutating func shrink(toPixels maxPixels: Int) {
      guard canvas.pixelCount > maxPixels else { return }
      let factor = (Double(maxPixels) / Double(canvas.pixelCount)).squareRoot()
      content = (content.width * factor, content.height * factor)
      // Rounded down, so that the cap holds.
      canvas = ImageSize(
        width: max(1, Int(Double(canvas.width) * factor)), height: max(1, Int(Double(canvas.height) * factor)))
    }

    /// Enlarges until no side is shorter than `minSide`.
    mutating func raise(toSide minSide: Int, notes: inout [String]) {
      let factor = Double(minSide) / Double(min(canvas.width, canvas.height))
      guard factor > 1 else { return }
      notes.append("enlarged, because the model takes sides of \(minSide) or more")
      content = (content.width * factor, content.height * factor)
      canvas = Self.rounded((Double(canvas.width) * factor, Double(canvas.height) * factor))
    }

    /// Makes both sides multiples of `unit`.
    mutating func snap(_ unit: Int, _ way: Recipe.Snap, notes: inout [String]) {
      let down = { (side: Int) in max(side / unit * unit, unit) }
      switch way {
      case .crop:
        let snapped = ImageSize(width: down(canvas.width), height: down(canvas.height))
        // A side below one unit is scaled up to it: there is nothing to crop.
        let factor = max(
          Double(snapped.width) / Double(canvas.width), Double(snapped.height) / Double(canvas.height), 1)
        if factor > 1 {
          notes.append("enlarged to reach one multiple of \(unit)")
          content = (content.width * factor, content.height * factor)
          canvas = ImageSize(
            width: down(Int((Double(canvas.width) * factor).rounded())),
            height: down(Int((Double(canvas.height) * factor).rounded())))
        } else {
          canvas = snapped
        }
      case .pad:
        let up = { (side: Int) in (side + unit - 1) / unit * unit }
        if crops { content = (min(content.width, Double(canvas.width)), min(content.height, Double(canvas.height))) }
        canvas = ImageSize(width: up(canvas.width), height: up(canvas.height))
        crops = false
      case .stretch:
        let nearest = { (side: Int) in max((side + unit / 2) / unit * unit, unit) }
        let snapped = ImageSize(width: nearest(canvas.width), height: nearest(canvas.height))
        content.width *= Double(snapped.width) / Double(canvas.width)
        content.height *= Double(snapped.height) / Double(canvas.height)
        canvas = snapped
      }
    }

    func record(orientation: Orientation, gravity: Gravity, attention: Attention?) -> GeometryRecord {
      let whole = SourceRect(x: 0, y: 0, width: Double(source.width), height: Double(source.height))
      if !crops {
        let size = Self.rounded(content)
        let (x, y) = gravity.offset(of: size, in: canvas)
        return GeometryRecord(
          source: source, orientation: orientation, crop: whole, content: size, contentX: x, contentY: y, canvas: canvas
        )
      }
      // The part of the content that the canvas keeps, in source pixels; rounding a side crops nothing.
      var crop = whole
      let (width, height) = (Double(canvas.width), Double(canvas.height))
      if content.width - width >= 1 { crop.width *= width / content.width }
      if content.height - height >= 1 { crop.height *= height / content.height }
      crop.x = (whole.width - crop.width) * Double(gravity.halves.left) / 2
      crop.y = (whole.height - crop.height) * Double(gravity.halves.top) / 2
      if gravity == .attention, let attention {
        let shift = attention.shift(ofWidth: crop.width / whole.width, height: crop.height / whole.height)
        crop.x *= 1 + shift.x
        crop.y *= 1 + shift.y
      }
      return GeometryRecord(
        source: source, orientation: orientation, crop: crop, content: canvas, contentX: 0, contentY: 0, canvas: canvas)
    }

    private static func rounded(_ size: (width: Double, height: Double)) -> ImageSize {
      ImageSize(width: max(1, Int(size.width.rounded())), height: max(1, Int(size.height.rounded())))
    }
  }
}
