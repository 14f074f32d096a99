/// A baseline JPEG of random coefficients with restart markers. It is written here so that tests can choose any size, sampling and
/// interval.
public struct RestartJPEG: Sendable, CustomStringConvertible {
  /// The width of the image.
  public var width: Int
  /// The height of the image.
  public var height: Int
  /// Sampling factors of each component: horizontal, vertical.
  public var sampling: [[Int]]
  /// The MCUs between restart markers; 0 for none.
  public var interval: Int
  /// The seed of the coefficients.
  public var seed: UInt64

  /// Describes a file.
  public init(width: Int, height: Int, sampling: [[Int]], interval: Int, seed: UInt64 = 1) {
    (self.width, self.height, self.sampling, self.interval, self.seed) = (width, height, sampling, interval, seed)
  }

  /// The size, the sampling and the interval.
  public var description: String {
    "\(width)x\(height) \(sampling.map { "\($0[0])x\($0[1])" }.joined(separator: ",")), every \(interval)"
  }

  /// The number of MCUs in a row.
  public var mcusPerRow: Int { mcus(width, 0) }

  private func mcus(_ side: Int, _ axis: Int) -> Int {
    // In a scan of a single component, an MCU has one block (T.81 A.2.2).
    let blocks = sampling.count == 1 ? 1 : sampling.map { $0[axis] }.max()!
    return (side + 8 * blocks - 1) / (8 * blocks)
  }

  /// The symbols of AC coefficients. The end of a block has the code 00 of 2 bits, and the other symbols have codes of 8 bits in this
  /// order.
  private static let symbols: [UInt8] =
    [0x00, 0xF0] + (0...15).flatMap { run in (1...10).map { size in UInt8(run << 4 | size) } }

  /// The file.
  public func bytes() -> [UInt8] {
    func segment(_ marker: UInt8, _ content: [UInt8]) -> [UInt8] {
      let length = content.count + 2
      return [0xFF, marker, UInt8(length >> 8), UInt8(length & 0xFF)] + content
    }
    func word(_ value: Int) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xFF)] }
    var frame: [UInt8] = [8] + word(height) + word(width)
    var scan = [UInt8(sampling.count)]
    frame.append(UInt8(sampling.count))
    for (number, factors) in sampling.enumerated() {
      frame += [UInt8(number + 1), UInt8(factors[0] << 4 | factors[1]), 0]
      scan += [UInt8(number + 1), 0]
    }
    scan += [0, 63, 0]
    // The sizes of DC differences have codes of 4 bits.
    var differences: [UInt8] = [0, 0, 0, 0, 12]
    differences += [UInt8](repeating: 0, count: 12)
    differences += 0..<12
    var coefficients: [UInt8] = [0x10, 0, 1, 0, 0, 0, 0, 0, UInt8(Self.symbols.count - 1)]
    coefficients += [UInt8](repeating: 0, count: 8)
    coefficients += Self.symbols
    var bytes: [UInt8] = [0xFF, 0xD8]
    bytes += segment(0xDB, [0] + [UInt8](repeating: 8, count: 64))
    bytes += segment(0xC0, frame) + segment(0xC4, differences) + segment(0xC4, coefficients)
    if interval > 0 { bytes += segment(0xDD, word(interval)) }
    bytes += segment(0xDA, scan)

    var random = SplitMix64(seed: seed)
    var bits = EntropyBits()
    var predictions = sampling.map { _ in 0 }
    let count = mcus(width, 0) * mcus(height, 1)
    let blocks = sampling.count == 1 ? [1] : sampling.map { $0[0] * $0[1] }
    for mcu in 0..<count {
      if interval > 0, mcu > 0, mcu % interval == 0 {
        bits.end(with: 0xD0 + UInt8((mcu / interval - 1) & 7))
        predictions = sampling.map { _ in 0 }
      }
      for component in sampling.indices {
        for _ in 0..<blocks[component] { Self.writeBlock(&bits, &predictions[component], &random) }
      }
    }
    bits.end(with: 0xD9)
    return bytes + bits.bytes
  }

  private static func writeBlock(_ bits: inout EntropyBits, _ prediction: inout Int, _ random: inout SplitMix64) {
    let level = Int(random.next() % 121) - 60
    bits.writeNumber(level - prediction) { size in (code: size, length: 4) }
    prediction = level
    var position = 0
    for _ in 0..<random.next() % 6 {
      let run = Int(random.next() % 16)
      guard position + run < 63 else { break }
      position += run + 1
      let size = Int(random.next() % 5) + 1
      let value = Int(random.next() % (1 << UInt64(size - 1))) + (1 << (size - 1))
      bits.writeNumber(random.next() & 1 == 0 ? value : -value) { size in
        (code: 63 + symbols.firstIndex(of: UInt8(run << 4 | size))!, length: 8)
      }
    }
    if position < 63 { bits.write(0, 2) }
  }
}

/// Bits, written from the highest one on, with stuffing.
private struct EntropyBits {
  var bytes: [UInt8] = []
  private var pending = 0
  private var count = 0

  mutating func write(_ code: Int, _ length: Int) {
    for bit in (0..<length).reversed() {
      pending = pending << 1 | code >> bit & 1
      count += 1
      guard count == 8 else { continue }
      bytes += pending == 0xFF ? [0xFF, 0] : [UInt8(pending)]
      (pending, count) = (0, 0)
    }
  }

  /// Writes the code of a number's size, and its bits (T.81 F.1.2.1).
  mutating func writeNumber(_ value: Int, _ code: (Int) -> (code: Int, length: Int)) {
    let size = Int.bitWidth - abs(value).leadingZeroBitCount
    let (code, length) = code(size)
    write(code, length)
    write(value < 0 ? value + (1 << size) - 1 : value, size)
  }

  /// Fills the last byte with ones, and adds a marker.
  mutating func end(with marker: UInt8) {
    while count > 0 { write(1, 1) }
    bytes += [0xFF, marker]
  }
}
