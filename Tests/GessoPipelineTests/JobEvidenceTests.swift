import Foundation
import GessoPipeline
import ScenarioAPI
import TestSupport
import Testing

@Suite("Evidence that a job is that of a submit")
struct JobEvidenceTests {
  private static let path = TestFolder.url.appending(path: "gesso-evidence-\(UUID().uuidString)/l.sqlite").path

  /// The run of a request as the ledger has it after the submit.
  private static func run(
    model: String = "flux.1-dev", asset: String? = "asset_1", source: String = "forest.jpg",
    _ parameters: String = #"{"strength":0.55,"numSamples":2,"width":512,"height":384}"#
  ) throws -> LedgerEntry {
    let ledger = try Ledger(path: path)
    let intent = LedgerIntent(
      key: UUID().uuidString, account: "a", baseURL: "https://example.com/v1", projectID: nil, source: source,
      sourceSHA256: nil, preparedSHA256: nil, preparedPath: nil, geometry: nil, model: model, prompt: "a forest",
      parameters: parameters, seed: "16777217", folder: "/out", nameTemplate: "{stem}", stem: "forest")
    let id = try ledger.claim(intent, again: false).entry.id
    if let asset { try ledger.recordUpload(id, asset: AssetID(rawValue: asset), parameters: parameters) }
    try ledger.recordSubmitting(id, Ledger.Submit(account: "a", model: model, parameters: parameters))
    return try ledger.entry(run: id)
  }

  private static func job(_ input: String, created: String = "2026-11-29T00:00:00.000Z") throws -> Job {
    let text = #"{"jobId":"job_1","status":"success","createdAt":"\#(created)","metadata":{"input":\#(input)}}"#
    return try JSONDecoder().decode(Job.self, from: Data(text.utf8))
  }

