import Foundation
import ImagePreparation
import Testing

@testable import ScenarioSandbox

@Suite("Inpainting and control")
struct SiblingTests {
  /// Left half black, right half white.
  private static let mask: [UInt8] = {
    let samples = (0..<48 * 32).map { UInt8($0 % 48 < 24 ? 0 : 255) }
    return try! ImagePreparer().encodePNGBlocking(
      PixelImage(size: ImageSize(width: 48, height: 32), channels: 1, samples: samples))
  }()

  /// Submits, waits until the job has ended, and returns the reply and the RGB of the result.
  private func generate(
    _ harness: Harness, _ path: String, _ fields: [String: any Sendable]
  ) async throws -> (reply: Harness.Answer, pixels: PixelImage<UInt8>) {
    var body: [String: any Sendable] = [
      "modelId": "flux.1-dev", "prompt": "a wall", "width": 96, "height": 64, "numSamples": 1, "seed": "1",
    ]
    body.merge(fields) { $1 }
    let reply = try await harness.send("POST", "/v1/generate/\(path)", json: body)
    let job = try #require(reply("job.jobId"), "\(String(decoding: reply.data, as: UTF8.self))")
    harness.clock.advance(10)
    let ended = try await harness.send("GET", "/v1/jobs/\(job)")
    let result = try #require(ended("job.metadata.assetIds.0"))
    let asset = try await harness.send("GET", "/v1/assets/\(result)?originalAssets=true")
    let file = try await harness.get(signed: try #require(asset("asset.url")))
    return (reply, try ImagePreparer().pixelsBlocking(of: .memory([UInt8](file.data)), as: Recipe()))
  }

  /// The greatest difference between two images, in rows and columns that the badge does not reach.
  private func difference(_ a: PixelImage<UInt8>, _ b: PixelImage<UInt8>, columns: Range<Int>) -> Int {
    (10..<34).flatMap { y in
      columns.flatMap { x in
        (0..<3).map { abs(Int(a.samples[(y * 96 + x) * 3 + $0]) - Int(b.samples[(y * 96 + x) * 3 + $0])) }
      }
    }.max() ?? 0
  }

  private func source() throws -> PixelImage<UInt8> {
    try SourceImage().decode(Harness.picture, size: ImageSize(width: 96, height: 64))
  }

  @Test("areas that the mask keeps are unchanged, and white areas are not", arguments: [true, false])
  func inpaint(isInline: Bool) async throws {
    let harness = Harness()
    let image = try await harness.upload()
    let mask =
      isInline
      ? ["mask": "data:image/png;base64," + Data(Self.mask).base64EncodedString()]
      : ["maskId": try await harness.upload(Self.mask)]
    let (reply, pixels) = try await generate(
      harness, "inpaint", ["image": image, "strength": 1].merging(mask) { $1 })
    #expect(reply("inference.type") == "inpaint")
    let id = try #require(reply("inference.maskId"))
    #expect(reply("inference.mask")?.contains(id) == true && (isInline || id == mask["maskId"]))
    #expect(reply("job.metadata.input.maskId") == id && reply("job.metadata.input.image") == image)
    #expect(difference(pixels, try source(), columns: 2..<44) == 0)
    #expect(difference(pixels, try source(), columns: 52..<94) > 40)
  }

  @Test("merging can be disabled")
  func unmerged() async throws {
    let harness = Harness()
    let fields: [String: any Sendable] = [
      "image": try await harness.upload(), "maskId": try await harness.upload(Self.mask), "strength": 1,
    ]
    let (_, pixels) = try await generate(harness, "inpaint", fields.merging(["disableMerging": true]) { $1 })
    #expect(difference(pixels, try source(), columns: 2..<44) > 40)
  }

  @Test("plain control reports its image as the image, and has no strength")
  func controlnet() async throws {
    let harness = Harness()
    let control = try await harness.upload()
    let (reply, depth) = try await generate(harness, "controlnet", ["controlImageId": control, "modality": "depth"])
    #expect(reply("inference.type") == "controlnet" && reply("inference.modality") == "depth")
    #expect(reply("inference.imageId") == control && reply("inference.controlImageId", as: String.self) == nil)
    #expect(reply("inference.strength", as: Double.self) == nil)
    #expect(difference(depth, try source(), columns: 2..<94) > 40)
  }

  @Test("control beside an image: both are reported, and another control is another result")
  func controlnetImg2Img() async throws {
    let harness = Harness()
    let (image, control) = (try await harness.upload(), try await harness.upload(Self.mask))
    var results: [PixelImage<UInt8>] = []
    for modality in ["canny", "depth", "canny"] {
      let (reply, pixels) = try await generate(
        harness, "controlnet-img2img",
        ["image": image, "controlImageId": control, "modality": modality, "controlStart": 0, "controlEnd": 1])
      #expect(reply("inference.type") == "controlnet_img2img" && reply("inference.modality") == modality)
      #expect(reply("inference.imageId") == image && reply("inference.controlImageId") == control)
      #expect(reply("inference.controlImage")?.contains(control) == true)
      results.append(pixels)
    }
    #expect(results[0] == results[2] && results[0] != results[1])
  }

  @Test(
    "a sibling operation refuses a missing or bad field, naming it",
    arguments: [
      ("inpaint", [:], "mask"), ("inpaint", ["maskId": 3], "maskId"),
      ("inpaint", ["mask": "", "disableMerging": "no"], "disableMerging"),
      ("controlnet", ["image": "IMAGE"], "modality"), ("controlnet", ["modality": "canny"], "controlImage"),
      ("controlnet", ["modality": "lineart", "controlImageId": "IMAGE"], "modality"),
      ("controlnet-img2img", ["modality": "canny", "image": "IMAGE"], "controlImage"),
      ("controlnet-img2img", ["modality": "canny", "controlImageId": "IMAGE"], "image"),
      (
        "controlnet-img2img", ["modality": "canny", "image": "IMAGE", "controlImageId": "IMAGE", "controlEnd": 0.05],
        "controlEnd"
      ),
      ("controlnet", ["modality": "canny", "controlImageId": "IMAGE", "controlStart": 0.95], "controlStart"),
    ] as [(String, [String: any Sendable], String)])
  func refusals(path: String, fields: [String: any Sendable], name: String) async throws {
    let harness = Harness()
    let image = try await harness.upload()
    var body: [String: any Sendable] = ["modelId": "flux.1-dev", "prompt": "a wall"]
    if path == "inpaint" { body["image"] = image }
    for (key, value) in fields { body[key] = (value as? String) == "IMAGE" ? image : value }
    let answer = try await harness.send("POST", "/v1/generate/\(path)", json: body)
    #expect(answer.status == 400)
    #expect(answer("reason")?.contains(name) == true, "\(String(decoding: answer.data, as: UTF8.self))")
  }

  @Test("a mask that is not there, a price, and a mask that cannot be decoded")
  func rest() async throws {
    let harness = Harness()
    let image = try await harness.upload()
    func send(_ query: String, mask: String) async throws -> Harness.Answer {
      try await harness.send(
        "POST", "/v1/generate/inpaint\(query)", json: Harness.job(image: image, ["maskId": mask]))
    }
    #expect(try await send("", mask: "asset_none").status == 404)
    let price = try await send("?dryRun=true", mask: image)
    #expect(price.status == 269 && price("creativeUnitsCost", as: Double.self) != nil)
    let started = try await send("", mask: try await harness.upload(Array(Self.mask.dropLast(30))))
    harness.clock.advance(10)
    let job = try await harness.send("GET", "/v1/jobs/\(try #require(started("job.jobId")))")
    #expect(job("job.status") == "failure")
  }
}
