/// A PNG whose headers are read.
final class PNGSource: OpenedSource, @unchecked Sendable {
  // Unchecked: it is used by one thread at a time.

  static let format = ImageDescription.Format.png
  static func recognizes(_ head: [UInt8]) -> Bool {
    head.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
  }

  let description: ImageDescription
  let structure: SourceStructure
  private var decoder: PNGDecoder?

  init(_ source: consuming ByteSource, limits: Limits, policy: DamagePolicy) throws(PreparationError) {
    let decoder = try PNGDecoder(source, limits: limits, policy: policy)
    description = decoder.description
    structure = SourceStructure(wholeImageBytes: decoder.wholeImageBytes)
    self.decoder = consume decoder
  }

  func strips(_ plan: DecodingPlan, kernels: KernelTable) throws(PreparationError) -> any StripDecoder {
    guard var decoder = decoder.take() else { preconditionFailure("a source is decoded once") }
    if decoder.canReadPasses {
      return InterleavedStrips(
        try PNGPasses(decoder, kernels: kernels), height: plan.planes[0].height, conversion: plan.conversion)
    }
    // The color conversion needs complete rows at once, but the native decoder defers a part of its decoding.
    if decoder.canReadStrips, plan.conversion == nil { return try PNGNativeStrips(decoder, kernels: kernels) }
    try decoder.start()
    return InterleavedStrips(decoder, height: plan.planes[0].height, conversion: plan.conversion)
  }
}
