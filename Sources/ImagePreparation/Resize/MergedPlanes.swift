internal import CPixelIntrinsics

/// The RGB image of Y, Cb and Cr, converted while their rows are made, so that no plane is ever held whole.
final class MergedPlanes: GrowingPlane {
  /// The image; only the rows that are made are valid.
  private(set) var result: Raster
  private(set) var rowsDone = 0
  private let kernels: KernelTable

  /// Makes an image of the size of all three planes.
  init(size: ImageSize, kernels: KernelTable) {
    result = Raster(uninitialized: size, channels: .rgb)
    self.kernels = kernels
  }

  /// Converts the rows that all three planes have made since the last call.
  ///
  /// - Precondition: The planes have words of 256 times the value, and have kept these rows.
  func takeRows(of planes: [PlaneResampler]) {
    let end = planes.reduce(result.size.height) { min($0, $1.rowsDone) }
    let width = result.size.width
    unsafe result.bytes.withUnsafeMutableBufferPointer { output in
      Self.withWords(of: planes) { y, cb, cr in
        for row in rowsDone..<end {
          let kept = row % y.keptRows * width
          let (blue, red) = unsafe (cb.base + row % cb.keptRows * width, cr.base + row % cr.keptRows * width)
          unsafe kernels.finishing.convert_fine_ycbcr(
            y.base + kept, blue, red, width, output.baseAddress! + row * width * 3)
        }
      }
    }
    rowsDone = max(rowsDone, end)
  }

  /// The rows that a plane keeps.
  @safe
  private struct Words {
    let base: UnsafePointer<UInt16>
    let keptRows: Int

    init(_ bytes: UnsafeRawBufferPointer, _ raster: Raster) {
      unsafe base = bytes.baseAddress!.assumingMemoryBound(to: UInt16.self)
      keptRows = raster.size.height
    }
  }

  private static func withWords(of planes: [PlaneResampler], _ body: (Words, Words, Words) -> Void) {
    let rasters = planes.map(\.result)
    unsafe rasters[0].bytes.withUnsafeBytes { y in
      unsafe rasters[1].bytes.withUnsafeBytes { cb in
        unsafe rasters[2].bytes.withUnsafeBytes { cr in
          unsafe body(Words(y, rasters[0]), Words(cb, rasters[1]), Words(cr, rasters[2]))
        }
      }
    }
  }

  /// The number of rows that each plane has to keep if rows are taken after every strip: the most rows by which one plane may be ahead of
  /// another.
  ///
  /// - Returns: A multiple of the rows that a resampler makes at a time.
  static func keptRows(_ planes: [StripPlane], _ plans: [ResamplingPlan]) -> Int {
    let stripCount = zip(planes, plans).reduce(1) { max($0, ($1.0.height + $1.0.stripRows - 1) / $1.0.stripRows) }
    var made = planes.map { _ in 0 }
    var most = 0
    for strips in 1...stripCount {
      let taken = made.min() ?? 0
      for (i, (plane, plan)) in zip(planes, plans).enumerated() {
        let arrived = plane.rows(inStrips: strips)
        while made[i] < plan.output.height, plan.vertical.window(made[i]).upperBound <= arrived { made[i] += 1 }
      }
      most = max(most, (made.max() ?? 0) - taken)
    }
    most += plans.reduce(0) { max($0, $1.passes.rowsHeldBack(plan: $1)) }
    let group = PlaneResampler.mostRowsPerGroup
    return min((most + group - 1) / group * group, plans[0].output.height)
  }
}
