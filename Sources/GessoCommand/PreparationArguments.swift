public import ArgumentParser
public import ImagePreparation

// The values of flags, in the forms in which people write them.

/// A box written as `1024x768`, or one side of it, as `1024x` or `x768`.
package struct BoxArgument: ExpressibleByArgument, Sendable {
  /// The box. If a side was not given, it is the largest allowed side.
  package let size: ImageSize
  /// True for one side alone.
  package let isOpen: Bool

  package init?(argument: String) {
    let sides = argument.lowercased().split(separator: "x", omittingEmptySubsequences: false)
    guard sides.count == 2, sides != ["", ""] else { return nil }
    let largest = PreparationOptions.longestSide
    let numbers = sides.map { $0.isEmpty ? largest : Int($0) ?? 0 }
    guard numbers.allSatisfy((1...largest).contains) else { return nil }
    size = ImageSize(width: numbers[0], height: numbers[1])
    isOpen = sides.contains("")
  }
}

/// A number of bytes, as `300000`, `300kB`, `3.5MB` or `2MiB`.
package struct ByteCountArgument: ExpressibleByArgument, Sendable {
  /// At least 1.
  package let bytes: Int

  package init?(argument: String) {
    guard let match = argument.lowercased().wholeMatch(of: /([0-9]+(?:\.[0-9]+)?) ?(k|m|g)?(i)?b?/) else { return nil }
    if match.3 != nil, match.2 == nil { return nil }
    let unit = match.3 == nil ? 1_000.0 : 1_024
    var bytes = Double(match.1) ?? 0
    for prefix in ["k", "m", "g"] where match.2 != nil {
      bytes *= unit
      if match.2 == Substring(prefix) { break }
    }
    guard bytes >= 1, let whole = Int(exactly: bytes.rounded(.down)) else { return nil }
    self.bytes = whole
  }
}

/// A number of megapixels, as `1`, `0.5` or `1MP`.
package struct MegapixelsArgument: ExpressibleByArgument, Sendable {
  package let megapixels: Double

  package init(megapixels: Double) { self.megapixels = megapixels }

  package init?(argument: String) {
    let text = argument.lowercased()
    let number = text.hasSuffix("mp") ? text.dropLast(2) : text[...]
    guard let value = Double(number), value > 0, value <= Self.largest else { return nil }
    megapixels = value
  }

  /// The megapixels of the largest image that both formats can hold.
  package static let largest = Double(PreparationOptions.longestSide * PreparationOptions.longestSide / 1_000_000)

  package var pixels: Int { max(1, Int(megapixels * 1_000_000)) }
  package var defaultValueDescription: String { String(Int(megapixels)) }
}

/// Bits per sample, or `auto`.
package struct BitsArgument: ExpressibleByArgument, Sendable {
  /// Nil if the samples decide.
  package let bits: Recipe.Bits?

  package init?(argument: String) {
    let bits = Int(argument).flatMap(Recipe.Bits.init(rawValue:))
    guard bits != nil || argument == "auto" else { return nil }
    self.bits = bits
  }
}

/// A point of the image, written as shares (`0.85,0.4`) or percents (`85%,40%`) of its width and height.
package struct FocusArgument: ExpressibleByArgument, Sendable {
  package let gravity: Gravity

  package init?(argument: String) {
    let shares = argument.split(separator: ",", omittingEmptySubsequences: false).map { text -> Double? in
      text.hasSuffix("%") ? Double(text.dropLast()).map { $0 / 100 } : Double(text)
    }
    guard shares.count == 2, let x = shares[0], let y = shares[1], (0...1).contains(x), (0...1).contains(y) else {
      return nil
    }
    gravity = .focus(x: x, y: y)
  }
}

extension ModelSizing {
  /// The rule in words.
  var words: String {
    "sides of \(minSide) to \(maxSide) in multiples of \(multipleOf), up to \(Figure.megapixels(maxPixels))"
  }
}

extension ModelSizing: ExpressibleByArgument {
  /// Finds the sizing by a model's name.
  public init?(argument: String) { self.init(named: argument) }

  /// The names of the families.
  public static var allValueStrings: [String] { known.map(\.name) }
}

extension BackgroundColor: ExpressibleByArgument {
  /// Reads a color of CSS.
  public init?(argument: String) { self.init(css: argument) }
}
extension Recipe.Fit: ExpressibleByArgument {}
extension Recipe.Snap: ExpressibleByArgument {}
extension Recipe.Effort: ExpressibleByArgument {}
extension Recipe.Output.Format: ExpressibleByArgument {}
extension Recipe.Subsampling: ExpressibleByArgument {}
extension Recipe.Compression: ExpressibleByArgument {}
extension Recipe.ProfileHandling: ExpressibleByArgument {}
extension Recipe.MetadataHandling: ExpressibleByArgument {}
extension DamagePolicy: ExpressibleByArgument {}
extension Limits.Preset: ExpressibleByArgument {}
extension Gravity: ExpressibleByArgument {
  /// Finds a gravity that needs no values.
  public init?(argument: String) { self.init(named: argument) }

  /// The names of all values.
  public static var allValueStrings: [String] { allCases.map(\.name) }
}
extension ResamplingFilter: ExpressibleByArgument {}
