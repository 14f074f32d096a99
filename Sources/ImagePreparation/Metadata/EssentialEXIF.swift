/// A TIFF structure with only the entries that change how an image is shown: its orientation, and the colors that EXIF declares
/// (CIPA DC-008-2023, 4.6; DCF 2.0, CIPA DC-009, 5.2).
struct EssentialEXIF {
  /// The structure; nil if nothing has to be declared.
  let bytes: [UInt8]?

  /// Makes the structure.
  ///
  /// - Parameters:
  ///   - orientation: 1 to 8; upright is left out.
  ///   - color: The colors that EXIF declares; nil for none. sRGB is left out, because a file without a declaration has it.
  init(orientation: Orientation, color: EXIFColor?) {
    var first: [TIFFEntry] = []
    if orientation != .upright { first.append(TIFFEntry(0x0112, shorts: [orientation.rawValue])) }
    var photo: [TIFFEntry] = []
    switch color?.declaration {
    case .srgb, nil: break
    case .adobeRGB:
      photo = [TIFFEntry(0xA001, shorts: [0xFFFF]), TIFFEntry(0xA005, directory: [TIFFEntry(0x0001, text: "R03")])]
    case .described:
      if let gamma = color?.gamma { photo.append(TIFFEntry(0xA500, ratios: [gamma])) }
      if let points = color?.chromaticities {
        func xy(_ points: PNGColor.Chromaticity...) -> [Double] { points.flatMap { [$0.x, $0.y] } }
        first.append(TIFFEntry(0x013E, ratios: xy(points.white)))
        first.append(TIFFEntry(0x013F, ratios: xy(points.red, points.green, points.blue)))
      }
    }
    if !photo.isEmpty { first.append(TIFFEntry(0x8769, directory: photo)) }
    bytes = first.isEmpty ? nil : TIFFEntry.structure(first)
  }
}
