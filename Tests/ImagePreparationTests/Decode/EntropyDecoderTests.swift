import CImageCodecs
import TestSupport
import Testing

@testable import ImagePreparation

/// Planes that are decoded without libjpeg-turbo must have its samples, and failures must have its messages.
@Suite("JPEG entropy decoding")
struct EntropyDecoderTests {
  /// Planes as a feed delivers them.
  struct Planes: Equatable {
    var planes: [[UInt8]]
    var damage: DecodingDamage
    /// False if libjpeg-turbo decoded all or a part of them.
    var isOwn: Bool
  }

  /// The limit refuses a file with thousands of scans earlier than the default limit does. The test compares the refusals, and reading so
  /// many scans would take libjpeg-turbo seconds.
  static let limits: Limits = {
    var limits = Limits()
    limits.maxScans = 50
    return limits
  }()

  static func decode(
    _ source: ImageSource, limits: Limits = limits, scale: JPEGScale = .full, policy: DamagePolicy = .truncated,
    window: Int = ByteSource.defaultWindow, isa: InstructionSet = .best
  ) throws(PreparationError) -> Planes {
    let decoder = try JPEGDecoder(ByteSource(source, window: window), limits: limits, policy: policy)
    let feed = JPEGPlaneStrips(try JPEGPlaneReader(decoder, scale: scale), kernels: KernelTable(isa), ahead: 1)
    let rings = feed.planes.map { RowRing(stripRows: $0.stripRows, rowBytes: $0.rowBytes, window: 1, ahead: 1) }
    var planes = [[UInt8]](repeating: [], count: rings.count)
    for index in 0..<feed.stripCount {
      try feed.readStrip(index, into: rings)
      _ = feed.deferred?.finishStrip(index, in: rings)
      for (k, plane) in feed.planes.enumerated() {
        for y in index * plane.stripRows..<plane.rows(inStrips: index + 1) {
          unsafe planes[k] += UnsafeRawBufferPointer(start: rings[k].row(y), count: plane.layout.width)
        }
      }
    }
    try feed.finish()
    return Planes(planes: planes, damage: feed.damage, isOwn: feed.decodesEntropy)
  }

  // Comparing samples is very slow in debug builds.
  #if DEBUG
  static let imageCount: UInt64 = 40
  static let largestFixture = 20_000
  #else
  static let imageCount: UInt64 = 2_000
  static let largestFixture = Int.max
  #endif

  enum Outcome { case own, byLibjpeg, refused }

  /// Decodes in both ways, and records an issue if they differ.
  static func compare(
    _ bytes: [UInt8], scale: JPEGScale = .full, policy: DamagePolicy = .truncated,
    window: Int = ByteSource.defaultWindow, isa: InstructionSet = .best, _ name: String
  ) -> Outcome {
    let source = ImageSource.memory(bytes)
    let expected = Result { () throws(PreparationError) in
      try JPEGVarietyTests.readPlanes(source, limits: limits, scale: scale, policy: policy)
    }
    let actual = Result { () throws(PreparationError) in
      try decode(source, scale: scale, policy: policy, window: window, isa: isa)
    }
    switch (expected, actual) {
    case (.success(let expected), .success(let actual)):
      #expect(actual.damage == expected.damage, "\(name)")
      #expect(actual.planes == expected.planes.map(\.bytes), "\(name)")
      return actual.isOwn ? .own : .byLibjpeg
    case (.failure(let expected), .failure(let actual)):
      #expect(actual == expected, "\(name)")
    case (.failure(let error), .success): Issue.record("\(name): only libjpeg-turbo says \(error)")
    case (.success, .failure(let error)): Issue.record("\(name): libjpeg-turbo takes it, but \(error)")
    }
    return .refused
  }

  @Test(
    "every fixture is decoded alike at every scale", .everyInstructionSet, arguments: JPEGScale.allCases,
    InstructionSet.available)
  func fixtures(scale: JPEGScale, isa: InstructionSet) throws {
    var outcomes: [Outcome: Int] = [:]
    for folder in ["jpeg", "jpeg/coded", "corrupt"] {
      for name in try CorruptReplayTests.files(folder, prefix: "") where name.hasSuffix(".jpg") {
        let bytes = try Fixtures.bytes(name)
        guard bytes.count <= Self.largestFixture else { continue }
        for policy in [DamagePolicy.none, .warning] {
          let outcome = Self.compare(bytes, scale: scale, policy: policy, isa: isa, "\(name) 1/\(scale) \(policy)")
          outcomes[outcome, default: 0] += 1
        }
      }
    }
    #expect(outcomes[.own, default: 0] > 80, "\(outcomes)")
  }

