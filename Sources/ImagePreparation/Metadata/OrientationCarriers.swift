/// The orientation of a file that may carry it in several places.
struct OrientationCarriers {
  /// Valid orientations, in order of precedence.
  private let found: [(carrier: String, value: Orientation)]

  /// Searches TIFF structures and XMP packets, each in order of precedence. EXIF comes before XMP, because editors often copy XMP into a
  /// file although the pixels were turned since.
  init(exif structures: [[UInt8]], xmp packets: [XMPEditor]) {
    var found: [(carrier: String, value: Orientation)] = []
    for structure in structures {
      if let value = EXIFReader(structure.span).orientation {
        found.append((found.isEmpty ? "EXIF" : "further EXIF", value))
      }
    }
    for value in packets.compactMap(\.orientation) { found.append(("XMP", value)) }
    self.found = found
  }

  /// The orientation to use; upright if no carrier has a valid one.
  var orientation: Orientation { found.first?.value ?? .upright }

  /// The note about carriers that disagree; nil if all agree.
  var note: String? {
    guard found.contains(where: { $0.value != orientation }) else { return nil }
    let values = found.map { "\($0.value.rawValue) in \($0.carrier)" }.joined(separator: ", ")
    return "its metadata disagree about the orientation: \(values); the first was taken"
  }
}
