/// All of a PSD or PSB before the composite.
struct PSDHeader {
  let size: ImageSize
  let channels: Int
  /// 8 or 16.
  let depth: Int
  let colorModel: ImageDescription.ColorModel
  /// True for a PSB, whose lengths take more bytes.
  let isLarge: Bool
  /// 256 times red, then green, then blue, of indexed colors.
  let colors: [UInt8]
  let resources: PSDResources
  /// True if the first extra channel of the composite is its transparency.
  let hasTransparency: Bool
  let isRunLengthCoded: Bool

  init(_ bytes: inout ByteReader, limits: Limits) throws(ReadFault) {
    try bytes.skip(4)
    isLarge = try bytes.big(2) == 2
    try bytes.skip(6)
    channels = try bytes.big(2)
    let height = try bytes.big(4)
    let width = try bytes.big(4)
    depth = try bytes.big(2)
    let mode = try bytes.big(2)
    size = ImageSize(width: width, height: height)
    let longest = isLarge ? 300_000 : 30_000
    guard (1...longest).contains(width), (1...longest).contains(height) else { throw .corrupt("a size of \(size)") }
    guard (1...56).contains(channels) else { throw .corrupt("\(channels) channels") }
    try limits.allow(size)
    guard depth == 8 || depth == 16 else { throw .unsupported("\(depth) bits per channel") }
    switch mode {
    case 1, 8: colorModel = .gray
    case 2 where depth == 8: colorModel = .palette
    case 3: colorModel = .rgb
    case 4: colorModel = .cmyk
    case 7: throw .unsupported("the mode Multichannel")
    case 9: throw .unsupported("the mode Lab")
    default: throw .unsupported("color mode \(mode) of \(depth) bits")
    }

    let colorBytes = try bytes.big(4)
    if colorModel == .palette {
      guard colorBytes >= 768 else { throw .corrupt("a color table of \(colorBytes) bytes") }
      colors = try bytes.bytes(768)
      try bytes.skip(colorBytes - 768)
    } else {
      colors = []
      try bytes.skip(colorBytes)
    }
    resources = try PSDResources(&bytes, limits: limits)
    hasTransparency = try Self.layersHaveTransparency(&bytes, isLarge: isLarge)
    guard resources.hasComposite else { throw .unsupported("it was saved without a composite of its layers") }
    switch try bytes.big(2) {
    case 0: isRunLengthCoded = false
    case 1: isRunLengthCoded = true
    case 2, 3: throw .unsupported("a composite in ZIP compression")
    case let other: throw .corrupt("compression \(other)")
    }
  }

  /// Skips the layers. Their number is negative if the composite has a channel of transparency. In files of 16 bits, the layers are in a
  /// block of their own, or a block only declares the transparency.
  private static func layersHaveTransparency(_ bytes: inout ByteReader, isLarge: Bool) throws(ReadFault) -> Bool {
    let lengthBytes = isLarge ? 8 : 4
    let length = try bytes.big(lengthBytes)
    let (end, overflow) = bytes.offset.addingReportingOverflow(length)
    guard !overflow else { throw .corrupt("layers of \(length) bytes") }
    var found = false
    search: if length >= lengthBytes + 2 {
      let layerBytes = try bytes.big(lengthBytes)
      if layerBytes > 0 {
        found = try bytes.big(2) >= 0x8000
        break search
      }
      guard end - bytes.offset >= 4 else { break search }
      let maskBytes = try bytes.big(4)
      guard maskBytes <= end - bytes.offset else { break search }
      try bytes.skip(maskBytes)
      // A block has a signature, a key and a length; one that only declares the transparency has nothing else.
      while end - bytes.offset >= 12 {
        let signature = try bytes.bytes(4)
        guard signature.elementsEqual("8BIM".utf8) || signature.elementsEqual("8B64".utf8) else { break search }
        let key = String(decoding: try bytes.bytes(4), as: UTF8.self)
        let isLong = isLarge && ["Lr16", "Lr32", "Layr", "Mt16", "Mt32", "Mtrn", "LMsk", "Alph"].contains(key)
        guard !isLong || end - bytes.offset >= 8 else { break search }
        let count = try bytes.big(isLong ? 8 : 4)
        if key == "Mt16" || key == "Mtrn" {
          found = true
          break search
        }
        guard count <= end - bytes.offset else { break search }
        if key == "Lr16", count >= 2 {
          found = try bytes.big(2) >= 0x8000
          break search
        }
        try bytes.skip(min((count + 3) / 4 * 4, end - bytes.offset))
      }
    }
    try bytes.skip(max(0, end - bytes.offset))
    return found
  }
}

