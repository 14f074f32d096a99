import Foundation
import ImagePreparation
import TestSupport
import Testing

@Suite("Limits of a source and of time")
struct SourceLimitTests {
  struct Excess: Sendable {
    let limits: Limits
    /// The stage of the error; nil if it depends on the source.
    let stage: Stage?
    let message: String
    let remedy: Remedy
  }

  static let file = "png/flat-rgb8.png"
  /// 480 × 270 pixels in 4,811 bytes are 26.9 pixels for each byte.
  static let excesses = [
    Excess(
      limits: Limits(maxSide: 479), stage: .decode, message: "480x270 has a side above the limit of 479 pixels",
      remedy: .raise(.sourceSide, atLeast: 480)),
    Excess(
      limits: Limits(maxSourceBytes: 4_810), stage: .open, message: "it has 4811 bytes, more than the limit of 4810",
      remedy: .raise(.sourceBytes, atLeast: 4_811)),
    Excess(
      limits: Limits(maxPixelsPerByte: 26), stage: .decode,
      message: "480x270 in 4811 bytes is more than the limit of 26 pixels for a byte",
      remedy: .raise(.pixelsPerByte, atLeast: 27)),
    Excess(
      limits: Limits(maxSeconds: 0), stage: nil, message: "it took longer than the limit of 0 s",
      remedy: .raise(.seconds)),
  ]

