internal import CLittleCMS
internal import Ground

/// Owns a context of lcms2. Broken profiles are reported by return values; nothing is printed.
@safe
final class ColorContext: @unchecked Sendable {
  // Unchecked: lcms2 locks the state that its contexts share.
  let pointer: cmsContext

  init?() {
    guard let pointer = unsafe cmsCreateContext(nil, nil) else { return nil }
    unsafe self.pointer = pointer
    unsafe cmsSetLogErrorHandlerTHR(pointer) { _, _, _ in }
  }

  deinit { unsafe cmsDeleteContext(pointer) }
}

/// Owns a profile of lcms2.
@safe
struct ColorProfile: ~Copyable {
  let pointer: cmsHPROFILE
  private let context: ColorContext

  private init?(_ pointer: cmsHPROFILE?, _ context: ColorContext) {
    guard let pointer = unsafe pointer else { return nil }
    unsafe self.pointer = pointer
    self.context = context
  }

  deinit { _ = unsafe cmsCloseProfile(pointer) }

  /// Reads an embedded profile.
  init?(bytes: [UInt8], _ context: ColorContext) {
    unsafe self.init(
      bytes.withUnsafeBytes {
        unsafe cmsOpenProfileFromMemTHR(context.pointer, $0.baseAddress, cmsUInt32Number($0.count))
      }, context)
  }

  init?(sRGB context: ColorContext) { unsafe self.init(cmsCreate_sRGBProfileTHR(context.pointer), context) }

  /// Makes a gray profile with the sRGB transfer function and a D50 white.
  init?(grayLike context: ColorContext) {
    self.init(DescribedColorSpace(transfer: .srgb), channels: .gray, context)
  }

  /// Makes a profile of a space that is described without one.
  init?(_ space: DescribedColorSpace, channels: RowLayout.Channels, _ context: ColorContext) {
    // lcms2's parametric curve 4 is (aX + b)^γ from d on and cX below; curve 1 is X^γ.
    let (type, parameters) = space.transfer.parametric
    guard let curve = unsafe cmsBuildParametricToneCurve(context.pointer, type, parameters) else { return nil }
    defer { unsafe cmsFreeToneCurve(curve) }
    if channels == .gray || channels == .grayAlpha {
      unsafe self.init(cmsCreateGrayProfileTHR(context.pointer, cmsD50_xyY(), curve), context)
      return
    }
    let c = space.chromaticities
    func point(_ xy: PNGColor.Chromaticity) -> cmsCIExyY { cmsCIExyY(x: xy.x, y: xy.y, Y: 1) }
    var white = point(c.white)
    var primaries = cmsCIExyYTRIPLE(Red: point(c.red), Green: point(c.green), Blue: point(c.blue))
    let curves = unsafe [Optional(curve), curve, curve]
    unsafe self.init(cmsCreateRGBProfileTHR(context.pointer, &white, &primaries, curves), context)
  }

  /// The bytes of the profile for embedding. lcms2 writes the time into bytes 24 to 35, and a digest into bytes 84 to 99. All of these are
  /// set to zero here, so that equal images give equal bytes.
  var bytes: [UInt8]? {
    var count = cmsUInt32Number(0)
    guard unsafe cmsSaveProfileToMem(pointer, nil, &count) != 0 else { return nil }
    var bytes = [UInt8](repeating: 0, count: Int(count))
    guard unsafe bytes.withUnsafeMutableBytes({ unsafe cmsSaveProfileToMem(pointer, $0.baseAddress, &count) }) != 0
    else { return nil }
    for i in Array(24..<36) + Array(84..<100) { bytes[i] = 0 }
    return bytes
  }

  /// The description of an embedded profile (ICC.1:2022, 9.2.41). If it exists in several languages, the English one, or else the first
  /// one. Nil if there is none, or if lcms2 cannot read the profile.
  static func name(of bytes: [UInt8]) -> String? { ColorContext().flatMap { ColorProfile(bytes: bytes, $0)?.name } }

  /// The channels that a profile is for: gray, RGB or CMYK; nil for others, and if lcms2 cannot read the profile.
  static func channels(of bytes: [UInt8]) -> RowLayout.Channels? {
    switch ColorContext().flatMap({ ColorProfile(bytes: bytes, $0)?.space }) {
    case cmsSigGrayData: .gray
    case cmsSigRgbData: .rgb
    case cmsSigCmykData: .cmyk
    default: nil
    }
  }

