/// The range of the samples of Y, Cb and Cr.
enum SampleRange: String, Sendable {
  /// 0 to 255 (ITU-T T.871).
  case full
  /// Y from 16 to 235, Cb and Cr from 16 to 240 (ITU-R BT.601). Samples outside are valid.
  case limited

  /// Luma of a medium gray.
  var gray: UInt8 { self == .full ? 128 : 126 }

  /// The expansion of a plane, by its index, to the full range; nil if it has this range.
  func expansion(ofPlane index: Int) -> RangeExpansion? {
    guard self == .limited else { return nil }
    return index == 0
      ? RangeExpansion(gain: 255.0 / 219, center: 16, result: 0)
      : RangeExpansion(gain: 255.0 / 224, center: 128, result: 128)
  }
}

/// A change of a plane's samples to another range, after the resize, so that samples are rounded once.
///
/// The errors of the passes are multiplied by the gain, which is 1.16 at most.
struct RangeExpansion: Sendable, Equatable {
  /// The gain, with 14 fraction bits.
  let gain: Int32
  /// The result of a sample of 0, in words of 256 times the value, with 14 fraction bits.
  let bias: Int32

  /// The expansion around `center`, whose result is `result`.
  fileprivate init(gain: Double, center: Int32, result: Int32) {
    self.gain = Int32((gain * 16_384).rounded())
    bias = result << 22 - center << 8 * self.gain
  }
}
