extension Recipe.Size: Codable {
  enum CodingKeys: String, CodingKey, CaseIterable {
    case original, longestSide, box, enlarge, gravity, maxPixels, multiplesOf, snap, model, trim, matching
  }

  /// Reads a size.
  ///
  /// - Throws: A `DecodingError`.
  public init(from decoder: any Decoder) throws {
    let fields = try RecipeJSONFields<CodingKeys>(of: decoder)
    if let geometry = try fields.decodeIfPresent(.matching, as: GeometryRecord.self) {
      try fields.checkOnly([.matching], with: "matching")
      self = .matching(geometry)
      return
    }
    let standard = Recipe.Fitting()
    self = .fitted(
      Recipe.Fitting(
        try Self.target(fields), gravity: try fields.decode(.gravity, default: standard.gravity),
        maxPixels: try fields.decodeIfPresent(.maxPixels), sides: try Self.sides(fields),
        trim: try fields.decode(.trim, default: standard.trim)))
  }

  private static func target(_ fields: RecipeJSONFields<CodingKeys>) throws -> Recipe.Target {
    let others: [CodingKeys] = [.gravity, .maxPixels, .multiplesOf, .snap, .model, .trim]
    let enlarge = try fields.decode(.enlarge, default: false)
    if try fields.decode(.original, default: false) {
      try fields.checkOnly([.original] + others, with: "original")
      return .original
    }
    guard let box = try fields.decodeIfPresent(.box, as: Box.self) else {
      return .longestSide(try fields.decode(.longestSide, default: Box.standardSide), enlarge: enlarge)
    }
    try fields.checkOnly([.box, .enlarge] + others, with: "box")
    return .box(box.size, box.fit, enlarge: enlarge)
  }

  private static func sides(_ fields: RecipeJSONFields<CodingKeys>) throws -> Recipe.Sides {
    let unit = try fields.decodeIfPresent(.multiplesOf, as: Int.self)
    let snap = try fields.decode(.snap, default: Recipe.Snap.crop)
    if let model = try fields.decodeIfPresent(.model, as: ModelSizing.self) {
      return .model(model, multiplesOf: unit, snap)
    }
    if let unit { return .multiples(of: unit, snap) }
    try fields.refuse(.snap, without: "multiplesOf or model")
    return .any
  }

  /// Writes the size.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    let fitting: Recipe.Fitting
    switch self {
    case .matching(let geometry): return try values.encode(geometry, forKey: .matching)
    case .fitted(let value): fitting = value
    }
    switch fitting.target {
    case .original: try values.encode(true, forKey: .original)
    case .longestSide(let side, let enlarge):
      try values.encode(side, forKey: .longestSide, unless: Box.standardSide)
      try values.encode(enlarge, forKey: .enlarge, unless: false)
    case .box(let size, let fit, let enlarge):
      try values.encode(Box(size: size, fit: fit), forKey: .box)
      try values.encode(enlarge, forKey: .enlarge, unless: false)
    }
    let standard = Recipe.Fitting()
    try values.encode(fitting.gravity, forKey: .gravity, unless: standard.gravity)
    try values.encodeIfPresent(fitting.maxPixels, forKey: .maxPixels)
    switch fitting.sides {
    case .any: break
    case .multiples(let unit, let snap):
      try values.encode(unit, forKey: .multiplesOf)
      try values.encode(snap, forKey: .snap, unless: .crop)
    case .model(let model, let unit, let snap):
      try values.encode(model, forKey: .model)
      try values.encodeIfPresent(unit, forKey: .multiplesOf)
      try values.encode(snap, forKey: .snap, unless: .crop)
    }
    try values.encode(fitting.trim, forKey: .trim, unless: standard.trim)
  }

  /// The object `box`.
  private struct Box: Codable {
    enum CodingKeys: String, CodingKey, CaseIterable { case width, height, fit }

    static let standardSide = 1536
    let size: ImageSize
    let fit: Recipe.Fit

    init(size: ImageSize, fit: Recipe.Fit) { (self.size, self.fit) = (size, fit) }

    init(from decoder: any Decoder) throws {
      let fields = try RecipeJSONFields<CodingKeys>(of: decoder)
      size = ImageSize(width: try fields.decode(.width), height: try fields.decode(.height))
      fit = try fields.decode(.fit, default: .contain)
    }

    func encode(to encoder: any Encoder) throws {
      var values = encoder.container(keyedBy: CodingKeys.self)
      try values.encode(size.width, forKey: .width)
      try values.encode(size.height, forKey: .height)
      try values.encode(fit, forKey: .fit, unless: .contain)
    }
  }
}

