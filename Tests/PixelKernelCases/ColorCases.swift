import TestSupport

#if GESSO_X86V3_CASES
import PixelKernelsX86v3
#else
import PixelKernels
#endif

/// The conversions of colors are compared with the formulas in real numbers.
func colorCases() -> [KernelCase] {
  var cases = [
    KernelCase("convertYCbCrToRGB", convertBytes), KernelCase("convertFineYCbCrToRGB", convertFine),
    KernelCase("expandToFine, expandToBytes", expand), KernelCase("mapGrayBytes, mapGrayWords", mapGray),
  ]
  for channels in [1, 3, 4] {
    cases.append(KernelCase("tensorPlanes, tensorPixels: \(channels) channels") { tensors(channels, &$0) })
    cases.append(
      KernelCase("tensorPlanesOfWords, tensorPixelsOfWords: \(channels) channels") { tensorsOfWords(channels, &$0) })
  }
  return cases
}

/// ITU-T T.871, section 7.
private func rgb(_ y: Double, _ cb: Double, _ cr: Double) -> [Double] {
  [
    y + 1.402 * (cr - 128), y - (0.114 * 1.772 * (cb - 128) + 0.299 * 1.402 * (cr - 128)) / 0.587,
    y + 1.772 * (cb - 128),
  ]
}

@Sendable
private func convertBytes(_ check: inout KernelCheck) {
  for count in [1, 7, 16, 33, 2_000] {
    var random = SplitMix64(seed: UInt64(count))
    let planes = (0..<3).map { _ in (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) } }
    var actual = [UInt8](repeating: 1, count: count * 3)
    convertYCbCrToRGB(luma: planes[0], blue: planes[1], red: planes[2], count: count, output: &actual)
    let exact = (0..<count).flatMap { rgb(Double(planes[0][$0]), Double(planes[1][$0]), Double(planes[2][$0])) }
    check.expect(actual, within: 0.503, of: exact, largest: 255, "\(count) pixels")
  }
}

@Sendable
private func convertFine(_ check: inout KernelCheck) {
  for count in [1, 7, 16, 33, 2_000] {
    var random = SplitMix64(seed: UInt64(count))
    let planes = (0..<3).map { _ in (0..<count).map { _ in UInt16.random(in: 0...65_280, using: &random) } }
    var actual = [UInt8](repeating: 1, count: count * 3)
    convertFineYCbCrToRGB(luma: planes[0], blue: planes[1], red: planes[2], count: count, output: &actual)
    let values = planes.map { plane in plane.map { Double($0) / 256 } }
    let exact = (0..<count).flatMap { rgb(values[0][$0], values[1][$0], values[2][$0]) }
    check.expect(actual, within: 0.51, of: exact, largest: 255, "\(count) pixels")
  }
}

/// The ranges of ITU-R BT.601, 2.5.3: 219 levels of luma from 16 on, 224 of color differences around 128.
@Sendable
private func expand(_ check: inout KernelCheck) {
  for (levels, center, result) in [(219.0, 16.0, 0.0), (224, 128, 128)] {
    let gain = Int32((255 / levels * 16_384).rounded())
    let bias = Int32(result * 256) << 14 - Int32(center * 256) * gain
    for count in [1, 7, 16, 33, 65_536] {
      var random = SplitMix64(seed: UInt64(count))
      let words = (0..<count).map { count == 65_536 ? UInt16($0) : .random(in: 0...65_535, using: &random) }
      let exact = words.map { (Double($0) / 256 - center) * 255 / levels + result }
      var fine = [UInt16](repeating: 1, count: count)
      expandToFine(words, count: count, gain: gain, bias: bias, output: &fine)
      check.expect(fine, within: 2, of: exact.map { $0 * 256 }, largest: 65_535, "\(count) words of \(levels)")
      var bytes = [UInt8](repeating: 1, count: count)
      expandToBytes(words, count: count, gain: gain, bias: bias, output: &bytes)
      check.expect(bytes, within: 0.506, of: exact, largest: 255, "\(count) words of \(levels) to bytes")
    }
  }
}

@Sendable
private func mapGray(_ check: inout KernelCheck) {
  for channels in [1, 2] {
    for pixels in [1, 16, 77] {
      let words = (0..<pixels * channels).map { UInt16(truncatingIfNeeded: $0 * 40_503) }
      let table = (0..<65_536).map { UInt16(truncatingIfNeeded: $0 * 31 ^ 77) }
      var actual = words
      mapGrayWords(&actual, channels: channels, pixels: pixels, table: table)
      let expected = (0..<words.count).map { $0 % channels == 0 ? table[Int(words[$0])] : words[$0] }
      check.expect(actual, is: expected, "\(pixels) words of \(channels)")
      let bytes = words.map { UInt8(truncatingIfNeeded: $0) }
      var actualBytes = bytes
      mapGrayBytes(&actualBytes, channels: channels, pixels: pixels, table: table)
      let expectedBytes = (0..<bytes.count).map {
        $0 % channels == 0 ? UInt8(truncatingIfNeeded: table[Int(bytes[$0])]) : bytes[$0]
      }
      check.expect(actualBytes, is: expectedBytes, "\(pixels) bytes of \(channels)")
    }
  }
}

private func tensors(_ channels: Int, _ check: inout KernelCheck) {
  for pixels in [1, 16, 77] {
    let input = (0..<pixels * channels).map { UInt8(truncatingIfNeeded: $0 * 167) }
    let tables = (0..<768).map { Float($0) / 127.5 - 1 }
    let colors = (0..<pixels).map { x in
      (0..<3).map { c in tables[c * 256 + Int(input[x * channels + (channels == 1 ? 0 : c)])].bitPattern }
    }
    var actual = [Float](repeating: 7, count: pixels * 3)
    tensorPlanes(input, channels: channels, pixels: pixels, tables: tables, output: &actual)
    let planes = (0..<3).flatMap { c in colors.map { $0[c] } }
    check.expect(actual.map { $0.bitPattern }, is: planes, "\(pixels) pixels in planes")
    tensorPixels(input, channels: channels, pixels: pixels, tables: tables, output: &actual)
    check.expect(actual.map { $0.bitPattern }, is: colors.flatMap { $0 }, "\(pixels) pixels")
  }
}

private func tensorsOfWords(_ channels: Int, _ check: inout KernelCheck) {
  let tables = (0..<3 * 65_536).map { Float($0) / 32_767.5 - 1 }
  for pixels in [1, 16, 77] {
    let input = (0..<pixels * channels).map { UInt16(truncatingIfNeeded: $0 * 40_503) }
    let colors = (0..<pixels).map { x in
      (0..<3).map { c in tables[c * 65_536 + Int(input[x * channels + (channels == 1 ? 0 : c)])].bitPattern }
    }
    var actual = [Float](repeating: 7, count: pixels * 3)
    tensorPlanesOfWords(input, channels: channels, pixels: pixels, tables: tables, output: &actual)
    let planes = (0..<3).flatMap { c in colors.map { $0[c] } }
    check.expect(actual.map { $0.bitPattern }, is: planes, "\(pixels) pixels in planes")
    tensorPixelsOfWords(input, channels: channels, pixels: pixels, tables: tables, output: &actual)
    check.expect(actual.map { $0.bitPattern }, is: colors.flatMap { $0 }, "\(pixels) pixels")
  }
}
