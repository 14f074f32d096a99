import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

@Suite("Image signature")
struct ImageSignatureTests {
  @Test("it is what the definition of the cosine transforms gives", arguments: [2, 8, 16])
  func definition(_ side: Int) {
    var random = SplitMix64(seed: UInt64(side))
    let plane = (0..<side * side).map { _ in Double(Int.random(in: -510...510, using: &random)) }
    func cosine(_ k: Int, _ i: Int) -> Double { cos(.pi * Double(k * (2 * i + 1)) / Double(2 * side)) }
    let places = (0..<side).flatMap { y in (0..<side).map { (x: $0, y: y) } }
    let signs = places.map { k in
      let sum = zip(places, plane).reduce(0) { $0 + $1.1 * cosine(k.x, $1.0.x) * cosine(k.y, $1.0.y) }
      return abs(sum) < 1e-3 ? 0 : sum < 0 ? -1.0 : 1
    }
    var map = [Double](repeating: 3, count: plane.count)
    ImageSignature.add(of: plane, side: side, to: &map)
    for (place, value) in zip(places, map) {
      let back = zip(places, signs).reduce(0) { $0 + $1.1 * cosine($1.0.x, place.x) * cosine($1.0.y, place.y) }
      #expect(abs(value - 3 - back * back) < 1e-9, "\(place)")
    }
  }
}
