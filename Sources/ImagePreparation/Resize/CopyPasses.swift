internal import CPixelIntrinsics

/// The rows of a result that is a part of the input; transparent pixels lose their hidden color, as in a resize.
@safe
final class CopyPasses: ResamplingPasses {
  private let plan: ResamplingPlan
  private let kernels: KernelTable
  private var row: UnsafeMutableRawPointer?
  private(set) var rowsReady = 0
  let rowsPerGroup = 1

  init(plan: ResamplingPlan, kernels: KernelTable) {
    self.plan = plan
    self.kernels = kernels
  }

  static func bytesNeeded(plan: ResamplingPlan) -> Int { 0 }
  static func window(plan: ResamplingPlan) -> Int { 1 }
  static func rowsHeldBack(plan: ResamplingPlan) -> Int { 0 }

  var firstNeededRow: Int { plan.vertical.starts[rowsReady] }

  func take(rowsArrived: Int, ring: RowRing) -> Bool {
    guard let rows = plan.nextRows(1, after: rowsReady, rowsArrived: rowsArrived) else { return false }
    unsafe row = ring.row(plan.vertical.starts[rowsReady])
    rowsReady = rows.upperBound
    return true
  }

  func makeRows(_ rows: Range<Int>, output: UnsafeMutableRawPointer, stride: Int) {
    guard let row = unsafe row else { preconditionFailure("no row was taken") }
    let (width, sampleBytes) = (plan.output.width, plan.layout.bitDepth / 8)
    let pixelBytes = plan.channels * sampleBytes
    let source = unsafe row + plan.horizontal.starts[0] * pixelBytes
    if plan.passesKeepFraction {
      unsafe kernels.resize.scale_to_fine(
        source.assumingMemoryBound(to: UInt8.self), width, output.assumingMemoryBound(to: UInt16.self))
    } else {
      unsafe output.copyMemory(from: source, byteCount: width * pixelBytes)
    }
    guard plan.scale.isPremultiplied else { return }
    unsafe kernels.resize.clear_transparent(output, sampleBytes, plan.channels, width)
  }
}
