extension Recipe {
  /// The encoded form of a result.
  public enum Output: Sendable, Equatable {
    /// PNG for real transparency, for flat illustrations that are smaller as PNG, and for ``Bits/sixteen``; otherwise JPEG of a quality
    /// from 1 to 100. `bits` is as for ``png(compression:bits:budget:)``.
    case auto(
      quality: Int = 92, subsampling: Subsampling = .yuv420, compression: Compression = .balanced, bits: Bits? = nil,
      budget: Budget? = nil)
    /// JPEG of a quality from 1 to 100.
    case jpeg(quality: Int = 92, subsampling: Subsampling = .yuv420, budget: Budget? = nil)
    /// PNG. With 8 bits per sample, palettes and fewer bits are always tried, because they are lossless. With `bits` nil,
    /// ``Recipe/Samples/data`` of 16 bits keeps 16 bits, and everything else gets 8.
    case png(compression: Compression = .balanced, bits: Bits? = nil, budget: Budget? = nil)
    /// WebP, which needs libwebp. It is lossless if a pixel is transparent, or with ``Compression/small``; otherwise lossy with a quality
    /// from 1 to 100. It has 8 bits per sample, and sides of up to 16,383 pixels.
    case webp(quality: Int = 92, compression: Compression = .balanced, budget: Budget? = nil)
  }

  /// Chroma subsampling of JPEG results.
  public enum Subsampling: String, Sendable, CaseIterable {
    /// Chroma at half the width and height.
    case yuv420 = "420"
    /// Chroma at full size.
    case yuv444 = "444"
  }

  /// The time that a PNG result may take. In a PNG, all cases store the same pixels. An opaque WebP is lossless with ``small``, and lossy
  /// with the other cases.
  public enum Compression: String, Sendable, CaseIterable {
    /// A twentieth of libpng's time at its default level; photographs are 4 % larger.
    case fast
    /// The size of libpng's default level in a fifth of its time.
    case balanced
    /// The size of libpng's highest level or less.
    case small
  }

  /// Bits per sample of a PNG. A JPEG has 8.
  public enum Bits: Int, Sendable, CaseIterable {
    /// 0 to 255.
    case eight = 8
    /// 0 to 65 535.
    case sixteen = 16
  }

  /// The largest encoded size of a result. First the quality of a JPEG or a lossy WebP is reduced, or the compression of a lossless file
  /// raised, then the scale is reduced.
  public struct Budget: Sendable, Equatable {
    /// The most bytes, 1 or more.
    public var bytes: Int
    /// The lowest quality that the search may use, 1 to 100. A lossless file has none.
    public var minQuality: Int
    /// The shortest side in pixels, 1 or more, that the search may give the result.
    public var minSide: Int

    /// Makes a budget.
    public init(bytes: Int, minQuality: Int = 60, minSide: Int = 256) {
      self.bytes = bytes
      self.minQuality = minQuality
      self.minSide = minSide
    }

    /// Makes a budget of a number of bytes.
    public static func bytes(_ bytes: Int, minQuality: Int = 60, minSide: Int = 256) -> Budget {
      Budget(bytes: bytes, minQuality: minQuality, minSide: minSide)
    }
  }
}

extension Recipe.Output {
  /// The cases without their values.
  package enum Format: String, Sendable, CaseIterable {
    case auto, jpeg, png, webp

    /// The format of every result; nil if the pixels decide between JPEG and PNG.
    package var only: EncodedFormat? {
      switch self {
      case .auto: nil
      case .jpeg: .jpeg
      case .png: .png
      case .webp: .webp
      }
    }
  }

  /// The case without its values.
  package var format: Format {
    switch self {
    case .auto: .auto
    case .jpeg: .jpeg
    case .png: .png
    case .webp: .webp
    }
  }

  /// The quality of an output that may be lossy; nil for PNG.
  var quality: Int? {
    switch self {
    case .auto(let quality, _, _, _, _), .jpeg(let quality, _, _), .webp(let quality, _, _): quality
    case .png: nil
    }
  }

  /// The subsampling of an output that may be a JPEG.
  var subsampling: Recipe.Subsampling {
    switch self {
    case .auto(_, let subsampling, _, _, _), .jpeg(_, let subsampling, _): subsampling
    case .png, .webp: .yuv420
    }
  }

  /// The compression of an output that may be a PNG or WebP.
  var compression: Recipe.Compression {
    switch self {
    case .auto(_, _, let compression, _, _), .png(let compression, _, _), .webp(_, let compression, _): compression
    case .jpeg: .balanced
    }
  }

  /// Bits per sample of an output that may be a PNG; nil if the samples decide.
  package var bits: Recipe.Bits? {
    switch self {
    case .auto(_, _, _, let bits, _), .png(_, let bits, _): bits
    case .jpeg, .webp: nil
    }
  }

  /// The largest encoded size; nil for any.
  package var budget: Recipe.Budget? {
    switch self {
    case .auto(_, _, _, _, let budget), .jpeg(_, _, let budget), .png(_, _, let budget), .webp(_, _, let budget): budget
    }
  }

  /// This output without a largest size.
  var withoutBudget: Recipe.Output {
    switch self {
    case .auto(let quality, let subsampling, let compression, let bits, _):
      .auto(quality: quality, subsampling: subsampling, compression: compression, bits: bits)
    case .jpeg(let quality, let subsampling, _): .jpeg(quality: quality, subsampling: subsampling)
    case .png(let compression, let bits, _): .png(compression: compression, bits: bits)
    case .webp(let quality, let compression, _): .webp(quality: quality, compression: compression)
    }
  }

  /// This output with these bits per sample. A JPEG or WebP stays as it is.
  package func withBits(_ bits: Recipe.Bits?) -> Recipe.Output {
    switch self {
    case .auto(let quality, let subsampling, let compression, _, let budget):
      .auto(quality: quality, subsampling: subsampling, compression: compression, bits: bits, budget: budget)
    case .jpeg, .webp: self
    case .png(let compression, _, let budget): .png(compression: compression, bits: bits, budget: budget)
    }
  }
}