extension Recipe.Samples: Codable {
  enum CodingKeys: String, CodingKey, CaseIterable { case data, profile, linear }

  /// Reads the meaning of samples.
  ///
  /// - Throws: A `DecodingError`.
  public init(from decoder: any Decoder) throws {
    let fields = try RecipeJSONFields<CodingKeys>(of: decoder)
    if try fields.decode(.data, default: false) {
      try fields.checkOnly([.data], with: "data")
      self = .data
    } else {
      self = .color(
        profile: try fields.decode(.profile, default: .convert), linear: try fields.decode(.linear, default: false))
    }
  }

  /// Writes the meaning of samples.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    switch self {
    case .data: try values.encode(true, forKey: .data)
    case .color(let profile, let linear):
      try values.encode(profile, forKey: .profile, unless: .convert)
      try values.encode(linear, forKey: .linear, unless: false)
    }
  }
}

extension Recipe.Output: Codable {
  enum CodingKeys: String, CodingKey, CaseIterable {
    case format, quality, subsampling, compression, bits, maxBytes, minQuality, minSide
  }

  /// Reads an output.
  ///
  /// - Throws: A `DecodingError`.
  public init(from decoder: any Decoder) throws {
    let fields = try RecipeJSONFields<CodingKeys>(of: decoder)
    let format = try fields.decode(.format, default: Format.auto)
    let quality = try fields.decode(.quality, default: 92)
    let subsampling = try fields.decode(.subsampling, default: Recipe.Subsampling.yuv420)
    let compression = try fields.decode(.compression, default: Recipe.Compression.balanced)
    let bits = try fields.decodeIfPresent(.bits, as: Recipe.Bits.self)
    let maxBytes = try fields.decodeIfPresent(.maxBytes, as: Int.self)
    let minQuality = try fields.decode(.minQuality, default: 60)
    let minSide = try fields.decode(.minSide, default: 256)
    let budget = maxBytes.map { Recipe.Budget(bytes: $0, minQuality: minQuality, minSide: minSide) }
    if maxBytes == nil {
      try fields.refuse(.minQuality, without: "maxBytes")
      try fields.refuse(.minSide, without: "maxBytes")
    }
    switch format {
    case .auto:
      self = .auto(quality: quality, subsampling: subsampling, compression: compression, bits: bits, budget: budget)
    case .jpeg:
      try fields.checkOnly([.format, .quality, .subsampling, .maxBytes, .minQuality, .minSide], with: "jpeg")
      self = .jpeg(quality: quality, subsampling: subsampling, budget: budget)
    case .png:
      try fields.checkOnly([.format, .compression, .bits, .maxBytes, .minSide], with: "png")
      self = .png(compression: compression, bits: bits, budget: budget)
    case .webp:
      try fields.checkOnly([.format, .quality, .compression, .maxBytes, .minQuality, .minSide], with: "webp")
      self = .webp(quality: quality, compression: compression, budget: budget)
    }
  }

