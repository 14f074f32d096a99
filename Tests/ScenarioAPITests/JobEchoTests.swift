import Foundation
import Testing

@testable import ScenarioAPI

/// The part of a request that its job repeats, in the forms of the contract, section 8.
@Suite("Echoes of jobs")
struct JobEchoTests {
  private static func job(_ json: String) throws -> Job {
    try JSONDecoder().decode(JobReply.self, from: Data(json.utf8)).job
  }
  private static let source = AssetID(rawValue: "asset_Zk3-v")

  @Test("the fields of both families, from the list and from the reply to a submit")
  func fields() throws {
    let listed = try Self.job(
      #"""
      {"job":{"jobId":"job_1","metadata":{"input":{"type":"img2img","modelId":"flux.1-dev","prompt":"p","image":"asset_Zk3-v",
      "seed":"7","strength":0.55,"numSamples":2,"width":1024,"height":768.0,"guidance":3.5}}}}
      """#)
    let echo = try #require(listed.echo)
    #expect(echo.modelID == "flux.1-dev" && echo.type == "img2img" && echo.prompt == "p" && echo.seed == "7")
    #expect(echo.strength == 0.55 && echo.numSamples == 2 && echo.width == 1024 && echo.height == 768)
    #expect(echo.images == [.asset(Self.source)] && !echo.isPromptArchived)
    let custom = try Self.job(
      #"{"job":{"jobId":"job_1","metadata":{"input":{"numOutputs":4,"seed":2147483647,"strength":"0.5"}}}}"#)
    #expect(custom.echo?.numSamples == 4 && custom.echo?.seed == "2147483647" && custom.echo?.strength == 0.5)
    let started = try Self.job(
      #"""
      {"job":{"jobId":"job_1","metadata":{"input":{"prompt":"asset_9"}}},"inference":{"type":"img2img","prompt":"p","numSamples":1,
      "image":"https://cdn.example/assets-transform/asset_Zk3-v?p=100&Policy=x","imageId":"asset_Zk3-v"}}
      """#)
    #expect(started.echo?.type == "img2img" && started.echo?.numSamples == 1 && started.echo?.images.count == 2)
    #expect(started.echo?.prompt == "asset_9" && started.echo?.isPromptArchived == true)
  }

  @Test(
    "the source by its id, by imageId, and by an address that has its id",
    arguments: [
      (#""image":"asset_Zk3-v""#, true), (#""imageId":"asset_Zk3-v""#, true),
      (#""image":"https://cdn.example/assets/asset_Zk3-v?Policy=a""#, true),
      (#""image":"https://cdn.example/assets-transform/asset_Zk3-v""#, true),
      (#""image":"https://cdn.example/f?id=asset_Zk3-v&Signature=x","imageId":"asset_Zk3-v""#, true),
      (#""image":"asset_other","imageId":"asset_Zk3-v""#, true), (#""image":"asset_Zk3-v2""#, false),
      (#""image":"https://cdn.example/assets/asset_Zk3-v2?Policy=a""#, false), (#""imageId":"asset_other""#, false),
      (#""image":"https://example.com/photo.jpg""#, nil), (#""image":"data:image/png;base64,asset_Zk3-v""#, nil),
      (#""image":null"#, nil), (#""image":7"#, nil), (#""image":"""#, nil), (#""prompt":"asset_Zk3-v""#, nil),
    ] as [(String, Bool?)])
  func source(fields: String, isSource: Bool?) throws {
    let job = try Self.job(#"{"job":{"jobId":"job_1","metadata":{"input":{\#(fields)}}}}"#)
    #expect(job.echo?.hasSource(Self.source) == isSource)
  }

  @Test("fields of other types count as absent, and a job without any has no echo")
  func lenient() throws {
    let odd = try Self.job(
      #"{"job":{"jobId":"job_1","metadata":{"input":{"prompt":{},"seed":[1],"width":"wide","numSamples":1.5,"strength":{}}}}}"#
    )
    let echo = try #require(odd.echo)
    #expect(
      echo.prompt == nil && echo.seed == nil && echo.width == nil && echo.numSamples == nil && echo.strength == nil)
    for metadata in ["{}", #"{"input":{}}"#, #"{"input":[]}"#, "7"] {
      #expect(try Self.job(#"{"job":{"jobId":"job_1","metadata":\#(metadata)},"inference":3}"#).echo == nil)
    }
  }

  @Test(
    "the time of a job is read in each form",
    arguments: [
      (#""2026-10-02T09:30:00.250Z""#, 1_790_933_400.25), (#""2026-10-02T09:30:00Z""#, 1_790_933_400),
      (#""yesterday""#, nil), ("7", nil), ("null", nil),
    ] as [(String, Double?)])
  func time(json: String, seconds: Double?) throws {
    #expect(try Self.job(#"{"job":{"jobId":"job_1","createdAt":\#(json)}}"#).createdSeconds == seconds)
  }
}
