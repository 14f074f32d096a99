import CImageCodecs
import TestSupport
import Testing

@testable import ImagePreparation

@Suite("Damaged sources")
struct DamageTests {
  static let jpegs = ["420", "420-progressive", "420-scans", "420-restart", "420-arithmetic", "gray"]
    .map { "jpeg/coded/\($0).jpg" }

  /// The places at which the test cuts a file: before every marker, and at three places inside each scan.
  static func cuts(_ file: JPEGFile) -> [Int] {
    let inside = file.scans.flatMap { [$0.lowerBound + 1, ($0.lowerBound + $0.upperBound) / 2, $0.upperBound - 2] }
    return (file.markers + inside).filter { $0 > 0 }.sorted()
  }

  @Test("a JPEG cut anywhere is refused as truncated, and read under `none` once its header is there", arguments: jpegs)
  func truncatedJPEG(name: String) throws {
    let file = JPEGFile(try Fixtures.bytes(name))
    let whole = try DecodedImage.decode(.memory(file.bytes))
    let cuts = Self.cuts(file)
    #expect(cuts.count >= 8)
    for cut in cuts {
      let source = ImageSource.memory(Array(file.bytes.prefix(cut)))
      let error = try #require(
        failure { () throws(PreparationError) in try DecodedImage.decode(source) }, "cut at \(cut)")
      #expect(error.code == .truncated, "cut at \(cut): \(error)")
      guard cut >= file.scans[0].lowerBound else {
        #expect(error.message.contains("header"))
        continue
      }
      #expect(error.message.contains("row"), "\(error)")
      let image = try DecodedImage.decode(source, policy: .none)
      #expect(image.height == whole.height)
      #expect(image.damage.warningCount > 0, "cut at \(cut)")
      if let row = image.damage.firstFilledRow {
        // The rows of earlier MCU rows are whole, except that fancy upsampling reads one row ahead.
        let intact = max(0, row - 1) * whole.layout.rowBytes
        #expect(image.bytes.prefix(intact) == whole.bytes.prefix(intact), "cut at \(cut)")
      } else {
        #expect(image.bytes == whole.bytes, "cut at \(cut)")
      }
    }
  }

  /// A source that ends early, and the result of preparing it under each policy.
  @Test(
    "a cut source is refused with the row that was reached, or filled from there with a note",
    arguments: jpegs + ["basn2c08", "basi2c08", "basn3p04", "basn0g16"].map { "png/pngsuite/\($0).png" })
  func truncatedPreparation(name: String) throws {
    let bytes = try Fixtures.bytes(name)
    let isJPEG = name.hasSuffix("jpg")
    var cuts: [Int]
    if isJPEG {
      let file = JPEGFile(bytes)
      cuts = Self.cuts(file).filter { $0 > file.scans[0].lowerBound }
    } else {
      // The places at which the test cuts a file: both ends of every chunk from the first data on, and places within the data at the
      // distance of a strip.
      var at = 8
      cuts = []
      for chunk in PNGFile(bytes).chunks {
        let end = at + 12 + chunk.data.count
        if chunk.type == "IDAT" { cuts += stride(from: at + 12, to: end, by: max(1, chunk.data.count / 8)) }
        if chunk.type == "IDAT" || chunk.type == "IEND" { cuts += [end - 4, end - 1] }
        at = end
      }
    }
    #expect(cuts.count >= 4)
    let preparer = ImagePreparer()
    var recipe = Recipe(size: .longestSide(20), samples: .color(profile: .ignore))
    let whole = try preparer.pixelsBlocking(of: .memory(bytes), as: recipe)
    var filled = 0
    for cut in cuts {
      let source = ImageSource.memory(Array(bytes.prefix(cut)))
      for policy in DamagePolicy.allCases where policy != .none {
        recipe.failOn = policy
        let error = #expect(throws: PreparationError.self) { try preparer.prepareBlocking(source, as: recipe) }
        #expect(
          error?.stage == .decode && error?.remedy == .either("get an intact copy", or: .acceptDamage),
          "cut at \(cut): \(error!)")
        #expect(error?.message.contains("row") == true, "cut at \(cut): \(error!)")
      }
      recipe.failOn = .none
      let image = try preparer.prepareBlocking(source, as: recipe)
      #expect(image.size == whole.size)
      let pixels = try preparer.pixelsBlocking(of: source, as: recipe)
      let notes = image.notes.filter { $0.contains("damaged") || $0.contains("warned") }
      guard let row = notes.joined().split(separator: " ").compactMap({ Int($0) }).first else {
        #expect(pixels == whole, "cut at \(cut): without a note no pixel may be lost")
        continue
      }
      filled += 1
      // Rows that are at least the width of the filter above the damaged row are correct.
      let step = Double(image.source.size.height) / Double(whole.size.height)
      let intact = max(0, Int((Double(row) - 1) / step - 4)) * whole.size.width * whole.channels
      #expect(pixels.samples.prefix(intact) == whole.samples.prefix(intact), "cut at \(cut)")
    }
    #expect(filled > 0)
  }

  @Test("an error does not advise to accept damage that is accepted already", arguments: DamagePolicy.allCases)
  func remedies(policy: DamagePolicy) {
    let failure = CodecFailure(format: .jpeg, policy: policy, limits: Limits(), rowCount: 8)
    let report = unsafe "".withCString { text in
      unsafe CodecReport(
        cic_report(
          message: text, first_warning: text, dropped_chunks: text, warning_count: 0, row: 3, damaged_row: 3, scan: 2,
          system_error: 0,
          is_hopeless: false))
    }
    let copy: Remedy = "get an intact copy"
    for status in [cic_status.CIC_TRUNCATED, .CIC_CORRUPT] {
      #expect(failure.error(status, report).remedy == (policy == .none ? copy : .either(copy, or: .acceptDamage)))
    }
  }

  @Test(
    "the planes of a truncated JPEG are refused, and filled under `none`",
    arguments: ["420", "420-progressive", "420-scans"])
  func truncatedPlanes(name: String) throws {
    let file = JPEGFile(try Fixtures.bytes("jpeg/coded/\(name).jpg"))
    let scan = file.scans[0]
    let source = ImageSource.memory(Array(file.bytes.prefix((scan.lowerBound + scan.upperBound) / 2)))
    let error = failure { () throws(PreparationError) in try JPEGVarietyTests.readPlanes(source) }
    #expect(error?.code == .truncated)
    let lenient = try JPEGVarietyTests.readPlanes(source, policy: .none)
    #expect(lenient.planes.map(\.bytes.count) == [53 * 37, 27 * 19, 27 * 19])
    #expect(lenient.damage.firstFilledRow != nil)
  }

  @Test(
    "a PNG cut after any byte is refused as truncated; under `none` the rows before the cut are right",
    arguments: ["basn2c08", "basn6a16", "basi2c08", "basn3p04", "s32i3p04"])
  func truncatedPNG(name: String) throws {
    let bytes = try Fixtures.bytes("png/pngsuite/\(name).png")
    let whole = try DecodedImage.decode(.memory(bytes))
    var decoded = 0
    for cut in stride(from: 8, to: bytes.count, by: 3) {
      let source = ImageSource.memory(Array(bytes.prefix(cut)))
      let error = failure { () throws(PreparationError) in try DecodedImage.decode(source) }
      #expect(error?.code == .truncated, "cut at \(cut)")
      guard let image = try? DecodedImage.decode(source, policy: .none) else { continue }
      decoded += 1
      #expect(image.height == whole.height)
      let intact = (image.damage.firstFilledRow ?? whole.height) * whole.layout.rowBytes
      #expect(image.bytes.prefix(intact) == whole.bytes.prefix(intact), "cut at \(cut)")
    }
    #expect(decoded > 10)
  }

  @Test(
    "pixels of an interlaced PNG that no pass reached are opaque mid gray",
    arguments: [("basi6a08", 1), ("basi6a16", 2), ("basi4a08", 1), ("basi2c08", 1)])
  func interlacedGray(_ example: (name: String, sampleBytes: Int)) throws {
    let bytes = try Fixtures.bytes("png/pngsuite/\(example.name).png")
    let image = try #require(
      (8..<bytes.count).lazy.compactMap { cut in
        try? DecodedImage.decode(.memory(Array(bytes.prefix(cut))), policy: .none)
      }.first)
    let layout = image.layout
    var pixel = [UInt8](repeating: 128, count: layout.channelCount * example.sampleBytes)
    if layout.channels.hasAlpha {
      pixel.replaceSubrange(
        (pixel.count - example.sampleBytes)..., with: repeatElement(255, count: example.sampleBytes))
    }
    let count = image.bytes.count / pixel.count
    #expect(image.bytes.elementsEqual((0..<count).flatMap { _ in pixel }))
  }

  /// The faults that each level refuses. Surplus bytes between the data and a marker lose no pixel, but a changed restart number may.
  @Test(
    "each level of the damage policy refuses its kinds of damage",
    arguments: [
      ("extraneous", [DamagePolicy.error, .warning]), ("restart", [.truncated, .error, .warning]),
      ("jfif", [.warning]), ("whole", []),
    ])
  func levels(fault: String, refusing: [DamagePolicy]) throws {
    let file = JPEGFile(try Fixtures.bytes("jpeg/coded/420-restart.jpg"))
    var bytes = file.bytes
    switch fault {
    case "extraneous": bytes.insert(contentsOf: Array(repeating: 7, count: 40), at: file.scans[0].upperBound)
    case "restart":
      let at = try #require(file.scans[0].first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xD0 })
      bytes[at + 1] = 0xD5
    case "jfif": bytes[11] = 9  // major version
    default: break
    }
    for policy in DamagePolicy.allCases {
      let error = failure { () throws(PreparationError) in try DecodedImage.decode(.memory(bytes), policy: policy) }
      #expect((error != nil) == refusing.contains(policy), "\(fault) under \(policy): \(String(describing: error))")
    }
  }

  @Test(
    "data after the end marker are ignored", arguments: ["jpeg/coded/420.jpg", "png/pngsuite/basn2c08.png"])
  func trailingData(name: String) throws {
    let bytes = try Fixtures.bytes(name)
    let image = try DecodedImage.decode(.memory(bytes + Array(repeating: 0xFF, count: 999)), policy: .warning)
    #expect(try image == DecodedImage.decode(.memory(bytes)))
  }

  @Test("nothing is printed, whatever is decoded")
  func silence() async {
    let result = await #expect(
      processExitsWith: .success, observing: [\.standardErrorContent, \.standardOutputContent]
    ) {
      for name in CorruptReplayTests.corrupt + CorruptReplayTests.odd where !name.contains("3780") {
        _ = try? DecodedImage.decode(.file(Fixtures.path(name)))
        _ = try? DecodedImage.decode(.file(Fixtures.path(name)), policy: .none)
      }
    }
    // The child prints nothing itself on standard error, so only output of a codec could be there.
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(!text.contains("JPEG") && !text.contains("libpng"), "\(text)")
  }
}
