/// Removes metadata from a file without decoding its pixels. Only parts that are known to describe the pixels and their colors are copied;
/// any other part may name a person or a place. Bytes that are hidden among the bytes of the pixels are not found.
struct MetadataStripper {
  /// The bytes that stay.
  private(set) var bytes: [UInt8] = []
  /// The kinds of metadata that were left out, in the order of the file, each once.
  private(set) var removed: [String] = []
  /// The EXIF structure to write in place of the metadata; nil for none.
  private let exif: [UInt8]?
  /// The color profile to write in place of the source's; nil for none.
  private let profile: [UInt8]?
  private let keepsLook: Bool
  private let cancellation: CancellationFlag?

  /// Copies a file.
  ///
  /// - Parameters:
  ///   - file: A whole JPEG, PNG or WebP.
  ///   - format: Which of them it is.
  ///   - source: The content of its headers.
  ///   - keepsLook: True to keep the color profile and the orientation, without which a viewer shows something else.
  ///   - cancellation: Stops the copy when it is raised.
  /// - Throws: `truncated` of stage `open` for a file whose end cannot be found; `canceled`.
  init(
    _ file: [UInt8], as format: EncodedFormat, of source: ImageDescription, keepsLook: Bool,
    cancellation: CancellationFlag?
  ) throws(PreparationError) {
    exif = keepsLook ? EssentialEXIF(orientation: source.orientation, color: source.exifColor).bytes : nil
    profile = keepsLook ? source.iccProfile.flatMap(Self.profile) : nil
    self.keepsLook = keepsLook
    self.cancellation = cancellation
    bytes.reserveCapacity(file.count)
    switch format {
    case .jpeg: try copyJPEG(file)
    case .png: try copyPNG(file)
    case .webp: try copyWebP(file)
    }
  }

  /// Records a part that was left out. If there are many kinds of chunks, only the first ones are recorded by name.
  private mutating func leaveOut(_ name: String) {
    let name = removed.count < 12 || removed.contains(name) ? name : "others"
    if !removed.contains(name) { removed.append(name) }
  }

  /// The profile at the beginning of these bytes, as long as its header declares (ICC.1:2022, 7.2); nil for anything else.
  private static func profile(_ bytes: [UInt8]) -> [UInt8]? {
    guard bytes.count >= 132, bytes[36..<40].elementsEqual("acsp".utf8) else { return nil }
    let size = bytes[..<4].reduce(0) { $0 << 8 | Int($1) }
    return size >= 132 && size <= bytes.count ? Array(bytes[..<size]) : nil
  }

  /// Appends a part of the file that stays, which may be nearly all of it.
  private mutating func copy(_ part: ArraySlice<UInt8>) throws(PreparationError) {
    for start in stride(from: part.startIndex, to: part.endIndex, by: 1 << 20) {
      try checkIsCanceled()
      bytes += part[start..<min(start + 1 << 20, part.endIndex)]
    }
  }

  private func checkIsCanceled() throws(PreparationError) {
    if cancellation?.isCanceled == true { throw .canceled(.open) }
  }

  private static func cut(_ count: Int) -> PreparationError {
    PreparationError(
      .truncated, stage: .open, "the file ends after \(count) bytes, within its image or its metadata",
      remedy: "get the whole file, or decode what there is: prepare it instead")
  }
}

// MARK: - JPEG (ITU-T T.81, annex B)

extension MetadataStripper {
  /// The tag of segments with a profile (ICC.1:2022, B.4). It is followed by the number of the segment and the number of all segments.
  private static let profileTag = Array("ICC_PROFILE\0".utf8)

