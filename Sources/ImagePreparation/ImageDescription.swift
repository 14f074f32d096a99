/// The content of an image file's headers, read without decoding pixels.
public struct ImageDescription: Sendable, Equatable {
  /// The kinds of file that can be decoded. ``EncodedFormat`` has those that can be encoded.
  public enum Format: String, Sendable, CaseIterable, Codable {
    /// JPEG (ITU-T T.81).
    case jpeg
    /// PNG (W3C Portable Network Graphics, third edition).
    case png
    /// BMP (bitmaps of Windows and OS/2).
    case bmp
    /// TGA (Truevision TGA 2.0).
    case tga
    /// GIF (GIF89a); its first frame.
    case gif
    /// PSD and PSB (Adobe Photoshop); the composite of all layers.
    case psd
    /// WebP (RFC 9649), over libwebp; the first frame of an animation.
    case webp
    /// TIFF and BigTIFF (TIFF 6.0), over libtiff; the first page.
    case tiff
    /// HEIC, and other HEIF (ISO/IEC 23008-12), in the helper process `gesso-decode`; the primary picture.
    case heic
    /// AVIF (AV1 Image File Format), in the helper process as well; the primary picture.
    case avif

    /// True for kinds that are decoded in the helper process, at ``Limits/decodeHelper``.
    package var needsHelper: Bool { self == .heic || self == .avif }

    /// The name that people use.
    public var name: String { self == .webp ? "WebP" : rawValue.uppercased() }
  }

  /// The meaning of a pixel's samples, as stored in the file.
  public enum ColorModel: String, Sendable, Codable {
    /// One channel of gray.
    case gray
    /// Luma and two chroma planes (ITU-T T.871).
    case ycbcr
    /// Red, green, blue.
    case rgb
    /// Indices into a table of RGB colors.
    case palette
    /// Four inks.
    case cmyk
    /// Four inks, the first three coded as luma and chroma (Adobe transform 2).
    case ycck
  }

  /// The kind of file.
  public var format: Format
  /// Width and height as stored, before orientation; of HEIC and AVIF, as turned by the file's own rules.
  public var storedSize: ImageSize
  /// The orientation, 1 to 8; 1 if the file has none or an invalid one. The first valid one counts: EXIF in the order of the file (of a
  /// PNG first eXIf, then a raw profile), then XMP. A note lists carriers that disagree. The rows of most BMPs and TGAs are stored from
  /// the bottom up, which is an orientation, too.
  public var orientation = Orientation.upright
  /// Bits per sample as stored: 1, 2, 4, 8 or 16; bits per index for a palette; 32 for floating-point samples. Other lengths below 8, such
  /// as the 5 bits of some BMPs, count as 8. Other lengths above 8, such as the 10 and 12 bits of HEIC and AVIF, count as 16.
  public var bitDepth: Int
  /// The meaning of the samples.
  public var colorModel: ColorModel
  /// Chroma subsampling of a YCbCr image as `4:2:0`; nil elsewhere; `other` for factors without a common name.
  public var subsampling: String?
  /// True when the file carries transparency: an alpha channel or a tRNS chunk.
  public var hasAlpha = false
  /// True for a progressive JPEG or an interlaced (Adam7) PNG, which may take memory for the whole image.
  public var isProgressive = false
  /// MCUs between restart markers; 0 if there are none or the format has none.
  public var restartInterval = 0
  /// The embedded ICC profile's bytes, if it is complete.
  public var iccProfile: [UInt8]?
  /// The profile's description tag, if it has one.
  public var iccProfileName: String?
  /// The transform value (0, 1 or 2) of the Adobe APP14 marker of a JPEG; nil without one.
  public var adobeTransform: Int?
  /// The EXIF metadata, an unchanged TIFF structure.
  var exif: [UInt8]?
  /// The unchanged XMP packet.
  var xmp: [UInt8]?
  /// The first comment of a JPEG.
  var comment: [UInt8]?
  /// The chunks of a PNG that the codec collects (`CIC_PNG_METADATA_CHUNKS`), except EXIF: text, with XMP among it.
  var chunks: [PNGChunk] = []
  /// True when EXIF metadata is present.
  public var hasEXIF = false
  /// True when metadata contain coordinates: a GPS directory in EXIF, or properties for a position in XMP, in any namespace. True as
  /// well, with a note, when metadata could not be searched and may contain coordinates.
  ///
  /// Maker notes, further images in the file, bytes after the end of a JPEG, and bytes after the image data of a PNG in a pipe are
  /// not searched.
  public var hasGPS = false
  /// True when XMP or IPTC metadata name a place: a city, a country, a location. Such a name reveals the place, but is not a position, so
  /// it does not set ``hasGPS``.
  public var hasPlaceName = false
  /// True when an XMP packet is present.
  public var hasXMP = false
  /// True when text chunks or comments are present.
  public var hasText = false
  /// True when the file contains a gain map, which makes an HDR picture of the one that is decoded.
  var hasGainMap = false
  /// True for an animated PNG; only its default image is read.
  public var isAnimated = false
  /// Notes for the user, for example about a profile that was ignored, in whole sentences without a period.
  public var notes: [String] = []

