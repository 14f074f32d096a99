extension Recipe {
  /// The part of the source that a result shows, and the size of the result.
  public enum Size: Sendable, Equatable {
    /// Computed for each source.
    case fitted(Fitting)
    /// The geometry of an image of the same size that was prepared earlier, so that a mask lies on its image pixel by pixel.
    case matching(GeometryRecord)

    /// The whole source at its own size.
    public static let original = Size.fitted(Fitting(.original))

    /// The whole source, scaled until its longest side has a number of pixels.
    ///
    /// - Parameters:
    ///   - pixels: 1 to 65,500.
    ///   - enlarge: True to enlarge a smaller source.
    ///   - gravity: The part that stays if a multiple crops, and the place of the image if a multiple pads.
    ///   - maxPixels: The largest number of pixels of the result; aspect is kept.
    ///   - sides: The sides that the result may have.
    ///   - trim: True to trim fully transparent borders first. The source is read twice.
    /// - Returns: The size.
    public static func longestSide(
      _ pixels: Int, enlarge: Bool = false, gravity: Gravity = .center, maxPixels: Int? = nil, sides: Sides = .any,
      trim: Bool = false
    ) -> Size {
      .fitted(
        Fitting(
          .longestSide(pixels, enlarge: enlarge), gravity: gravity, maxPixels: maxPixels, sides: sides, trim: trim))
    }

    /// The source, fitted into a box of upright pixels.
    ///
    /// - Parameters:
    ///   - width: 1 to 65,500.
    ///   - height: 1 to 65,500.
    ///   - fit: The way to fit the source into a box of another shape.
    ///   - enlarge: True to enlarge a smaller source; otherwise the box is shrunk.
    ///   - gravity: The part that stays when cropping, and the place of the image when padding.
    ///   - maxPixels: The largest number of pixels of the result; aspect is kept.
    ///   - sides: The sides that the result may have.
    ///   - trim: True to trim fully transparent borders first. The source is read twice.
    /// - Returns: The size.
    public static func box(
      _ width: Int, _ height: Int, _ fit: Fit = .contain, enlarge: Bool = false, gravity: Gravity = .center,
      maxPixels: Int? = nil, sides: Sides = .any, trim: Bool = false
    ) -> Size {
      let box = Target.box(ImageSize(width: width, height: height), fit, enlarge: enlarge)
      return .fitted(Fitting(box, gravity: gravity, maxPixels: maxPixels, sides: sides, trim: trim))
    }
  }

  /// The rule by which the size of a result follows from the size of its source.
  public struct Fitting: Sendable, Equatable {
    /// The target size.
    public var target: Target
    /// The part that stays when cropping, and the place of the image when padding.
    public var gravity: Gravity
    /// The largest number of pixels of the result; aspect is kept. Nil for any number.
    public var maxPixels: Int?
    /// The sides that the result may have.
    public var sides: Sides
    /// True to trim fully transparent borders before anything else. The source is read twice.
    public var trim: Bool

    /// Makes a fitting. By default it is the whole source with a longest side of 1536.
    public init(
      _ target: Target = .longestSide(1536), gravity: Gravity = .center, maxPixels: Int? = nil, sides: Sides = .any,
      trim: Bool = false
    ) {
      self.target = target
      self.gravity = gravity
      self.maxPixels = maxPixels
      self.sides = sides
      self.trim = trim
    }
  }

  /// The target size, before caps and multiples.
  public enum Target: Sendable, Equatable {
    /// The source's size.
    case original
    /// A longest side in pixels, 1 to 65,500. Only larger sources are scaled, unless `enlarge` is true.
    case longestSide(Int, enlarge: Bool = false)
    /// A box of upright pixels, with sides of 1 to 65,500. Without `enlarge` it is shrunk for smaller sources.
    case box(ImageSize, Fit = .contain, enlarge: Bool = false)
  }

  /// The way in which an image is fitted into a box of another shape (the CSS `object-fit` words, except `pad`).
  public enum Fit: String, Sendable, CaseIterable {
    /// The image is scaled to lie within the box; the result may be smaller than the box on one side.
    case contain
    /// The image is scaled to cover the box, and the parts outside are cropped.
    case cover
    /// The image is scaled to lie within the box, and the remaining area is filled with the background.
    case pad
    /// The image is scaled to the box's shape, without keeping its aspect.
    case stretch
  }

  /// The sides that a result may have.
  public enum Sides: Sendable, Equatable {
    /// Any sides.
    case any
    /// Multiples of a number, 1 to 4096.
    case multiples(of: Int, Snap = .crop)
    /// Sides that a model takes. The model limits sides and pixels, and smaller images are enlarged to the shortest side that it takes.
    /// Sides are multiples of `multiplesOf`; with nil, of the model's own multiple.
    case model(ModelSizing, multiplesOf: Int? = nil, Snap = .crop)
  }

  /// The way in which sides become multiples. Caps always hold, and nothing is enlarged unless the recipe allows it. If a multiple
  /// cannot be reached, the recipe is refused.
  public enum Snap: String, Sendable, CaseIterable {
    /// As little as possible is cropped. A side that is shorter than one multiple is scaled up to it, but not above the side of the source.
    case crop
    /// The image is padded with the background up to the next multiple.
    case pad
    /// Each side is scaled to the nearest multiple within the caps and the source's side.
    case stretch
  }
}

extension Recipe {
  /// True when the source is trimmed, which reads it twice.
  package var trims: Bool { if case .fitted(let fitting) = size { fitting.trim } else { false } }

  /// True if a preparation may read its source more than once; `isPlanOnly` for the plan alone.
  package func readsAgain(isPlanOnly: Bool = false) -> Bool {
    let probes = if case .fitted(let fitting) = size { fitting.trim || fitting.gravity == .attention } else { false }
    return probes || (output.budget != nil && !isPlanOnly)
  }
}

extension Recipe.Fitting {
  /// The sizing of the model that the image is for; nil for no model.
  var model: ModelSizing? { if case .model(let model, _, _) = sides { model } else { nil } }

  /// The unit of the sides, and the way in which they become multiples of it.
  var multiple: (unit: Int, snap: Recipe.Snap) {
    switch sides {
    case .any: (1, .crop)
    case .multiples(let unit, let snap): (unit, snap)
    case .model(let model, let unit, let snap): (unit ?? model.multipleOf, snap)
    }
  }
}
