/// The user's wishes for a prepared image. A ``PreparationPlan`` holds the decisions for one particular image.
///
/// ``Limits`` are separate, because they change no result.
public struct Recipe: Sendable, Equatable {
  /// The part of the shrinking that the decoder may do.
  public enum Effort: String, Sendable, CaseIterable {
    /// The decoder shrinks down to just above the target.
    case fast
    /// The decoder shrinks only as far as a factor of at least 2 is left for the resampling filter.
    case balanced
    /// The decoder does not shrink.
    case best
  }

  /// The handling of EXIF, XMP and text.
  public enum MetadataHandling: String, Sendable, CaseIterable {
    /// The result contains pixels only.
    case none
    /// EXIF, the XMP packet and text are kept, with their orientation reset to 1. A JPEG has one comment and no other text; metadata
    /// that the result cannot hold are left out with a note.
    case keep
    /// As ``keep``, but without the GPS directory and the maker notes of EXIF, and without XMP and text that contain a position or the name
    /// of a place, or that cannot be searched for these.
    case keepWithoutGPS = "no-gps"
  }

  /// The part of the source that the result shows, and the size of the result.
  public var size: Size
  /// The meaning of the samples: colors, or data.
  public var samples: Samples
  /// The resampling filter.
  public var resamplingFilter: ResamplingFilter
  /// The part of the shrinking that the decoder may do.
  public var effort: Effort
  /// The color that transparency is flattened on (in linear light if the resize is) and that padding is filled with. With nil, alpha is
  /// kept (PNG) or flattened on white with a note (JPEG), and padding is white, or transparent in a PNG of an image with alpha.
  public var background: BackgroundColor?
  /// The encoded form of the result.
  public var output: Output
  /// The handling of EXIF, XMP and text.
  public var metadata: MetadataHandling
  /// The damage of the source that is tolerated.
  public var failOn: DamagePolicy

  /// Makes a recipe. By default: longest side 1536, Lanczos3, upright, sRGB, automatic choice of JPEG or PNG, no metadata.
  public init(
    size: Size = .longestSide(1536), samples: Samples = .color(), resamplingFilter: ResamplingFilter = .lanczos3,
    effort: Effort = .balanced, background: BackgroundColor? = nil, output: Output = .auto(),
    metadata: MetadataHandling = .none, failOn: DamagePolicy = .truncated
  ) {
    self.init(
      of: size, samples: samples, resamplingFilter: resamplingFilter, effort: effort, background: background,
      output: output, metadata: metadata, failOn: failOn)
  }

  /// Makes a recipe that is derived from another one. No parameter has a default, so that a new field has to be decided for each derived
  /// recipe.
  private init(
    of size: Size, samples: Samples, resamplingFilter: ResamplingFilter, effort: Effort, background: BackgroundColor?,
    output: Output, metadata: MetadataHandling, failOn: DamagePolicy
  ) {
    self.size = size
    self.samples = samples
    self.resamplingFilter = resamplingFilter
    self.effort = effort
    self.background = background
    self.output = output
    self.metadata = metadata
    self.failOn = failOn
  }
}

// MARK: As JSON, and checked

/// A recipe as JSON: stable names, and only the fields that differ from the default recipe, which is `{}`.
///
/// Equal recipes have equal JSON when keys are sorted. The meaning of a missing field never changes, because stored recipes and the
/// identity of orders depend on it; a test ensures this. Fields that have no meaning together, or that this version does not know, are
/// refused by name. <doc:RecipeJSON> lists the fields.
extension Recipe: Codable {
  enum CodingKeys: String, CodingKey, CaseIterable {
    case size, samples, resamplingFilter, effort, background, output, metadata, failOn
  }