  private static func result(_ metadata: String) throws -> Asset {
    try JSONDecoder().decode(Asset.self, from: Data(#"{"id":"asset_9","metadata":\#(metadata)}"#.utf8))
  }

  static let inputs: [(String, String, JobEvidence)] = [
    // The image.
    ("the image by id", #"{"image":"asset_1"}"#, .positive),
    ("the image by imageId", #"{"imageId":"asset_1"}"#, .positive),
    ("the image in an address", #"{"image":"https://c.example/t/asset_1?p=100"}"#, .positive),
    ("another image", #"{"image":"asset_2","modelId":"flux.1-dev","seed":16777217}"#, .against),
    ("an image whose id only begins alike", #"{"image":"asset_12"}"#, .against),
    ("an address of another image", #"{"image":"https://c.example/t/asset_12?p=100"}"#, .against),
    ("an address that names no image, and nothing else", #"{"image":"https://c.example/x"}"#, .weak),
    ("one of two spellings of the image", #"{"image":"https://c.example/x","imageId":"asset_1"}"#, .positive),
    ("a mask that was not sent", #"{"image":"asset_1","maskId":"asset_3"}"#, .against),
    ("a control image that was not sent", #"{"image":"asset_1","controlImageId":"asset_3"}"#, .against),
    // Model and type.
    ("another model", #"{"image":"asset_1","modelId":"flux.1-pro"}"#, .against),
    ("the type", #"{"image":"asset_1","type":"img2img"}"#, .positive),
    ("the type as assets spell it", #"{"image":"asset_1","type":"inference-img2img"}"#, .positive),
    ("another type", #"{"image":"asset_1","type":"txt2img"}"#, .against),
    // No image.
    ("model and seed", #"{"modelId":"flux.1-dev","seed":"16777217"}"#, .positive),
    ("the model only", #"{"modelId":"flux.1-dev"}"#, .weak), ("the seed only", #"{"seed":16777217}"#, .weak),
    ("model and a seed that 32 bits may have rounded", #"{"modelId":"flux.1-dev","seed":16777216}"#, .weak),
    ("nothing", "{}", .weak),
    // Values that are not evidence.
    ("an archived prompt", #"{"image":"asset_1","prompt":"asset_t"}"#, .positive),
    ("a trimmed prompt", #"{"image":"asset_1","prompt":"a forest\n"}"#, .positive),
    ("a number of 32 bits", #"{"image":"asset_1","strength":0.550000011920929}"#, .positive),
    ("a seed of 32 bits", #"{"image":"asset_1","seed":16777216}"#, .positive),
    ("an adjusted size", #"{"image":"asset_1","width":528,"height":400}"#, .positive),
    ("absent values", #"{"image":"asset_1","prompt":null,"seed":"","width":null}"#, .positive),
    // Values that clearly belong to another order.
    ("another prompt", #"{"image":"asset_1","prompt":"a lake"}"#, .weak),
    ("another seed", #"{"image":"asset_1","seed":8}"#, .weak),
    ("another strength", #"{"image":"asset_1","strength":0.75}"#, .weak),
    ("another number of results", #"{"image":"asset_1","numSamples":4}"#, .weak),
    ("another size", #"{"image":"asset_1","width":1024,"height":384}"#, .weak),
  ]

  @Test("the request that a job repeats is evidence for or against it, or none", arguments: inputs)
  func legacy(name: String, input: String, evidence: JobEvidence) throws {
    #expect(try SubmittedRequest(Self.run()).evidence(of: Self.job(input)) == evidence)
  }

  @Test(
    "the job of a custom model is known by its model, which is in the path",
    arguments: [
      (#"{"image":"asset_1","modelId":"model_x","numOutputs":2}"#, JobEvidence.positive),
      (#"{"image":"asset_1","modelId":"model_lora"}"#, .positive), (#"{"image":"asset_1"}"#, .positive),
      (#"{"image":"asset_1","modelId":"model_y","numOutputs":2}"#, .against),
      (#"{"image":"asset_1","modelId":"model_x","numOutputs":3}"#, .weak),
      (#"{"image":"asset_1","type":"custom","controlImage":"asset_3"}"#, .positive),
    ])
  func custom(input: String, evidence: JobEvidence) throws {
    let run = try Self.run(
      model: "model_x", #"{"endpoint":"custom","numSamples":2,"strength":0.55,"param":{"modelId":"model_lora"}}"#)
    #expect(try SubmittedRequest(run).evidence(of: Self.job(input)) == evidence)
  }

  @Test(
    "the second image counts",
    arguments: [
      (#"{"image":"asset_1","maskId":"asset_3"}"#, JobEvidence.positive),
      (#"{"image":"asset_1","mask":"https://c.example/asset_3?x"}"#, .positive), (#"{"image":"asset_1"}"#, .positive),
      (#"{"image":"asset_1","maskId":"asset_4"}"#, .against), (#"{"image":"asset_1","type":"img2img"}"#, .against),
    ])
  func masked(input: String, evidence: JobEvidence) throws {
    let run = try Self.run(#"{"endpoint":"inpaint","maskId":"asset_3"}"#)
    #expect(try SubmittedRequest(run).evidence(of: Self.job(input)) == evidence)
  }

  @Test(
    "an image that the service fetched is known by its address",
    arguments: [
      (#"{"imageUrl":"https://x.example/a.png?token=2"}"#, JobEvidence.positive),
      (#"{"imageUrl":"https://x.example/b.png"}"#, .against), (#"{"image":"asset_7"}"#, .weak),
      (#"{"image":"asset_7","modelId":"flux.1-dev","seed":16777217}"#, .positive),
    ])
  func fetched(input: String, evidence: JobEvidence) throws {
    let run = try Self.run(asset: nil, source: "https://x.example/a.png")
    #expect(try SubmittedRequest(run).evidence(of: Self.job(input)) == evidence)
  }

  @Test(
    "a job that repeats no image is known by its first result",
    arguments: [
      (#"{"parentId":"asset_1"}"#, JobEvidence.positive), (#"{"parentId":"asset_2"}"#, .against),
      (#"{"parentId":"asset_1","prompt":"a lake"}"#, .weak), (#"{"prompt":"a forest","seed":16777217}"#, .weak),
      ("{}", .weak),
    ])
  func results(metadata: String, evidence: JobEvidence) throws {
    let sent = try SubmittedRequest(Self.run())
    let job = try Self.job("{}")
    #expect(sent.needsResult(of: job))
    #expect(sent.evidence(of: job, result: try Self.result(metadata)) == evidence)
  }

  @Test(
    "only one job with positive evidence is adopted, and everything that may be it is listed",
    arguments: [
      ([], false, Reconciliation<Int>.undecided([], others: 0)), ([.positive], false, .adopt(0)),
      ([.weak, .positive, .against], false, .adopt(1)), ([.positive], true, .undecided([0], others: 0)),
      ([.positive, .positive], false, .undecided([0, 1], others: 0)), ([.weak], false, .undecided([0], others: 0)),
      ([.against, .weak, .against], false, .undecided([1], others: 2)),
      ([.weak, .positive, .weak, .positive], false, .undecided([1, 3, 0, 2], others: 0)),
      ([.against], false, .undecided([], others: 1)),
    ] as [([JobEvidence], Bool, Reconciliation<Int>)])
  func decisions(evidence: [JobEvidence], hasRival: Bool, decision: Reconciliation<Int>) {
    let jobs = evidence.enumerated().map { (job: $0.offset, evidence: $0.element) }
    #expect(Reconciliation(jobs, hasRival: hasRival) == decision)
  }

  @Test(
    "the window is ten minutes wide on both sides of the submit, by the service's clock",
    arguments: [
      (0, "2026-11-29T00:00:00.000Z", true), (0, "2026-11-28T23:50:01Z", true), (0, "2026-11-28T23:49:59Z", false),
      (0, "2026-11-29T00:09:59.900Z", true), (0, "2026-11-29T00:10:01Z", false), (3600, "2026-11-29T00:00:00Z", false),
      (3600, "2026-11-29T01:05:00Z", true), (-3600, "2026-11-28T22:59:00Z", true), (0, "yesterday", true),
    ])
  func window(offset: Int, created: String, isInside: Bool) throws {
    let submitted = try Date("2026-11-29T00:00:00Z", strategy: .iso8601).timeIntervalSince1970
    let window = SubmitWindow(submittedAt: submitted, clockOffset: .seconds(offset))
    #expect(window.contains(try Self.job("{}", created: created)) == isInside)
  }

  @Test(
    "the reply to a submit is compared with what was sent",
    arguments: [
      (#"{"image":"asset_1","numSamples":2,"width":512,"height":384,"strength":0.550000011920929}"#, []),
      (#"{"numSamples":2,"width":512}"#, ["image"]), (#"{"image":"asset_2"}"#, ["image"]),
      (#"{"imageId":"asset_1","numSamples":4,"width":1024,"height":384}"#, ["numSamples", "width"]), ("{}", []),
    ] as [(String, [String])])
  func replies(input: String, names: [String]) throws {
    #expect(try SubmittedRequest(Self.run()).differences(in: Self.job(input).echo) == names)
  }
}
