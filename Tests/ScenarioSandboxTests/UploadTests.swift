import Foundation
import ImagePreparation
import Testing

@testable import ScenarioSandbox

@Suite("Multipart uploads")
struct UploadTests {
  /// A PNG of at least `count` bytes: noise does not compress.
  static func picture(bytes count: Int) throws -> [UInt8] {
    let side = Int((Double(count) / 3).squareRoot()) + 16
    var state: UInt32 = 7
    let samples = (0..<side * side * 3).map { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      return UInt8(state >> 24)
    }
    let image = PixelImage(size: ImageSize(width: side, height: side), channels: 3, samples: samples)
    return try ImagePreparer().encodePNGBlocking(image)
  }

  private func open(_ harness: Harness, size: Int, parts: Int) async throws -> (id: String, urls: [String]) {
    let answer = try await harness.send(
      "POST", "/v1/uploads",
      json: ["fileName": "big.png", "fileSize": size, "contentType": "image/png", "kind": "image", "parts": parts])
    #expect(answer.status == 200)
    #expect(answer("upload.status") == "pending")
    let id = try #require(answer("upload.id"))
    return (id, try (0..<parts).map { try #require(answer("upload.parts.\($0).url")) })
  }

  private func put(_ harness: Harness, _ url: String, _ bytes: some Sequence<UInt8>, key: String? = nil) async throws
    -> Harness.Answer
  {
    try await harness.send(
      "PUT", String(url.dropFirst("http://127.0.0.1:1".count)), Data(bytes), authorization: key, contentType: nil)
  }

  private func complete(_ harness: Harness, _ id: String) async throws -> Harness.Answer {
    try await harness.send("POST", "/v1/uploads/\(id)/action", json: ["action": "complete"])
  }

  @Test("parts in any order become one asset, validating for one look")
  func wholeWay() async throws {
    let harness = Harness()
    let picture = try Self.picture(bytes: 6 << 20)
    let upload = try await open(harness, size: picture.count, parts: 2)
    #expect(try await put(harness, upload.urls[1], picture[(5 << 20)...]).status == 200)
    #expect(try await put(harness, upload.urls[0], [1, 2, 3]).status == 200)
    #expect(try await put(harness, upload.urls[0], picture[..<(5 << 20)]).status == 200, "the last one counts")
    #expect(try await complete(harness, upload.id)("upload.status") == "validating")
    #expect(try await harness.send("GET", "/v1/uploads/\(upload.id)")("upload.status") == "validating")
    let imported = try await harness.send("GET", "/v1/uploads/\(upload.id)")
    #expect(imported("upload.status") == "imported")
    let id = try #require(imported("upload.entityId"))
    let url = try #require(try await harness.send("GET", "/v1/assets/\(id)?originalAssets=true")("asset.url"))
    #expect([UInt8](try await harness.get(signed: url).data) == picture)
    #expect(try await put(harness, upload.urls[0], [1]).status == 400)
  }

  @Test(
    "an upload whose parts make no file ends as failed, with a text",
    arguments: ["missing", "short", "size", "no image"])
  func failures(kind: String) async throws {
    let harness = Harness()
    let bytes = [UInt8](repeating: 0, count: kind == "short" ? 1000 : 5 << 20)
    let upload = try await open(harness, size: bytes.count * 2 + (kind == "size" ? 1 : 0), parts: 2)
    _ = try await put(harness, upload.urls[0], bytes)
    if kind != "missing" { _ = try await put(harness, upload.urls[1], bytes) }
    var last = try await complete(harness, upload.id)
    if kind == "no image" {
      for _ in 0..<2 { last = try await harness.send("GET", "/v1/uploads/\(upload.id)") }
    }
    #expect(last("upload.status") == "failed")
    #expect(last("upload.errorMessage")?.isEmpty == false)
  }

  @Test("part URLs are signed, end, and refuse credentials")
  func partURLs() async throws {
    let harness = Harness { $0.partLifetime = .seconds(60) }
    let upload = try await open(harness, size: 10, parts: 1)
    #expect(try await put(harness, upload.urls[0], [1], key: Harness.authorization).status == 400)
    #expect(try await put(harness, upload.urls[0] + "0", [1]).status == 403)
    #expect(try await put(harness, upload.urls[0].replacing("/1?", with: "/2?"), [1]).status == 403)
    harness.clock.advance(61)
    #expect(try await put(harness, upload.urls[0], [1]).status == 403)
  }

  @Test(
    "an upload with an impossible number of parts, size, kind or name is refused",
    arguments: ["parts", "fileSize", "kind", "fileName"])
  func refusals(field: String) async throws {
    var body: [String: any Sendable] = [
      "fileName": "a.png", "fileSize": 10, "contentType": "image/png", "kind": "image", "parts": 1,
    ]
    body[field] = field == "kind" ? "video" as any Sendable : field == "fileName" ? "" : 0
    #expect(try await Harness().send("POST", "/v1/uploads", json: body).status == 400)
  }
}