  private mutating func copyJPEG(_ file: [UInt8]) throws(PreparationError) {
    bytes += file.prefix(2)
    var at = 2
    var header = JPEGHeader()
    while true {
      try checkIsCanceled()
      // Fill bytes may precede a marker; other bytes between segments have no meaning, and decoders pass over them.
      guard let start = file[min(at, file.count)...].firstIndex(of: 0xFF) else { throw Self.cut(file.count) }
      if start != at { leaveOut("bytes between segments") }
      guard let end = file[start...].firstIndex(where: { $0 != 0xFF }) else { throw Self.cut(file.count) }
      let marker = file[end]
      at = end + 1
      if marker == 0xD9 {
        bytes += [0xFF, 0xD9]
        if at < file.count { leaveOut("what follows the image (\(file.count - at) bytes)") }
        return
      }
      // Markers without a segment have no meaning outside of a scan.
      if marker <= 0x01 || (0xD0...0xD8).contains(marker) {
        leaveOut("bytes between segments")
        continue
      }
      guard at + 2 <= file.count else { throw Self.cut(file.count) }
      // libjpeg continues after the length field of a segment whose length does not cover that field.
      let length = max(2, Int(file[at]) << 8 | Int(file[at + 1]))
      guard at + length <= file.count else { throw Self.cut(file.count) }
      let content = file[at + 2..<at + length]
      if marker != 0xE0, !header.isEnded {
        header.isEnded = true
        writeHeader()
      }
      if let kept = kept(marker, content, &header) { write(marker, kept) }
      at += length
      if marker == 0xDA { at = try copyScan(file, from: at) }
    }
  }

  /// The parts that a JPEG has at most once, as far as they were seen.
  private struct JPEGHeader {
    /// True when the place after JFIF has passed, at which EXIF and the profile are written.
    var isEnded = false
    var hasJFIF = false
    var hasAdobe = false
    var hasFrame = false
  }

  /// The content of a segment that stays; nil for one that does not.
  private mutating func kept(
    _ marker: UInt8, _ content: ArraySlice<UInt8>, _ header: inout JPEGHeader
  ) -> ArraySlice<UInt8>? {
    func begins(_ tag: String) -> Bool { content.starts(with: tag.utf8) }
    switch marker {
    case 0xC4, 0xCC, 0xDA, 0xDB, 0xDD: return content
    case 0xDC where content.count == 2: return content
    case 0xC0...0xCF where marker != 0xC8 && !header.hasFrame:
      header.hasFrame = true
      return content
    case 0xE0 where begins("JFIF\0") && content.count >= 14 && !header.hasJFIF && !header.isEnded:
      header.hasJFIF = true
      // A thumbnail may follow the density (T.871, 10.1).
      if content.count > 14 { leaveOut("a thumbnail") }
      return content.prefix(12) + [0, 0]
    case 0xEE where begins("Adobe") && content.count >= 12 && !header.hasAdobe:
      header.hasAdobe = true
      if content.count > 12 { leaveOut("APP14") }
      return content.prefix(12)
    case 0xE2 where content.starts(with: Self.profileTag): if profile == nil { leaveOut("the color profile") }
    case 0xE1 where begins("Exif\0"): leaveOut("EXIF")
    case 0xE1 where begins("http://ns.adobe.com/"): leaveOut("XMP")
    case 0xED: leaveOut("IPTC")
    case 0xE2 where begins("MPF\0"): leaveOut("the index of further images")
    case 0xE0...0xEF: leaveOut("APP\(marker - 0xE0)")
    case 0xFE: leaveOut("a comment")
    default: leaveOut("segments without a meaning")
    }
    return nil
  }

  /// Writes the metadata that are kept: orientation, declared colors and the profile.
  private mutating func writeHeader() {
    if let exif { write(0xE1, (Array("Exif\0\0".utf8) + exif)[...]) }
    guard let profile else { return }
    let size = 65_533 - Self.profileTag.count - 2
    let count = (profile.count + size - 1) / size
    for part in 0..<count {
      let portion = profile[part * size..<min((part + 1) * size, profile.count)]
      write(0xE2, (Self.profileTag + [UInt8(part + 1), UInt8(count)] + portion)[...])
    }
  }

  private mutating func write(_ marker: UInt8, _ content: ArraySlice<UInt8>) {
    let length = content.count + 2
    bytes += [0xFF, marker, UInt8(length >> 8), UInt8(length & 0xFF)]
    bytes += content
  }

  /// Copies entropy-coded data up to the next marker that is not a restart marker.
  ///
  /// - Returns: The place of that marker; the end of the file without one.
  private mutating func copyScan(_ file: [UInt8], from start: Int) throws(PreparationError) -> Int {
    var (at, checked) = (start, start)
    while let next = file[at...].firstIndex(of: 0xFF), next + 1 < file.count {
      if next - checked > 1 << 20 {
        try checkIsCanceled()
        checked = next
      }
      at = next + 1
      if file[at] == 0xFF || file[at] == 0 || (0xD0...0xD7).contains(file[at]) { continue }
      bytes += file[start..<next]
      return next
    }
    bytes += file[start...]
    return file.count
  }
}

