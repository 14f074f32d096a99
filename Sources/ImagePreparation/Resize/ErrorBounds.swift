/// The largest change of the output sample of one window by samples within ±1.
struct WindowReach: Sendable {
  /// The sum of the weights' magnitudes, which bounds the output.
  var gain: Double
  /// The sum of the magnitudes of the weights' rounding errors, which bounds the error of the integers' output.
  var error: Double
}

/// The largest error of output samples after two passes, against float64 and before rounding, for any picture, in 8-bit levels.
///
/// Weights v and h are rounded to v + δ and h + η, which sum to 1 too, so samples s count as deviations from mid-gray, |s| ≤ 127.5.
/// Rounding changes the intermediate by ρ. Then the error of the output sample of row i and column j is
///
///     Σₗ (h + η)ₗ (Σₖ δₖ sₖₗ + ρₗ) + Σₗ ηₗ Σₖ vₖ sₖₗ
///
/// which is at most (127.5 Σ|δ| + |ρ|) Σ|h + η| + 127.5 Σ|η| Σ|v|. A picture of 0 and 255 reaches this at one sample if its values match
/// the signs of all errors. No picture does that for all samples, because windows overlap.
struct ErrorBounds: Sendable {
  /// The largest error.
  let largest: Double
  /// The mean over all output samples of the square of each one's largest error.
  let meanSquare: Double

  /// - Parameters:
  ///   - firstPass: The windows of the pass that comes first.
  ///   - secondPass: The windows of the other pass.
  ///   - input: The largest difference of input samples from exact ones.
  ///   - intermediate: The largest difference of samples between the passes from the sums that they are rounded from.
  init(first firstPass: [WindowReach], second secondPass: [WindowReach], input: Double, intermediate: Double) {
    // The bound is first · gain + error · overshoot, where `first` and `overshoot` are of a window of the first pass, `gain` and `error` of
    // one of the second pass.
    let first = firstPass.map { 127.5 * $0.error + input * $0.gain + intermediate }
    let overshoot = firstPass.map(\.gain)
    let (gain, error) = (secondPass.map { $0.gain + $0.error }, secondPass.map { 127.5 * $0.error })
    largest = first.max()! * gain.max()! + error.max()! * overshoot.max()!
    meanSquare =
      Self.mean(first, first) * Self.mean(gain, gain) + 2 * Self.mean(first, overshoot) * Self.mean(gain, error)
      + Self.mean(error, error) * Self.mean(overshoot, overshoot)
  }

  private static func mean(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } / Double(a.count)
  }
}