  @Test(
    "coded with restarts, and sampled in all ways",
    arguments: [
      "420-restart", "444-restart-blocks", "411", "422", "440", "mixed", "even-420", "gray", "ycck", "cmyk", "rgb",
      "gray-2x2", "420-scans", "420-scans-pair", "420-progressive", "444-progressive-restart", "422-progressive",
      "440-progressive", "411-progressive", "mixed-progressive", "gray-2x2-progressive", "rgb-progressive",
      "420-progressive-bits", "420-progressive-bits-restart",
    ])
  func isOwn(name: String) throws {
    let source = ImageSource.memory(try Fixtures.bytes("jpeg/coded/\(name).jpg"))
    #expect(try Self.decode(source).isOwn)
  }

  /// If the scans of a file leave bits out, libjpeg-turbo smooths the image.
  @Test(
    "incomplete progressions are left to libjpeg-turbo", arguments: ["420-progressive-coarse", "420-progressive-low"])
  func isSmoothed(name: String) throws {
    let bytes = try Fixtures.bytes("jpeg/coded/\(name).jpg")
    for scale in JPEGScale.allCases {
      #expect(Self.compare(bytes, scale: scale, policy: .warning, "\(name) 1/\(scale)") == .byLibjpeg)
    }
  }

  /// If a sequential file defines no Huffman tables, libjpeg-turbo uses these tables (T.81 K.3). It refuses a progressive file without
  /// tables.
  @Test("sequential files without Huffman tables have the standard ones")
  func standardTables() throws {
    let name = "jpeg/odd-standard-huffman-tables-left-out.jpg"
    for scale in JPEGScale.allCases {
      #expect(Self.compare(try Fixtures.bytes(name), scale: scale, policy: .warning, name) == .own)
    }
    let file = JPEGFile(try Fixtures.bytes("jpeg/coded/420-progressive.jpg"))
    let next = zip(file.markers, file.markers.dropFirst()).first { file.bytes[$0.0 + 1] == 0xC4 }!
    var bytes = file.bytes
    bytes.removeSubrange(next.0..<next.1)
    #expect(Self.compare(bytes, policy: .none, "no table") == .refused)
  }

  @Test("a file of more scans than are allowed is refused as by libjpeg-turbo")
  func tooManyScans() throws {
    let source = ImageSource.memory(try Fixtures.bytes("jpeg/coded/420-progressive-bits.jpg"))
    var limits = Limits()
    limits.maxScans = 22
    let error = failure { () throws(PreparationError) in _ = try Self.decode(source, limits: limits) }
    #expect(error?.code == .limitExceeded)
    limits.maxScans = 23
    #expect(try Self.decode(source, limits: limits).isOwn)
  }

  /// libjpeg-turbo keeps the components of the last header, but only those before the place at which it refused the header.
  @Test("a surplus scan is libjpeg-turbo's, also where its header is refused", arguments: [3, 9])
  func scans(lastComponent: UInt8) throws {
    var bytes = try Fixtures.bytes("jpeg/coded/420-scans.jpg")
    bytes.insert(
      contentsOf: [0xFF, 0xDA, 0, 12, 3, 1, 0, 2, 0, lastComponent, 0, 0, 63, 0], at: bytes.count - 2)
    for policy in DamagePolicy.allCases {
      let outcome = Self.compare(bytes, policy: policy, "component \(lastComponent), \(policy)")
      #expect(outcome != .own)
    }
  }

  /// A JPEG of noise on slopes, of random size and quality.
  static func generated(_ random: inout SplitMix64) throws(PreparationError) -> [UInt8] {
    let size = ImageSize(width: .random(in: 1...130, using: &random), height: .random(in: 1...70, using: &random))
    let isGray = random.next() % 5 == 0
    let channels = isGray ? 1 : 3
    let amplitude = Int.random(in: 1...255, using: &random)
    let samples = (0..<size.pixelCount * channels).map { at in
      UInt8(truncatingIfNeeded: at / channels % size.width * 2 + Int(random.next() >> 33) % amplitude)
    }
    let encoding = JPEGEncoding(
      quality: Double.random(in: 1...100, using: &random), subsampling: random.next() & 1 == 0 ? .yuv420 : .yuv444,
      optimizesTables: random.next() & 1 == 0)
    return try EncoderTests.jpeg(samples, size, isGray ? .gray : .rgb, encoding)
  }

