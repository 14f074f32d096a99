internal import CImageCodecs

/// The frame of a JPEG whose scans are read without libjpeg-turbo.
struct JPEGFrame: Sendable {
  /// One component.
  struct Component: Sendable {
    var identifier: UInt8
    var horizontalSampling: Int
    var verticalSampling: Int
    /// The samples along a side of a block after scaling.
    var blockSide: Int
    /// The blocks of the image in a row, and their rows; whole MCUs may have more.
    var blocksPerRow: Int
    var blockRows: Int
    /// The 64 quantization steps, in natural order.
    var steps: [UInt16]
  }

  let isProgressive: Bool
  /// The number of MCUs in a row of an interleaved scan.
  let mcusPerRow: Int
  let components: [Component]

  init(_ coding: borrowing cic_jpeg_coding) {
    let coding = copy coding
    isProgressive = coding.is_progressive
    mcusPerRow = Int(coding.mcus_per_row)
    let (a, b, c, d) = unsafe coding.components
    components = unsafe [a, b, c, d].prefix(Int(coding.component_count)).map { component in
      unsafe Component(
        identifier: UInt8(truncatingIfNeeded: component.identifier), horizontalSampling: Int(component.h_sampling),
        verticalSampling: Int(component.v_sampling), blockSide: Int(component.block_side),
        blocksPerRow: Int(component.blocks_per_row), blockRows: Int(component.block_rows),
        steps: Array(UnsafeBufferPointer(start: component.quantization, count: 64)))
    }
  }
}

/// The layout of the coefficients of a strip, which is one row of interleaved MCUs, or of a part of a strip. The coefficients are in the
/// order of components, and within each in the order of block rows.
struct CoefficientLayout: Sendable {
  /// One component.
  struct Component: Sendable {
    /// The index of the component's first coefficient.
    var start: Int
    /// The number of block rows.
    var blockRows: Int
    /// The distance in coefficients between two block rows.
    var rowStep: Int
  }

  let components: [Component]
  /// The number of coefficients, with one more block that vectors may read.
  let coefficientCount: Int

  /// The layout of `mcuCount` MCUs; nil for those of a strip.
  init(_ frame: JPEGFrame, mcuCount: Int? = nil) {
    var components: [Component] = []
    var start = 0
    for component in frame.components {
      let rowStep = (mcuCount ?? frame.mcusPerRow) * component.horizontalSampling * 64
      components.append(Component(start: start, blockRows: component.verticalSampling, rowStep: rowStep))
      start += component.verticalSampling * rowStep
    }
    self.components = components
    coefficientCount = start + 64
  }
}
