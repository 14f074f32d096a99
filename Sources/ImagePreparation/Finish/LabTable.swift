internal import CLittleCMS
internal import CPixelIntrinsics
internal import PixelKernels

/// The table of a profile from samples of 8 bits to L*a*b*, with the profile's curves, in the form that the kernel for tables takes.
struct LabTable: Sendable {
  private let inks: Bool
  private let places: [Int32]
  private let strides: [Int]
  private let nodes: [Int16]
  private let curves: [Float]
  private let matrix: [Float]
  private let fromLight: [UInt8]
  private let kernels: KernelTable

  /// Makes the table of a profile, whose tags must not have been read yet. Nil for profiles of other kinds.
  ///
  /// - Parameters:
  ///   - profile: A profile of RGB or CMYK. Its pipeline is a table of 16-bit values with curves before and after it.
  ///   - target: A matrix-shaper profile with the sRGB transfer function.
  ///   - kernels: The kernels.
  init?(_ profile: borrowing ColorProfile, to target: borrowing ColorProfile, kernels: KernelTable) {
    guard let pipeline = LabPipeline(profile), let light = profile.lightOfRoots(target) else { return nil }
    let axes = pipeline.nodeCounts
    inks = axes.count == 4
    self.kernels = kernels
    matrix = light
    fromLight = TransferFunction.encodedBytes()
    strides = axes.indices.map { axes[($0 + 1)...].reduce(4, *) }

    let one = Double(1 << tableFraction)
    var places: [Int32] = []
    for (axis, count) in axes.enumerated() {
      for sample in 0..<256 {
        let place = pipeline.place(Double(sample) / 255, axis: axis) * Double(count - 1)
        let node = min(Int(place), count - 2)
        places += [Int32(node * strides[axis]), Int32(((place - Double(node)) * one).rounded())]
      }
    }
    self.places = places

    let values = pipeline.values
    var nodes = [Int16](repeating: 0, count: values.count / 3 * 4)
    for i in values.indices { nodes[i / 3 * 4 + i % 3] = Int16(bitPattern: values[i] ^ 32_768) }
    self.nodes = nodes

    var curves: [Float] = []
    for c in 0..<3 {
      for level in 0..<tableCurveLevels {
        // The table has one entry for all values with the same upper 12 bits. It is computed for their middle.
        let value = pipeline.lab((Double(level) * 16 + 7.5) / 65_535, component: c)
        curves.append(Float(c == 0 ? (value + 16) / 116 : c == 1 ? value / 500 : -value / 200))
      }
    }
    self.curves = curves
  }

  /// Converts pixels to RGB, or to RGBA if the third of three axes is followed by alpha.
  func convert(_ source: UnsafePointer<UInt8>, channels: Int, to target: UnsafeMutablePointer<UInt8>, pixels: Int) {
    unsafe kernels.finishing.convert_table_bytes(
      source, channels, inks, pixels, places, strides, nodes, curves, matrix, fromLight, target)
  }

  /// True when, for some hundred colors, no sample differs by more than 0.75 of a level of 255 from a conversion in double precision.
  /// Rounding alone gives 0.5, and 0.75 is less than ΔE2000 1.
  func agrees(with exact: ColorTransform) -> Bool {
    let channels = inks ? 4 : 3
    let samples = Self.probes(count: 600 * channels)
    var converted = [UInt8](repeating: 0, count: 600 * 3)
    unsafe samples.withUnsafeBufferPointer { source in
      unsafe converted.withUnsafeMutableBufferPointer {
        unsafe convert(source.baseAddress!, channels: channels, to: $0.baseAddress!, pixels: 600)
      }
    }
    // lcms2 takes inks from 0 to 100.
    let expected = exact.converted(samples.map { Double($0) / 255 * (inks ? 100 : 1) })
    return zip(converted, expected).allSatisfy { abs(Double($0) - min(max($1, 0), 1) * 255) <= 0.75 }
  }

  /// Samples that cover the whole cube: first its corners, then the numbers of a linear congruential generator (Knuth's MMIX).
  private static func probes(count: Int) -> [UInt8] {
    var state: UInt64 = 0
    return (0..<count).map { i in
      if i < 64 { return (i / 4) >> (i % 4) & 1 == 1 ? 255 : 0 }
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(state >> 56)
    }
  }
}

/// The tag of a profile for relative colorimetry: curves, a table, and curves to encoded L*a*b*.
@safe
private struct LabPipeline {
  /// Nodes of each axis, at least 2. The last axis is the fastest one.
  let nodeCounts: [Int]
  /// Three values of each node.
  let values: [UInt16]
  private let before: [[OpaquePointer]]
  private let behind: [[OpaquePointer]]
  /// True for the encoding of lut16Type (ICC.1:2022, 10.12), whose 100 is 65 280.
  private let isLegacy: Bool

