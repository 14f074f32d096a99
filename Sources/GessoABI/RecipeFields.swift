import CGesso
import ImagePreparation

extension gesso_recipe {
  /// The recipe. Fields that contradict each other are refused, as they are in the JSON of recipes.
  ///
  /// - Throws: A failure that names the field.
  func recipe() throws(CallFailure) -> Recipe {
    var recipe = Recipe()
    recipe.size = try size()
    recipe.samples = try samples()
    if let filter = try choice(resampling_filter, "resampling_filter", ResamplingFilter.self) {
      recipe.resamplingFilter = filter
    }
    if let effort = try choice(effort, "effort", Recipe.Effort.self) { recipe.effort = effort }
    if let color = try text(background, "background") {
      guard let color = BackgroundColor(css: color) else {
        throw .recipe("background is \"\(color)\"", "use a color such as #102030 or white")
      }
      recipe.background = color
    }
    recipe.output = try output()
    if let metadata = try choice(metadata, "metadata", Recipe.MetadataHandling.self) { recipe.metadata = metadata }
    if let policy = try choice(fail_on, "fail_on", DamagePolicy.self) { recipe.failOn = policy }
    return recipe
  }

  /// A field, and whether it is set.
  private typealias Field = (name: String, isSet: Bool)

  /// Throws for a field that is set.
  private func refuse(_ fields: [Field], _ why: String) throws(CallFailure) {
    guard let field = fields.first(where: \.isSet) else { return }
    throw .recipe("\(field.name) has no meaning \(why)", "leave out one of them")
  }

  private var boxFields: [Field] {
    [("box_width", box_width != 0), ("box_height", box_height != 0), ("box_fit", box_fit != nil)]
  }

  private var modelFields: [Field] {
    [
      ("model_multiple_of", model_multiple_of != 0), ("model_min_side", model_min_side != 0),
      ("model_max_side", model_max_side != 0), ("model_max_pixels", model_max_pixels != 0),
    ]
  }

  private func size() throws(CallFailure) -> Recipe.Size {
    if let matching {
      let others: [Field] = [
        ("original", original != 0), ("longest_side", longest_side != 0), ("enlarge", enlarge != 0),
        ("multiples_of", multiples_of != 0), ("snap", snap != nil), ("gravity", gravity != nil),
        ("focus_x", focus_x != 0), ("focus_y", focus_y != 0), ("max_pixels", max_pixels != 0), ("trim", trim != 0),
      ]
      try refuse(others + boxFields + modelFields, "with matching")
      return .matching(try matching.pointee.record())
    }
    var fitting = Recipe.Fitting(try target())
    if let gravity = try gravityValue() { fitting.gravity = gravity }
    if max_pixels != 0 { fitting.maxPixels = Int(max_pixels) }
    fitting.sides = try sides()
    fitting.trim = trim != 0
    return .fitted(fitting)
  }

  private func target() throws(CallFailure) -> Recipe.Target {
    let isEnlarged = enlarge != 0
    if original != 0 {
      try refuse([("longest_side", longest_side != 0), ("enlarge", isEnlarged)] + boxFields, "with original")
      return .original
    }
    guard box_width != 0 || box_height != 0 else {
      try refuse([("box_fit", box_fit != nil)], "without box_width and box_height")
      let side = longest_side == 0 ? 1536 : Int(longest_side)
      return .longestSide(side, enlarge: isEnlarged)
    }
    try refuse([("longest_side", longest_side != 0)], "with box_width and box_height")
    let size = ImageSize(width: Int(box_width), height: Int(box_height))
    return .box(size, try choice(box_fit, "box_fit") ?? .contain, enlarge: isEnlarged)
  }

  private func gravityValue() throws(CallFailure) -> Gravity? {
    let name = try text(gravity, "gravity")
    if name == "focus" { return .focus(x: focus_x, y: focus_y) }
    try refuse([("focus_x", focus_x != 0), ("focus_y", focus_y != 0)], "without the gravity \"focus\"")
    guard let name else { return nil }
    guard let gravity = Gravity(named: name) else {
      throw .recipe("gravity is \"\(name)\"", "use \(list(Gravity.allCases.map(\.name) + ["focus"]))")
    }
    return gravity
  }

  private func sides() throws(CallFailure) -> Recipe.Sides {
    let unit = multiples_of == 0 ? nil : Int(multiples_of)
    let snapping = try choice(snap, "snap", Recipe.Snap.self)
    if modelFields.contains(where: \.isSet) {
      guard model_multiple_of > 0, model_min_side > 0, model_max_side >= model_min_side, model_max_pixels > 0 else {
        throw .recipe(
          "the sizes of the model contradict themselves",
          "set model_multiple_of, model_min_side, model_max_side and model_max_pixels, or call gesso_model()")
      }
      let sizing = ModelSizing(
        name: "the model", multipleOf: Int(model_multiple_of), minSide: Int(model_min_side),
        maxSide: Int(model_max_side), maxPixels: Int(model_max_pixels))
      let known = ModelSizing.known.first { $0 == sizing }
      return .model(known ?? sizing, multiplesOf: unit, snapping ?? .crop)
    }
    guard let unit else {
      try refuse([("snap", snap != nil)], "without multiples_of or the sizes of a model")
      return .any
    }
    return .multiples(of: unit, snapping ?? .crop)
  }

  private func samples() throws(CallFailure) -> Recipe.Samples {
    if data != 0 {
      try refuse([("profile", profile != nil), ("linear", linear != 0)], "with data")
      return .data
    }
    return .color(profile: try choice(profile, "profile") ?? .convert, linear: linear != 0)
  }

  private func output() throws(CallFailure) -> Recipe.Output {
    let format = try choice(format, "format", Recipe.Output.Format.self) ?? .auto
    let qualityFields: [Field] = [("quality", quality != 0), ("min_quality", min_quality != 0)]
    let subsamplingField: Field = ("subsampling", subsampling != nil)
    let compressionField: Field = ("compression", compression != nil)
    let bitsField: Field = ("bits", bits != 0)
    let standard = Recipe.Budget(bytes: 1)
    let budget =
      max_bytes == 0
      ? nil
      : Recipe.Budget(
        bytes: Int(max_bytes), minQuality: min_quality == 0 ? standard.minQuality : Int(min_quality),
        minSide: min_side == 0 ? standard.minSide : Int(min_side))
    if budget == nil {
      try refuse([("min_quality", min_quality != 0), ("min_side", min_side != 0)], "without max_bytes")
    }
    let quality = quality == 0 ? 92 : Int(quality)
    let subsampling = try choice(subsampling, "subsampling", Recipe.Subsampling.self) ?? .yuv420
    let compression = try choice(compression, "compression", Recipe.Compression.self) ?? .balanced
    var depth: Recipe.Bits?
    if bits != 0 {
      depth = Recipe.Bits(rawValue: Int(bits))
      if depth == nil { throw .recipe("bits is \(bits)", "use 8 or 16") }
    }
    switch format {
    case .auto:
      return .auto(quality: quality, subsampling: subsampling, compression: compression, bits: depth, budget: budget)
    case .jpeg:
      try refuse([compressionField, bitsField], "with the format \"jpeg\"")
      return .jpeg(quality: quality, subsampling: subsampling, budget: budget)
    case .png:
      try refuse(qualityFields + [subsamplingField], "with the format \"png\"")
      return .png(compression: compression, bits: depth, budget: budget)
    case .webp:
      try refuse([subsamplingField, bitsField], "with the format \"webp\"")
      return .webp(quality: quality, compression: compression, budget: budget)
    }
  }
}
