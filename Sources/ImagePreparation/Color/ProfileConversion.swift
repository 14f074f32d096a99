internal import CLittleCMS

/// Converts samples from an embedded ICC profile to sRGB through lcms2.
///
/// Relative colorimetric intent with black point compensation, which is what viewers of photographs do.
@safe
final class ProfileConversion: @unchecked Sendable {
  // Unchecked: each conversion has its own lcms2 context, and transforms without a cache may be used by several threads.

  private let context: cmsContext
  private let transform: cmsHTRANSFORM
  /// What the converted channels mean: gray stays gray, everything else becomes RGB.
  let output: RowLayout.Channels

  /// Why there is no conversion.
  enum Refusal: Error, Equatable {
    /// lcms2 cannot read the profile, or it is not for this kind of samples.
    case unusable
    /// The profile is sRGB to within one level of 255: samples are left as they are.
    case isSRGB
  }

  /// Prepares a conversion of samples of `bitDepth` bits.
  init(
    profile: [UInt8], channels: RowLayout.Channels, bitDepth: Int
  ) throws(Refusal) {
    guard let context = unsafe cmsCreateContext(nil, nil) else { throw .unusable }
    // Broken profiles are reported by return values; nothing is printed.
    unsafe cmsSetLogErrorHandlerTHR(context) { _, _, _ in }
    let source = unsafe profile.withUnsafeBytes {
      unsafe cmsOpenProfileFromMemTHR(context, $0.baseAddress, cmsUInt32Number($0.count))
    }
    defer { if let source = unsafe source { _ = unsafe cmsCloseProfile(source) } }
    let space: cmsColorSpaceSignature
    switch channels {
    case .gray, .grayAlpha: space = cmsSigGrayData
    case .rgb, .rgba: space = cmsSigRgbData
    case .cmyk: space = cmsSigCmykData
    }
    guard let source = unsafe source, unsafe cmsGetColorSpace(source) == space else {
      unsafe cmsDeleteContext(context)
      throw .unusable
    }
    guard
      let made = unsafe Self.makeTransform(context, from: source, channels: channels, bytes: bitDepth / 8)
    else {
      unsafe cmsDeleteContext(context)
      throw .unusable
    }
    if channels != .cmyk, unsafe Self.isSRGB(context, source, channels) {
      unsafe cmsDeleteTransform(made)
      unsafe cmsDeleteContext(context)
      throw .isSRGB
    }
    unsafe self.context = context
    unsafe self.transform = made
    output = channels == .cmyk ? .rgb : channels
  }

  deinit {
    unsafe cmsDeleteTransform(transform)
    unsafe cmsDeleteContext(context)
  }

  /// Converts an image.
  func convert(_ image: Raster) -> Raster {
    var result = Raster(size: image.size, channels: output, bitDepth: image.bitDepth)
    unsafe image.bytes.withUnsafeBytes { source in
      unsafe result.bytes.withUnsafeMutableBytes { target in
        unsafe cmsDoTransform(
          transform, source.baseAddress, target.baseAddress, cmsUInt32Number(image.size.pixelCount))
      }
    }
    return result
  }

  private static func makeTransform(
    _ context: cmsContext, from source: cmsHPROFILE, channels: RowLayout.Channels, bytes: Int
  ) -> cmsHTRANSFORM? {
    let isGray = channels == .gray || channels == .grayAlpha
    guard let target = unsafe isGray ? makeGray(context) : cmsCreate_sRGBProfileTHR(context) else {
      return nil
    }
    defer { _ = unsafe cmsCloseProfile(target) }
    let inputFormat = format(channels, bytes: bytes)
    let outputFormat = format(channels == .cmyk ? .rgb : channels, bytes: bytes)
    var flags = cmsUInt32Number(cmsFLAGS_BLACKPOINTCOMPENSATION | cmsFLAGS_NOCACHE)
    if channels.hasAlpha { flags |= cmsUInt32Number(cmsFLAGS_COPY_ALPHA) }
    return unsafe cmsCreateTransformTHR(
      context, source, inputFormat, target, outputFormat, cmsUInt32Number(INTENT_RELATIVE_COLORIMETRIC), flags)
  }

  /// Gray with the sRGB transfer function and a D50 white.
  private static func makeGray(_ context: cmsContext) -> cmsHPROFILE? {
    // IEC 61966-2-1 as lcms2's parametric curve 4: (aX + b)^γ above d, cX below.
    let parameters: [cmsFloat64Number] = [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045]
    guard let curve = unsafe cmsBuildParametricToneCurve(context, 4, parameters) else { return nil }
    defer { unsafe cmsFreeToneCurve(curve) }
    return unsafe cmsCreateGrayProfileTHR(context, cmsD50_xyY(), curve)
  }

  /// lcms2's pixel format (lcms2.h: COLORSPACE_SH, CHANNELS_SH, BYTES_SH, EXTRA_SH, FLAVOR_SH).
  private static func format(_ channels: RowLayout.Channels, bytes: Int) -> cmsUInt32Number {
    let space: (type: Int32, colors: Int)
    switch channels {
    case .gray, .grayAlpha: space = (PT_GRAY, 1)
    case .rgb, .rgba: space = (PT_RGB, 3)
    case .cmyk: space = (PT_CMYK, 4)
    }
    let extra = channels.hasAlpha ? 1 : 0
    return cmsUInt32Number(space.type) << 16 | cmsUInt32Number(extra) << 7 | cmsUInt32Number(space.colors) << 3
      | cmsUInt32Number(bytes)
  }

  /// True when a grid of colors, converted, moves by no more than one level of 255.
  private static func isSRGB(
    _ context: cmsContext, _ source: cmsHPROFILE, _ channels: RowLayout.Channels
  ) -> Bool {
    let isGray = channels == .gray || channels == .grayAlpha
    guard let transform = unsafe makeTransform(context, from: source, channels: isGray ? .gray : .rgb, bytes: 1) else {
      return false
    }
    defer { unsafe cmsDeleteTransform(transform) }
    let levels: [UInt8] = Array(stride(from: 0, through: 255, by: 17))
    let colors =
      isGray
      ? (0...255).map { UInt8($0) } : levels.flatMap { r in levels.flatMap { g in levels.flatMap { [r, g, $0] } } }
    var converted = [UInt8](repeating: 0, count: colors.count)
    unsafe cmsDoTransform(transform, colors, &converted, cmsUInt32Number(colors.count / (isGray ? 1 : 3)))
    return zip(colors, converted).allSatisfy { abs(Int($0) - Int($1)) <= 1 }
  }
}
