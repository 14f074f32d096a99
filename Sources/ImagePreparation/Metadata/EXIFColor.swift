/// The colors of an image as its EXIF declares them (CIPA DC-008-2023, 4.6.4 to 4.6.7; DCF 2.0, CIPA DC-009).
struct EXIFColor: Sendable, Equatable, Codable {
  /// ColorSpace (0xA001): 1 is sRGB; 2, which some cameras write, is Adobe RGB (1998). 65 535 (uncalibrated) declares nothing by itself,
  /// because libexif writes it into every file for which a program sets no other value.
  var colorSpace: Int?
  /// The index of interoperability (tag 1 of its own directory): `R98` is sRGB, `R03` is Adobe RGB (1998).
  var interoperability: String?
  /// Gamma (0xA500): the exponent from samples to light.
  var gamma: Double?
  /// WhitePoint (0x013E) and PrimaryChromaticities (0x013F); white is D65 if it is missing.
  var chromaticities: PNGColor.Chromaticities?

  /// Reads a TIFF structure; nil if it declares nothing.
  init?(_ exif: [UInt8]) {
    guard let tiff = TIFFStructure(exif) else { return nil }
    let first = tiff.first.entries
    let photo = tiff.entries(behind: 0x8769, in: first)
    let interoperability = tiff.entries(behind: 0xA005, in: photo)
    func numbers(_ tag: Int, _ entries: [TIFFStructure.Entry], _ count: Int) -> [Double]? {
      let values = entries.first { $0.tag == tag }.flatMap { tiff.numbers(of: $0) }
      return values?.count == count ? values : nil
    }
    colorSpace = numbers(0xA001, photo, 1).map { Int($0[0]) }
    self.interoperability = interoperability.first { $0.tag == 1 }.flatMap { tiff.text(of: $0) }
    gamma = numbers(0xA500, photo, 1)?[0]
    if let xy = numbers(0x013F, first, 6) {
      let white = numbers(0x013E, first, 2).map { PNGColor.Chromaticity($0[0], $0[1]) }
      chromaticities = PNGColor.Chromaticities(
        white: white ?? DescribedColorSpace.bt709.white, red: .init(xy[0], xy[1]), green: .init(xy[2], xy[3]),
        blue: .init(xy[4], xy[5]))
    }
    if colorSpace == nil, self.interoperability == nil, gamma == nil, chromaticities == nil { return nil }
  }
}

extension EXIFColor {
  /// The space of the colors, as far as it is known.
  enum Declaration: Equatable {
    /// sRGB, or a space so close to it that nothing is converted.
    case srgb
    /// Adobe RGB (1998).
    case adobeRGB
    /// The space that gamma and chromaticities describe.
    case described(DescribedColorSpace)

    /// The space; nil for sRGB.
    var space: DescribedColorSpace? {
      switch self {
      case .srgb: nil
      case .adobeRGB: .adobeRGB
      case .described(let space): space
      }
    }

    /// The space's name in a note.
    var name: String {
      switch self {
      case .srgb: "sRGB"
      case .adobeRGB: "Adobe RGB"
      case .described: "color space"
      }
    }
  }

  /// The declaration that counts. It is the first of these: ColorSpace 1 or 2, the index R03, Gamma with PrimaryChromaticities, the index
  /// R98. `R03` goes with ColorSpace 65 535 (DCF 2.0, 5.2). Nil if nothing is declared.
  var declaration: Declaration? {
    if colorSpace == 1 { return .srgb }
    if colorSpace == 2 || interoperability == "R03" { return .adobeRGB }
    if let space = DescribedColorSpace(gamma: gamma.map { 1 / $0 }, chromaticities: chromaticities) {
      if space.isAboutAdobeRGB(hasGamma: gamma != nil) { return .adobeRGB }
      return space == DescribedColorSpace(transfer: .srgb) ? .srgb : .described(space)
    }
    return interoperability == "R98" ? .srgb : nil
  }

  /// The note about ColorSpace and index that disagree; nil if they agree.
  var contradiction: String? {
    switch (colorSpace, interoperability) {
    case (1, "R03"): "its EXIF declares both sRGB and, by its index of interoperability, Adobe RGB; sRGB was believed"
    case (2, "R98"):
      "its EXIF declares both Adobe RGB and, by its index of interoperability, sRGB; Adobe RGB was believed"
    default: nil
    }
  }
}