  /// Reads the stages. The curves belong to the profile.
  init?(_ profile: borrowing ColorProfile) {
    let floats = [cmsSigDToB0Tag, cmsSigDToB1Tag]
    guard unsafe cmsGetPCS(profile.pointer) == cmsSigLabData,
      !floats.contains(where: { unsafe cmsIsTag(profile.pointer, $0) != 0 })
    else { return nil }
    let tag = unsafe cmsIsTag(profile.pointer, cmsSigAToB1Tag) != 0 ? cmsSigAToB1Tag : cmsSigAToB0Tag
    var type = [UInt8](repeating: 0, count: 4)
    guard unsafe cmsReadRawTag(profile.pointer, tag, &type, 4) == 4,
      let pipeline = unsafe cmsReadTag(profile.pointer, tag)
    else { return nil }
    isLegacy = type == Array("mft2".utf8)

    var (before, behind): ([[OpaquePointer]], [[OpaquePointer]]) = unsafe ([], [])
    var table: (counts: [Int], values: [UInt16])?
    var next = unsafe cmsPipelineGetPtrToFirstStage(OpaquePointer(pipeline))
    while let stage = unsafe next {
      guard let data = unsafe cmsStageData(stage) else { return nil }
      switch unsafe cmsStageType(stage) {
      case cmsSigCurveSetElemType:
        let set = unsafe data.assumingMemoryBound(to: _cmsStageToneCurvesData.self).pointee
        let curves = unsafe (0..<Int(set.nCurves)).compactMap { unsafe set.TheCurves[$0] }
        if table == nil { unsafe before.append(curves) } else { unsafe behind.append(curves) }
      case cmsSigCLutElemType where table == nil:
        let clut = unsafe data.assumingMemoryBound(to: _cmsStageCLutData.self).pointee
        let parameters = unsafe clut.Params.pointee
        guard unsafe clut.HasFloatValues == 0, unsafe parameters.nOutputs == 3,
          unsafe (3...4).contains(parameters.nInputs)
        else { return nil }
        let counts = unsafe withUnsafeBytes(of: parameters.nSamples) {
          unsafe $0.bindMemory(to: UInt32.self).prefix(Int(parameters.nInputs)).map { Int($0) }
        }
        table = (counts, unsafe Array(UnsafeBufferPointer(start: clut.Tab.T, count: Int(clut.nEntries))))
      default: return nil
      }
      unsafe next = cmsStageNext(stage)
    }
    guard let table, table.counts.allSatisfy({ $0 >= 2 }), table.values.count == table.counts.reduce(3, *),
      unsafe before.allSatisfy({ unsafe $0.count == table.counts.count }),
      unsafe behind.allSatisfy({ unsafe $0.count == 3 })
    else { return nil }
    (nodeCounts, values) = (table.counts, table.values)
    unsafe (self.before, self.behind) = (before, behind)
  }

  /// The place on an axis, 0 to 1, of a sample of 0 to 1.
  func place(_ sample: Double, axis: Int) -> Double { unsafe Self.through(before, sample, axis) }

  /// L*, a* or b* of the table's value of 0 to 1.
  func lab(_ value: Double, component: Int) -> Double {
    let encoded = unsafe Self.through(behind, value, component)
    if isLegacy {
      return component == 0 ? encoded * 65_535 / 65_280 * 100 : encoded * 65_535 / 256 - 128
    }
    return component == 0 ? encoded * 100 : encoded * 255 - 128
  }

  private static func through(_ curves: [[OpaquePointer]], _ value: Double, _ i: Int) -> Double {
    unsafe curves.reduce(value) {
      let value = Double(unsafe cmsEvalToneCurveFloat($1[i], Float($0)))
      // A NaN becomes 0: a place is rounded to an integer.
      return value > 0 ? min(value, 1) : 0
    }
  }
}

extension ColorProfile {
  /// A matrix of four columns of four values, which converts X, Y and Z (relative to white) to the light of `target` in 65 535ths, with
  /// black point compensation as in lcms2. The last column is added to the result; it also contains one half for rounding.
  fileprivate func lightOfRoots(_ target: borrowing ColorProfile) -> [Float]? {
    guard let fromXYZ = target.colorants?.inverse?.rows, let white = unsafe cmsD50_XYZ()?.pointee else { return nil }
    // If lcms2 finds no black point, these values stay zero.
    var (black, targetBlack) = (cmsCIEXYZ(), cmsCIEXYZ())
    let intent = cmsUInt32Number(INTENT_RELATIVE_COLORIMETRIC)
    _ = unsafe cmsDetectBlackPoint(&black, pointer, intent, 0)
    _ = unsafe cmsDetectDestinationBlackPoint(&targetBlack, target.pointer, intent, 0)
    var columns = [Float](repeating: 0, count: 16)
    var offset = [0.5, 0.5, 0.5]
    let axes = [
      (white.X, black.X, targetBlack.X), (white.Y, black.Y, targetBlack.Y), (white.Z, black.Z, targetBlack.Z),
    ]
    for (i, (white, black, targetBlack)) in axes.enumerated() {
      let scale = (targetBlack - white) / (black - white)
      let start = -white * (targetBlack - black) / (black - white)
      for c in 0..<3 {
        columns[4 * i + c] = Float(fromXYZ[3 * c + i] * scale * white * 65_535)
        offset[c] += fromXYZ[3 * c + i] * start * 65_535
      }
    }
    for c in 0..<3 { columns[12 + c] = Float(offset[c]) }
    return columns
  }
}
