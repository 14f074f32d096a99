internal import CLittleCMS
internal import CPixelIntrinsics
internal import PixelKernels

/// Converts samples of one color space to sRGB with relative colorimetric intent and black point compensation, as viewers of
/// photographs do.
///
/// lcms2 is the reference. Matrix-shaper profiles and gray profiles are turned into tables. These differ from lcms2 in double precision
/// only by rounding, and are fast enough for the whole source and for planes of a JPEG. Profiles with tables for 8-bit RGB and CMYK are
/// turned into tables for a kernel too, if these agree with lcms2; they convert the small image. All other profiles go through lcms2
/// itself, without its optimization, because the grids of the optimization differ by up to ΔE 3.
final class ProfileConversion: RowConversion {
  /// The converted channels: gray stays gray, all others become RGB.
  let output: RowLayout.Channels
  /// True when rows can be converted in place, before the resize.
  var isInPlace: Bool {
    switch form {
    case .matrix, .matrixOfWords, .gray: true
    case .table, .transform: false
    }
  }
  /// True when planes of a JPEG can be converted: Y, Cb and Cr of 8 bits, or luma alone.
  var takesPlanes: Bool {
    switch form {
    case .matrix: channels == .rgb
    case .gray: channels == .gray && bitDepth == 8
    case .matrixOfWords, .table, .transform: false
    }
  }
  /// True when the transfer function of the space differs so much from that of sRGB that the order of resize and conversion changes the
  /// result by more than ΔE 1.
  let changesTransfer: Bool

  private let channels: RowLayout.Channels
  private let bitDepth: Int
  private let kernels: KernelTable
  private let form: Form

  private enum Form: Sendable {
    case matrix(toLight: [Int32], fromLight: [UInt8])
    case matrixOfWords(toLight: [Float], matrix: [Float], fromLight: [Float])
    case gray([UInt16])
    case table(LabTable)
    case transform(ColorTransform)
  }

  /// The reason why there is no conversion.
  enum Refusal: Error, Equatable {
    /// lcms2 cannot read the profile, or the profile is for other channels and has no tone curve.
    case unusable
    /// The space is sRGB to within one level of 255, so that samples need no conversion.
    case isSRGB
  }

  /// Prepares a conversion of samples of `bitDepth` bits from an embedded profile.
  convenience init(
    profile: [UInt8], channels: RowLayout.Channels, bitDepth: Int, kernels: KernelTable
  ) throws(Refusal) {
    guard let context = ColorContext(), let source = ColorProfile(bytes: profile, context) else { throw .unusable }
    try self.init(from: source, context, channels: channels, bitDepth: bitDepth, kernels: kernels)
  }

  /// Prepares a conversion of samples of `bitDepth` bits from the space that a PNG describes without a profile.
  convenience init(
    space: DescribedColorSpace, channels: RowLayout.Channels, bitDepth: Int, kernels: KernelTable
  ) throws(Refusal) {
    guard let context = ColorContext(), let source = ColorProfile(space, channels: channels, context) else {
      throw .unusable
    }
    try self.init(from: source, context, channels: channels, bitDepth: bitDepth, kernels: kernels)
  }

