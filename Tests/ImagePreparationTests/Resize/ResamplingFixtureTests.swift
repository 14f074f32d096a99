import Foundation
import ImagePreparation
import TestSupport
import Testing

/// Every filter is compared with float64 values that numpy computed and that were checked with Pillow (Fixtures/resample/make.py).
@Suite("Resampling against numpy and Pillow")
struct ResamplingFixtureTests {
  struct Case: Codable, Sendable, CustomTestStringConvertible {
    let input: String
    let width: Int
    let height: Int
    let channels: Int
    let filter: String
    let outputWidth: Int
    let outputHeight: Int
    let expected: String

    var testDescription: String { expected }
  }

  static let cases: [Case] = {
    // If the index is missing, every test of the suite must fail. An empty list would hide that.
    let data = try! Data(contentsOf: Fixtures.folder.appending(path: "resample/index.json"))
    return try! JSONDecoder().decode([Case].self, from: data)
  }()

  @Test("never more than 1 from the rounded reference, at most 0.15 dB below perfect rounding", arguments: cases)
  func matchesReference(_ example: Case) throws {
    let filter = try #require(ResamplingFilter(rawValue: example.filter))
    let input = PixelImage<UInt8>(
      size: ImageSize(width: example.width, height: example.height), channels: example.channels,
      samples: try Fixtures.bytes("resample/inputs/\(example.input).u8"))
    let reference = try Fixtures.bytes("resample/expected/\(example.expected)").floats()
    for instructionSet in InstructionSet.available {
      let output = input.resized(
        to: ImageSize(width: example.outputWidth, height: example.outputHeight), resamplingFilter: filter,
        instructionSet: instructionSet)
      if input.hasAlpha {
        checkAlpha(output, reference: reference)
      } else {
        let comparison = SampleComparison(output.samples, reference: reference)
        #expect(comparison.largest <= 1 && comparison.loss <= 0.15, "\(comparison)")
      }
    }
  }

  @Test("every filter has such values")
  func everyFilter() { #expect(Set(Self.cases.map(\.filter)) == Set(ResamplingFilter.allCases.map(\.rawValue))) }

  /// The smaller alpha is, the less exact a color can be. If alpha is at least 8, the color must be within 1 of 255.
  private func checkAlpha(_ output: PixelImage<UInt8>, reference: [Double]) {
    let channels = output.channels
    let alphas = stride(from: channels - 1, to: reference.count, by: channels)
    let comparison = SampleComparison(alphas.map { output.samples[$0] }, reference: alphas.map { reference[$0] })
    #expect(comparison.largest <= 1 && comparison.loss <= 0.15, "\(comparison)")
    for alpha in alphas where reference[alpha] >= 8 {
      for c in alpha - channels + 1..<alpha {
        let expected = min(max(reference[c], 0), 255)
        #expect(abs(Double(output.samples[c]) - expected) <= 1, "sample \(c) at alpha \(reference[alpha])")
      }
    }
  }
}

extension [UInt8] {
  /// Little-endian 32-bit floats.
  fileprivate func floats() -> [Double] {
    stride(from: 0, to: count, by: 4).map {
      let bits = UInt32(self[$0]) | UInt32(self[$0 + 1]) << 8 | UInt32(self[$0 + 2]) << 16 | UInt32(self[$0 + 3]) << 24
      return Double(Float(bitPattern: bits))
    }
  }
}
