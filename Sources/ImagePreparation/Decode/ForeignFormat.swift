internal import Ground

/// A known kind of file that cannot be decoded: its name, and a command that converts it to a kind that can.
struct ForeignFormat: Sendable {
  let kind: String
  /// A command with words such as `FILE` and `out.png`, which stand for paths.
  let converter: String

  private init(_ kind: String, _ converter: String) {
    self.kind = kind
    self.converter = converter
  }

  /// Recognizes a file by its first bytes.
  init?(of head: [UInt8]) {
    if let found = Self.container(head) ?? Self.listed(head) ?? Self.raw(head) ?? Self.document(head) {
      self = found
    } else {
      return nil
    }
  }

  /// The subtype of the media type (IANA) of images that services deliver; nil for others.
  var mediaSubtype: String? {
    switch kind {
    case "AVIF": "avif"
    case "HEIC": "heic"
    case "HEIF": "heif"
    case "JPEG XL": "jxl"
    case "SVG": "svg+xml"
    default: nil
    }
  }

  private static let magick = "magick FILE out.png"
  private static let firstLayer = "magick FILE[0] out.png"
  private static let raw = "darktable-cli FILE out.jpg"
  private static let video = "ffmpeg -i FILE -frames:v 1 out.png"

  // MARK: One signature each

  private struct Signature {
    let bytes: [UInt8]
    let offset: Int
    let format: ForeignFormat

    init(_ bytes: [UInt8], at offset: Int = 0, _ kind: String, _ converter: String = magick) {
      (self.bytes, self.offset, format) = (bytes, offset, ForeignFormat(kind, converter))
    }

    init(_ text: String, at offset: Int = 0, _ kind: String, _ converter: String = magick) {
      self.init(Array(text.utf8), at: offset, kind, converter)
    }
  }

  private static func listed(_ head: [UInt8]) -> ForeignFormat? {
    signatures.first { head.dropFirst($0.offset).starts(with: $0.bytes) }?.format
  }

