import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

/// Files with several scans: damaged between their scans, and read from every kind of source.
@Suite("JPEGs of several scans")
struct SeveralScansTests {
  static let names = [
    "420-scans", "420-scans-pair", "420-progressive", "444-progressive-restart", "mixed-progressive",
    "gray-2x2-progressive", "420-progressive-bits", "420-progressive-bits-restart",
  ]

  /// Compares each file under every damage policy. In debug builds the comparison is slow, so each file has only one of the policies, in
  /// turn.
  private static func compare(_ files: [(name: String, bytes: [UInt8])]) -> [EntropyDecoderTests.Outcome: Int] {
    var outcomes: [EntropyDecoderTests.Outcome: Int] = [:]
    for (index, file) in files.enumerated() {
      var policies = DamagePolicy.allCases
      #if DEBUG
      policies = [policies[index % policies.count]]
      #endif
      for policy in policies {
        outcomes[EntropyDecoderTests.compare(file.bytes, policy: policy, "\(file.name), \(policy)"), default: 0] += 1
      }
    }
    return outcomes
  }

  @Test("a file that is cut at a marker or in a scan decodes as with libjpeg-turbo", arguments: names)
  func cut(name: String) throws {
    let file = JPEGFile(try Fixtures.bytes("jpeg/coded/\(name).jpg"))
    var places: [Int] = []
    for marker in file.markers.dropFirst() { places += [marker, marker + 1, marker + 3] }
    for scan in file.scans { places += [scan.lowerBound + 1, scan.lowerBound + scan.count / 2, scan.upperBound - 1] }
    let files = places.filter { $0 < file.bytes.count }.map { place in
      (name: "\(name) cut at \(place)", bytes: Array(file.bytes[..<place]))
    }
    #expect(Self.compare(files)[.own] == nil)
  }

  /// The range of each scan, with the tables before it. It begins at the end of the scan before.
  private static func parts(_ file: JPEGFile) -> [Range<Int>] {
    let begin = file.markers.first { file.bytes[$0 + 1] == 0xC4 }!
    return zip([begin] + file.scans.map(\.upperBound), file.scans).map { $0..<$1.upperBound }
  }