  @Test("generated images are decoded alike", .everyInstructionSet, arguments: InstructionSet.available)
  func generated(isa: InstructionSet) throws {
    for seed in 0..<Self.imageCount {
      var random = SplitMix64(seed: seed)
      let bytes = try Self.generated(&random)
      let window = [32, 1_000, ByteSource.defaultWindow].randomElement(using: &random)!
      let scale = JPEGScale.allCases.randomElement(using: &random)!
      #expect(Self.compare(bytes, scale: scale, window: window, isa: isa, "seed \(seed), 1/\(scale)") == .own)
    }
  }

  /// The faults of a file's scan.
  enum Fault: CaseIterable {
    case cut, flippedBit, removedByte, insertedByte, insertedMarker, insertedRestart, fillBytes, swappedEnd

    func file(_ bytes: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
      var bytes = bytes
      let scan = JPEGFile(bytes).scans.filter { !$0.isEmpty }.randomElement(using: &random)!
      let at = Int.random(in: scan, using: &random)
      switch self {
      case .cut: bytes.removeSubrange(at...)
      case .flippedBit: bytes[at] ^= 1 << UInt8.random(in: 0...7, using: &random)
      case .removedByte: bytes.remove(at: at)
      case .insertedByte: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: at)
      case .insertedMarker: bytes.insert(contentsOf: [0xFF, .random(in: 1...0xFE, using: &random)], at: at)
      case .insertedRestart: bytes.insert(contentsOf: [0xFF, .random(in: 0xD0...0xD7, using: &random)], at: at)
      case .fillBytes: bytes.insert(contentsOf: [0xFF, 0xFF, 0xFF], at: scan.upperBound)
      case .swappedEnd: bytes.replaceSubrange(scan.upperBound..., with: [0xFF, 0xC4, 0xFF, 0xD9])
      }
      return bytes
    }
  }

  /// Files with restarts, and progressive ones.
  static let coded = [
    "420-restart", "420-progressive", "444-restart-blocks", "420-progressive-bits", "420", "444-progressive-restart",
    "411", "420-progressive-bits-restart", "420-scans-pair", "mixed-progressive",
  ]

  @Test("broken scans are decoded or refused alike under every policy", arguments: Fault.allCases)
  func faults(fault: Fault) throws {
    var outcomes: [Outcome: Int] = [:]
    for seed in 0..<Self.imageCount / 5 {
      var random = SplitMix64(seed: seed)
      let intact =
        seed % 3 == 0
        ? try Self.generated(&random)
        : try Fixtures.bytes("jpeg/coded/\(Self.coded.randomElement(using: &random)!).jpg")
      let bytes = fault.file(intact, &random)
      let scale = JPEGScale.allCases.randomElement(using: &random)!
      for policy in DamagePolicy.allCases {
        let name = "\(fault), seed \(seed), 1/\(scale), \(policy)"
        outcomes[Self.compare(bytes, scale: scale, policy: policy, name), default: 0] += 1
      }
    }
    switch fault {
    case .fillBytes: #expect(outcomes.keys.allSatisfy { $0 == .own }, "\(outcomes)")
    default: #expect(outcomes[.byLibjpeg, default: 0] + outcomes[.refused, default: 0] > 0, "\(outcomes)")
    }
  }

  /// The changed bytes are in tables, in scan headers and in scans.
  @Test(
    "changed progressive files decode as with libjpeg-turbo under every policy",
    arguments: coded.filter { $0.contains("progressive") })
  func changedBytes(name: String) throws {
    let file = JPEGFile(try Fixtures.bytes("jpeg/coded/\(name).jpg"))
    let frame = try #require(file.markers.first { file.bytes[$0 + 1] == 0xC2 })
    for seed in 0..<Self.imageCount / 4 {
      var random = SplitMix64(seed: seed)
      var bytes = file.bytes
      for _ in 0...random.next() % 2 {
        let marker = file.markers.filter { $0 > frame && $0 + 20 < bytes.count }.randomElement(using: &random)!
        let isHeader = random.next() & 1 == 0
        let at = isHeader ? marker + Int(random.next() % 20) : .random(in: frame + 20..<bytes.count, using: &random)
        let bit: UInt8 = 1 << UInt8.random(in: 0...7, using: &random)
        bytes[at] = random.next() & 1 == 0 ? UInt8(truncatingIfNeeded: random.next()) : bytes[at] ^ bit
      }
      for policy in DamagePolicy.allCases {
        _ = Self.compare(bytes, policy: policy, "\(name), seed \(seed), \(policy)")
      }
    }
  }
}
