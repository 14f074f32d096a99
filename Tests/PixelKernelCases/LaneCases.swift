#if GESSO_X86V3_CASES
import PixelKernelsX86v3
#else
import PixelKernels
#endif

/// Rows are arranged in lanes, and lanes in rows. The cases check the new place of each sample.
func laneCases() -> [KernelCase] {
  var cases: [KernelCase] = []
  for channels in 1...4 {
    for width in [1, 2, 5, 8, 9, 16, 31] {
      let inputs = "\(width) pixels of \(channels)"
      cases.append(KernelCase("interleaveColumns: \(inputs)") { interleave(channels, width, &$0) })
      cases.append(KernelCase("deinterleaveLanes: \(inputs), bytes") { deinterleave(UInt8.self, channels, width, &$0) })
      cases.append(
        KernelCase("deinterleaveLanes: \(inputs), words") { deinterleave(UInt16.self, channels, width, &$0) })
      cases.append(KernelCase("mapLanes: \(inputs)") { map(channels, width, &$0) })
    }
  }
  return cases
}

/// A byte for each word.
private let table = (0..<65_536).map { UInt8(truncatingIfNeeded: $0 >> 8 ^ $0) }

private func lanesPerRow(_ channels: Int) -> Int { HorizontalLanes.perRow(channels: channels) }
private func laneCount(_ channels: Int) -> Int { HorizontalLanes.count(channels: channels) }

private func interleave(_ channels: Int, _ width: Int, _ check: inout KernelCheck) {
  let rowCount = laneCount(channels) / lanesPerRow(channels)
  let stride = width * channels + 16
  let rows = (0..<rowCount * stride).map { Int16(truncatingIfNeeded: $0 * 31) }
  let pairs = (width + 1) / 2
  var columns = [Int32](repeating: 0, count: pairs * laneCount(channels))
  interleaveColumns(rows: rows, stride: stride, channels: channels, pairs: pairs, columns: &columns)
  // Lanes without a channel, and the column after an odd width, may have any value.
  var (actual, expected): ([Int16], [Int16]) = ([], [])
  for row in 0..<rowCount {
    for x in 0..<width {
      for c in 0..<channels {
        let word = columns[x / 2 * laneCount(channels) + row * lanesPerRow(channels) + c]
        actual.append(x % 2 == 0 ? Int16(truncatingIfNeeded: word) : Int16(word >> 16))
        expected.append(rows[row * stride + x * channels + c])
      }
    }
  }
  check.expect(actual, is: expected, "samples")
}

private func deinterleave<Sample: FixedWidthInteger>(
  _: Sample.Type, _ channels: Int, _ width: Int, _ check: inout KernelCheck
) {
  let sampleBytes = Sample.bitWidth / 8
  let rowCount = laneCount(channels) / lanesPerRow(channels)
  let lanes = (0..<width * laneCount(channels)).map { Sample(truncatingIfNeeded: $0 * 771) }
  // No sample after the last row is written.
  var output = [Sample](repeating: 77, count: rowCount * width * channels + 1)
  deinterleaveLanes(
    lanes: lanes, sampleBytes: sampleBytes, channels: channels, count: width, rowCount: rowCount, output: &output,
    stride: width * channels * sampleBytes)
  check.expect(output, is: rows(of: lanes, channels, width, rowCount) + [77], "rows")
}

private func map(_ channels: Int, _ width: Int, _ check: inout KernelCheck) {
  let rowCount = laneCount(channels) / lanesPerRow(channels) - (channels > 1 ? 1 : 0)
  let lanes = (0..<width * laneCount(channels)).map { UInt16(truncatingIfNeeded: $0 * 8_191) }
  var output = [UInt8](repeating: 7, count: rowCount * width * channels + 1)
  mapLanes(
    lanes, channels: channels, pixels: width, rowCount: rowCount, table: table, output: &output,
    stride: width * channels)
  check.expect(output, is: rows(of: lanes, channels, width, rowCount).map { table[Int($0)] } + [7], "rows")
}

private func rows<Sample>(of lanes: [Sample], _ channels: Int, _ width: Int, _ rowCount: Int) -> [Sample] {
  var samples: [Sample] = []
  for row in 0..<rowCount {
    for x in 0..<width {
      for c in 0..<channels { samples.append(lanes[x * laneCount(channels) + row * lanesPerRow(channels) + c]) }
    }
  }
  return samples
}
