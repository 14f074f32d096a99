import Digests
import Foundation
import GessoPipeline
import Ground
import ImagePreparation
import ScenarioAPI
import TestSupport
import Testing

@Suite("Results before and after they are paid for")
struct DownloadedResultTests {
  let folder = TestFolder.url.appending(path: "gesso-results-\(UUID().uuidString)").path

  private func order(_ change: (inout Img2ImgOrder) -> Void = { _ in }) -> Img2ImgOrder {
    var order = Img2ImgOrder(path: Fixtures.path("jpeg/small-420.jpg"), prompt: "a forest", folder: folder)
    order.generation.seed = "7"
    change(&order)
    return order
  }

  private func pipeline(_ service: ScriptedService) throws -> Img2ImgPipeline {
    Img2ImgPipeline(client: try service.client(), ledger: try Ledger(path: folder + "-ledger/ledger.sqlite"))
  }

  private func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }

  private static func isPaid(_ requests: [String]) -> Bool { requests.contains { $0.hasPrefix("POST /generate/") } }

  // MARK: Downloads that cannot be decoded

  /// Bytes that the service returns as a PNG.
  static let damaged: [(what: String, bytes: @Sendable () throws -> [UInt8])] = [
    ("half a PNG", { Array(try Fixtures.bytes("png/small-rgb8.png").dropLast(200)) }),
    ("a page of HTML", { [UInt8]("<html>".utf8) }),
  ]

  @Test("the bytes of a result that cannot be decoded are kept, and the other results are downloaded", arguments: 0..<2)
  func unverified(index: Int) async throws {
    let (damaged, good) = (try Self.damaged[index].bytes(), try Fixtures.bytes("png/small-rgb8.png"))
    let service = ScriptedService(results: [damaged, good])
    let order = order { $0.generation.numSamples = 2 }
    // The same command, given again, downloads the result again. If the bytes are the same, it keeps them only once.
    for _ in 0..<2 {
      await #expect {
        _ = try await pipeline(service).start(order).result
      } throws: { error in
        guard let error = error as? ScenarioError else { return false }
        return error.code == .downloadInvalid && error.jobID?.rawValue == "job_1" && error.charged == .yes
          && error.message.hasSuffix("its bytes are kept as \(folder)/small-420-7-1.png.unverified")
      }
    }
    #expect(
      try names() == [
        "small-420-7-1.png.unverified", "small-420-7-2.png", "small-420-7-2.png.json", "small-420.prepared.jpg",
      ])
    let path = folder + "/small-420-7-1.png.unverified"
    #expect(FileManager.default.contents(atPath: path) == Data(damaged))

    // A file of the user with that name stays.
    try Data("mine".utf8).write(to: URL(filePath: path))
    await #expect(throws: ScenarioError.self) { try await pipeline(service).start(order).result }
    #expect(FileManager.default.contents(atPath: path) == Data("mine".utf8))
    #expect(
      FileManager.default.contents(atPath: folder + "/small-420-7-1.png-2.unverified") == Data(damaged))

    // When the service returns the whole file, the run ends.
    let whole = ScriptedService(results: [good, good])
    #expect(try await pipeline(whole).start(order).result.files.count == 2)
    #expect(FileManager.default.fileExists(atPath: path), "what is unverified is never removed")
  }

  // MARK: What can be known to fail

  @Test(
    "a stem or a seed that makes no file name is refused before anything is sent",
    arguments: [("a/b", "7"), ("", "7"), ("a\0", "7"), ("a", "7/8"), ("a", "../7")])
  func slashes(stem: String, seed: String) async throws {
    let service = ScriptedService(results: [])
    await #expect {
      _ = try await pipeline(service).start(
        order { order in (order.stem, order.generation.seed) = (stem, seed) }
      ).result
    } throws: {
      ($0 as? PipelineError)?.code == .invalidOrder
    }
    #expect(service.requests.isEmpty)
  }

  @Test("too little space for the results ends the run before it pays, and the same order continues once there is room")
  func space() async throws {
    let service = ScriptedService(results: [try Fixtures.bytes("png/small-rgb8.png")])
    var pipeline = try pipeline(service)
    // Four results of 224 by 144 pixels take up to 129 kB each, and their records up to 65 kB.
    let order = order { $0.generation.numSamples = 4 }
    pipeline.freeBytes = { [folder] in $0 == folder ? 700_000 : nil }
    await #expect {
      _ = try await pipeline.start(order).result
    } throws: { error in
      guard let error = error as? PreparationError else { return false }
      return error.code == .writeFailed && error.message == "the results may take 1 MB, and \(folder) has room for 0 MB"
    }
    #expect(service.requests == ["POST /assets"])
    pipeline.freeBytes = { _ in 800_000 }
    _ = try await pipeline.start(order).result
    #expect(Self.isPaid(service.requests))
  }

  @Test("a folder that takes no files is found before anything is sent", arguments: ["file", "below a file", "closed"])
  func closedFolder(kind: String) async throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data().write(to: URL(filePath: folder + "/file"))
    let target: String
    switch kind {
    case "file": target = folder + "/file"
    case "below a file": target = folder + "/file/deeper"
    // Root can write to a folder whatever its permissions are. So a folder of the kernel is used, in which even root cannot make files.
    default: target = FileManager.default.fileExists(atPath: "/proc/self") ? "/proc/self/task" : "/dev"
    }
    let service = ScriptedService(results: [])
    await #expect {
      _ = try await pipeline(service).start(order { $0.folder = target }).result
    } throws: { error in
      guard let error = error as? PreparationError else { return false }
      return error.code == .writeFailed && error.stage == .write
        && error.message.contains(kind == "closed" ? target : folder + "/file")
    }
    #expect(service.requests.isEmpty)
  }

  @Test("temporary files that a killed process left are removed when the folder is used again")
  func leftovers() async throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data("half".utf8).write(to: URL(filePath: folder + "/.gesso-1a2b.part"))
    _ = try await pipeline(ScriptedService(results: [try Fixtures.bytes("png/small-rgb8.png")])).start(order()).result
    #expect(try names() == ["small-420-7-1.png", "small-420-7-1.png.json", "small-420.prepared.jpg"])
  }

  // MARK: The size of results

  struct Sides: CustomTestStringConvertible, Sendable {
    var width: Int?
    var height: Int?
    var sent: [Double]
    var isNoticed: Bool
    var testDescription: String { "\(width ?? 0) by \(height ?? 0)" }
  }

  /// The prepared image is 224 by 144 pixels.
  static let sides = [
    Sides(sent: [224, 144], isNoticed: false),
    Sides(width: 448, sent: [448, 288], isNoticed: false),
    Sides(height: 288, sent: [448, 288], isNoticed: false),
    Sides(width: 128, sent: [128, 80], isNoticed: false),
    Sides(width: 448, height: 288, sent: [448, 288], isNoticed: false),
    Sides(width: 448, height: 296, sent: [448, 296], isNoticed: false),
    Sides(width: 448, height: 448, sent: [448, 448], isNoticed: true),
    Sides(width: 144, height: 224, sent: [144, 224], isNoticed: true),
    Sides(width: 224, height: 168, sent: [224, 168], isNoticed: true),
  ]

  @Test(
    "one side gives the other one, and results of another shape than the image are noticed before they are paid for",
    arguments: sides)
  func shape(test: Sides) async throws {
    let bodies = Kept<[String: JSONValue]>()
    let service = ScriptedService(results: []) { name, request throws(ScenarioError) in
      if name.hasPrefix("POST /generate/"), case .bytes(let body) = request.body {
        bodies.add((try? JSONDecoder().decode([String: JSONValue].self, from: Data(body))) ?? [:])
      }
      return nil
    }
    let run = try pipeline(service).start(
      order { order in
        (order.generation.width, order.generation.height, order.waits) = (test.width, test.height, false)
      })
    var notes: [OrderNote] = []
    for await event in run.events {
      if case .noticed(let note) = event { notes.append(note) }
      if case .submitting = event { #expect(notes.isEmpty != test.isNoticed) }
    }
    _ = try await run.result
    let body = try #require(bodies.all.first)
    #expect([body["width"], body["height"]] == test.sent.map { .number($0) })
    let size = ImageSize(width: Int(test.sent[0]), height: Int(test.sent[1]))
    let prepared = ImageSize(width: 224, height: 144)
    #expect(notes == (test.isNoticed ? [.otherShape(results: size, prepared: prepared)] : []))
  }

  // MARK: References

  @Test("images for fields of a model are uploaded once, sent under their names, and belong to the order")
  func references() async throws {
    let bodies = Kept<[String: JSONValue]>()
    let uploads = Kept<String>()
    let service = ScriptedService(results: [try Fixtures.bytes("png/small-rgb8.png")]) {
      name, request throws(ScenarioError) in
      guard case .bytes(let body) = request.body else { return nil }
      if name == "POST /assets" {
        let fields = (try? JSONDecoder().decode([String: JSONValue].self, from: Data(body))) ?? [:]
        if case .string(let name)? = fields["name"] { uploads.add(name) }
        return HTTPResponse(
          status: 200,
          body: [UInt8](
            #"{"asset":{"id":"asset_\#(uploads.all.count)","url":"https://x.example/x","status":"success"}}"#.utf8))
      }
      if name.hasPrefix("POST /generate/") {
        bodies.add((try? JSONDecoder().decode([String: JSONValue].self, from: Data(body))) ?? [:])
      }
      return nil
    }
    func order(_ second: String) -> Img2ImgOrder {
      self.order { order in
        order.references = [
          "mood": ReferenceImages(images: [.file(Fixtures.path("png/small-rgb8.png"))], isList: false),
          "style": ReferenceImages(
            images: [.file(Fixtures.path("png/small-rgb8.png")), .file(Fixtures.path(second))], isList: true),
        ]
      }
    }
    let first = try await pipeline(service).start(order("jpeg/small-gray.jpg")).result
    #expect(uploads.all.count == 3, "the same image is uploaded once: \(uploads.all)")
    #expect(bodies.all[0]["mood"] == .string("asset_1"))
    #expect(bodies.all[0]["style"] == .array([.string("asset_1"), .string("asset_2")]))
    #expect(bodies.all[0]["image"] == .string("asset_3"))
    let again = try await pipeline(service).start(order("jpeg/small-gray.jpg")).result
    #expect(again.runID == first.runID && bodies.all.count == 1)
    let ledger = try Ledger(path: folder + "-ledger/ledger.sqlite")
    let keys = try [order("jpeg/small-gray.jpg"), order("jpeg/small-420.jpg"), self.order()].map {
      try $0.key(on: service.client(), ledger: ledger)
    }
    #expect(Set(keys).count == 3)
  }

  @Test(
    "images for fields are sent with an image URL too: with the question for the price, with the order after it, and again after a decision"
  )
  func referencesOfRemote() async throws {
    let bodies = Kept<[String: JSONValue]>()
    let service = ScriptedService(results: []) { name, request throws(ScenarioError) in
      if name == "GET /jobs" { return HTTPResponse(status: 200, body: [UInt8](#"{"jobs":[]}"#.utf8)) }
      guard name.hasPrefix("POST /generate/"), case .bytes(let body) = request.body else { return nil }
      bodies.add((try? JSONDecoder().decode([String: JSONValue].self, from: Data(body))) ?? [:])
      if request.url.contains("dryRun") {
        return HTTPResponse(status: 269, body: [UInt8](#"{"creativeUnitsCost":3}"#.utf8))
      }
      guard bodies.all.count == 2 else { return nil }
      throw ScenarioError(.connectionLost, .unknownOutcome, stage: .submit, "gone", remedy: "")
    }
    let order = order { order in
      (order.source, order.waits) = (.remote(url: "https://example.com/a.png"), false)
      order.references["mood"] = ReferenceImages(images: [.file(Fixtures.path("png/small-rgb8.png"))], isList: false)
    }
    _ = try await pipeline(service).price(order).result
    await #expect(throws: PipelineError.self) { try await pipeline(service).start(order).result }
    try await pipeline(service).resolve(1, .resubmit)
    _ = try await pipeline(service).start(order).result
    #expect(try await pipeline(service).price(order).result == 3, "the price on record, for which nothing is sent")
    #expect(bodies.all.map { $0["mood"] } == [JSONValue?](repeating: .string("asset_source"), count: 3))
    #expect(bodies.all.allSatisfy { $0["imageUrl"] == .string("https://example.com/a.png") })
    let parameters = try Ledger(path: folder + "-ledger/ledger.sqlite").entry(run: 1).intent.parameters
    #expect(parameters.contains(#""mood":"asset_source""#))
  }

  @Test("an interrupted order with images for fields sends them all the same")
  func interruptedReferences() async throws {
    let bodies = Kept<[String: JSONValue]>()
    let service = ScriptedService(results: []) { name, request throws(ScenarioError) in
      guard name.hasPrefix("POST /generate/"), case .bytes(let body) = request.body else { return nil }
      bodies.add((try? JSONDecoder().decode([String: JSONValue].self, from: Data(body))) ?? [:])
      // The service refuses the first order for good, after the upload.
      return bodies.all.count == 1 ? HTTPResponse(status: 400, body: [UInt8](#"{"reason":"no"}"#.utf8)) : nil
    }
    let order = order { order in
      order.waits = false
      order.references["mood"] = ReferenceImages(images: [.file(Fixtures.path("png/small-rgb8.png"))], isList: false)
    }
    await #expect(throws: ScenarioError.self) { try await pipeline(service).start(order).result }
    _ = try await pipeline(service).start(order).result
    #expect(bodies.all.map { $0["mood"] } == [.string("asset_source"), .string("asset_source")])
  }
}
