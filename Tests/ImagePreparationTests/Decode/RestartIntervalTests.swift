import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

/// JPEGs that two threads decode in parts, which begin at restart markers. Flawless files are compared with libjpeg-turbo, and damaged
/// files with the result of one thread.
@Suite("Restart intervals")
struct RestartIntervalTests {
  static let yuv420 = [[2, 2], [1, 1], [1, 1]]
  static let yuv422 = [[2, 1], [1, 1], [1, 1]]
  static let yuv444 = [[1, 1], [1, 1], [1, 1]]

  /// The planes of a file. Of the strips that are read ahead, the last one is completed first. Nil if the file has to be decoded in order.
  static func decode(
    _ bytes: [UInt8], scale: JPEGScale, isa: InstructionSet = .best
  ) throws(PreparationError) -> [[UInt8]]? {
    let source = try JPEGDecoder(ByteSource(.memory(bytes)))
    let strips = IntervalDecoder.independentStrips(
      interval: source.description.restartInterval, size: source.description.storedSize,
      samplingFactors: source.samplingFactors)
    let reader = try JPEGPlaneReader(source, scale: scale)
    guard let strips,
      let decoder = IntervalDecoder(reader, strips: strips, ahead: 3 * strips + 1, kernels: KernelTable(isa))
    else { return nil }
    let feed = JPEGIntervalStrips(reader, decoder)
    let ahead = feed.stripsInFlight
    let rings = feed.planes.map { RowRing(stripRows: $0.stripRows, rowBytes: $0.rowBytes, window: 1, ahead: ahead) }
    var planes = [[UInt8]](repeating: [], count: rings.count)
    for first in stride(from: 0, to: feed.stripCount, by: ahead) {
      let end = min(first + ahead, feed.stripCount)
      for index in first..<end { feed.readStrip(index, into: rings) }
      for index in stride(from: first, to: end, by: strips).reversed() {
        guard decoder.finishStrip(index, in: rings) else { return nil }
      }
      for (k, plane) in feed.planes.enumerated() {
        for y in first * plane.stripRows..<plane.rows(inStrips: end) {
          unsafe planes[k] += UnsafeRawBufferPointer(start: rings[k].row(y), count: plane.layout.width)
        }
      }
    }
    feed.finish()
    return planes
  }

  /// Files with 13 MCUs in a row for 4:2:0. Their intervals are parts of a row, whole rows, several rows, and intervals within which a row
  /// begins.
  static let files: [RestartJPEG] =
    [1, 2, 4, 5, 7, 8, 13, 26, 39, 65, 104].map { interval in
      RestartJPEG(width: 203, height: 170, sampling: yuv420, interval: interval)
    } + [
      RestartJPEG(width: 203, height: 70, sampling: yuv422, interval: 13),
      RestartJPEG(width: 203, height: 70, sampling: yuv422, interval: 3),
      RestartJPEG(width: 203, height: 70, sampling: yuv444, interval: 26),
      RestartJPEG(width: 203, height: 70, sampling: yuv444, interval: 6),
      RestartJPEG(width: 203, height: 70, sampling: [[1, 1]], interval: 26),
      RestartJPEG(width: 203, height: 70, sampling: [[1, 1]], interval: 4),
      RestartJPEG(width: 203, height: 70, sampling: [[4, 1], [1, 1], [1, 1]], interval: 7),
      RestartJPEG(width: 203, height: 130, sampling: [[1, 2], [1, 1], [1, 1]], interval: 52),
      RestartJPEG(width: 203, height: 130, sampling: [[2, 2], [2, 1], [1, 2]], interval: 13),
      RestartJPEG(width: 16, height: 16 * 9, sampling: yuv420, interval: 1),
      RestartJPEG(width: 2_500, height: 40, sampling: yuv420, interval: 157),
      RestartJPEG(width: 2_500, height: 90, sampling: yuv444, interval: 626),
    ]