  private var name: String? {
    guard let tag = unsafe cmsReadTag(pointer, cmsSigProfileDescriptionTag) else { return nil }
    let texts = OpaquePointer(tag)
    let byteCount = unsafe cmsMLUgetWide(texts, "en", "US", nil, 0)
    var units = [UInt32](repeating: 0, count: Int(byteCount) / MemoryLayout<wchar_t>.stride)
    unsafe units.withUnsafeMutableBytes {
      _ = unsafe cmsMLUgetWide(
        texts, "en", "US", $0.baseAddress?.assumingMemoryBound(to: wchar_t.self), cmsUInt32Number($0.count))
    }
    // Each element of `units` is one unit of UTF-16. lcms2 2.14 joins surrogate pairs to one element, but counts two units, so that it
    // never writes the last elements. The name ends before these.
    let text = units.prefix { 1...0xFFFF ~= $0 }.map { UInt16($0) }
    let name = String(decoding: text, as: UTF16.self)
    return name.isEmpty ? nil : name
  }

  /// The profile's color space.
  var space: cmsColorSpaceSignature { unsafe cmsGetColorSpace(pointer) }

  /// Curves and matrix of a matrix-shaper profile; nil for other profiles.
  func matrixShaper(to target: borrowing ColorProfile) -> MatrixShaper? {
    let tables = [cmsSigAToB0Tag, cmsSigAToB1Tag, cmsSigDToB0Tag, cmsSigDToB1Tag]
    guard unsafe cmsIsMatrixShaper(pointer) != 0, !tables.contains(where: { unsafe cmsIsTag(pointer, $0) != 0 }),
      let own = colorants, let others = target.colorants?.inverse
    else { return nil }
    let curves = unsafe [cmsSigRedTRCTag, cmsSigGreenTRCTag, cmsSigBlueTRCTag].compactMap {
      unsafe cmsReadTag(pointer, $0).map { OpaquePointer($0) }
    }
    guard unsafe curves.count == 3 else { return nil }
    let sum = own.rows[3...5].reduce(0, +)
    return unsafe MatrixShaper(
      curves: curves, matrix: others.times(own).rows, luminance: own.rows[3...5].map { $0 / sum })
  }

  /// The matrix to the connection space, whose columns are red, green and blue.
  var colorants: Matrix3? {
    var columns: [Double] = []
    for tag in [cmsSigRedColorantTag, cmsSigGreenColorantTag, cmsSigBlueColorantTag] {
      guard let value = unsafe cmsReadTag(pointer, tag)?.assumingMemoryBound(to: cmsCIEXYZ.self).pointee else {
        return nil
      }
      columns += [value.X, value.Y, value.Z]
    }
    return Matrix3(rows: (0..<9).map { columns[$0 % 3 * 3 + $0 / 3] })
  }
}

/// Curves and matrix of a profile, which has to outlive them.
@safe
struct MatrixShaper {
  fileprivate let curves: [OpaquePointer]
  /// 9 values, row by row, from the profile's linear light to that of sRGB.
  let matrix: [Double]
  /// The share of each channel in the luminance of white.
  private let luminance: [Double]

  fileprivate init(curves: [OpaquePointer], matrix: [Double], luminance: [Double]) {
    unsafe self.curves = curves
    self.matrix = matrix
    self.luminance = luminance
  }

  /// The linear light of a sample of 0 to 1.
  func light(_ sample: Double, channel: Int) -> Float { unsafe cmsEvalToneCurveFloat(curves[channel], Float(sample)) }

  /// Converts gray samples of 0 to 1 by the tone curves of the three channels, which are equal in nearly all profiles.
  func convertedGray(_ samples: [Double]) -> [Double] {
    samples.map { sample in
      TransferFunction.encoded((0..<3).reduce(0) { $0 + luminance[$1] * Double(light(sample, channel: $1)) })
    }
  }

  /// Converts colors of 0 to 1 to sRGB in double precision, without clipping.
  func converted(_ colors: [Double]) -> [Double] {
    var result = colors
    for i in stride(from: 0, to: colors.count, by: 3) {
      let light = (0..<3).map { Double(self.light(colors[i + $0], channel: $0)) }
      for c in 0..<3 {
        result[i + c] = TransferFunction.encoded((0..<3).reduce(0) { $0 + matrix[3 * c + $1] * light[$1] })
      }
    }
    return result
  }
}

