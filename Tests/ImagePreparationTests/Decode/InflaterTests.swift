import CZlib
import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

/// The inflater is compared with zlib: both give the same bytes, the same faults and the same messages, however the stream is divided into
/// parts.
@Suite("Inflater")
struct InflaterTests {
  #if DEBUG
  // The data are longer than the window of 32 KiB.
  static let count = 40_000
  // One block of each kind: stored, with dynamic codes, with fixed codes.
  static let encodings: [(level: CInt, strategy: CInt)] = [
    (0, Z_DEFAULT_STRATEGY), (6, Z_DEFAULT_STRATEGY), (6, Z_FIXED),
  ]
  #else
  static let count = 250_000
  static let encodings: [(level: CInt, strategy: CInt)] = [
    (0, Z_DEFAULT_STRATEGY), (1, Z_DEFAULT_STRATEGY), (6, Z_DEFAULT_STRATEGY), (9, Z_FILTERED), (6, Z_HUFFMAN_ONLY),
    (6, Z_RLE), (6, Z_FIXED),
  ]
  #endif

  @Test(
    "streams of every strategy of zlib are inflated, in parts", .everyInstructionSet, arguments: StreamContent.allCases)
  func roundTrips(content: StreamContent) throws {
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
      let content = StreamContent.allCases.randomElement(using: &random)!
      let bytes = content.bytes(&random, count: .random(in: 1...30_000, using: &random))
      let strategy = [Z_DEFAULT_STRATEGY, Z_HUFFMAN_ONLY, Z_FIXED].randomElement(using: &random)!
      let whole = GeneratedPNG.deflate(
        bytes, level: .random(in: 0...9, using: &random), strategy: strategy, windowBits: -15)
      for _ in 0..<8 {
        var stream = whole
        // Half of the changes are at the beginning, because most faults are found in headers.
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
    // The test must meet every kind of fault, and also both other kinds of end.
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
    /// `ended` if the stream is complete, `needsInput` if it is truncated, and `done` if it contains more bytes than the test requested.
    var end: Inflater.Step
    /// The number of bytes of the stream up to its end.
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