/// The image resources that count.
struct PSDResources {
  private var profile: [UInt8]?
  private var exif: [UInt8]?
  private var xmp: [UInt8]?
  /// True if the file has them, even if they are too large.
  private var (hasEXIF, hasXMP) = (false, false)
  /// All resources in the form that they have in a JPEG, in which they are searched for the location of the picture.
  private var segment: [UInt8] = []
  private var isCut = false
  /// False if the file was saved without "maximize compatibility".
  private(set) var hasComposite = true
  /// True if Photoshop wrote the file. Photoshop blends transparent colors of the composite with white; other programs do not.
  private(set) var isOfPhotoshop = false

  init(_ bytes: inout ByteReader, limits: Limits) throws(ReadFault) {
    let length = try bytes.big(4)
    let end = bytes.offset + length
    while end - bytes.offset >= 12 {
      // The signature, a number, and a name after its length, both together padded to an even number of bytes.
      _ = try bytes.bytes(4)
      let number = try bytes.big(2)
      let nameBytes = Int(try bytes.next())
      let padding = 1 - nameBytes % 2
      guard nameBytes + padding + 4 <= end - bytes.offset else { break }
      try bytes.skip(nameBytes + padding)
      let count = try bytes.big(4)
      let stored = count + count % 2
      guard count <= end - bytes.offset else { break }
      let next = min(bytes.offset + stored, end)
      switch number {
      case 1039:
        try limits.allow(profileBytes: count)
        profile = try bytes.bytes(count)
      case 1057 where count >= 9:
        try bytes.skip(4)
        hasComposite = try bytes.next() != 0
        let writer = try bytes.bytes(min(try bytes.big(4), (count - 9) / 2) * 2)
        isOfPhotoshop = writer.starts(with: "Adobe".utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] })
      case 1028, 1058, 1060:
        hasEXIF = hasEXIF || number == 1058
        hasXMP = hasXMP || number == 1060
        guard segment.count + count <= limits.maxMetadataBytes else {
          isCut = true
          break
        }
        let content = try bytes.bytes(count)
        if number == 1058 { exif = content }
        if number == 1060 { xmp = content }
        if number == 1028 {
          segment += Array("8BIM".utf8) + [UInt8(number >> 8), UInt8(number & 255), 0, 0]
          segment += (0..<4).map { UInt8(truncatingIfNeeded: count >> (24 - 8 * $0)) } + content
          if count % 2 == 1 { segment.append(0) }
        }
      default: break
      }
      try bytes.skip(max(0, next - bytes.offset))
    }
    try bytes.skip(max(0, end - bytes.offset))
  }

  /// Adds profile and metadata to a description.
  func describe(_ description: inout ImageDescription) {
    if let profile { description.setICCProfile(profile) }
    description.setMetadata(exif: exif.map { [$0] } ?? [], xmp: xmp.map { [$0] } ?? [])
    (description.hasEXIF, description.hasXMP) = (hasEXIF, hasXMP)
    let segments = segment.isEmpty ? [] : [ArraySlice(Array("Photoshop 3.0\0".utf8) + segment)]
    description.setLocation(LocationReader(exif: exif, xmp: xmp, segments: segments, isCut: isCut))
  }
}
