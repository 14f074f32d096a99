import Digests
import Foundation
import GRDB
import GessoPipeline
import ImagePreparation
import ScenarioAPI
import Synchronization
import TestSupport
import Testing

@Suite("Img2img, from the source to results on disk")
struct Img2ImgPipelineTests {
  let folder: String
  let ledgerPath: String

  init() throws {
    folder = TestFolder.url.appending(path: "gesso-pipeline-\(UUID().uuidString)").path
    ledgerPath = folder + "-ledger/ledger.sqlite"
  }

  static let source = Fixtures.path("jpeg/small-420.jpg")
  static func result() throws -> [UInt8] { try Fixtures.bytes("png/small-rgb8.png") }

  private func order(samples: Int = 1) -> Img2ImgOrder {
    var order = Img2ImgOrder(path: Self.source, prompt: "a forest", folder: folder)
    order.generation.numSamples = samples
    order.generation.seed = "7"
    return order
  }

  private func pipeline(_ service: ScriptedService) throws -> Img2ImgPipeline {
    Img2ImgPipeline(client: try service.client(), ledger: try Ledger(path: ledgerPath))
  }

  private func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }

  private func record(_ path: String) throws -> [String: Any] {
    let data = try Data(contentsOf: URL(filePath: path))
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  @Test("one image gives two results")
  func runs() async throws {
    let service = ScriptedService(
      statuses: ["queued", "in-progress", "success"], results: [try Self.result(), try Fixtures.bytes("png/1x1.png")])
    let result = try await pipeline(service).start(order(samples: 2)).result

    #expect(
      try names() == [
        "small-420-7-1.png", "small-420-7-1.png.json", "small-420-7-2.png", "small-420-7-2.png.json",
        "small-420.prepared.jpg",
      ])
    #expect(result.files.map(\.assetID.rawValue) == ["asset_r1", "asset_r2"])
    #expect(result.files.map(\.size) == [ImageSize(width: 227, height: 149), ImageSize(width: 1, height: 1)])
    #expect(result.cost == "10.5")
    #expect(try Data(contentsOf: URL(filePath: result.files[0].path)) == Data(try Self.result()))
    #expect(
      service.requests.filter { $0.hasPrefix("POST") } == [
        "POST /assets", "POST /generate/img2img", "POST /assets/get-bulk",
      ])
    #expect(!service.requests.contains { $0.hasPrefix("GET /assets/") }, "one request for all addresses")

    let record = try record(result.files[1].recordPath)
    let expected: [String: String] = [
      "result": "small-420-7-2.png", "assetId": "asset_r2", "prompt": "a forest", "seed": "7", "model": "flux.1-dev",
      "job": "job_1", "sourceAssetId": "asset_source", "source": Self.source, "service": ScriptedService.baseURL,
      "prepared": "small-420.prepared.jpg",
      "sourceSha256": ContentDigest.sha256(of: try Fixtures.bytes("jpeg/small-420.jpg")),
      "sha256": ContentDigest.sha256(of: try Fixtures.bytes("png/1x1.png")),
    ]
    for (key, value) in expected { #expect(record[key] as? String == value, "\(key)") }
    #expect(record["cost"] as? Double == 10.5)
    let parameters = try #require(record["parameters"] as? [String: Any])
    #expect(parameters["width"] as? Int == 224 && parameters["height"] as? Int == 144, "multiples of 16")
    let geometry = try #require(record["geometry"] as? [String: Any])
    #expect((geometry["canvas"] as? [String: Int]) == ["width": 224, "height": 144])

    let entry = try Ledger(path: ledgerPath).entry(job: JobID(rawValue: "job_1"))
    #expect(entry.state == .downloaded && entry.results.count == 2)
  }

  @Test("the intent is on record before the submit is sent, and the job right after its reply")
  func recordsFirst() async throws {
    let path = ledgerPath
    let seen = Mutex<[String: LedgerEntry.State?]>([:])
    let service = ScriptedService(results: [try Self.result()]) { name, _ throws(ScenarioError) in
      // Another connection, like that of another process, reads the ledger while the request is sent.
      let entry = try? Ledger(path: path).entries().first
      seen.withLock { $0[name] = $0[name] ?? entry?.state }
      if name == "POST /generate/img2img" {
        #expect(entry?.intent.seed == "7" && entry?.intent.prompt == "a forest")
        #expect(entry?.intent.baseURL == ScriptedService.baseURL)
        #expect(entry?.intent.sourceSHA256?.count == 64)
        #expect(entry?.assetID?.rawValue == "asset_source" && entry?.jobID == nil)
      }
      if name == "GET /jobs/job_1" { #expect(entry?.jobID?.rawValue == "job_1" && entry?.cost == "10.5") }
      return nil
    }
    _ = try await pipeline(service).start(order()).result
    let states = seen.withLock(\.self)
    #expect(states["POST /assets"] == .prepared)
    #expect(states["POST /generate/img2img"] == .submitting)
    #expect(states["GET /jobs/job_1"] == .submitted)
    #expect(states["GET /assets/asset_r1"] == .succeeded)
  }

  @Test(
    "canceling during the submit waits for its answer and keeps the job; resuming downloads it without a new submit")
  func cancelsDuringSubmit() async throws {
    let (submitting, submitted) = AsyncStream.makeStream(of: Void.self)
    let (answers, answer) = AsyncStream.makeStream(of: Void.self)
    let service = ScriptedService(results: [try Self.result()]) { name, _ throws(ScenarioError) in
      if name == "POST /generate/img2img" {
        submitted.finish()
        for await _ in answers {}
      }
      return nil
    }
    let pipeline = try pipeline(service)
    let order = order()
    let task = Task { try await pipeline.start(order).result }
    for await _ in submitting {}
    task.cancel()
    answer.finish()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(try Ledger(path: ledgerPath).entry(job: JobID(rawValue: "job_1")).state == .submitted)

    let result = try await pipeline.resume(JobID(rawValue: "job_1")).result
    #expect(result.files.map(\.path) == [folder + "/small-420-7-1.png"])
    #expect(service.requests.filter { $0 == "POST /generate/img2img" }.count == 1)
  }

  @Test("canceling during a pause between submits ends the run, and nothing is sent afterwards")
  func cancelsDuringPause() async throws {
    let (submitting, submitted) = AsyncStream.makeStream(of: Void.self)
    let (answers, answer) = AsyncStream.makeStream(of: Void.self)
    let service = ScriptedService(results: [try Self.result()]) { name, _ throws(ScenarioError) in
      guard name == "POST /generate/img2img" else { return nil }
      submitted.finish()
      for await _ in answers {}
      return HTTPResponse(
        status: 429,
        body: [UInt8](#"{"reason":"cooling","error":{"name":"RateLimitError"},"details":{"remainingSeconds":6}}"#.utf8))
    }
    let pipeline = try pipeline(service)
    let order = order()
    let task = Task { try await pipeline.start(order).result }
    for await _ in submitting {}
    task.cancel()
    answer.finish()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(service.requests.count { $0 == "POST /generate/img2img" } == 1)
    #expect(try Ledger(path: ledgerPath).entries().map(\.state) == [.uploaded], "the same order submits later")
  }

  @Test(
    "a pause that the service asks for is reported, whatever the request",
    arguments: ["POST /assets", "GET /jobs/job_1", "GET /assets/asset_r1"])
  func everyPause(request: String) async throws {
    let asked = Mutex(0)
    let service = ScriptedService(results: [try Self.result()]) { name, _ throws(ScenarioError) in
      guard name == request,
        asked.withLock({
          $0 += 1; return $0
        }) == 1
      else { return nil }
      return HTTPResponse(status: 429, body: [UInt8](#"{"reason":"cooling","remainingSeconds":30}"#.utf8))
    }
    let run = Img2ImgPipeline(client: try service.client(), ledger: try Ledger(path: ledgerPath)).start(order())
    var pauses: [Duration] = []
    for await event in run.events { if case .pausing(let pause, _) = event { pauses.append(pause) } }
    _ = try await run.result
    #expect(asked.withLock(\.self) > 1, "the request was sent again")
    #expect(pauses == [.seconds(30)])
  }

  @Test("during a pause between submits the run counts as not submitted, and the pause is reported")
  func pauses() async throws {
    let asked = Mutex(0)
    let service = ScriptedService(results: [try Self.result()]) { name, _ throws(ScenarioError) in
      guard name == "POST /generate/img2img",
        asked.withLock({
          $0 += 1; return $0
        }) < 3
      else { return nil }
      return HTTPResponse(status: 429, body: [UInt8](#"{"reason":"cooling","remainingSeconds":6}"#.utf8))
    }
    let commits = Mutex<[String]>([])
    let ledger = try Ledger(path: ledgerPath) { _, step in commits.withLock { $0.append(step) } }
    let run = Img2ImgPipeline(client: try service.client(), ledger: ledger).start(order())
    var seen: [String] = []
    for await event in run.events {
      switch event {
      case .submitting: seen.append("submitting")
      case .pausing(let pause, let error): seen.append("\(pause) \(error.code.rawValue)")
      default: break
      }
    }
    _ = try await run.result
    #expect(
      seen == ["submitting", "6.0 seconds cooling-down", "submitting", "6.0 seconds cooling-down", "submitting"])
    #expect(
      commits.withLock(\.self).drop { $0 != "submitting" }.prefix(6) == [
        "submitting", "uploaded", "submitting", "uploaded", "submitting", "submitted",
      ])
  }

  @Test("a timeout leaves the job on record, and resuming continues")
  func timesOut() async throws {
    let slow = ScriptedService(statuses: ["in-progress"], results: [try Self.result()])
    await #expect {
      try await pipeline(slow).start(order(), polling: JobPolling(deadline: .seconds(30))).result
    } throws: {
      ($0 as? ScenarioError)?.code == .deadlineExceeded && ($0 as? ScenarioError)?.jobID?.rawValue == "job_1"
    }
    let ready = ScriptedService(results: [try Self.result()])
    let result = try await pipeline(ready).resume(JobID(rawValue: "job_1")).result
    #expect(result.seed == "7" && result.files.count == 1)
    #expect(ready.requests.allSatisfy { $0.hasPrefix("GET") }, "nothing is uploaded or submitted again")
  }

  @Test("a job that cannot be put on record is named in the error")
  func ledgerFails() async throws {
    let path = ledgerPath
    let service = ScriptedService(results: [try Self.result()]) { name, _ throws(ScenarioError) in
      guard name == "POST /generate/img2img" else { return nil }
      // From here on, no write to the ledger succeeds.
      try? DatabaseQueue(path: path).write {
        try $0.execute(sql: "CREATE TRIGGER full BEFORE UPDATE ON run BEGIN SELECT RAISE(ABORT, 'disk full'); END")
      }
      return nil
    }
    await #expect { try await pipeline(service).start(order()).result } throws: {
      let error = $0 as? PipelineError
      return error?.code == .ledgerUnavailable && error?.jobID?.rawValue == "job_1"
        && error?.message.contains("job_1 was submitted and is paid for") == true
    }
  }

  @Test("a submit without a reply stays open in the ledger, and is sent once")
  func unknownOutcome() async throws {
    let service = ScriptedService(results: [try Self.result()]) { name, _ throws(ScenarioError) in
      guard name == "POST /generate/img2img" else { return nil }
      throw ScenarioError(.connectionLost, .unknownOutcome, stage: .submit, "gone", remedy: "look")
    }
    await #expect { try await pipeline(service).start(order()).result } throws: {
      ($0 as? ScenarioError)?.outcome == .unknownOutcome
    }
    let entry = try #require(try Ledger(path: ledgerPath).entries().first)
    #expect(entry.state == .submitting && entry.jobID == nil && entry.failure == nil)
    #expect(service.requests.filter { $0 == "POST /generate/img2img" }.count == 1)
  }

  @Test("a refused submit is put on record as failed")
  func refused() async throws {
    let service = ScriptedService(results: [try Self.result()]) { name, _ throws(ScenarioError) in
      name == "POST /generate/img2img"
        ? HTTPResponse(status: 400, body: [UInt8](#"{"reason":"bad prompt"}"#.utf8)) : nil
    }
    await #expect(throws: ScenarioError.self) { try await pipeline(service).start(order()).result }
    let entry = try #require(try Ledger(path: ledgerPath).entries().first)
    #expect(entry.state == .failed)
    #expect(entry.failure?.contains("bad prompt") == true)
  }

  @Test(
    "a job that fails or is canceled ends the run with an error",
    arguments: [("failure", PipelineError.Code.jobFailed), ("canceled", .jobCanceled)])
  func fails(status: String, code: PipelineError.Code) async throws {
    let service = ScriptedService(statuses: [status], results: [])
    await #expect { try await pipeline(service).start(order()).result } throws: {
      ($0 as? PipelineError)?.code == code && "\($0)".contains("no luck")
    }
    #expect(try Ledger(path: ledgerPath).entries().first?.state == .failed)
  }

  @Test(
    "a damaged result is kept under another name, and the job stays on record",
    arguments: ["corrupt/png-truncated-half-data.png", "foreign/text.jpg"])
  func damaged(name: String) async throws {
    let service = ScriptedService(results: [try Fixtures.bytes(name)])
    await #expect { try await pipeline(service).start(order()).result } throws: {
      ($0 as? ScenarioError)?.code == .downloadInvalid && ($0 as? ScenarioError)?.jobID?.rawValue == "job_1"
    }
    #expect(try names() == ["small-420-7-1.png.unverified", "small-420.prepared.jpg"])
    #expect(try Ledger(path: ledgerPath).entries().first?.state == .succeeded)
  }

  @Test(
    "results of every kind are kept as they are, named by their bytes, and checked where their kind can be decoded",
    arguments: [
      ("kinds/webp/lossy-q30-pillow.webp", "webp", true), ("kinds/tiff/rgb8-pillow.tif", "tiff", true),
      ("kinds/gif/palette-pillow.gif", "gif", true), ("foreign/header.avif", "avif", false),
      ("foreign/header.heic", "heic", false),
    ], [nil, "image/png", "application/octet-stream"])
  func kinds(_ result: (file: String, kind: String, isDecoded: Bool), served: String?) async throws {
    let (file, kind, isDecoded) = result
    let service = ScriptedService(
      results: [try Fixtures.bytes(file)], mimeType: served ?? "image/\(kind)")
    // In the second round the files exist already.
    for _ in 0..<2 {
      let result = try await pipeline(service).start(order()).result
      #expect(result.files.map(\.path) == [folder + "/small-420-7-1.\(kind)"])
      #expect(result.files[0].mimeType == "image/\(kind)")
      #expect(result.files[0].size == (isDecoded ? ImageSize(width: 53, height: 31) : nil))
    }
  }

  @Test("a kind that the service does not take is refused before it is sent as it is")
  func unsent() async throws {
    let service = ScriptedService(results: [])
    let error = await #expect(throws: PipelineError.self) {
      try await pipeline(service).upload(.file(Fixtures.path("kinds/bmp/bits1.bmp")), stem: "bits", recipe: nil).result
    }
    #expect(error?.code == .invalidOrder && error?.message.contains("BMP") == true)
  }

  @Test("an image the service fetches is neither prepared nor uploaded")
  func remote() async throws {
    let body = Mutex("")
    let service = ScriptedService(results: [try Self.result()]) { name, request throws(ScenarioError) in
      if name == "POST /generate/img2img", case .bytes(let bytes) = request.body {
        body.withLock { $0 = String(decoding: bytes, as: UTF8.self) }
      }
      return nil
    }
    var order = order()
    order.source = .remote(url: "https://example.com/cat.png?Signature=private")
    order.sourceName = "https://example.com/cat.png"
    _ = try await pipeline(service).start(order).result
    #expect(!service.requests.contains("POST /assets"))
    #expect(body.withLock(\.self).contains("cat.png?Signature=private"))
    #expect(try names() == ["small-420-7-1.png", "small-420-7-1.png.json"])
    #expect(try !everythingWritten().contains("private"))
  }

  @Test("neither credentials nor signed URLs are written anywhere")
  func secrets() async throws {
    let service = ScriptedService(results: [try Self.result()])
    _ = try await pipeline(service).start(order()).result
    let written = try everythingWritten()
    #expect(written.contains("job_1"), "the search looks at the right files")
    for secret in ["planted-key", "planted-secret", "planted-signature"] {
      #expect(!written.contains(secret), "\(secret)")
    }
  }

  /// The content of the ledger, its journal and all records.
  private func everythingWritten() throws -> String {
    var text = ""
    for folder in [folder, folder + "-ledger"] {
      for name in try FileManager.default.contentsOfDirectory(atPath: folder)
      where !name.hasSuffix("png") && !name.hasSuffix("-locks") {
        text += String(decoding: try Data(contentsOf: URL(filePath: "\(folder)/\(name)")), as: UTF8.self)
      }
    }
    return text
  }

  @Test(
    "an order that cannot be carried out is refused before anything is done",
    arguments: ["a/b", "", ".hidden-{index}", "{stem}"])
  func badTemplate(template: String) async throws {
    let service = ScriptedService(results: [])
    var order = order(samples: 2)
    order.nameTemplate = template
    await #expect { try await pipeline(service).start(order).result } throws: {
      ($0 as? PipelineError)?.code == .invalidOrder
    }
    #expect(service.requests.isEmpty)
    #expect(!FileManager.default.fileExists(atPath: folder))
  }

  @Test("a job of another address is not asked for with these credentials")
  func otherService() async throws {
    _ = try await pipeline(ScriptedService(results: [try Self.result()])).start(order()).result
    let elsewhere = ScenarioClient(
      configuration: try ScenarioConfiguration(
        baseURL: "https://other.example/v1", credential: ScenarioCredential(key: "k", secret: "s")))
    let pipeline = Img2ImgPipeline(client: elsewhere, ledger: try Ledger(path: ledgerPath))
    await #expect { try await pipeline.resume(JobID(rawValue: "job_1")).result } throws: {
      ($0 as? PipelineError)?.code == .otherService
    }
  }

  @Test("a drawn seed is sent, used in names and put on record")
  func seed() async throws {
    let service = ScriptedService(results: [try Self.result()])
    let pipeline = Img2ImgPipeline(
      client: try service.client(), ledger: try Ledger(path: ledgerPath), randomSeed: { "1234" })
    var order = order()
    order.generation.seed = nil
    let result = try await pipeline.start(order).result
    #expect(result.seed == "1234")
    #expect(result.files[0].path == folder + "/small-420-1234-1.png")
    #expect(try Ledger(path: ledgerPath).entries().first?.intent.seed == "1234")
  }
}