  @Test("strips are decoded without those before, at every scale", arguments: files, JPEGScale.allCases)
  func whole(file: RestartJPEG, scale: JPEGScale) throws {
    let bytes = file.bytes()
    let expected = try JPEGVarietyTests.readPlanes(.memory(bytes), scale: scale, policy: .warning)
    #expect(expected.damage == DecodingDamage())
    #expect(try Self.decode(bytes, scale: scale) == expected.planes.map(\.bytes))
  }

  @Test("files of cjpeg are decoded by both threads", .everyInstructionSet, arguments: InstructionSet.available)
  func encoded(isa: InstructionSet) throws {
    for name in ["small-restart", "coded/420-restart", "coded/444-restart-blocks"] {
      let bytes = try Fixtures.bytes("jpeg/\(name).jpg")
      let expected = try JPEGVarietyTests.readPlanes(.memory(bytes), policy: .warning)
      #expect(try Self.decode(bytes, scale: .full, isa: isa) == expected.planes.map(\.bytes), "\(name)")
    }
  }

  @Test(
    "strips that depend on each other are decoded in order",
    arguments: [
      (0, 203, yuv420, nil), (1, 203, yuv420, 1), (13, 203, yuv420, 1), (26, 203, yuv420, 2), (104, 203, yuv420, 8),
      (117, 203, yuv420, nil), (9, 203, yuv420, nil), (65_535, 203, yuv420, nil), (4, 6_000, yuv420, 4),
      (375, 6_000, yuv420, 1), (376, 6_000, yuv420, nil), (375, 6_000, yuv444, 1), (750, 6_000, yuv444, 1),
      (1_500, 6_000, yuv444, 2), (26, 203, [[1, 1]], 1), (13, 203, [[2, 2]], nil), (26, 203, [[2, 1]], nil),
    ] as [(Int, Int, [[Int]], Int?)])
  func independentStrips(interval: Int, width: Int, sampling: [[Int]], strips: Int?) {
    let found = IntervalDecoder.independentStrips(
      interval: interval, size: ImageSize(width: width, height: 4_000),
      samplingFactors: sampling.map { (horizontal: $0[0], vertical: $0[1]) })
    #expect(found == strips)
  }

  /// A fault of a file, or an unusual but valid feature.
  enum Fault: CaseIterable {
    case none, fillBytes, bytesBehindEnd
    case missingMarker, wrongNumber, otherMarker, surplusMarker, markerAtEnd
    case missingInterval, intervalTwice, emptyInterval, intervalsSwapped
    case cut, cutBehindInterval, cutInMarker, cutEnd
    case invalidCodes, surplusByte, missingByte, surplusBytesAtEnd
    case numberOfLines, taller, shorter, wider, otherInterval, noInterval, largestInterval

    /// True for files that are decoded from restart markers on.
    var isHarmless: Bool { [.none, .fillBytes, .bytesBehindEnd].contains(self) }