  /// Every field: its name in JSON, and its check.
  private static var fields: [Field] {
    [
      Field(.size, \.size) { size throws(PreparationError) in try size.check() },
      Field(.samples, \.samples, check: Field.anything),
      Field(.resamplingFilter, \.resamplingFilter, check: Field.anything),
      Field(.effort, \.effort, check: Field.anything),
      Field(.background, \.background, check: Field.anything),
      Field(.output, \.output) { output throws(PreparationError) in try output.check() },
      Field(.metadata, \.metadata, check: Field.anything),
      Field(.failOn, \.failOn, check: Field.anything),
    ]
  }

  /// Reads a recipe.
  ///
  /// - Throws: A `DecodingError`.
  public init(from decoder: any Decoder) throws {
    let values = try RecipeJSONFields<CodingKeys>(of: decoder)
    self.init()
    for field in Self.fields { try field.read(&self, values) }
  }

  /// Writes the recipe.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    for field in Self.fields { try field.write(self, &values) }
  }

  /// Refuses an invalid recipe, whatever source it is for.
  ///
  /// - Throws: `invalidRecipe` of stage `resize`.
  func check() throws(PreparationError) {
    for field in Self.fields { try field.check(self) }
  }

  /// One field.
  private struct Field {
    let read: (inout Recipe, RecipeJSONFields<CodingKeys>) throws -> Void
    let write: (Recipe, inout KeyedEncodingContainer<CodingKeys>) throws -> Void
    let check: (Recipe) throws(PreparationError) -> Void

    /// The check of a field whose values all have a meaning.
    static func anything<Value>(_: Value) {}

    init<Value: Codable & Equatable>(
      _ key: CodingKeys, _ path: WritableKeyPath<Recipe, Value>,
      check: @escaping (Value) throws(PreparationError) -> Void
    ) {
      read = { recipe, values in recipe[keyPath: path] = try values.decode(key, default: recipe[keyPath: path]) }
      write = { recipe, values in
        try values.encode(recipe[keyPath: path], forKey: key, unless: Recipe()[keyPath: path])
      }
      self.check = { recipe throws(PreparationError) in try check(recipe[keyPath: path]) }
    }

    /// A field that is left out if it is nil.
    init<Value: Codable>(_ key: CodingKeys, _ path: WritableKeyPath<Recipe, Value?>) {
      read = { recipe, values in recipe[keyPath: path] = try values.decodeIfPresent(key) }
      write = { recipe, values in try values.encodeIfPresent(recipe[keyPath: path], forKey: key) }
      check = { _ in }
    }
  }
}

// MARK: Recipes that follow from others

extension Recipe {
  /// This recipe for an image that has to match a prepared one, pixel by pixel: it keeps everything except the size and the byte budget.
  /// `geometry` locates the prepared image's pixels in its source.
  package func matching(_ geometry: GeometryRecord) -> Recipe {
    // A budget would change the size.
    Recipe(
      of: .matching(geometry), samples: samples, resamplingFilter: resamplingFilter, effort: effort,
      background: background, output: output.withoutBudget, metadata: metadata, failOn: failOn)
  }

  /// The recipe of a mask for a prepared image. The samples of a mask are shares of white, not colors. Transparent parts and padding are
  /// black.
  package static func mask(matching geometry: GeometryRecord, failOn: DamagePolicy) -> Recipe {
    // The mean over the area of a pixel is the share of this area that is repainted.
    Recipe(
      of: .matching(geometry), samples: .data, resamplingFilter: .box, effort: .best,
      background: BackgroundColor(red: 0, green: 0, blue: 0), output: .png(), metadata: .none, failOn: failOn)
  }

  /// The recipe of the small opaque square in which attention is measured, for a source with this recipe.
  var forAttention: Recipe {
    // The image is flattened on a color from which both black and white differ.
    Recipe(
      of: .box(SaliencyMap.side, SaliencyMap.side, .stretch, enlarge: true), samples: samples.asCoded,
      resamplingFilter: .lanczos3, effort: .balanced,
      background: BackgroundColor(red: 128, green: 128, blue: 128), output: .jpeg(), metadata: .none, failOn: failOn)
  }
}
