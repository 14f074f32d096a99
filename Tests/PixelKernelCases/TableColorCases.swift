import TestSupport

#if GESSO_X86V3_CASES
import PixelKernelsX86v3
#else
import PixelKernels
#endif

/// Conversions by tables of L\*a\*b\* are compared with their definition, for three axes, for three axes and alpha, and for four axes.
func tableColorCases() -> [KernelCase] {
  [(3, false), (4, false), (4, true)].map { (channels: Int, inks: Bool) in
    KernelCase("convertTableBytes: \(channels) channels\(inks ? " of inks" : "")") { check in
      for counts in [[2, 2, 2, 2], [3, 5, 4, 2]] { convert(channels, inks, counts, &check) }
    }
  }
}

private func convert(_ channels: Int, _ inks: Bool, _ nodeCounts: [Int], _ check: inout KernelCheck) {
  let axes = inks ? 4 : 3
  var random = SplitMix64(seed: UInt64(channels * 100 + nodeCounts[0]))
  var strides = [Int](repeating: 4, count: axes)
  for axis in stride(from: axes - 2, through: 0, by: -1) { strides[axis] = strides[axis + 1] * nodeCounts[axis + 1] }
  var places: [Int32] = []
  for axis in 0..<axes {
    for sample in 0..<256 {
      // Some positions are ties, some are exactly at a node, and some are at the last node.
      let place = Double(sample / 3 * 3) / 255 * Double(nodeCounts[axis] - 1)
      let node = min(Int(place), nodeCounts[axis] - 2)
      places.append(Int32(node * strides[axis]))
      places.append(Int32((place - Double(node)) * 16_384 + 0.5))
    }
  }
  let nodes = (0..<strides[0] * nodeCounts[0]).map { i in
    i % 4 == 3 ? 0 : Int16.random(in: -32_768...32_767, using: &random)
  }
  let curves = (0..<3 * tableCurveLevels).map { _ in randomFloat(-0.3, 1.1, &random) }
  let matrix = (0..<16).map { _ in randomFloat(-50_000, 120_000, &random) }
  let fromLight = (0..<65_536).map { _ in UInt8.random(in: 0...255, using: &random) }
  let pixels = 1_500
  let input = (0..<pixels * channels).map { _ in UInt8.random(in: 0...255, using: &random) }
  let outputChannels = inks ? 3 : channels
  var expected = [UInt8](repeating: 0, count: pixels * outputChannels)
  input.withUnsafeBufferPointer { input in
    expected.withUnsafeMutableBufferPointer { expected in
      for x in 0..<pixels {
        let target = expected.baseAddress! + x * outputChannels
        convertTableReference(
          input.baseAddress! + x * channels, inks: inks, places: places, strides: strides, nodes: nodes, curves: curves,
          matrix: matrix, fromLight: fromLight, output: target)
        if outputChannels == 4 { target[3] = input[x * 4 + 3] }
      }
    }
  }
  var actual = [UInt8](repeating: 7, count: expected.count)
  convertTableBytes(
    input, inputChannels: channels, inks: inks, pixels: pixels, places: places, strides: strides, nodes: nodes,
    curves: curves, matrix: matrix, fromLight: fromLight, output: &actual)
  check.expect(actual, is: expected, "nodes \(nodeCounts[0])")
}

private func randomFloat(_ low: Float, _ high: Float, _ random: inout SplitMix64) -> Float {
  low + (high - low) * Float(random.next() >> 40) / Float(1 << 24)
}