  /// Writes the output.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(format, forKey: .format, unless: .auto)
    func encode(quality: Int, _ subsampling: Recipe.Subsampling) throws {
      try values.encode(quality, forKey: .quality, unless: 92)
      try values.encode(subsampling, forKey: .subsampling, unless: .yuv420)
      if let budget { try values.encode(budget.minQuality, forKey: .minQuality, unless: 60) }
    }
    if let budget {
      try values.encode(budget.bytes, forKey: .maxBytes)
      try values.encode(budget.minSide, forKey: .minSide, unless: 256)
    }
    switch self {
    case .auto(let quality, let subsampling, let compression, let bits, _):
      try encode(quality: quality, subsampling)
      try values.encode(compression, forKey: .compression, unless: .balanced)
      try values.encodeIfPresent(bits, forKey: .bits)
    case .jpeg(let quality, let subsampling, _): try encode(quality: quality, subsampling)
    case .png(let compression, let bits, _):
      try values.encode(compression, forKey: .compression, unless: .balanced)
      try values.encodeIfPresent(bits, forKey: .bits)
    case .webp(let quality, let compression, _):
      try encode(quality: quality, .yuv420)
      try values.encode(compression, forKey: .compression, unless: .balanced)
    }
  }
}

extension ModelSizing: Codable {
  enum CodingKeys: String, CodingKey, CaseIterable { case multipleOf, minSide, maxSide, maxPixels }

  /// Reads sizes. The name becomes that of the known family with these sizes.
  ///
  /// - Throws: A `DecodingError`.
  public init(from decoder: any Decoder) throws {
    let fields = try RecipeJSONFields<CodingKeys>(of: decoder)
    let sizing = ModelSizing(
      name: "the model", multipleOf: try fields.decode(.multipleOf), minSide: try fields.decode(.minSide),
      maxSide: try fields.decode(.maxSide), maxPixels: try fields.decode(.maxPixels))
    self = Self.known.first { $0 == sizing } ?? sizing
  }

  /// Writes the sizes without a name, because the name of a family changes no result.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(multipleOf, forKey: .multipleOf)
    try values.encode(minSide, forKey: .minSide)
    try values.encode(maxSide, forKey: .maxSide)
    try values.encode(maxPixels, forKey: .maxPixels)
  }
}

extension BackgroundColor: Codable {
  /// Reads `#RRGGBB`.
  ///
  /// - Throws: A `DecodingError`.
  public init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let color = BackgroundColor(hex: text) else {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(codingPath: decoder.codingPath, debugDescription: "\(text) is not of the form #RRGGBB"))
    }
    self = color
  }

  /// Writes `#RRGGBB`.
  public func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    try value.encode(hex)
  }
}

extension Recipe.Effort: Codable {}
extension Recipe.MetadataHandling: Codable {}
extension Recipe.ProfileHandling: Codable {}
extension Recipe.Fit: Codable {}
extension Recipe.Snap: Codable {}
extension Recipe.Subsampling: Codable {}
extension Recipe.Compression: Codable {}
extension Recipe.Bits: Codable {}
extension Recipe.Output.Format: Codable {}
extension DamagePolicy: Codable {}
extension Gravity: Codable {
  enum CodingKeys: String, CodingKey, CaseIterable { case x, y }

  /// Reads a name, or the object with the shares of a focus.
  ///
  /// - Throws: A `DecodingError`.
  public init(from decoder: any Decoder) throws {
    guard let name = try? decoder.singleValueContainer().decode(String.self) else {
      let fields = try RecipeJSONFields<CodingKeys>(of: decoder)
      self = .focus(x: try fields.decode(.x), y: try fields.decode(.y))
      return
    }
    guard let named = Gravity(named: name) else {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(codingPath: decoder.codingPath, debugDescription: "\(name) is not a gravity"))
    }
    self = named
  }

  /// Writes a name, or the shares of a focus.
  public func encode(to encoder: any Encoder) throws {
    if case .focus(let x, let y) = self {
      var values = encoder.container(keyedBy: CodingKeys.self)
      try values.encode(x, forKey: .x)
      try values.encode(y, forKey: .y)
    } else {
      var value = encoder.singleValueContainer()
      try value.encode(name)
    }
  }
}
extension ResamplingFilter: Codable {}