/// Owns a transform of lcms2: unoptimized, relative colorimetric, with black point compensation.
@safe
final class ColorTransform: @unchecked Sendable {
  // Unchecked: a transform without a cache may be used by several threads.
  private let pointer: cmsHTRANSFORM
  private let context: ColorContext
  private let inputCount: Int
  private let outputCount: Int

  /// Makes a transform of samples with this number of bytes each; with nil, of doubles.
  init?(
    _ context: ColorContext, from source: borrowing ColorProfile, channels: RowLayout.Channels,
    to target: borrowing ColorProfile, bytes: Int? = nil
  ) {
    var flags = cmsUInt32Number(cmsFLAGS_BLACKPOINTCOMPENSATION | cmsFLAGS_NOCACHE | cmsFLAGS_NOOPTIMIZE)
    if channels.hasAlpha { flags |= cmsUInt32Number(cmsFLAGS_COPY_ALPHA) }
    let output: RowLayout.Channels = channels == .cmyk ? .rgb : channels
    guard
      let pointer = unsafe cmsCreateTransformTHR(
        context.pointer, source.pointer, Self.format(channels, bytes), target.pointer, Self.format(output, bytes),
        cmsUInt32Number(INTENT_RELATIVE_COLORIMETRIC), flags)
    else { return nil }
    unsafe self.pointer = pointer
    self.context = context
    inputCount = RowLayout(channels: channels, bitDepth: 8, width: 1).channelCount
    outputCount = output.rawValue
  }

  deinit { unsafe cmsDeleteTransform(pointer) }

  func convert(_ source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, pixels: Int) {
    unsafe cmsDoTransform(pointer, source, target, cmsUInt32Number(pixels))
  }

  /// Converts colors of 0 to 1 in double precision.
  ///
  /// - Precondition: The transform was made for double precision, and not for inks, which go from 0 to 100.
  func converted(_ colors: [Double]) -> [Double] {
    let pixels = colors.count / inputCount
    var result = [Double](repeating: 0, count: pixels * outputCount)
    unsafe colors.withUnsafeBytes { source in
      unsafe result.withUnsafeMutableBytes { unsafe convert(source.baseAddress!, to: $0.baseAddress!, pixels: pixels) }
    }
    return result
  }

  /// lcms2's pixel format (lcms2.h: FLOAT_SH, COLORSPACE_SH, EXTRA_SH, CHANNELS_SH, BYTES_SH; doubles have 0 bytes).
  private static func format(_ channels: RowLayout.Channels, _ bytes: Int?) -> cmsUInt32Number {
    let space: (type: Int32, colors: Int)
    switch channels {
    case .gray, .grayAlpha: space = (PT_GRAY, 1)
    case .rgb, .rgba: space = (PT_RGB, 3)
    case .cmyk: space = (PT_CMYK, 4)
    }
    let extra = channels.hasAlpha ? 1 : 0
    return cmsUInt32Number(bytes == nil ? 1 : 0) << 22 | cmsUInt32Number(space.type) << 16
      | cmsUInt32Number(extra) << 7 | cmsUInt32Number(space.colors) << 3 | cmsUInt32Number(bytes ?? 0)
  }
}

/// A matrix of three rows.
struct Matrix3: Sendable {
  /// 9 values, row by row.
  var rows: [Double]

  func times(_ other: Matrix3) -> Matrix3 {
    var product = Matrix3(rows: Array(repeating: 0, count: 9))
    for i in 0..<9 {
      for k in 0..<3 { product.rows[i] += rows[i / 3 * 3 + k] * other.rows[k * 3 + i % 3] }
    }
    return product
  }

  /// The inverse matrix; nil if there is none.
  var inverse: Matrix3? {
    let m = rows
    func minor(_ i: Int) -> Double {
      let (r, c) = ([1, 0, 0][i / 3], [1, 0, 0][i % 3])
      let (s, d) = ([2, 2, 1][i / 3], [2, 2, 1][i % 3])
      return (m[r * 3 + c] * m[s * 3 + d] - m[r * 3 + d] * m[s * 3 + c]) * (i % 2 == 0 ? 1 : -1)
    }
    let determinant = (0..<3).reduce(0) { $0 + m[$1] * minor($1) }
    guard abs(determinant) > 1e-9 else { return nil }
    return Matrix3(rows: (0..<9).map { minor($0 % 3 * 3 + $0 / 3) / determinant })
  }
}
