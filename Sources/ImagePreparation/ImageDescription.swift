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
  public var orientation: Orientation
  /// Bits a sample as stored: 1, 2, 4, 8 or 16.
  public var bitDepth: Int
  /// How the samples are to be read.
  public var colorModel: ColorModel
  /// Chroma subsampling of a YCbCr JPEG as `4:2:0`; nil elsewhere; `other` for factors without a common name.
  public var subsampling: String?
  /// True when the file carries transparency: an alpha channel or a tRNS chunk.
  public var hasAlpha: Bool
  /// Progressive JPEG, or interlaced (Adam7) PNG: not decodable row by row.
  public var isProgressive: Bool
  /// MCUs between restart markers; 0 where there are none or the format has none.
  public var restartInterval: Int
  /// The embedded ICC profile's bytes, if it is complete.
  public var iccProfile: [UInt8]?
  /// The profile's description tag, where it has one.
  public var iccProfileName: String?
  /// True when an Adobe APP14 marker is present (JPEG), with its transform value 0, 1 or 2.
  public var adobeTransform: Int?
  /// True when EXIF metadata is present.
  public var hasEXIF: Bool
  /// True when the EXIF metadata has a GPS directory.
  public var hasGPS: Bool
  /// True when an XMP packet is present.
  public var hasXMP: Bool
  /// True when text chunks or comments are present.
  public var hasText: Bool
  /// True for an animated PNG; only its default image is read.
  public var isAnimated: Bool
  /// What a user should know, for example a profile that was ignored, in whole sentences without a period.
  public var notes: [String]

  /// Width and height as a viewer shows them (orientation applied).
  public var size: ImageSize { orientation.swapsSides ? storedSize.transposed : storedSize }
}
