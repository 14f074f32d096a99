import CZlib
import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

/// Inflating against zlib: the same bytes and the same faults with the same messages, however the stream is divided into parts.
@Suite("Inflater")
struct InflaterTests {
  /// The compressed content: each kind leads to other codes and matches.
  enum Content: CaseIterable {
    case empty, oneByte, zeros, runs, noise, filteredNoise, text, farMatches, overlaps, longCodes, mixed

    func bytes(_ random: inout SplitMix64, count: Int) -> [UInt8] {
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
        // Pieces of a noise of 32 KiB, again and again: distances of every length.
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
        // Each value half as often as the one before, so that codes are of every length up to 15 bits.
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
  }

  #if DEBUG
  // More than a window, of 32 KiB.
  static let count = 40_000
  #else
  static let count = 250_000
  #endif

  static let encodings: [(level: CInt, strategy: CInt)] = [
    (0, Z_DEFAULT_STRATEGY), (1, Z_DEFAULT_STRATEGY), (6, Z_DEFAULT_STRATEGY), (9, Z_FILTERED), (6, Z_HUFFMAN_ONLY),
    (6, Z_RLE), (6, Z_FIXED),
  ]

  @Test("streams of every strategy of zlib are inflated, in parts", .everyInstructionSet, arguments: Content.allCases)
  func roundTrips(content: Content) throws {
    var random = SplitMix64(seed: 7)
    let bytes = content.bytes(&random, count: Self.count)
    for (level, strategy) in Self.encodings {
      let stream = GeneratedPNG.deflate(bytes, level: level, strategy: strategy, windowBits: -15)
      for isa in InstructionSet.available {
        for pieces in Pieces.allCases {
          let result = Inflated(stream + [1, 2, 3], pieces, isa, limit: bytes.count + 1)
          let place = "\(content), level \(level), strategy \(strategy), \(isa), \(pieces)"
          try #require(
            result.end == .ended && result.used == stream.count, "\(place): \(result.end) at \(result.used)")
          let isSame = result.bytes == bytes
          try #require(isSame, "\(place)")
        }
      }
    }
  }

  @Test(
    "damaged and truncated streams end as in zlib, after the same bytes", .everyInstructionSet,
    arguments: InstructionSet.available)
  func damage(isa: InstructionSet) throws {
    #if DEBUG
    let rounds = 20
    #else
    let rounds = 400
    #endif
    var ends: [String: Int] = [:]
    for round in 0..<rounds {
      var random = SplitMix64(seed: UInt64(round))
      let content = Content.allCases.randomElement(using: &random)!
      let bytes = content.bytes(&random, count: .random(in: 1...30_000, using: &random))
      let strategy = [Z_DEFAULT_STRATEGY, Z_HUFFMAN_ONLY, Z_FIXED].randomElement(using: &random)!
      let whole = GeneratedPNG.deflate(
        bytes, level: .random(in: 0...9, using: &random), strategy: strategy, windowBits: -15)
      for _ in 0..<8 {
        var stream = whole
        // Headers are where most faults are found.
        let place = Bool.random(using: &random) ? min(100, stream.count) : stream.count
        let at = Int.random(in: 0..<place, using: &random)
        switch Int.random(in: 0...3, using: &random) {
        case 0: stream.removeLast(.random(in: 1...stream.count, using: &random))
        case 1: stream[at] ^= 1 << UInt8.random(in: 0...7, using: &random)
        case 2: stream[at] = .random(in: 0...255, using: &random)
        default: stream.remove(at: at)
        }
        let limit = bytes.count * 2 + 100_000
        let expected = Inflated(byZlib: stream, limit: limit)
        let result = Inflated(stream, Pieces.allCases.randomElement(using: &random)!, isa, limit: limit)
        try #require(result.end == expected.end, "round \(round), \(content): \(result.end), zlib: \(expected.end)")
        let isSame = result.bytes == expected.bytes
        try #require(isSame, "round \(round), \(content): \(result.bytes.count) bytes, zlib: \(expected.bytes.count)")
        ends["\(expected.end)", default: 0] += 1
      }
    }
    // Each kind of fault was met, and each of the two other ends.
    #expect(ends.count >= (rounds > 100 ? 11 : 4), "\(ends)")
  }

  /// The division of a stream into parts of input and output.
  enum Pieces: CaseIterable {
    case whole, odd, single

    var input: Int { [.whole: .max, .odd: 1_009, .single: 1][self]! }
    var output: Int { [.whole: .max, .odd: 7_919, .single: 3_001][self]! }
  }

  /// The result of inflating a raw deflate stream.
  struct Inflated {
    var bytes: [UInt8]
    /// `needsInput` if the stream is truncated; `done` if it has more bytes than were requested.
    var end: Inflater.Step
    /// Bytes of the stream up to its end.
    var used = 0

    init(_ stream: [UInt8], _ pieces: Pieces, _ isa: InstructionSet, limit: Int) {
      var inflater = Inflater(kernels: KernelTable(isa))
      var (fed, count) = (0, 0)
      bytes = [UInt8](repeating: 0, count: limit)
      end = .done
      unsafe bytes.withUnsafeMutableBufferPointer { bytes in
        while count < limit {
          let wanted = min(limit - count, pieces.output)
          var written = 0
          end = unsafe inflater.read(into: bytes.baseAddress! + count, count: wanted, written: &written)
          count += written
          if end == .done { continue }
          guard end == .needsInput, fed <= stream.count else { break }
          if fed == stream.count {
            inflater.endInput()
            fed += 1
            continue
          }
          let room = unsafe inflater.inputRoom()
          let part = min(pieces.input, stream.count - fed, room.count)
          for k in 0..<part { unsafe room[k] = stream[fed + k] }
          inflater.append(part)
          fed += part
        }
      }
      bytes.removeLast(limit - count)
      used = inflater.inputOffset
    }

    init(byZlib stream: [UInt8], limit: Int) {
      var (input, output) = (stream, [UInt8](repeating: 0, count: limit))
      var zlib = unsafe z_stream()
      unsafe inflateInit2_(&zlib, -15, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
      end = unsafe input.withUnsafeMutableBufferPointer { input in
        unsafe output.withUnsafeMutableBufferPointer { output in
          unsafe zlib.next_in = input.baseAddress
          unsafe zlib.avail_in = uInt(input.count)
          unsafe zlib.next_out = output.baseAddress
          unsafe zlib.avail_out = uInt(output.count)
          switch unsafe inflate(&zlib, Z_SYNC_FLUSH) {
          case Z_STREAM_END: return .ended
          case Z_DATA_ERROR: return unsafe .broken(String(cString: zlib.msg))
          default: return unsafe zlib.avail_out == 0 ? .done : .needsInput
          }
        }
      }
      bytes = unsafe Array(output.prefix(limit - Int(zlib.avail_out)))
      unsafe inflateEnd(&zlib)
    }
  }
}