  /// The color space that EXIF declares; nil for none.
  var exifColor: EXIFColor?
  /// The color chunks of a PNG besides a profile, and the code points of HEIC and AVIF without one; nil for other kinds.
  public var pngColor: PNGColor?

  /// The notes of ``colorNotes(for:)`` for the default recipe, if another process has read the profile; otherwise nil.
  var foundColorNotes: [String]?

  /// Width and height as a viewer shows them (orientation applied).
  public var size: ImageSize { orientation.swapsSides ? storedSize.transposed : storedSize }
}

extension ImageDescription {
  /// Sets EXIF, XMP and the orientation in them, if there are any.
  ///
  /// - Parameters:
  ///   - structures: TIFF structures in order of precedence, with or without a prefix. The first readable one is kept.
  ///   - packets: XMP packets, of which the first is kept.
  ///   - turns: False for a kind of file that has rules of its own about orientation.
  mutating func setMetadata(exif structures: [[UInt8]], xmp packets: [[UInt8]], turns: Bool = true) {
    let structures = structures.map(EXIFReader.withoutPrefix)
    hasEXIF = !structures.isEmpty
    exif = structures.first { EXIFReader($0.span).isReadable } ?? structures.first
    exifColor = exif.flatMap { EXIFColor($0) }
    xmp = packets.first
    let read = packets.compactMap { XMPEditor($0, size: storedSize) }
    hasGainMap = read.contains { $0.removed.contains(.gainMap) }
    guard turns else { return }
    let carriers = OrientationCarriers(exif: structures, xmp: read)
    orientation = carriers.orientation
    if let note = carriers.note { notes.append(note) }
  }

  /// Sets the findings about the place of the picture.
  mutating func setLocation(_ location: LocationReader) {
    hasGPS = location.hasCoordinates || location.isIncomplete
    hasPlaceName = location.hasPlaceName
    if !location.hasCoordinates, location.isIncomplete {
      notes.append("some metadata are damaged, too large or too many to be looked through, and may hold a GPS position")
    }
  }

  /// Sets the profile and its name, if there is one.
  mutating func setICCProfile(_ start: UnsafePointer<UInt8>?, _ count: Int) {
    guard let start = unsafe start else { return }
    unsafe setICCProfile(Array(UnsafeBufferPointer(start: start, count: count)))
  }

  /// Sets the profile and its name.
  mutating func setICCProfile(_ profile: [UInt8]) {
    iccProfile = profile
    iccProfileName = ColorProfile.name(of: profile)
  }

  /// Bits of the samples that a decoder delivers for this image: 8 or 16.
  var decodedBits: Int { bitDepth >= 16 ? 16 : 8 }

  /// The channels that a decoder delivers for this image: palettes are expanded to colors, and inks stay inks.
  var decodedChannels: RowLayout.Channels {
    switch colorModel {
    case .gray: hasAlpha ? .grayAlpha : .gray
    case .rgb, .ycbcr, .palette: hasAlpha ? .rgba : .rgb
    case .cmyk, .ycck: .cmyk
    }
  }
}

/// The form in which another process sends its findings about an image. The bytes of metadata are left out, and the bytes of the profile
/// are sent beside it.
extension ImageDescription: Codable {
  private enum CodingKeys: CodingKey {
    case format, storedSize, orientation, bitDepth, colorModel, subsampling, hasAlpha, isProgressive, restartInterval
    case iccProfileName, adobeTransform, hasEXIF, hasGPS, hasPlaceName, hasXMP, hasText, hasGainMap, isAnimated, notes
    case foundColorNotes, exifColor, pngColor
  }
}
