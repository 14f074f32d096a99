// Full-range YCbCr of BT.601 to RGB (ITU-T T.871, section 7), in fixed point with 16 fraction bits.

/// Converts planes of one size to interleaved RGB.
///
/// `R = Y + 1.402 (Cr − 128)`, `G = Y − 0.344136 (Cb − 128) − 0.714136 (Cr − 128)`, `B = Y + 1.772 (Cb − 128)`, rounded and
/// clamped. Each sum stays below 2^25.
/// - Parameters:
///   - luma, blue, red: `count` samples each: Y, Cb and Cr.
///   - output: `count * 3` samples.
public func convertYCbCrToRGB(
  luma: UnsafePointer<UInt8>, blue: UnsafePointer<UInt8>, red: UnsafePointer<UInt8>, count: Int,
  output: UnsafeMutablePointer<UInt8>
) {
  for i in 0..<count {
    let y = Int32(luma[i]) &<< 16 &+ 32_768
    let cb = Int32(blue[i]) &- 128
    let cr = Int32(red[i]) &- 128
    output[i &* 3] = UInt8(clamping: (y &+ 91_881 &* cr) &>> 16)
    output[i &* 3 &+ 1] = UInt8(clamping: (y &- 22_554 &* cb &- 46_802 &* cr) &>> 16)
    output[i &* 3 &+ 2] = UInt8(clamping: (y &+ 116_130 &* cb) &>> 16)
  }
}

/// Converts planes of words with 8 fraction bits to interleaved RGB bytes, rounded once.
///
/// The same formula with 14 fraction bits: the largest sum is `1.0737e9 + 0.9513e9`, which is below 2^31.
/// - Parameters:
///   - luma, blue, red: `count` words each, 256 · Y, Cb and Cr.
///   - output: `count * 3` samples.
public func convertFineYCbCrToRGB(
  luma: UnsafePointer<UInt16>, blue: UnsafePointer<UInt16>, red: UnsafePointer<UInt16>, count: Int,
  output: UnsafeMutablePointer<UInt8>
) {
  for i in 0..<count {
    let y = Int32(luma[i]) &<< 14 &+ 1 &<< 21
    let cb = Int32(blue[i]) &- 32_768
    let cr = Int32(red[i]) &- 32_768
    output[i &* 3] = UInt8(clamping: (y &+ 22_970 &* cr) &>> 22)
    output[i &* 3 &+ 1] = UInt8(clamping: (y &- 5_638 &* cb &- 11_700 &* cr) &>> 22)
    output[i &* 3 &+ 2] = UInt8(clamping: (y &+ 29_032 &* cb) &>> 22)
  }
}

/// The samples of one plane, expanded from a limited range to the full one: `(gain · sample + bias) / 2^14`, rounded and clamped.
///
/// - Parameters:
///   - samples: `count` words, 256 times the value.
///   - count: The number of samples.
///   - gain: The gain, at most 1.18, with 14 fraction bits, so that sums stay below 2^31.
///   - bias: The result of a sample of 0, with 14 fraction bits of words.
///   - output: `count` words, 256 times the value.
public func expandToFine(
  _ samples: UnsafePointer<UInt16>, count: Int, gain: Int32, bias: Int32, output: UnsafeMutablePointer<UInt16>
) {
  let bias = bias &+ 1 &<< 13
  for i in 0..<count { output[i] = UInt16(clamping: (Int32(samples[i]) &* gain &+ bias) &>> 14) }
}

/// Does the same as ``expandToFine(_:count:gain:bias:output:)``, but rounds once, to bytes.
public func expandToBytes(
  _ samples: UnsafePointer<UInt16>, count: Int, gain: Int32, bias: Int32, output: UnsafeMutablePointer<UInt8>
) {
  let bias = bias &+ 1 &<< 21
  for i in 0..<count { output[i] = UInt8(clamping: (Int32(samples[i]) &* gain &+ bias) &>> 22) }
}
