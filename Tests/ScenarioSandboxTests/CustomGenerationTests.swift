import FlyingFox
import Foundation
import ImagePreparation
import Testing

@testable import ScenarioSandbox

@Suite("Custom models and delivery formats")
struct CustomGenerationTests {
  static let path = "/v1/generate/custom/model_bfl-flux-1-dev"

  private func body(_ image: String, _ changes: [String: any Sendable] = [:]) -> [String: any Sendable] {
    let body: [String: any Sendable] = ["prompt": "a wall", "image": image, "width": 128, "height": 128, "seed": 42]
    return body.merging(changes) { $1 }
  }

  @Test("a job by the model's own inputs: no inference in the reply, type custom, and it cannot be canceled")
  func job() async throws {
    let harness = Harness()
    let source = try await harness.upload()
    let started = try await harness.send("POST", Self.path, json: body(source, ["numOutputs": 2]))
    #expect(started.status == 200)
    #expect(started("inference", as: [String: Any].self) == nil)
    #expect(started("job.jobType") == "custom")
    #expect(started("job.metadata.input.seed", as: Int.self) == 42)
    #expect(started("job.metadata.input.numOutputs", as: Int.self) == 2)
    let id = try #require(started("job.jobId"))
    let canceled = try await harness.send("POST", "/v1/jobs/\(id)/action", json: ["action": "cancel"])
    #expect(canceled.status == 400)
    #expect(canceled("reason") == "Cannot cancel this type of job. Action not permitted.")
    harness.clock.advance(10)
    let ended = try await harness.send("GET", "/v1/jobs/\(id)")
    let results = try #require(ended("job.metadata.assetIds", as: [String].self))
    #expect(results.count == 2)
    #expect(try await harness.send("GET", "/v1/assets/\(results[0])")("asset.metadata.type") == "img2img")
    #expect(try await harness.send("GET", "/v1/jobs?type=custom")("jobs", as: [Any].self)?.count == 1)
  }

  @Test(
    "a value that the inputs do not allow is refused, naming the field",
    arguments: [
      ("unknown", 1), ("width", 130), ("width", 2064), ("numOutputs", 5), ("seed", "42"), ("controlModality", "nose"),
      ("prompt", String(repeating: "x", count: 2049)), ("prompt", ""), ("loras", 3), ("strength", 0.005),
      ("dryRun", true),
    ] as [(String, any Sendable)])
  func refusals(field: String, value: any Sendable) async throws {
    let harness = Harness()
    let source = try await harness.upload()
    let answer = try await harness.send("POST", Self.path, json: body(source, [field: value]))
    #expect(answer.status == 400)
    #expect(answer("reason")?.contains(field) == true)
  }

  @Test("the families do not mix")
  func families() async throws {
    let harness = Harness()
    let source = try await harness.upload()
    #expect(try await harness.send("POST", "/v1/generate/custom/flux.1-dev", json: body(source)).status == 400)
    let legacy = try await harness.send(
      "POST", "/v1/generate/img2img", json: Harness.job(image: source, ["modelId": "model_bfl-flux-1-dev"]))
    #expect(legacy.status == 400)
    #expect(try await harness.send("POST", "/v1/generate/custom/model_x", json: body(source)).status == 404)
  }

  @Test("a dry run prices and starts nothing")
  func dryRun() async throws {
    let harness = Harness()
    let source = try await harness.upload()
    let priced = try await harness.send("POST", Self.path + "?dryRun=true", json: body(source))
    #expect(priced.status == 269)
    #expect(priced("costDetails.custom-generation", as: Double.self) ?? 0 > 0)
    #expect(try await harness.send("GET", "/v1/jobs")("jobs", as: [Any].self)?.isEmpty == true)
  }

  @Test("downloads in the stored format and in another", arguments: [nil, "png", "jpeg", "jpg"])
  func formats(format: String?) async throws {
    let harness = Harness()
    let id = try await harness.upload()
    let answer = try await harness.send(
      "POST", "/v1/assets/\(id)/download", json: format.map { ["targetFormat": $0] } ?? [:])
    #expect(answer.status == 200)
    let type = format?.hasPrefix("j") == true ? "image/jpeg" : "image/png"
    #expect(answer("mimeType") == type)
    let file = try await harness.get(signed: try #require(answer("url")))
    #expect(file.headers[.contentType] == type)
    let description = try ImagePreparer().inspectBlocking(.memory([UInt8](file.data)))
    #expect(description.size == ImageSize(width: 48, height: 32))
    #expect("image/\(description.format.rawValue)" == type)
  }

  @Test("formats the sandbox cannot write are refused", arguments: ["webp", "nonsense"])
  func unknownFormat(format: String) async throws {
    let harness = Harness()
    let id = try await harness.upload()
    let answer = try await harness.send("POST", "/v1/assets/\(id)/download", json: ["targetFormat": format])
    #expect(answer.status == 400)
    #expect(answer("reason") == "Invalid target format")
  }
}