  @Test("a file whose scans are missing, repeated or too early decodes as with libjpeg-turbo", arguments: names)
  func order(name: String) throws {
    let file = JPEGFile(try Fixtures.bytes("jpeg/coded/\(name).jpg"))
    let parts = Self.parts(file)
    func made(_ order: [Int]) -> [UInt8] {
      var bytes = Array(file.bytes[..<parts[0].lowerBound])
      for part in order { bytes += file.bytes[parts[part]] }
      return bytes + file.bytes[parts.last!.upperBound...]
    }
    let all = Array(parts.indices)
    #expect(made(all) == file.bytes)
    var files: [(name: String, bytes: [UInt8])] = []
    for k in all {
      files.append(("\(name) without scan \(k)", made(all.filter { $0 != k })))
      files.append(("\(name) with \(k) scans", made(Array(all[..<k]))))
      var twice = all
      twice.insert(k, at: k)
      files.append(("\(name) with scan \(k) twice", made(twice)))
      guard k > 0 else { continue }
      var swapped = all
      swapped.swapAt(k - 1, k)
      files.append(("\(name) with scan \(k) before the one before it", made(swapped)))
    }
    let outcomes = Self.compare(files)
    #expect(
      outcomes[.byLibjpeg, default: 0] + outcomes[.refused, default: 0] > outcomes[.own, default: 0], "\(outcomes)")
  }

  /// Bytes that are permitted between two scans, and bytes that are not.
  static let between: [(name: String, bytes: [UInt8])] = [
    ("bytes", [0x12, 0x34]), ("a zero", [0]), ("fill bytes", [0xFF, 0xFF]),
    ("many fill bytes", [UInt8](repeating: 0xFF, count: ScanSource.capacity + 40)),
    ("a comment", [0xFF, 0xFE, 0, 4, 1, 2]),
    ("APP1", [0xFF, 0xE1, 0, 4, 1, 2]), ("a restart", [0xFF, 0xD3]), ("TEM", [0xFF, 0x01]), ("the end", [0xFF, 0xD9]),
    ("a restart interval", [0xFF, 0xDD, 0, 4, 0, 1]), ("a short restart interval", [0xFF, 0xDD, 0, 3, 0]),
    ("quantization steps", [0xFF, 0xDB, 0, 67, 0] + [UInt8](repeating: 9, count: 64)),
    ("an empty table segment", [0xFF, 0xC4, 0, 2]),
    ("a table's half", [0xFF, 0xC4, 0, 12, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ("a length of 0", [0xFF, 0xC4, 0, 0]), ("a frame", [0xFF, 0xC2, 0, 11, 8, 0, 9, 0, 9, 1, 1, 0x11, 0]),
    ("a scan of a band backwards", [0xFF, 0xDA, 0, 8, 1, 1, 0, 9, 5, 0]),
  ]

  @Test("bytes and segments between scans are handled as by libjpeg-turbo", arguments: names)
  func between(name: String) throws {
    let file = JPEGFile(try Fixtures.bytes("jpeg/coded/\(name).jpg"))
    var files: [(name: String, bytes: [UInt8])] = []
    for (index, scan) in file.scans.enumerated() {
      for (kind, inserted) in Self.between {
        var bytes = file.bytes
        bytes.insert(contentsOf: inserted, at: scan.upperBound)
        files.append(("\(name) with \(kind) after scan \(index)", bytes))
      }
    }
    let outcomes = Self.compare(files)
    #expect(outcomes[.own] != nil && outcomes[.byLibjpeg] != nil && outcomes[.refused] != nil, "\(outcomes)")
  }

  @Test(
    "memory, a file and a descriptor within a file are read at any place, a pipe by libjpeg-turbo", arguments: names)
  func sources(name: String) throws {
    let path = Fixtures.path("jpeg/coded/\(name).jpg")
    let bytes = try Fixtures.bytes("jpeg/coded/\(name).jpg")
    let whole = try EntropyDecoderTests.decode(.memory(bytes))
    #expect(whole.isOwn)
    for window in [600, ByteSource.defaultWindow] {
      #expect(try EntropyDecoderTests.decode(.file(path), window: window) == whole)

      let embedded = TestFolder.url.appending(path: "embedded-\(name)-\(window)")
      try Data([1, 2, 3, 4, 5] + bytes + [6, 7]).write(to: embedded)
      let file = try FileHandle(forReadingFrom: embedded)
      try file.seek(toOffset: 5)
      #expect(try EntropyDecoderTests.decode(.descriptor(file.fileDescriptor), window: window) == whole)

      let pipe = Pipe()
      pipe.fileHandleForWriting.write(Data(bytes))  // The bytes fit into the buffer of a pipe.
      try pipe.fileHandleForWriting.close()
      let piped = try EntropyDecoderTests.decode(.descriptor(pipe.fileHandleForReading.fileDescriptor), window: window)
      #expect(piped == EntropyDecoderTests.Planes(planes: whole.planes, damage: whole.damage, isOwn: false))
    }
  }

  @Test("a raised flag ends the search for scans, and every strip", arguments: names)
  func canceled(name: String) throws {
    let bytes = try Fixtures.bytes("jpeg/coded/\(name).jpg")
    for count in 0... {
      let flag = CancellationFlag()
      let reader = try JPEGPlaneReader(JPEGDecoder(ByteSource(.memory(bytes), cancellation: flag)))
      if count == 0 { flag.cancel() }
      let strips = JPEGPlaneStrips(reader, kernels: KernelTable(.best), ahead: 1)
      #expect(strips.decodesEntropy == (count > 0))
      let rings = strips.planes.map { RowRing(stripRows: $0.stripRows, rowBytes: $0.rowBytes, window: 1, ahead: 1) }
      let source = StripSource(strips, rings: rings, cancellation: flag)
      for index in 0..<max(count - 1, 0) { try source.readStrip(index) }
      flag.cancel()
      guard count <= strips.stripCount else { break }
      let error = failure { () throws(PreparationError) in try source.readStrip(max(count - 1, 0)) }
      #expect(error?.code == .canceled)
    }
  }

  /// The flag is checked at every read, and a read takes at most 32 KiB.
  @Test("a raised flag ends the decoding within a strip")
  func canceledWithinStrip() throws {
    var random = SplitMix64(seed: 1)
    let size = ImageSize(width: 20_000, height: 8)
    let samples = (0..<size.pixelCount).map { _ in UInt8(truncatingIfNeeded: random.next() >> 40) }
    let bytes = try EncoderTests.jpeg(samples, size, .gray, JPEGEncoding(quality: 100))
    #expect(bytes.count > 3 * ScanSource.capacity)
    let flag = CancellationFlag()
    let reader = try JPEGPlaneReader(JPEGDecoder(ByteSource(.memory(bytes), cancellation: flag)))
    let strips = JPEGPlaneStrips(reader, kernels: KernelTable(.best), ahead: 1)
    let rings = strips.planes.map { RowRing(stripRows: $0.stripRows, rowBytes: $0.rowBytes, window: 1, ahead: 1) }
    flag.cancel()
    #expect(failure { () throws(PreparationError) in try strips.readStrip(0, into: rings) }?.code == .canceled)
  }

  /// A gray image of one shade with a restart marker after each block. It is sequential, or has one scan for DC and one scan for AC
  /// coefficients.
  private static func restartInEachBlock(isProgressive: Bool, side: Int) -> [UInt8] {
    func segment(_ marker: UInt8, _ content: [UInt8]) -> [UInt8] {
      let length = content.count + 2
      return [0xFF, marker, UInt8(length >> 8), UInt8(length & 0xFF)] + content
    }
    // The only code is the bit 0. It means a DC difference of 0, or the end of a block. The rest of its byte is filled with ones.
    let code: [UInt8] = [1] + [UInt8](repeating: 0, count: 15) + [0]
    let sides = [UInt8(side >> 8), UInt8(side & 0xFF)]
    var bytes: [UInt8] = [0xFF, 0xD8] + segment(0xDB, [0] + [UInt8](repeating: 1, count: 64))
    bytes += segment(isProgressive ? 0xC2 : 0xC0, [8] + sides + sides + [1, 1, 0x11, 0])
    bytes += segment(0xC4, [0] + code) + segment(0xC4, [0x10] + code) + segment(0xDD, [0, 1])
    for (band, block) in isProgressive ? [([0, 0], 0x7F), ([1, 63], 0x7F)] : [([0, 63], 0x3F)] as [([UInt8], UInt8)] {
      bytes += segment(0xDA, [1, 1, 0] + band + [0])
      let blocks = side * side / 64
      for k in 0..<blocks { bytes += [block] + (k < blocks - 1 ? [0xFF, 0xD0 + UInt8(k & 7)] : []) }
    }
    return bytes + [0xFF, 0xD9]
  }

  @Test("bytes around restart markers are read once", arguments: [false, true])
  func readsAtRestarts(isProgressive: Bool) throws {
    let bytes = Self.restartInEachBlock(isProgressive: isProgressive, side: 1024)
    let file = TestFolder.url.appending(path: "restarts-\(isProgressive)")
    try Data(bytes).write(to: file)
    for source in [ImageSource.memory(bytes), .file(file.path)] {
      let strips = JPEGPlaneStrips(
        try JPEGPlaneReader(JPEGDecoder(ByteSource(source))), kernels: KernelTable(.best), ahead: 1)
      let rings = strips.planes.map { RowRing(stripRows: $0.stripRows, rowBytes: $0.rowBytes, window: 1, ahead: 1) }
      for index in 0..<strips.stripCount { try strips.readStrip(index, into: rings) }
      try strips.finish()
      // In a progressive file, the search for the scans reads every byte a second time.
      let windows =
        isProgressive
        ? bytes.count / ScanSource.capacityPerScan + bytes.count / ScanSource.capacity
        : bytes.count / ScanSource.capacity
      #expect(try #require(strips.readCount) <= windows + 8)
    }
  }

  /// Each scan has its own buffers, so the number of scans is limited.
  @Test("more scans than any encoder writes are libjpeg-turbo's")
  func manyScans() throws {
    let bytes = try Fixtures.bytes("jpeg/coded/gray-progressive-many.jpg")
    #expect(JPEGFile(bytes).scans.count > JPEGScan.mostScans)
    for scale in JPEGScale.allCases {
      #expect(EntropyDecoderTests.compare(bytes, scale: scale, policy: .warning, "1/\(scale)") == .byLibjpeg)
    }
  }
}
