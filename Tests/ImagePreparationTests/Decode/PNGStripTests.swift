import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

/// PNGs are read with and without libpng. Both ways give the same pixels, and nothing that libpng refuses is accepted.
@Suite("PNG strips")
struct PNGStripTests {
  #if DEBUG
  static let imageCount: UInt64 = 200
  #else
  static let imageCount: UInt64 = 6_000
  #endif

  @Test("generated images decode to libpng's pixels", .everyInstructionSet, arguments: InstructionSet.available)
  func generated(isa: InstructionSet) throws {
    var count = 0
    for seed in 0..<Self.imageCount {
      var image = GeneratedPNG(seed: seed, isInterlaced: seed % 3 == 2)
      let bytes = image.file(data: image.compressed()).bytes
      let window = [16, 1_000, ByteSource.defaultWindow].randomElement(using: &image.random)!
      let strips = try StripImage.decode(.memory(bytes), policy: .error, window: window, isa: isa)
      let rows = try DecodedImage.decode(.memory(bytes), policy: .error)
      try #require(strips == nil || strips == rows, "seed \(seed)")
      count += strips == nil ? 0 : 1
    }
    // The other images begin with a chunk of less than two bytes, which is left to libpng.
    #expect(count * 100 > Self.imageCount * 85)
  }

  /// A wrong byte at one place, or other data that no encoder would write.
  enum Fault: CaseIterable {
    case cut, flippedBit, flippedBitWithChecksum, flippedDataBit, removedDataByte, shortData, longData, wrongAdler
    case extraCompressedData, extraDataInItsOwnChunk, badFilter, endChunkWithData, oversizeChunk, chunkWithinData
    case chunkAfterData, secondHeader, wrongChecksumAfterData, dataAfterEnd, badChunkName

    /// The file of `seed`, with this fault at a random place.
    func file(seed: UInt64) -> [UInt8] {
      var image = GeneratedPNG(seed: seed, isInterlaced: seed % 3 == 2)
      if self == .badFilter {
        let place = image.filterPlaces.randomElement(using: &image.random)!
        image.rows[place] = .random(in: 5...255, using: &image.random)
      }
      var extra = (0..<Int.random(in: 1...40, using: &image.random)).map { UInt8(truncatingIfNeeded: $0 * 37) }
      if self == .longData { image.rows += extra }
      if self == .shortData { image.rows.removeLast(min(extra.count, image.rows.count)) }
      var data = image.compressed()
      let at = Int.random(in: 2..<data.count, using: &image.random)
      switch self {
      case .flippedDataBit: data[at] ^= 1 << UInt8(at % 8)
      case .removedDataByte: data.remove(at: at)
      case .wrongAdler: data[data.count - 2] ^= 0x10
      case .extraCompressedData: data += extra
      default: break
      }
      var file = image.file(data: data)
      let end = file.chunks.count - 1
      let firstData = file.chunks.firstIndex { $0.type == "IDAT" }!
      let somewhere = Int.random(in: firstData...end, using: &image.random)
      switch self {
      case .flippedBitWithChecksum:
        let chunk = Int.random(in: firstData..<end, using: &image.random)
        guard let byte = file.chunks[chunk].data.indices.randomElement(using: &image.random) else { break }
        file.chunks[chunk].data[byte] ^= 0x40
      case .extraDataInItsOwnChunk: file.chunks.insert(("IDAT", extra), at: end)
      case .endChunkWithData: file.chunks[end].data = extra
      case .oversizeChunk:
        extra = [UInt8](repeating: 0, count: Limits().maxChunkBytes / 64)
        file.chunks.insert((image.random.next() & 1 == 0 ? "IDAT" : "teSt", extra), at: somewhere)
      case .chunkWithinData: file.chunks.insert(("teSt", extra), at: somewhere)
      case .chunkAfterData: file.chunks.insert((image.random.next() & 1 == 0 ? "PLTE" : "ABCD", extra), at: end)
      case .secondHeader: file.chunks.insert(file.chunks[0], at: somewhere)
      case .badChunkName: file.chunks.insert(("te5t", []), at: somewhere)
      default: break
      }
      var bytes = file.bytes
      switch self {
      case .cut: bytes.removeLast(.random(in: 1..<bytes.count - 33, using: &image.random))
      case .flippedBit: bytes[.random(in: 33..<bytes.count, using: &image.random)] ^= 1
      case .wrongChecksumAfterData: bytes[bytes.count - 1] ^= 1
      case .dataAfterEnd: bytes += extra
      default: break
      }
      return bytes
    }

    /// If the flipped bit made a length larger, libpng may find the end of the file before it passes the preceding bytes to zlib.
    var mayEndTheFileEarly: Bool { self == .flippedBit }

