/// The compressed content. Each kind leads to other codes and matches.
public enum StreamContent: CaseIterable, Sendable {
  case empty, oneByte, zeros, runs, noise, filteredNoise, text, farMatches, overlaps, longCodes, mixed

  /// At least `count` bytes, except for contents that are shorter by definition.
  public func bytes(_ random: inout SplitMix64, count: Int) -> [UInt8] {
    switch self {
    case .empty: return []
    case .oneByte: return [.random(in: 0...255, using: &random)]
    case .zeros: return [UInt8](repeating: 0, count: count)
    case .runs:
      var bytes: [UInt8] = []
      while bytes.count < count {
        let length = Int.random(in: 1...400, using: &random)
        bytes += [UInt8](repeating: .random(in: 0...255, using: &random), count: length)
      }
      return bytes
    case .noise: return (0..<count).map { _ in .random(in: 0...255, using: &random) }
    case .filteredNoise:
      return (0..<count).map { _ in
        let sum = (0..<4).reduce(0) { sum, _ in sum + Int.random(in: -6...6, using: &random) }
        return UInt8(truncatingIfNeeded: sum)
      }
    case .text:
      let words = (0..<200).map { _ in Self.noise.bytes(&random, count: .random(in: 2...9, using: &random)) }
      var bytes: [UInt8] = []
      while bytes.count < count { bytes += words.randomElement(using: &random)! }
      return bytes
    case .farMatches:
      // Pieces of 32 KiB of noise are repeated, so that there are distances of every length.
      let noise = Self.noise.bytes(&random, count: 32_000)
      var bytes = noise
      while bytes.count < count {
        let start = Int.random(in: 0..<31_000, using: &random)
        bytes += noise[start..<start + .random(in: 3...300, using: &random)]
      }
      return bytes
    case .overlaps:
      var bytes = Self.noise.bytes(&random, count: 40)
      while bytes.count < count {
        let distance = Int.random(in: 1...40, using: &random)
        for _ in 0..<Int.random(in: 3...90, using: &random) { bytes.append(bytes[bytes.count - distance]) }
        bytes.append(.random(in: 0...255, using: &random))
      }
      return bytes
    case .longCodes:
      // Each value is half as frequent as the one before, so that codes are of every length up to 15 bits.
      return (0..<count).map { _ in
        UInt8(min(random.next().trailingZeroBitCount, 14) * 16) + UInt8.random(in: 0...3, using: &random) / 3
      }
    case .mixed:
      var bytes: [UInt8] = []
      let others = Self.allCases.filter { $0 != .mixed }
      while bytes.count < count {
        bytes += others.randomElement(using: &random)!.bytes(&random, count: 5_000)
      }
      return bytes
    }
  }

  /// Two lowercase digits for each byte.
  public static func hexadecimal(_ bytes: [UInt8]) -> [UInt8] {
    let digits = Array("0123456789abcdef".utf8)
    return bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
  }
}