  private init(
    from source: borrowing ColorProfile, _ context: ColorContext, channels: RowLayout.Channels, bitDepth: Int,
    kernels: KernelTable
  ) throws(Refusal) {
    let isGray = channels == .gray || channels == .grayAlpha
    // For a gray image, the tone curve of an RGB profile is used. Only a matrix-shaper profile has one.
    let isToneCurve = isGray && source.space == cmsSigRgbData
    guard source.space == channels.colorSpace || isToneCurve else { throw .unusable }
    guard let target = isGray && !isToneCurve ? ColorProfile(grayLike: context) : ColorProfile(sRGB: context) else {
      throw .unusable
    }
    let shaper = isGray && !isToneCurve || channels == .cmyk ? nil : source.matrixShaper(to: target)
    if isToneCurve, shaper == nil { throw .unusable }
    // The table is made before any transform, because it needs the bytes of a tag: once a transform has read the tag, lcms2 no longer
    // delivers them.
    let table = shaper != nil || isGray || bitDepth == 16 ? nil : LabTable(source, to: target, kernels: kernels)
    let exact =
      shaper == nil
      ? ColorTransform(context, from: source, channels: isGray ? .gray : channels.opaque, to: target) : nil
    guard
      let converted = shaper.map({ isToneCurve ? $0.convertedGray : $0.converted }) ?? exact.map({ $0.converted })
    else { throw .unusable }
    self.channels = channels
    self.bitDepth = bitDepth
    self.kernels = kernels
    output = channels == .cmyk ? .rgb : channels
    if channels == .cmyk {
      if let table, let exact, table.agrees(with: exact) {
        form = .table(table)
        changesTransfer = true
        return
      }
      guard let transform = ColorTransform(context, from: source, channels: .cmyk, to: target, bytes: bitDepth / 8)
      else { throw .unusable }
      form = .transform(transform)
      changesTransfer = true
      return
    }
    if Self.isSRGB(converted, isGray: isGray) { throw .isSRGB }
    changesTransfer = Self.changesTransfer(converted, isGray: isGray)
    let levels = bitDepth == 16 ? 65_536 : 256
    let maximum = Double(levels - 1)
    if isGray {
      form = .gray(
        converted((0..<levels).map { Double($0) / maximum }).map {
          UInt16((min(max($0, 0), 1) * maximum).rounded())
        })
    } else if let form = shaper.flatMap({ Self.matrixForm($0, levels: levels) }) {
      self.form = form
    } else if let table, let exact, table.agrees(with: exact) {
      form = .table(table)
    } else if let transform = ColorTransform(context, from: source, channels: channels, to: target, bytes: bitDepth / 8)
    {
      form = .transform(transform)
    } else {
      throw .unusable
    }
  }

  /// Converts an image.
  func convert(_ image: Raster) -> Raster {
    precondition(image.channels == channels && image.bitDepth == bitDepth, "made for \(channels) of \(bitDepth) bits")
    switch form {
    case .table(let table):
      var result = Raster(uninitialized: image.size, channels: output)
      unsafe image.bytes.withUnsafeBufferPointer { source in
        unsafe result.bytes.withUnsafeMutableBufferPointer { target in
          unsafe table.convert(
            source.baseAddress!, channels: image.channelCount, to: target.baseAddress!, pixels: image.size.pixelCount)
        }
      }
      return result
    case .transform(let transform):
      var result = Raster(size: image.size, channels: output, bitDepth: image.bitDepth)
      unsafe image.bytes.withUnsafeBytes { source in
        unsafe result.bytes.withUnsafeMutableBytes { target in
          unsafe transform.convert(source.baseAddress!, to: target.baseAddress!, pixels: image.size.pixelCount)
        }
      }
      return result
    case .matrix, .matrixOfWords, .gray: break
    }
    var result = image
    let pixels = image.size.pixelCount
    unsafe result.bytes.withUnsafeMutableBytes { unsafe convertInPlace($0.baseAddress!, pixels: pixels) }
    return result
  }

  /// Converts pixels in place.
  ///
  /// - Precondition: ``isInPlace``.
  func convertInPlace(_ row: UnsafeMutableRawPointer, pixels: Int) {
    let count = channels.rawValue
    let bytes = unsafe row.assumingMemoryBound(to: UInt8.self)
    let words = unsafe row.assumingMemoryBound(to: UInt16.self)
    switch form {
    case .table, .transform: preconditionFailure("this conversion is not done in place")
    case .gray(let table):
      unsafe table.withUnsafeBufferPointer { table in
        if bitDepth == 16 {
          unsafe kernels.finishing.map_gray_words(words, count, pixels, table.baseAddress!)
        } else {
          unsafe kernels.finishing.map_gray_bytes(bytes, count, pixels, table.baseAddress!)
        }
      }
    case .matrix(let toLight, let fromLight):
      unsafe kernels.finishing.convert_matrix_bytes(bytes, count, pixels, toLight, fromLight)
    case .matrixOfWords(let toLight, let matrix, let fromLight):
      let levels = toLight.count / 3
      unsafe toLight.withUnsafeBufferPointer { toLight in
        unsafe matrix.withUnsafeBufferPointer { matrix in
          unsafe fromLight.withUnsafeBufferPointer { fromLight in
            unsafe kernels.finishing.convert_matrix_words(
              words, count, pixels, levels, toLight.baseAddress!, matrix.baseAddress!, fromLight.baseAddress!)
          }
        }
      }
    }
  }

