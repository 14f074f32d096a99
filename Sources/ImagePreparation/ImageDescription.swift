/// What the headers of an image file say, read without decoding pixels.
public struct ImageDescription: Sendable, Equatable {
  /// The file formats that can be decoded and encoded.
  public enum Format: String, Sendable, CaseIterable {
    /// JPEG (ITU-T T.81).
    case jpeg
    /// PNG (W3C Portable Network Graphics, third edition).
    case png
  }

  /// How the samples of a pixel are to be read, as stored in the file.
  public enum ColorModel: String, Sendable {
    /// One channel of light.
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

  /// JPEG or PNG.
  public var format: Format
  /// Width and height as stored, before orientation.
  public var storedSize: ImageSize
  /// EXIF orientation, 1 to 8; 1 where the file has none or an invalid one.
  public var orientation = Orientation.upright
  /// Bits a sample as stored: 1, 2, 4, 8 or 16; of a palette, bits an index.
  public var bitDepth: Int
  /// How the samples are to be read.
  public var colorModel: ColorModel
  /// Chroma subsampling of a YCbCr JPEG as `4:2:0`; nil elsewhere; `other` for factors without a common name.
  public var subsampling: String?
  /// True when the file carries transparency: an alpha channel or a tRNS chunk.
  public var hasAlpha = false
  /// Progressive JPEG, or interlaced (Adam7) PNG: not decodable row by row.
  public var isProgressive = false
  /// MCUs between restart markers; 0 where there are none or the format has none.
  public var restartInterval = 0
  /// The embedded ICC profile's bytes, if it is complete.
  public var iccProfile: [UInt8]?
  /// The profile's description tag, where it has one.
  public var iccProfileName: String?
  /// The transform value (0, 1 or 2) of the Adobe APP14 marker of a JPEG; nil without one.
  public var adobeTransform: Int?
  /// The EXIF metadata, a TIFF structure, as it was found.
  var exif: [UInt8]?
  /// The XMP packet of a JPEG, as it was found.
  var xmp: [UInt8]?
  /// The first comment of a JPEG.
  var comment: [UInt8]?
  /// The chunks of text of a PNG, XMP among them.
  var textChunks: [TextChunk] = []
  /// True when EXIF metadata is present.
  public var hasEXIF = false
  /// True when the EXIF metadata has a GPS directory.
  public var hasGPS = false
  /// True when an XMP packet is present.
  public var hasXMP = false
  /// True when text chunks or comments are present.
  public var hasText = false
  /// True for an animated PNG; only its default image is read.
  public var isAnimated = false
  /// What a user should know, for example a profile that was ignored, in whole sentences without a period.
  public var notes: [String] = []

  /// What a PNG says about its colors besides a profile; nil for a JPEG.
  public var pngColor: PNGColor?

  /// Width and height as a viewer shows them (orientation applied).
  public var size: ImageSize { orientation.swapsSides ? storedSize.transposed : storedSize }
}

extension ImageDescription {
  /// Takes orientation and the presence of GPS from EXIF bytes, if there are any.
  mutating func setEXIF(_ start: UnsafePointer<UInt8>?, _ count: Int) {
    guard let start = unsafe start else { return }
    let exif = EXIFReader(unsafe Span(_unsafeStart: start, count: count))
    hasEXIF = true
    self.exif = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    hasGPS = exif.hasGPS
    orientation = exif.orientation
  }

  /// Takes the profile and its name, if there is one.
  mutating func setICCProfile(_ start: UnsafePointer<UInt8>?, _ count: Int) {
    guard let start = unsafe start else { return }
    let profile = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    iccProfile = profile
    iccProfileName = ICCProfileName.read(profile)
  }

  /// The channels that a decoder delivers for this image: palettes are looked up, and inks stay inks.
  var decodedChannels: RowLayout.Channels {
    switch colorModel {
    case .gray: hasAlpha ? .grayAlpha : .gray
    case .rgb, .ycbcr, .palette: hasAlpha ? .rgba : .rgb
    case .cmyk, .ycck: .cmyk
    }
  }
}
