extension Recipe {
  /// The part of the source that a result shows, and the size of the result.
  public enum Size: Sendable, Equatable {
    /// Found anew for each source.
    case fitted(Fitting)
    /// Pixel on pixel with an image of the same size that was prepared earlier: for a mask, so that it fits the image it belongs to.
    case matching(GeometryRecord)

    /// The whole source at its own size.
    public static let original = Size.fitted(Fitting(.original))

    /// The whole source, scaled until its longest side has a number of pixels.
    ///
    /// - Parameters:
    ///   - pixels: 1 to 65,500.
    ///   - enlarge: True when a smaller source is enlarged.
    ///   - gravity: What stays where a multiple crops, and where the image lies where it pads.
    ///   - maxPixels: The largest number of pixels of the result; aspect is kept.
    ///   - sides: Which sides the result may have.
    ///   - trim: True to trim borders that are fully transparent first. The source is read twice.
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
    ///   - fit: What is done where the box has another shape than the source.
    ///   - enlarge: True when a smaller source is enlarged; the box is shrunk otherwise.
    ///   - gravity: Which part stays when cropping, and where the image lies when padding.
    ///   - maxPixels: The largest number of pixels of the result; aspect is kept.
    ///   - sides: Which sides the result may have.
    ///   - trim: True to trim borders that are fully transparent first. The source is read twice.
    public static func box(
      _ width: Int, _ height: Int, _ fit: Fit = .contain, enlarge: Bool = false, gravity: Gravity = .center,
      maxPixels: Int? = nil, sides: Sides = .any, trim: Bool = false
    ) -> Size {
      let box = Target.box(ImageSize(width: width, height: height), fit, enlarge: enlarge)
      return .fitted(Fitting(box, gravity: gravity, maxPixels: maxPixels, sides: sides, trim: trim))
    }
  }

  /// How the size of a result follows from that of its source.
  public struct Fitting: Sendable, Equatable {
    /// The size that is aimed at.
    public var target: Target
    /// Which part stays when cropping, and where the image lies when padding.
    public var gravity: Gravity
    /// The largest number of pixels of the result; aspect is kept. With nil, any number.
    public var maxPixels: Int?
    /// Which sides the result may have.
    public var sides: Sides
    /// True to trim borders that are fully transparent before anything else. The source is read twice.
    public var trim: Bool

    /// Makes a fitting; by default the whole source with a longest side of 1536.
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

  /// The size that is aimed at, before caps and multiples.
  public enum Target: Sendable, Equatable {
    /// That of the source.
    case original
    /// A longest side of so many pixels, 1 to 65,500; only sources that are larger are scaled, unless `enlarge` is true.
    case longestSide(Int, enlarge: Bool = false)
    /// A box of upright pixels, its sides 1 to 65,500; without `enlarge` it is shrunk for smaller sources.
    case box(ImageSize, Fit = .contain, enlarge: Bool = false)
  }

  /// How an image is fitted into a box of another shape (the CSS `object-fit` words, except `pad`).
  public enum Fit: String, Sendable, CaseIterable {
    /// Scaled to lie within the box; the result may be smaller than the box on one side.
    case contain
    /// Scaled to cover the box, the rest cropped.
    case cover
    /// Scaled to lie within the box, the rest filled with the background.
    case pad
    /// Scaled to the box's shape, whatever that does to the image's.
    case stretch
  }

  /// Which sides a result may have.
  public enum Sides: Sendable, Equatable {
    /// Any.
    case any
    /// Multiples of a number, 1 to 4096.
    case multiples(of: Int, Snap = .crop)
    /// Those of the model that the image is for, which caps sides and pixels, and enlarges what is smaller than the model takes.
    /// Sides are multiples of `multiplesOf`; with nil, of what the model needs.
    case model(ModelSizing, multiplesOf: Int? = nil, Snap = .crop)
  }

  /// How sides become multiples.
  public enum Snap: String, Sendable, CaseIterable {
    /// The smallest crop, centered, of an image scaled to cover the multiple.
    case crop
    /// Filled with the background up to the next multiple.
    case pad
    /// Scaled to the nearest multiple on each side.
    case stretch
  }
}

extension Recipe {
  /// True when the source is trimmed, for which it is read twice.
  package var trims: Bool { if case .fitted(let fitting) = size { fitting.trim } else { false } }
}

extension Recipe.Fitting {
  /// The model that the image is for; nil for any.
  var model: ModelSizing? { if case .model(let model, _, _) = sides { model } else { nil } }

  /// What sides are multiples of, and how they become that.
  var multiple: (unit: Int, snap: Recipe.Snap) {
    switch sides {
    case .any: (1, .crop)
    case .multiples(let unit, let snap): (unit, snap)
    case .model(let model, let unit, let snap): (unit ?? model.multipleOf, snap)
    }
  }
}