  @Test("a source above a limit is refused by its size or header", arguments: excesses, [false, true])
  func excess(_ excess: Excess, inMemory: Bool) throws {
    let source = try inMemory ? ImageSource.memory(Fixtures.bytes(Self.file)) : .file(Fixtures.path(Self.file))
    let error = #expect(throws: PreparationError.self) {
      try ImagePreparer(limits: excess.limits).prepareBlocking(source)
    }
    #expect(error?.code == .limitExceeded && (excess.stage == nil || error?.stage == excess.stage))
    #expect(error?.message == excess.message && error?.remedy == excess.remedy)
  }

  // MARK: Every limit

  /// The expected result if a file is above a limit.
  enum Above: Sendable, Equatable {
    case refused(PreparationError.Code)
    /// Something is left out, and a note says so.
    case leftOut
  }

  /// A file above one limit.
  struct Row: Sendable {
    let name: String
    let limits: Limits
    var file = SourceLimitTests.file
    let above: Above
  }

  static let rows = [
    Row(name: "maxPixels", limits: Limits(maxPixels: 480 * 270 - 1), above: .refused(.tooManyPixels)),
    Row(name: "maxSide", limits: Limits(maxSide: 479), above: .refused(.limitExceeded)),
    Row(name: "maxSourceBytes", limits: Limits(maxSourceBytes: 4_810), above: .refused(.limitExceeded)),
    Row(name: "maxPixelsPerByte", limits: Limits(maxPixelsPerByte: 26), above: .refused(.limitExceeded)),
    Row(name: "maxMemory", limits: Limits(maxMemory: 100_000), above: .refused(.tooMuchMemory)),
    Row(
      name: "maxScans", limits: Limits(maxScans: 1), file: "jpeg/coded/420-progressive.jpg",
      above: .refused(.limitExceeded)),
    Row(
      name: "maxProfileBytes", limits: Limits(maxProfileBytes: 100),
      file: "kinds/webp/profile-orientation6-pillow.webp",
      above: .refused(.limitExceeded)),
    Row(
      name: "maxMetadataBytes", limits: Limits(maxMetadataBytes: 4), file: "kinds/tiff/metadata-exiftool.tif",
      above: .leftOut),
    Row(name: "maxChunkBytes", limits: Limits(maxChunkBytes: 50), file: "png/metadata.png", above: .leftOut),
    Row(name: "maxChunks", limits: Limits(maxChunks: 1), file: "png/pngsuite/ct1n0g04.png", above: .leftOut),
    Row(name: "maxSeconds", limits: Limits(maxSeconds: 0), above: .refused(.limitExceeded)),
  ]

  /// These are not limits of a source. `maxHelperSeconds` is left out too, because `HelperProcessTests` tests it with programs that hang.
  static let others: Set = ["threads", "decodeHelper", "maxHelperSeconds"]

  @Test("every limit has a file above it")
  func everyLimit() {
    let names = Set(Mirror(reflecting: Limits()).children.compactMap(\.label))
    #expect(names == Set(Self.rows.map(\.name)).union(Self.others))
  }

  @Test("a file above a limit is refused, or what is above it is left out, with one error or note", arguments: rows)
  func above(row: Row) throws {
    let source = ImageSource.file(Fixtures.path(row.file))
    // Without this limit, the file can be prepared, and nothing is left out.
    let whole = try ImagePreparer().prepareBlocking(source)
    #expect(!whole.notes.contains { $0.contains("too large or too many") }, "\(whole.notes)")
    let result = Result { () throws(PreparationError) in try ImagePreparer(limits: row.limits).prepareBlocking(source) }
    switch (result, row.above) {
    case (.success(let image), .leftOut):
      #expect(image.notes.count { $0.contains("too large or too many") } == 1, "\(image.notes)")
    case (.failure(let error), .refused(let code)): #expect(error.code == code && !error.message.isEmpty, "\(error)")
    default: Issue.record("\(row.name): \(result)")
    }
  }

  @Test("a source at its limits is prepared")
  func atLimits() throws {
    let limits = Limits(maxSide: 480, maxSourceBytes: 4_811, maxPixelsPerByte: 27)
    let made = try ImagePreparer(limits: limits).prepareBlocking(.file(Fixtures.path(Self.file)))
    #expect(try made.bytes == ImagePreparer().prepareBlocking(.file(Fixtures.path(Self.file))).bytes)
  }

  @Test("the bytes of a pipe are counted", arguments: [(4_811, true), (4_810, false), (100, false)])
  func pipe(limit: Int, isTaken: Bool) throws {
    let pipe = Pipe()
    try pipe.fileHandleForWriting.write(contentsOf: Data(Fixtures.bytes(Self.file)))
    try pipe.fileHandleForWriting.close()
    let preparer = ImagePreparer(limits: Limits(maxSourceBytes: limit))
    let source = ImageSource.descriptor(pipe.fileHandleForReading.fileDescriptor)
    let code: PreparationError.Code?
    do throws(PreparationError) {
      _ = try preparer.prepareBlocking(source)
      code = nil
    } catch {
      code = error.code
      #expect(error.remedy == .raise(.sourceBytes))
    }
    #expect(code == (isTaken ? nil : .limitExceeded))
    withExtendedLifetime(pipe) {}
  }

  typealias Call = @Sendable (ImagePreparer, ImageSource, CancellationFlag?) throws -> Void

  /// Every call that reads a source.
  static let calls: [(name: String, run: Call)] = [
    ("prepare", { _ = try $0.prepareBlocking($1, cancellation: $2) }),
    ("pixels", { _ = try $0.pixelsBlocking(of: $1, cancellation: $2) }),
    ("tensor", { _ = try $0.tensorBlocking(of: $1, cancellation: $2) }),
    ("plan", { _ = try $0.planBlocking(of: $1, cancellation: $2) }),
    ("inspect", { _ = try $0.inspectBlocking($1, cancellation: $2) }),
    ("strip", { _ = try $0.strippedBlocking($1, cancellation: $2) }),
    (
      "restore",
      {
        let record = try ImagePreparer().planBlocking(of: $1).plan.geometry
        _ = try $0.restoreBlocking($1, onto: record, cancellation: $2)
      }
    ),
    (
      "composite",
      {
        let record = try ImagePreparer().planBlocking(of: $1).plan.geometry
        _ = try $0.compositeBlocking($1, onto: $1, by: record, cancellation: $2)
      }
    ),
  ]

  @Test("no call takes longer than its limit, and a cancellation stays one", arguments: calls.indices, [false, true])
  func time(index: Int, isCanceled: Bool) throws {
    let flag = CancellationFlag()
    if isCanceled { flag.cancel() }
    let error = #expect(throws: PreparationError.self, "\(Self.calls[index].name)") {
      try Self.calls[index].run(
        ImagePreparer(limits: Limits(maxSeconds: 0)), .file(Fixtures.path(Self.file)), flag)
    }
    #expect(error?.code == (isCanceled ? .canceled : .limitExceeded), "\(String(describing: error))")
    #expect(flag.isCanceled == isCanceled)
  }

  @Test(
    "the limits of a service take photographs and drawings",
    arguments: ["jpeg/forest.jpg", "jpeg/meadow-progressive.jpg", "png/soft-alpha-rgba8.png", "png/flat-rgb8.png"])
  func service(name: String) throws {
    let source = ImageSource.file(Fixtures.path(name))
    let made = try ImagePreparer(limits: .service).prepareBlocking(source)
    #expect(try made.bytes == ImagePreparer().prepareBlocking(source).bytes)
    #expect(Limits.Preset.service.limits == .service && Limits.Preset.artist.limits == Limits())
  }
}