    /// The file, with the fault in the middle of its scan.
    func file(_ intact: [UInt8]) -> [UInt8] {
      var bytes = intact
      let scan = JPEGFile(intact).scans[0]
      let markers = scan.filter { bytes[$0] == 0xFF && 0xD0...0xD7 ~= bytes[$0 + 1] }
      let k = markers.count / 2
      let (at, next) = (markers[k], markers[k + 1])
      func field(_ marker: UInt8) -> Int {
        zip(bytes, bytes.dropFirst()).enumerated().first { $1 == (0xFF, marker) }!.offset
      }
      switch self {
      case .none: break
      case .fillBytes: bytes.insert(contentsOf: [0xFF, 0xFF], at: at)
      case .bytesBehindEnd: bytes += [0, 1, 0xFF, 0xD3]
      case .missingMarker: bytes.removeSubrange(at..<at + 2)
      case .wrongNumber: bytes[at + 1] = 0xD0 + (bytes[at + 1] + 3) & 7
      case .otherMarker: bytes[at + 1] = 0xE3
      case .surplusMarker: bytes.insert(contentsOf: [0xFF, bytes[at + 1]], at: (at + next) / 2)
      case .markerAtEnd: bytes.insert(contentsOf: [0xFF, 0xD0 + UInt8(markers.count & 7)], at: scan.upperBound)
      case .missingInterval: bytes.removeSubrange(at..<next)
      case .intervalTwice: bytes.insert(contentsOf: bytes[at..<next], at: next)
      case .emptyInterval: bytes.removeSubrange(at + 2..<next)
      case .intervalsSwapped:
        bytes.replaceSubrange(at..<markers[k + 2], with: bytes[next..<markers[k + 2]] + bytes[at..<next])
      case .cut: bytes.removeSubrange(((at + next) / 2)...)
      case .cutBehindInterval: bytes.removeSubrange(at...)
      case .cutInMarker: bytes.removeSubrange((at + 1)...)
      case .cutEnd: bytes.removeSubrange(scan.upperBound...)
      case .invalidCodes: bytes.replaceSubrange(at + 20..<at + 24, with: [0xFE, 0xFE, 0xFE, 0xFE])
      case .surplusByte: bytes.insert(0x55, at: at)
      case .missingByte: bytes.remove(at: at + 9)
      case .surplusBytesAtEnd: bytes.insert(contentsOf: [1, 2, 3], at: scan.upperBound)
      case .numberOfLines: bytes.insert(contentsOf: [0xFF, 0xDC, 0, 4, 2, 8], at: scan.upperBound)
      case .taller: bytes[field(0xC0) + 6] ^= 0x40
      case .shorter: bytes[field(0xC0) + 5] -= 1
      case .wider: bytes[field(0xC0) + 7] += 1
      case .otherInterval: bytes[field(0xDD) + 5] += 1
      case .noInterval: bytes.removeSubrange(field(0xDD)..<field(0xDD) + 6)
      case .largestInterval: bytes.replaceSubrange(field(0xDD) + 4..<field(0xDD) + 6, with: [0xFF, 0xFF])
      }
      return bytes
    }
  }

  /// The results of a preparation.
  struct Outcome: Equatable {
    var bytes: [UInt8]
    var notes: [String]
    /// True if strips were decoded independently of the strips before them.
    var isParallel: Bool
  }

  static func prepare(
    _ source: ImageSource, as recipe: Recipe, threads: Int
  ) -> Result<Outcome, PreparationError> {
    Result { () throws(PreparationError) in
      let image = try ImagePreparer(limits: Limits(threads: threads)).prepareBlocking(source, as: recipe)
      return Outcome(
        bytes: image.bytes, notes: image.notes, isParallel: image.plan.decoding.independentStrips != nil)
    }
  }

  /// Files that are large enough for two threads. An interval has one row, two rows, or a part of a row.
  static let largeFiles = [64, 128, 10].map { RestartJPEG(width: 1_024, height: 520, sampling: yuv420, interval: $0) }
  static let largeBytes = largeFiles.map { $0.bytes() }

  @Test("damaged files have the pixels, the notes and the errors of one thread", arguments: Fault.allCases)
  func faults(fault: Fault) throws {
    for (file, intact) in zip(Self.largeFiles, Self.largeBytes) {
      let bytes = fault.file(intact)
      for policy in DamagePolicy.allCases {
        // JPEG rows go to the encoder while they arrive. A small PNG is encoded from the whole image.
        for output in policy == .none ? [Recipe.Output.jpeg(), .png()] : [.jpeg()] {
          let recipe = Recipe(size: .longestSide(output.format == .png ? 100 : 700), output: output, failOn: policy)
          let expected = Self.prepare(.memory(bytes), as: recipe, threads: 1)
          var actual = Self.prepare(.memory(bytes), as: recipe, threads: 2)
          if case .success(var outcome) = actual {
            #expect(outcome.isParallel == fault.isHarmless, "\(file), \(policy)")
            outcome.isParallel = false
            actual = .success(outcome)
          } else {
            #expect(!fault.isHarmless, "\(file), \(policy)")
          }
          #expect(actual == expected, "\(file), \(policy)")
        }
      }
    }
  }

  /// The file that is at the path when a damaged file is opened again to be decoded in order.
  enum Replacement: CaseIterable {
    case nothing, text, cutHeaders, cutImage, smaller, png

