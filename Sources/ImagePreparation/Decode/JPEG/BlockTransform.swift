internal import CPixelIntrinsics
internal import Ground

/// Turns coefficients into samples: dequantization and inverse DCT.
@safe
final class BlockTransform: @unchecked Sendable {
  // Unchecked: nothing changes after the initializer.

  @safe
  private struct Component {
    let transform: cpi_inverse_dct
    let blockSide: Int
    let blocksPerMCU: Int
    let blocksPerRow: Int
  }

  private let components: [Component]
  private let quantization: AlignedBuffer<Int16>

  init(_ frame: JPEGFrame, kernels: KernelTable) {
    quantization = AlignedBuffer(count: frame.components.count * 64, zeroed: false)
    for (index, component) in frame.components.enumerated() {
      for k in 0..<64 { unsafe quantization.base[index * 64 + k] = Int16(component.steps[k]) }
    }
    components = frame.components.map { component in
      unsafe Component(
        transform: kernels.inverseDCT(side: component.blockSide), blockSide: component.blockSide,
        blocksPerMCU: component.horizontalSampling, blocksPerRow: component.blocksPerRow)
    }
  }

  /// Writes the samples of some MCUs of strip `index`, whose coefficients are laid out by `layout`.
  func transform(
    _ coefficients: UnsafePointer<Int16>, _ layout: CoefficientLayout, mcus: Range<Int>, ofStrip index: Int,
    into rings: [RowRing]
  ) {
    for (number, ring) in rings.enumerated() {
      let place = layout.components[number]
      let component = components[number]
      let first = mcus.lowerBound * component.blocksPerMCU
      let count = min(mcus.count * component.blocksPerMCU, component.blocksPerRow - first)
      for row in 0..<place.blockRows {
        let output = unsafe ring.row(index * ring.stripRows + row * component.blockSide) + first * component.blockSide
        unsafe component.transform(
          coefficients + place.start + row * place.rowStep, count, quantization.base + number * 64,
          output.assumingMemoryBound(to: UInt8.self), ring.stride)
      }
    }
  }
}