    /// Without libpng the stream is read to its end. libpng reads only the bytes that it happens to pass to zlib with the last row or right
    /// after it.
    var isInTheStreamsEnd: Bool {
      [
        .flippedBitWithChecksum, .flippedDataBit, .removedDataByte, .flippedBit, .cut, .wrongAdler,
        .extraCompressedData, .oversizeChunk,
      ]
      .contains(self)
    }
  }

  @Test(
    "a file is accepted, or refused with the same code, exactly as by libpng, under every policy",
    arguments: Fault.allCases)
  func faults(fault: Fault) throws {
    var outcomes: [Outcome: Int] = [:]
    for seed in 0..<Self.imageCount / 20 {
      let bytes = fault.file(seed: seed)
      for policy in DamagePolicy.allCases {
        outcomes[try Self.compare(bytes, policy, fault, "\(fault), seed \(seed), \(policy)"), default: 0] += 1
      }
    }
    // If the fault is in the first bytes of the data, libpng decodes the file from the beginning.
    #expect(outcomes[.byLibpng, default: 0] * 20 <= Self.imageCount * 2, "\(outcomes)")
    #expect(outcomes[.taken, default: 0] > 0 && outcomes[.refused, default: 0] > 0, "\(outcomes)")
  }

  @Test("PNG fixtures, whole and broken, under every policy", arguments: DamagePolicy.allCases)
  func fixtures(policy: DamagePolicy) throws {
    var outcomes: [Outcome: Int] = [:]
    for folder in ["png/pngsuite", "png", "corrupt"] {
      for name in try CorruptReplayTests.files(folder, prefix: "") where name.hasSuffix(".png") {
        outcomes[try Self.compare(Fixtures.bytes(name), policy, nil, "\(name), \(policy)"), default: 0] += 1
      }
    }
    // Two kinds of files are decoded by libpng: interlaced ones whose damage is ignored, and those whose data begin with a damaged or cut
    // header.
    #expect(outcomes[.taken, default: 0] > 120 && outcomes[.byLibpng, default: 0] < 100, "\(outcomes)")
  }

  @Test(
    "an image that is cut after any byte decodes as with libpng",
    arguments: ["basn2c08", "basn3p04", "basn6a16", "s32n3p04"])
  func cuts(name: String) throws {
    let bytes = try Fixtures.bytes("png/pngsuite/\(name).png")
    for cut in stride(from: 8, to: bytes.count, by: 3) {
      for policy in [DamagePolicy.none, .truncated] {
        let outcome = try Self.compare(Array(bytes.prefix(cut)), policy, .cut, "\(name), cut at \(cut), \(policy)")
        #expect(policy == .none || outcome != .taken, "cut at \(cut)")
      }
    }
  }

  @Test("errors name the row that was reached", arguments: [0, 1, 15, 16, 17, 99])
  func rowReached(row: Int) throws {
    let (whole, rowBytes) = (Self.coded(width: 30, height: 100), 91)
    var badFilter = whole
    badFilter[row * rowBytes] = 5
    for rows in [badFilter, Array(whole.prefix(row * rowBytes + 60))] {
      let file = Self.file(width: 30, height: 100, rows)
      let error = failure { () throws(PreparationError) in try StripImage.decode(.memory(file)) }
      #expect(error?.message.contains("at row \(row) of 100") == true, "\(String(describing: error))")
    }
  }

  /// RGB rows in which each row depends on all rows above it.
  private static func coded(width: Int, height: Int) -> [UInt8] {
    var random = SplitMix64(seed: 1)
    return (0..<height).flatMap { _ -> [UInt8] in
      [4] + (0..<width * 3).map { _ in random.next() % 50 == 0 ? UInt8(truncatingIfNeeded: random.next()) : 0 }
    }
  }

  private static func file(width: Int, height: Int, _ rows: [UInt8]) -> [UInt8] {
    let header = PNGFile.bigEndian(UInt32(width)) + PNGFile.bigEndian(UInt32(height)) + [8, 2, 0, 0, 0]
    return PNGFile(chunks: [("IHDR", header), ("IDAT", GeneratedPNG.deflate(rows)), ("IEND", [])]).bytes
  }

  /// The consumer takes every strip before the decoder may reuse its place, even a strip that no output row needs.
  @Test("two threads give the pixels of one, wherever the image is cropped", arguments: Gravity.allCases)
  func threads(gravity: Gravity) throws {
    let file = Self.file(width: 300, height: 1_700, Self.coded(width: 300, height: 1_700))
    let recipe = Recipe(size: .box(300, 40, .cover, gravity: gravity))
    let images = try [1, 2].map { threads in
      try ImagePreparer(limits: Limits(threads: threads)).pixelsBlocking(of: .memory(file), as: recipe)
    }
    #expect(images[0] == images[1])
  }

