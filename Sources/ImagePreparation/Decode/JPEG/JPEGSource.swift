/// A JPEG whose headers are read.
final class JPEGSource: OpenedSource, @unchecked Sendable {
  // Unchecked: it is used by one thread at a time.

  static let format = ImageDescription.Format.jpeg
  static func recognizes(_ head: [UInt8]) -> Bool { head.starts(with: [0xFF, 0xD8, 0xFF]) || head == [0xFF, 0xD8] }

  let description: ImageDescription
  private let samplingFactors: [(horizontal: Int, vertical: Int)]
  private let wholeImageBytes: Int
  private var decoder: JPEGDecoder?

  init(_ source: consuming ByteSource, limits: Limits, policy: DamagePolicy) throws(PreparationError) {
    let decoder = try JPEGDecoder(source, limits: limits, policy: policy)
    description = decoder.description
    samplingFactors = decoder.samplingFactors
    wholeImageBytes = decoder.wholeImageBytes
    self.decoder = consume decoder
  }

  var structure: SourceStructure {
    guard description.colorModel == .gray || description.colorModel == .ycbcr else {
      return SourceStructure(wholeImageBytes: wholeImageBytes)
    }
    let planes = JPEGPlaneStrips.structure(
      of: description, samplingFactors: samplingFactors, wholeImageBytes: wholeImageBytes)
    return SourceStructure(wholeImageBytes: wholeImageBytes, planes: planes)
  }

  func strips(_ plan: DecodingPlan, kernels: KernelTable) throws(PreparationError) -> any StripDecoder {
    guard var decoder = decoder.take() else { preconditionFailure("a source is decoded once") }
    if plan.form == .planes {
      let reader = try JPEGPlaneReader(decoder, scale: plan.scale)
      if let strips = plan.independentStrips,
        let decoder = IntervalDecoder(reader, strips: strips, ahead: plan.stripsAhead, kernels: kernels)
      {
        return JPEGIntervalStrips(reader, decoder)
      }
      return JPEGPlaneStrips(reader, kernels: kernels, ahead: plan.stripsAhead)
    }
    try decoder.start(scale: plan.scale)
    return InterleavedStrips(decoder, height: plan.planes[0].height, conversion: plan.conversion)
  }
}