// MARK: - PNG (third edition, clause 5 and annex 11)

extension MetadataStripper {
  /// The chunks that stay, because they describe the pixels, their shape, or further frames; and the lengths that they may have. They
  /// concern stripping alone; `KeptMetadata` decides which metadata a prepared image keeps.
  private static let keptChunks: [String: ClosedRange<Int>] = [
    "IHDR": 13...13, "PLTE": 0...768, "IDAT": 0...Int(Int32.max), "IEND": 0...0, "tRNS": 0...256, "sBIT": 1...4,
    "bKGD": 1...6, "hIST": 0...512, "pHYs": 9...9, "acTL": 8...8, "fcTL": 26...26, "fdAT": 4...Int(Int32.max),
  ]
  /// The chunks without which a viewer shows other colors.
  private static let colorChunks: [String: ClosedRange<Int>] = [
    "gAMA": 4...4, "cHRM": 32...32, "sRGB": 1...1, "cICP": 4...4, "mDCV": 24...24, "cLLI": 8...8,
  ]

  private mutating func copyPNG(_ file: [UInt8]) throws(PreparationError) {
    bytes += file.prefix(8)
    var at = 8
    var isAnimated = false
    while true {
      try checkIsCanceled()
      guard at + 12 <= file.count else { throw Self.cut(file.count) }
      let length = file[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
      guard at + 12 + length <= file.count else { throw Self.cut(file.count) }
      let type = String(decoding: file[at + 4..<at + 8], as: UTF8.self)
      let chunk = file[at..<at + 12 + length]
      at += chunk.count
      if type == "acTL" { isAnimated = true }
      if type == "iCCP", profile != nil {
        writeProfile(chunk.dropFirst(8).dropLast(4))
      } else if keepsChunk(type, length), type != "fdAT" || isAnimated {
        try copy(chunk)
      }
      if type == "IHDR", let exif { bytes += PNGChunk(type: "eXIf", data: exif).bytes }
      guard type == "IEND" else { continue }
      if at < file.count { leaveOut("what follows the image (\(file.count - at) bytes)") }
      return
    }
  }

  /// Writes a profile under a neutral name, because the name in the file may be that of a person's device.
  private mutating func writeProfile(_ data: ArraySlice<UInt8>) {
    guard let end = data.firstIndex(of: 0) else { return leaveOut("the color profile") }
    bytes += PNGChunk(type: "iCCP", data: Array("ICC profile".utf8) + data[end...]).bytes
  }

  private mutating func keepsChunk(_ type: String, _ length: Int) -> Bool {
    if let lengths = Self.keptChunks[type] ?? (keepsLook ? Self.colorChunks[type] : nil), lengths.contains(length) {
      return true
    }
    switch type {
    case "eXIf": leaveOut("EXIF")
    case "tEXt", "zTXt", "iTXt": leaveOut("text")
    case "tIME": leaveOut("the time of the last change")
    case "iCCP": leaveOut("the color profile")
    case _ where Self.colorChunks[type] != nil: leaveOut("the color profile")
    default: leaveOut("the chunk \(type)")
    }
    return false
  }
}

// MARK: - WebP (RFC 9649, 2.7)

extension MetadataStripper {
  private mutating func copyWebP(_ file: [UInt8]) throws(PreparationError) {
    try checkIsCanceled()
    var container = WebPContainer(file)
    guard !container.isCut else { throw Self.cut(file.count) }
    let hasProfile = profile != nil
    for name in container.keepImageAlone() {
      switch name {
      case "EXIF": leaveOut("EXIF")
      case "XMP ": leaveOut("XMP")
      case "ICCP": if !hasProfile { leaveOut("the color profile") }
      default: leaveOut("the chunk \(name)")
      }
    }
    if container.trailing > 0 { leaveOut("what follows the image (\(container.trailing) bytes)") }
    if let profile { container.set("ICCP", profile) }
    if let exif { container.set("EXIF", exif) }
    bytes = container.bytes
  }
}
