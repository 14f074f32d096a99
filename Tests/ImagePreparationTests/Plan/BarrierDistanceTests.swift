import TestSupport
import Testing

@testable import ImagePreparation

@Suite("Barrier distance")
struct BarrierDistanceTests {
  /// A channel, drawn with one character for each pixel, and the expected distances.
  struct Drawing: CustomTestStringConvertible {
    let testDescription: String
    let plane: [String]
    let distances: [String]

    static func values(_ rows: [String]) -> [Int32] { rows.joined().compactMap { $0.wholeNumberValue.map(Int32.init) } }
  }

  static let drawings = [
    Drawing(
      testDescription: "a slope that reaches an edge at every value has none",
      plane: ["01234", "01234", "01234", "01234", "01234"], distances: ["00000", "00000", "00000", "00000", "00000"]),
    Drawing(
      testDescription: "a spot has its contrast",
      plane: ["22222", "22222", "22722", "22222", "22222"], distances: ["00000", "00000", "00500", "00000", "00000"]),
    Drawing(
      testDescription: "what an outline encloses has the contrast of the outline, even if it looks like the background",
      plane: ["1111111", "1999991", "1911191", "1911191", "1911191", "1999991", "1111111"],
      distances: ["0000000", "0888880", "0888880", "0888880", "0888880", "0888880", "0000000"]),
    Drawing(
      testDescription: "a gap in the outline opens it",
      plane: ["1111111", "1999991", "1911191", "1911111", "1911191", "1999991", "1111111"],
      distances: ["0000000", "0888880", "0800080", "0800000", "0800080", "0888880", "0000000"]),
    Drawing(
      testDescription: "a path that rises and falls has the difference of both",
      plane: ["55555", "57775", "57275", "57775", "55555"], distances: ["00000", "02220", "02520", "02220", "00000"]),
  ]

  @Test("it is the smallest barrier of all paths to the edges", arguments: drawings)
  func drawing(_ drawing: Drawing) {
    let distances = BarrierDistance(of: Drawing.values(drawing.plane), side: drawing.plane.count).values
    #expect(distances == Drawing.values(drawing.distances))
  }

  /// The smallest barriers by the definition. For each lower limit of a path's values, this finds the path with the smallest greatest
  /// value.
  static func exact(_ plane: [Int32], side: Int) -> [Int32] {
    var best = [Int32](repeating: .max, count: plane.count)
    for floor in Set(plane) {
      var greatest = [Int32](repeating: .max, count: plane.count)
      var isSettled = false
      while !isSettled {
        isSettled = true
        for i in plane.indices where plane[i] >= floor {
          let (x, y) = (i % side, i / side)
          let isAtEdge = x == 0 || y == 0 || x == side - 1 || y == side - 1
          let before = isAtEdge ? plane[i] : [i - 1, i + 1, i - side, i + side].map { greatest[$0] }.min()!
          guard before < .max, max(before, plane[i]) < greatest[i] else { continue }
          (greatest[i], isSettled) = (max(before, plane[i]), false)
        }
      }
      for i in plane.indices where greatest[i] < .max { best[i] = min(best[i], greatest[i] - floor) }
    }
    return best
  }

  @Test("in noise it is never below the exact distance, and mostly equal", arguments: 1...8)
  func noise(_ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let side = 16
    let plane = (0..<side * side).map { _ in Int32.random(in: 0...9, using: &random) }
    let (distances, exact) = (BarrierDistance(of: plane, side: side).values, Self.exact(plane, side: side))
    #expect(zip(distances, exact).allSatisfy { $0 >= $1 })
    #expect(zip(distances, exact).filter { $0 == $1 }.count > side * side * 2 / 3)
  }
}
