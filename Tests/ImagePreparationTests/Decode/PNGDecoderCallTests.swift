import CImageCodecs
import TestSupport
import Testing

@testable import ImagePreparation

/// The C decoder of PNGs, called in ways that ``PNGDecoder`` does not call it.
@Suite("Calls of the PNG decoder")
struct PNGDecoderCallTests {
  /// Owns the decoder, its source and the bytes of the file. The headers are read when it is made.
  @safe
  final class Decoder {
    let pointer: OpaquePointer
    private let source: OpaquePointer
    private let bytes: UnsafeMutableBufferPointer<UInt8>

    init(_ file: [UInt8], policy: cic_policy = .CIC_FAIL_ON_TRUNCATED) throws {
      unsafe bytes = .allocate(capacity: file.count)
      _ = unsafe bytes.initialize(from: file)
      unsafe source = cic_source_create_memory(bytes.baseAddress, bytes.count, nil)!
      let limits = cic_png_limits(policy: policy, max_chunk_bytes: 1 << 20, max_chunks: 100)
      unsafe pointer = cic_png_decoder_create(source, nil, limits)!
      var header = unsafe cic_png_header()
      try #require(unsafe cic_png_read_header(pointer, &header) == .CIC_OK)
    }

    deinit {
      unsafe cic_png_decoder_destroy(pointer)
      unsafe cic_source_destroy(source)
      unsafe bytes.deallocate()
    }

    var message: String { unsafe String(cString: cic_png_decoder_report(pointer).message) }
    var warningCount: Int64 { unsafe cic_png_decoder_report(pointer).warning_count }

    func start() -> cic_status { unsafe cic_png_start(pointer) }
    func startIDAT() -> cic_status {
      var coding = cic_png_coding()
      return unsafe cic_png_start_idat(pointer, &coding)
    }
    /// Reads the next row.
    func readRow() -> cic_status {
      var row = [UInt8](repeating: 0, count: 32 * 3)
      var written = 0
      return unsafe cic_png_read_rows(pointer, &row, row.count, 1, &written)
    }
    /// Reads the next bytes of the image data.
    func readIDAT() -> (status: cic_status, count: Int) {
      var batch = unsafe cic_png_batch()
      var bytes = [UInt8](repeating: 0, count: 64)
      let status = unsafe cic_png_read_idat(pointer, &bytes, bytes.count, &batch)
      return unsafe (status, batch.count)
    }
    func record(_ fault: cic_png_fault, _ message: String) -> cic_status {
      unsafe cic_png_record_fault(pointer, fault, message)
    }
    func finish() -> cic_status { unsafe cic_png_finish(pointer) }
  }

  static let policies: [cic_policy] = [
    .CIC_FAIL_ON_NONE, .CIC_FAIL_ON_TRUNCATED, .CIC_FAIL_ON_ERROR, .CIC_FAIL_ON_WARNING,
  ]

  @Test("a fault of a kind that does not exist is damage", arguments: policies, [3, -1, .max] as [Int32])
  func unknownFault(policy: cic_policy, value: Int32) throws {
    let decoder = try Decoder(Fixtures.bytes("png/pngsuite/basn2c08.png"), policy: policy)
    #expect(decoder.record(unsafe unsafeBitCast(value, to: cic_png_fault.self), "of no kind") == .CIC_CORRUPT)
    #expect(decoder.message == "of no kind")
  }

  @Test(
    "the policy makes a warning or a failure of a fault",
    arguments: [
      (cic_png_fault.CIC_PNG_DAMAGE, [cic_status.CIC_CORRUPT, .CIC_CORRUPT, .CIC_CORRUPT, .CIC_CORRUPT]),
      (.CIC_PNG_CHECKSUM, [.CIC_OK, .CIC_CORRUPT, .CIC_CORRUPT, .CIC_CORRUPT]),
      (.CIC_PNG_BENIGN, [.CIC_OK, .CIC_OK, .CIC_CORRUPT, .CIC_CORRUPT]),
    ])
  func faults(fault: cic_png_fault, expected: [cic_status]) throws {
    for (policy, expected) in zip(Self.policies, expected) {
      let decoder = try Decoder(Fixtures.bytes("png/pngsuite/basn2c08.png"), policy: policy)
      #expect(decoder.record(fault, "a fault") == expected)
      #expect(decoder.warningCount == (expected == .CIC_OK ? 1 : 0))
      #expect(decoder.message == (expected == .CIC_OK ? "" : "a fault"))
    }
  }

  @Test("the first failure is kept, and every later call returns it")
  func firstFailure() throws {
    let decoder = try Decoder(Fixtures.bytes("png/pngsuite/basn2c08.png").dropLast(60))
    #expect(decoder.startIDAT() == .CIC_OK)
    // The bytes before the end are delivered, and only after them the failure is reported.
    var read = decoder.readIDAT()
    while read.status == .CIC_OK, read.count > 0 {
      #expect(decoder.message.isEmpty)
      read = decoder.readIDAT()
    }
    #expect(read == (.CIC_TRUNCATED, 0))
    for _ in 0..<2 {
      #expect(decoder.readIDAT() == (.CIC_TRUNCATED, 0))
      #expect(decoder.startIDAT() == .CIC_TRUNCATED)
      #expect(decoder.start() == .CIC_TRUNCATED)
      #expect(decoder.finish() == .CIC_TRUNCATED)
      #expect(decoder.message == "premature end of PNG data")
    }
    // Damage at an earlier row may be found in bytes that were delivered before the failure. It replaces that failure.
    #expect(decoder.record(.CIC_PNG_DAMAGE, "bad row") == .CIC_CORRUPT)
    #expect(decoder.finish() == .CIC_CORRUPT)
    #expect(decoder.message == "bad row")
  }

  /// A call that is made without the call that it needs, or in the wrong order.
  enum Order: CaseIterable {
    case rowsWithoutStart, dataWithoutStart, finishWithoutStart, dataAfterStart, rowsAfterDataStart, twoStarts

    func status(_ decoder: Decoder) -> cic_status {
      switch self {
      case .dataAfterStart, .twoStarts: #expect(decoder.start() == .CIC_OK)
      case .rowsAfterDataStart: #expect(decoder.startIDAT() == .CIC_OK)
      default: break
      }
      return switch self {
      case .rowsWithoutStart, .rowsAfterDataStart: decoder.readRow()
      case .dataWithoutStart, .dataAfterStart: decoder.readIDAT().status
      case .finishWithoutStart: decoder.finish()
      case .twoStarts: decoder.startIDAT()
      }
    }
  }

  @Test("calls out of order are refused", arguments: Order.allCases)
  func order(order: Order) throws {
    let decoder = try Decoder(Fixtures.bytes("png/pngsuite/basn2c08.png"))
    #expect(order.status(decoder) == .CIC_UNSUPPORTED)
  }

  @Test("an interlaced image of 2^65 bytes is refused before memory is taken")
  func interlacedOverflow() throws {
    let side = UInt32(0x7FFF_FFFF)
    let decoder = try Decoder(DecodingLimitTests.resized("png/pngsuite/basi6a16.png", width: side, height: side))
    #expect(decoder.start() == .CIC_OUT_OF_MEMORY)
  }
}
