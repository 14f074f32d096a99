/// Encodes small planes as JPEG, strip by strip as their rows are done.
struct JPEGPlaneEncoder: ~Copyable {
  private var writer: JPEGPlaneWriter
  private var nextStrip = 0
  /// One strip a plane, with room for whole blocks behind each row.
  private var strips: [[UInt8]]
  private let strides: [Int]

  /// Makes an encoder of the plan's planes in upright orientation.
  init(
    plan: PreparationPlan, quality: Double, subsampling: Recipe.Subsampling
  ) throws(PreparationError) {
    writer = try JPEGPlaneWriter(
      size: plan.outputSize, planeCount: plan.planes.count,
      encoding: JPEGEncoding(quality: quality, subsampling: subsampling, iccProfile: plan.color.embeddedProfile))
    strides = writer.planeSizes.map { ($0.width + 7) / 8 * 8 }
    strips = zip(strides, writer.rowsPerStrip).map { [UInt8](repeating: 0, count: $0 * $1) }
  }

  /// Encodes every strip of which all rows are done; false if there is none.
  mutating func encodeRows(of resamplers: [PlaneResampler]) throws(PreparationError) -> Bool {
    let first = nextStrip
    try encode(resamplers.map(\.rowsDone)) { resamplers[$0].result }
    return nextStrip > first
  }

  /// Encodes whole planes.
  mutating func encode(_ planes: [Raster]) throws(PreparationError) {
    try encode(planes.map(\.size.height)) { planes[$0] }
  }

  private mutating func encode(
    _ rowsDone: [Int], _ plane: (Int) -> Raster
  ) throws(PreparationError) {
    while nextStrip < writer.stripCount {
      for index in strips.indices {
        let end = min((nextStrip + 1) * writer.rowsPerStrip[index], writer.planeSizes[index].height)
        guard rowsDone[index] >= end else { return }
      }
      for index in strips.indices { copyStrip(of: plane(index), index) }
      try writeStrip()
      nextStrip += 1
    }
  }

  /// Copies the next strip's rows to where there is room behind each.
  private mutating func copyStrip(of plane: Raster, _ index: Int) {
    let first = nextStrip * writer.rowsPerStrip[index]
    let rows = min(writer.rowsPerStrip[index], plane.size.height - first)
    let stride = strides[index]
    unsafe plane.bytes.withUnsafeBufferPointer { source in
      unsafe strips[index].withUnsafeMutableBufferPointer { target in
        for y in 0..<rows {
          unsafe (target.baseAddress! + y * stride).update(
            from: source.baseAddress! + (first + y) * plane.rowBytes, count: plane.rowBytes)
        }
      }
    }
  }

  private mutating func writeStrip() throws(PreparationError) {
    let bases = unsafe strips.indices.map { plane in
      unsafe strips[plane].withUnsafeMutableBufferPointer { $0.baseAddress }
    }
    try unsafe writer.writeStrip(from: bases, strides: strides)
  }

  /// Ends the image and gives all encoded bytes.
  mutating func finish() throws(PreparationError) -> [UInt8] { try writer.finish() }
}
