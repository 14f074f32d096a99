internal import Foundation

/// The differences of integer samples from a float reference.
public struct SampleComparison: CustomStringConvertible {
  /// The number of samples that were compared.
  public var count = 0
  /// The number of samples that differ from the rounded reference. A reference within 0.001 of a half may be rounded either way.
  public var different = 0
  /// The largest distance from the rounded reference.
  public var largest = 0
  /// The mean squared distance from the unrounded reference.
  public var meanSquare = 0.0
  /// The mean squared distance of the rounded reference from the unrounded one: the least that integer samples can have.
  public var perfectMeanSquare = 0.0
  /// The first few differing samples.
  public var examples: [String] = []

  /// Compares samples of 0…`maximum` with a reference, which is clamped to that range.
  @_specialize(where Sample == UInt8)
  @_specialize(where Sample == UInt16)
  public init<Sample: BinaryInteger>(_ samples: [Sample], reference: [Double], maximum: Double = 255) {
    precondition(samples.count == reference.count, "\(samples.count) samples, \(reference.count) expected")
    count = samples.count
    var (squares, perfectSquares) = (0.0, 0.0)
    for (i, sample) in samples.enumerated() {
      let expected = min(max(reference[i], 0), maximum)
      let value = Double(Int(sample))
      squares += (value - expected) * (value - expected)
      perfectSquares += (expected.rounded() - expected) * (expected.rounded() - expected)
      let low = (expected - 0.001).rounded()
      let high = (expected + 0.001).rounded()
      guard value != low && value != high else { continue }
      different += 1
      largest = max(largest, Int(min(abs(value - low), abs(value - high))))
      if examples.count < 5 { examples.append("[\(i)] is \(value), should be \(expected)") }
    }
    meanSquare = count > 0 ? squares / Double(count) : 0
    perfectMeanSquare = count > 0 ? perfectSquares / Double(count) : 0
  }

  /// The share of samples that differ.
  public var share: Double { count > 0 ? Double(different) / Double(count) : 0 }

  /// The loss of signal-to-noise ratio against perfect rounding, in dB.
  public var loss: Double { meanSquare > perfectMeanSquare ? 10 * log10(meanSquare / perfectMeanSquare) : 0 }

  /// The peak signal-to-noise ratio of bytes against the unrounded reference, in dB.
  public var peakSignalToNoise: Double { 10 * log10(255 * 255 / meanSquare) }

  /// A description of the difference for a failed test.
  public var description: String {
    "\(different) of \(count) differ, by \(largest) at most, \(loss) dB below perfect rounding: \(examples)"
  }
}