  /// Converts rows of Y, Cb and Cr, or of luma alone, in place.
  ///
  /// - Precondition: ``takesPlanes``. Rows of luma extend to the next multiple of 64 samples, and those of chroma to the next multiple
  ///   of 64, or of 32 if chroma has half of luma's samples on both axes.
  func convertPlanes(
    _ planes: [UnsafeMutablePointer<UInt8>?], strides: [Int], width: Int, rows: Int, isHalved: Bool
  ) {
    if case .matrix(let toLight, let fromLight) = form {
      unsafe withUnsafeTemporaryAllocation(of: UInt16.self, capacity: planeScratchWords) { scratch in
        unsafe kernels.finishing.convert_matrix_planes(
          planes[0]!, strides[0], planes[1]!, planes[2]!, strides[1], width, rows, isHalved, toLight, fromLight,
          scratch.baseAddress!)
      }
    } else {
      for y in 0..<rows { unsafe convertInPlace(planes[0]! + y * strides[0], pixels: width) }
    }
  }

  /// The tables of a matrix-shaper profile; nil if an entry would be too large for the kernel.
  private static func matrixForm(_ shaper: MatrixShaper, levels: Int) -> Form? {
    let lights = (0..<3 * levels).map { i in
      shaper.light(Double(i % levels) / Double(levels - 1), channel: i / levels)
    }
    if levels > 256 {
      return .matrixOfWords(
        toLight: lights, matrix: shaper.matrix.map { Float($0 * 65_535) },
        fromLight: TransferFunction.encodedWords())
    }
    let one = 65_535.0 * Double(1 << entryFraction)
    var toLight: [Int32] = []
    toLight.reserveCapacity(3 * 256 * 4)
    for (i, light) in lights.enumerated() {
      let channel = i / 256
      // The half for rounding and the offset of the signed words are added only once, with the first channel.
      let start: Int32 = channel == 0 ? 1 << (entryFraction - 1) - 32_768 << entryFraction : 0
      for c in 0..<3 {
        let share = shaper.matrix[3 * c + channel] * Double(light)
        guard abs(share) <= 4 else { return nil }
        toLight.append(Int32((share * one).rounded()) + start)
      }
      toLight.append(0)
    }
    return .matrix(toLight: toLight, fromLight: TransferFunction.encodedBytes())
  }

  /// True when the conversion changes no color of a grid by more than one level of 255. The grid is tested in slices, because most other
  /// spaces already differ in the first one.
  private static func isSRGB(_ converted: ([Double]) -> [Double], isGray: Bool) -> Bool {
    let levels = stride(from: 0, through: 255, by: 17).map { Double($0) / 255 }
    let slices =
      isGray
      ? [(0...255).map { Double($0) / 255 }]
      : levels.map { r in levels.flatMap { g in levels.flatMap { [r, g, $0] } } }
    return slices.allSatisfy { colors in
      zip(colors, converted(colors)).allSatisfy { abs($0 - $1) <= 1.5 / 255 }
    }
  }

  /// True when the mean of two grays, taken before the conversion, differs from that taken after it by more than 2 levels of 255.
  private static func changesTransfer(_ convert: ([Double]) -> [Double], isGray: Bool) -> Bool {
    let step = isGray ? 1 : 3
    let converted = convert((0...64).flatMap { Array(repeating: Double($0) / 64, count: step) })
    for a in 0...64 {
      for b in stride(from: a, through: 64, by: 2) {
        let middle = (converted[a * step] + converted[b * step]) / 2
        if abs(converted[(a + b) / 2 * step] - middle) > 2.0 / 255 { return true }
      }
    }
    return false
  }
}

extension RowLayout.Channels {
  /// lcms2's code of the channels.
  fileprivate var colorSpace: cmsColorSpaceSignature {
    switch self {
    case .gray, .grayAlpha: cmsSigGrayData
    case .rgb, .rgba: cmsSigRgbData
    case .cmyk: cmsSigCmykData
    }
  }

  /// The channels without alpha.
  var opaque: RowLayout.Channels { self == .rgba ? .rgb : self == .grayAlpha ? .gray : self }
}