  /// The signatures of each kind's specification or of its only implementation.
  private static let signatures: [Signature] = [
    // Raw images of cameras.
    Signature("HEAPCCDR", at: 6, "Canon CRW raw", raw), Signature("FUJIFILMCCD-RAW", "Fujifilm RAF raw", raw),
    Signature("IIRO", "Olympus ORF raw", raw), Signature("IIRS", "Olympus ORF raw", raw),
    Signature("MMOR", "Olympus ORF raw", raw), Signature("IIU\0", "Panasonic RW2 raw", raw),
    Signature("FOVb", "Sigma X3F raw", raw), Signature("\0MRM", "Minolta MRW raw", raw),
    // Projects of painting programs.
    Signature("gimp xcf", "GIMP's XCF", "magick FILE -background none -flatten out.png"),
    Signature("PDN3", "Paint.NET's PDN", "export it from Paint.NET as PNG"),
    Signature("CSFCHUNK", "Clip Studio Paint's CLIP", "export it from Clip Studio Paint as PNG"),
    Signature([0x00, 0xFF, 0x4B, 0x41], "an Affinity document", "export it from Affinity as PNG"),
    Signature("BLENDER", "a Blender file", "blender -b FILE -o //out -F PNG -f 1"),
    // Images.
    Signature([0xFF, 0x0A], "JPEG XL", "djxl FILE out.png"),
    Signature([0, 0, 0, 0x0C, 0x4A, 0x58, 0x4C, 0x20], "JPEG XL", "djxl FILE out.png"),
    Signature([0, 0, 0, 0x0C, 0x6A, 0x50, 0x20, 0x20], "JPEG 2000", "opj_decompress -i FILE -o out.png"),
    Signature([0xFF, 0x4F, 0xFF, 0x51], "JPEG 2000", "opj_decompress -i FILE -o out.png"),
    Signature([0x49, 0x49, 0xBC, 0x01], "JPEG XR", "JxrDecApp -i FILE -o out.bmp && magick out.bmp out.png"),
    Signature("qoif", "QOI"), Signature("FLIF", "FLIF", "flif -d FILE out.png"),
    Signature([0x42, 0x50, 0x47, 0xFB], "BPG", "bpgdec -o out.png FILE"),
    Signature([0x76, 0x2F, 0x31, 0x01], "OpenEXR"), Signature("#?RADIANCE", "Radiance HDR"),
    Signature("#?RGBE", "Radiance HDR"), Signature("PF\n", "PFM"), Signature("Pf\n", "PFM"),
    Signature([0x00, 0x00, 0x01, 0x00], "ICO", firstLayer),
    Signature("icns", "Apple's ICNS", "icns2png -x FILE"), Signature([0x8A, 0x4D, 0x4E, 0x47], "MNG", firstLayer),
    Signature([0x8B, 0x4A, 0x4E, 0x47], "JNG"), Signature([0x59, 0xA6, 0x6A, 0x95], "a Sun raster image"),
    Signature([0x01, 0xDA, 0x00], "SGI"), Signature([0x01, 0xDA, 0x01], "SGI"),
    Signature([0x0A, 0x05, 0x01], "PCX"), Signature("SIMPLE  =", "FITS"), Signature("/* XPM */", "XPM"),
    Signature("DICM", at: 128, "DICOM", "dcmj2pnm --write-png FILE out.png"),
    // Textures.
    Signature("DDS ", "DDS"),
    Signature(
      [0xAB, 0x4B, 0x54, 0x58, 0x20, 0x32, 0x30, 0xBB, 0x0D, 0x0A, 0x1A, 0x0A], "KTX2", "ktx extract FILE out.png"),
    Signature([0xAB, 0x4B, 0x54, 0x58, 0x20, 0x31, 0x31, 0xBB], "KTX", "PVRTexToolCLI -i FILE -d out.png"),
    Signature("PVR\u{3}", "PVR", "PVRTexToolCLI -i FILE -d out.png"),
    Signature([0x13, 0xAB, 0xA1, 0x5C], "ASTC", "astcenc -ds FILE out.png"),
    Signature("VTF\0", "VTF", "vtf2png FILE out.png"),
    // Pages and drawings.
    Signature("%PDF", "PDF", "pdftoppm -png FILE out"),
    Signature("%!PS", "PostScript", "gs -sDEVICE=png16m -r300 -o out.png FILE"),
    Signature([0xC5, 0xD0, 0xD3, 0xC6], "EPS", "gs -sDEVICE=png16m -r300 -o out.png FILE"),
    Signature("AT&TFORM", "DjVu", "ddjvu -format=ppm -page=1 FILE out.ppm && magick out.ppm out.png"),
    Signature([0xD7, 0xCD, 0xC6, 0x9A], "WMF", "libreoffice --headless --convert-to png FILE"),
    Signature(" EMF", at: 40, "EMF", "libreoffice --headless --convert-to png FILE"),
    // Packed files and videos.
    Signature([0x1F, 0x8B], "a gzip file", "gunzip FILE"),
    Signature([0x28, 0xB5, 0x2F, 0xFD], "a zstd file", "unzstd FILE"),
    Signature([0xFD, 0x37, 0x7A, 0x58, 0x5A], "an xz file", "unxz FILE"),
    Signature([0x31, 0x41, 0x59, 0x26, 0x53, 0x59], at: 4, "a bzip2 file", "bunzip2 FILE"),
    Signature([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "a 7-Zip archive", "7z x FILE"),
    Signature("Rar!\u{1A}\u{7}", "a RAR archive", "unrar x FILE"),
    Signature([0x1A, 0x45, 0xDF, 0xA3], "a video", video), Signature([0, 0, 1, 0xBA], "a video", video),
    Signature("FLV\u{1}", "a video", video),
  ]

  // MARK: Containers

  /// Files of the family of the Interchange File Format, ISO base media files and ZIP files. The kind of their content is named after the
  /// first bytes.
  private static func container(_ head: [UInt8]) -> ForeignFormat? {
    if isASCII("RIFF", head) {
      if isASCII("AVI ", head, at: 8) { return Self("a video", video) }
    }
    if let brand = MediaBrand.brands(of: head)?.first { return isobmff(brand) }
    if isASCII("PK\u{3}\u{4}", head) { return zip(head) }
    // A cursor of Windows. The header of a TGA without a color map begins with the same bytes, but has zeros where a cursor has its number
    // of images.
    if head.count >= 6, head.starts(with: [0, 0, 2, 0]), head[4] > 0, head[5] == 0 {
      return Self("a cursor (CUR)", firstLayer)
    }
    return nil
  }

  /// The formats of ISO base media files that are not decoded, by the major brand.
  private static func isobmff(_ brand: String) -> ForeignFormat {
    switch brand {
    case "jxl ": Self("JPEG XL", "djxl FILE out.png")
    case "jp2 ": Self("JPEG 2000", "opj_decompress -i FILE -o out.png")
    case "crx ": Self("Canon CR3 raw", raw)
    default: Self("a video", video)
    }
  }

  /// ZIP files. In OpenRaster, and in Krita's files, the first entry names the kind.
  private static func zip(_ head: [UInt8]) -> ForeignFormat {
    if isASCII("mimetypeapplication/x-krita", head, at: 30) {
      return Self("Krita's KRA", "unzip -p FILE mergedimage.png > out.png")
    }
    if isASCII("mimetypeimage/openraster", head, at: 30) {
      return Self("OpenRaster", "unzip -p FILE mergedimage.png > out.png")
    }
    return Self("a ZIP archive", "unzip FILE")
  }

  // MARK: Raw images in TIFF

  /// The makers of cameras with raw images that are TIFF files, by the beginning of tag 0x010F.
  private static let makers: [(name: String, kind: String)] = [
    ("nikon", "Nikon NEF raw"), ("sony", "Sony ARW raw"), ("pentax", "Pentax PEF raw"), ("ricoh", "Pentax PEF raw"),
    ("samsung", "Samsung SRW raw"), ("hasselblad", "Hasselblad 3FR raw"), ("phase one", "Phase One IIQ raw"),
    ("epson", "Epson ERF raw"), ("seiko epson", "Epson ERF raw"), ("eastman kodak", "Kodak DCR raw"),
    ("kodak", "Kodak DCR raw"), ("leaf", "Leaf MOS raw"), ("mamiya", "Mamiya MEF raw"), ("canon", "Canon raw"),
    ("olympus", "Olympus raw"), ("panasonic", "Panasonic raw"), ("leica", "Leica raw"), ("fujifilm", "Fujifilm raw"),
  ]

  /// The kind of a raw image that is a TIFF file, as far as these bytes show it; nil for other TIFF files.
  private static func raw(_ head: [UInt8]) -> ForeignFormat? {
    guard head.count >= 4, head[0] == head[1], head[0] == 0x49 || head[0] == 0x4D else { return nil }
    let isLittleEndian = head[0] == 0x49
    func number(_ offset: Int, _ size: Int) -> Int {
      guard offset >= 0, offset + size <= head.count else { return 0 }
      let bytes = head[offset..<offset + size]
      return (isLittleEndian ? Array(bytes.reversed()) : Array(bytes)).reduce(0) { $0 << 8 | Int($1) }
    }
    guard number(2, 2) == 42 else { return nil }
    if isASCII("CR", head, at: 8), number(4, 4) == 16 { return Self("Canon CR2 raw", raw) }
    if isASCII("IIII", head, at: 8) || isASCII("MMMM", head, at: 8) { return Self("Phase One IIQ raw", raw) }
    // The first directory (TIFF 6.0, section 2), as far as it lies in these bytes.
    let directory = number(4, 4)
    var (maker, hasParts, isReduced) = ("", false, false)
    for entry in 0..<min(number(directory, 2), 64) {
      let at = directory + 2 + 12 * entry
      switch number(at, 2) {
      case 0x00FE: isReduced = number(at + 8, 4) & 1 == 1
      case 0x010F:
        let start = number(at + 4, 4) <= 4 ? at + 8 : number(at + 8, 4)
        maker = String(decoding: head.dropFirst(start).prefix(32).prefix { $0 != 0 }, as: UTF8.self).lowercased()
      case 0x014A: hasParts = true
      // The compressions of raw data: Samsung's, Sony's, Nikon's, Kodak's, Pentax's.
      case 0x0103: hasParts = hasParts || [32_767, 32_769, 32_770, 34_713, 65_000, 65_535].contains(number(at + 8, 2))
      case 0xC612: return Self("DNG raw", raw)
      default: break
      }
    }
    // A finished TIFF of a camera or a scanner has one image. A raw image begins with a small one, or has parts.
    guard hasParts || isReduced else { return nil }
    if let kind = makers.first(where: { maker.hasPrefix($0.name) })?.kind { return Self(kind, raw) }
    return isReduced && hasParts ? Self("a camera's raw image in TIFF", raw) : nil
  }

  // MARK: Without a signature

  private static func document(_ head: [UInt8]) -> ForeignFormat? {
    let start = String(decoding: head.prefix(512), as: UTF8.self)
    if start.contains(part: "<svg") { return Self("SVG", "rsvg-convert FILE -o out.png") }
    // PNM: a number from 1 to 7, white space and digits or a comment (netpbm's pages on pbm, pgm, ppm and pam).
    let rest = start.dropFirst(2)
    let content = rest.drop(while: \.isWhitespace)
    if start.first == "P", let kind = start.dropFirst().first, ("1"..."6").contains(kind), content.count < rest.count,
      let next = content.first, next == "#" || ("0"..."9").contains(next)
    {
      return Self("PNM", "pnmtopng FILE > out.png")
    }
    if start.hasPrefix("P7\n") { return Self("PAM", "pamtopng FILE > out.png") }
    return nil
  }

  private static func isASCII(_ text: String, _ head: [UInt8], at offset: Int = 0) -> Bool {
    head.dropFirst(offset).starts(with: text.utf8)
  }
}
