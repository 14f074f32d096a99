import Ground
import Testing

@testable import ImagePreparation

@Suite("Color distribution")
struct ColorDistributionTests {
  static let side = 64

  /// The distribution in an image that is gray except for a red square.
  static func square(_ columns: Range<Int>, _ rows: Range<Int>) -> ColorDistribution {
    let bytes = (0..<side * side).flatMap { i -> [UInt8] in
      columns.contains(i % side) && rows.contains(i / side) ? [220, 30, 20] : [120, 120, 120]
    }
    let image = Raster(size: ImageSize(width: side, height: side), channels: .rgb, bitDepth: 8, bytes: bytes)
    return ColorDistribution(OpponentColors(image), side: side)
  }

  @Test("the compactness of a square depends on its size", arguments: [2, 10, 30])
  func compactness(_ length: Int) {
    let place = Self.side / 2 - length / 2..<Self.side / 2 + length / 2
    let values = Self.square(place, place).compactness
    // The variance of n consecutive positions is (n² - 1) / 12.
    let share = Double(length * length - 1) / Double(Self.side * Self.side - 1)
    #expect(abs(values[Self.side * Self.side / 2 + Self.side / 2] - (1 - share) * (1 - share)) < 1e-12)
    #expect(values[0] < 0.01, "the ground is spread all over the image")
  }

  @Test("a color is absent from the edges, or a part of it is, or none of it")
  func absence() {
    // The strips at the edges are 10 pixels wide. They contain all pixels except the 44 by 44 in the middle: 2160 of 4096.
    let edgeShare = 2160.0 / 4096
    let cases: [(columns: Range<Int>, shareAtEdge: Double)] = [(20..<40, 0), (5..<25, 0.25), (0..<20, 0.5)]
    for (columns, shareAtEdge) in cases {
      let absence = Self.square(columns, 20..<40).absenceAtEdges
      let expected = 1 - shareAtEdge / edgeShare
      #expect(abs(absence[30 * Self.side + columns.lowerBound] - expected) < 1e-12, "\(columns)")
      #expect(absence[0] == 0, "the ground is more frequent at the edges")
    }
  }
}