  /// The outcome for one file.
  enum Outcome { case byLibpng, taken, refused, refusedForItsEnd }

  /// Reads a file both ways.
  ///
  /// - Returns: The outcome, which is the same both ways.
  private static func compare(
    _ bytes: [UInt8], _ policy: DamagePolicy, _ fault: Fault?, _ place: String
  ) throws -> Outcome {
    let strips = Result { () throws(PreparationError) in
      try StripImage.decode(.memory(bytes), limits: Self.limits, policy: policy, window: 1_000)
    }
    let rows = Result { () throws(PreparationError) in
      try DecodedImage.decode(.memory(bytes), limits: Self.limits, policy: policy)
    }
    switch (strips, rows) {
    case (.success(nil), _): return .byLibpng
    case (.success(let strips?), .success(let rows)):
      try expectSame(strips, rows, place)
      return .taken
    case (.failure(let strips), .failure(let rows)):
      try #require(
        strips.code == rows.code || fault?.mayEndTheFileEarly == true, "\(place): \(strips) but libpng \(rows)")
      return .refused
    case (.success, .failure(let rows)):
      try #require(Bool(false), "\(place): libpng refuses, \(rows)")
      return .taken
    case (.failure(let strips), .success):
      try #require(
        fault?.isInTheStreamsEnd == true && strips.message.contains("after the last row"), "\(place): \(strips)")
      return .refusedForItsEnd
    }
  }

  private static let limits: Limits = {
    var limits = Limits()
    limits.maxChunkBytes /= 128
    return limits
  }()

  /// The results are equal with two exceptions: if the source ends early, libpng drops the rest of its buffer, and under `none` libpng does
  /// not report a wrong Adler checksum.
  private static func expectSame(_ strips: DecodedImage, _ rows: DecodedImage, _ place: String) throws {
    try #require(strips.layout == rows.layout && strips.height == rows.height, "\(place)")
    let intact = [strips, rows].map { $0.damage.firstFilledRow ?? $0.height }
    try #require(intact[0] >= intact[1] - 1, "\(place): \(intact)")
    let bytes = intact.min()! * strips.layout.rowBytes
    // A debug build compares arrays one generic element at a time.
    let areEqual = unsafe strips.bytes.withUnsafeBytes { a in
      unsafe rows.bytes.withUnsafeBytes { b in unsafe memcmp(a.baseAddress!, b.baseAddress!, bytes) == 0 }
    }
    try #require(areEqual, "\(place)")
    try #require(strips.damage.warningCount > 0 || rows.damage.warningCount == 0, "\(place)")
  }
}

/// A PNG whose data are read without libpng.
enum StripImage {
  /// Decodes strip by strip through a ring that holds two strips; nil if libpng has to read the data.
  static func decode(
    _ source: ImageSource, limits: Limits = Limits(), policy: DamagePolicy = .truncated,
    window: Int = ByteSource.defaultWindow, isa: InstructionSet = .best
  ) throws(PreparationError) -> DecodedImage? {
    let bytes = try ByteSource(source, window: window)
    guard try ImageSniffer.kind(of: bytes.peek(ImageSniffer.byteCount)).format == .png else { return nil }
    let decoder = try PNGDecoder(bytes, limits: limits, policy: policy)
    guard decoder.canReadStrips || decoder.canReadPasses else { return nil }
    var image = DecodedImage(description: decoder.description, layout: decoder.layout)
    let (kernels, height) = (KernelTable(isa), decoder.description.storedSize.height)
    let feed: any StripDecoder =
      decoder.canReadPasses
      ? InterleavedStrips(try PNGPasses(decoder, kernels: kernels), height: height, conversion: nil)
      : try PNGNativeStrips(decoder, kernels: kernels)
    let deferred = feed.deferred
    let plane = feed.planes[0]
    let ring = RowRing(stripRows: plane.stripRows, rowBytes: plane.rowBytes, window: 1, ahead: 1)
    for index in 0..<feed.stripCount {
      try feed.readStrip(index, into: [ring])
      _ = deferred?.finishStrip(index, in: [ring])
      while image.height < plane.rows(inStrips: index + 1) {
        let row = unsafe UnsafeRawBufferPointer(start: ring.row(image.height), count: image.layout.rowBytes)
        unsafe image.bytes += row
        image.height += 1
      }
    }
    try feed.finish()
    try feed.check()
    image.damage = feed.damage
    return image
  }
}
