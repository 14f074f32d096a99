internal import Ground

/// The vertical pass's 16-bit weights, laid out for pairs of rows: windows begin at an even row and have an even number of
/// taps, so they may gain a zero at either end.
@safe
struct VerticalWeights: ~Copyable {
  private let weights: AlignedBuffer<Int16>
  private let taps: Int

  init(plan: ResamplingPlan) {
    taps = plan.vertical.longestWindow / 2 * 2 + 2
    weights = AlignedBuffer(count: plan.vertical.outputCount * taps, zeroed: true)
    let integers = plan.quantized.vertical.integers
    for (i, window) in plan.vertical.windows.enumerated() {
      for (k, position) in window.enumerated() {
        unsafe weights.base[i * taps + plan.vertical.starts[i] % 2 + k] = Int16(integers[position])
      }
    }
  }

  static func bytesNeeded(plan: ResamplingPlan) -> Int {
    plan.output.height * (plan.vertical.longestWindow * 2 + 2)
  }

  /// The weights of output row `row`, from the even row at or above its window on.
  func row(_ row: Int) -> UnsafePointer<Int16> { unsafe UnsafePointer(weights.base + row * taps) }
}