    /// The bytes; nil for no file.
    func bytes() throws -> [UInt8]? {
      let intact = RestartIntervalTests.largeBytes[1]
      switch self {
      case .nothing: return nil
      case .text: return Array("no image".utf8)
      case .cutHeaders: return Array(intact.prefix(40))
      case .cutImage: return Array(intact.prefix(intact.count / 2))
      case .smaller: return try Fixtures.bytes("jpeg/small-420.jpg")
      case .png: return try Fixtures.bytes("png/small-rgb8.png")
      }
    }

    /// The code of the only error; nil if the other image is accepted.
    var code: PreparationError.Code? {
      switch self {
      case .nothing: .notFound
      case .text: .notAnImage
      case .cutHeaders, .cutImage: .truncated
      case .smaller, .png: nil
      }
    }
  }

  @Test(
    "a damaged file that is replaced before it is read again ends with one error, or as the other image",
    arguments: Replacement.allCases)
  func replaced(replacement: Replacement) throws {
    let path = TestFolder.url.appending(path: "gesso-replaced-\(UUID().uuidString).jpg").path
    try Data(Fault.invalidCodes.file(Self.largeBytes[0])).write(to: URL(filePath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    let other = try replacement.bytes()
    var plans: [PreparationPlan] = []
    let preparer = ImagePreparer(limits: Limits(threads: 2))
    let result = Result { () throws(PreparationError) in
      try preparer.memoryResult(
        of: .file(path), as: Recipe(size: .longestSide(100)), tensor: nil, cancellation: nil
      ) { (plan) throws(PreparationError) in
        plans.append(plan)
        guard plans.count == 1 else { return }
        // The file is replaced under its name, so that the first reader keeps the damaged file.
        try? FileManager.default.removeItem(atPath: path)
        if let other { try? Data(other).write(to: URL(filePath: path)) }
      }
    }
    #expect(plans.first?.decoding.independentStrips != nil)
    switch result {
    case .success(let image):
      #expect(replacement.code == nil && plans.count == 2)
      let expected = try ImagePreparer().pixelsBlocking(
        of: .memory(#require(other)), as: Recipe(size: .longestSide(100)))
      #expect(image.samples == expected.samples)
    case .failure(let error):
      #expect(error.code == replacement.code && !error.message.isEmpty && !error.remedy.description.isEmpty, "\(error)")
    }
  }

  @Test("a pipe is read in order")
  func pipe() throws {
    let recipe = Recipe(size: .longestSide(300))
    let pipe = Pipe()
    Thread.detachNewThread {
      pipe.fileHandleForWriting.write(Data(Self.largeBytes[0]))
      try? pipe.fileHandleForWriting.close()
    }
    let piped = try Self.prepare(
      .descriptor(pipe.fileHandleForReading.fileDescriptor), as: recipe, threads: 2
    ).get()
    #expect(try piped.bytes == Self.prepare(.memory(Self.largeBytes[0]), as: recipe, threads: 2).get().bytes)
  }

  @Test("an interval of many rows takes memory for them where the limit allows it")
  func memory() throws {
    let bytes = RestartJPEG(width: 1_024, height: 520, sampling: Self.yuv420, interval: 512).bytes()
    // Decoding takes more memory than encoding a JPEG.
    let recipe = Recipe(size: .longestSide(300), output: .jpeg())
    func plan(_ limits: Limits) throws -> PreparationPlan {
      try ImagePreparer(limits: limits).planBlocking(of: .memory(bytes), as: recipe).plan
    }
    let parallel = try plan(Limits())
    #expect(parallel.decoding.independentStrips == 8 && parallel.decoding.stripsAhead == 24)
    let inOrder = try plan(Limits(maxMemory: parallel.bufferBytes - 1))
    #expect(inOrder.decoding.independentStrips == nil && inOrder.bufferBytes < parallel.bufferBytes)
    #expect(try plan(Limits(threads: 1)).decoding.independentStrips == nil)
  }
}
