import Foundation
import TestSupport
import Testing

@testable import ScenarioAPI

/// Replies that official clients and their tests have met (contract, sections 5, 7 and 8). The client may refuse such a reply only for its
/// id.
@Suite("Odd replies")
struct OddReplyTests {
  private static func decode<Value: Decodable>(_ type: Value.Type, _ json: String) throws -> Value {
    try JSONDecoder().decode(type, from: Data(json.utf8))
  }

  private func client(_ transport: ScriptedTransport) throws -> ScenarioClient {
    ScenarioClient(
      configuration: try Planted.configuration(), transport: transport,
      retry: RetryPolicy(random: FixedGenerator.lowest), clock: ManualClock())
  }

  private static let request = Img2ImgRequest(prompt: "p", image: .asset(AssetID(rawValue: "asset_1")))

  // MARK: Jobs

  @Test(
    "a job with one field of another type loses only that field",
    arguments: [
      #""billing":{}"#, #""billing":{"cuDiscount":0}"#, #""billing":{"cuCost":null}"#, #""billing":{"cuCost":[1]}"#,
      #""billing":7"#, #""billing":null"#, #""progress":"half""#, #""progress":null"#, #""progress":{}"#,
      #""createdAt":1790000000"#, #""createdAt":null"#, #""statusHistory":7"#, #""jobType":[]"#,
    ])
  func job(field: String) throws {
    let json = #"{"jobId":"job_1","status":"success","metadata":{"assetIds":["a"]},\#(field)}"#
    let job = try Self.decode(JobReply.self, #"{"job":\#(json)}"#).job
    #expect(job.id.rawValue == "job_1" && job.status == .success && job.assetIDs.map(\.rawValue) == ["a"])
    #expect(job.billing?.cuCost == nil && job.progress == 0 && job.createdAt == nil)
  }

  @Test("a job whose status is of another type, or missing, is not final", arguments: [#""status":7,"#, ""])
  func status(field: String) throws {
    let job = try Self.decode(JobReply.self, #"{"job":{\#(field)"jobId":"job_1"}}"#).job
    #expect(!job.status.isFinal)
  }

  @Test(
    "a job with metadata of another type loses only its results",
    arguments: [
      (#"{"assetIds":["a",null,7,{"id":"x"},"","b"]}"#, ["a", "b"]), (#"{"assetIds":null}"#, []),
      (#"{"assetIds":"a"}"#, []), ("null", []), (#""archived""#, []), ("[]", []),
      (#"{"assetIds":["a"],"error":{"code":7},"hint":["x"],"input":7}"#, ["a"]),
    ])
  func metadata(json: String, assets: [String]) throws {
    let job = try Self.decode(JobReply.self, #"{"job":{"jobId":"job_1","status":"success","metadata":\#(json)}}"#).job
    #expect(job.id.rawValue == "job_1" && job.assetIDs.map(\.rawValue) == assets)
  }

  @Test(
    "the reason of a failed job is read from text and from an object with a message",
    arguments: [
      (#""no luck""#, "no luck"), (#"{"message":"no luck","code":7}"#, "no luck"), (#"{"code":7}"#, nil), ("[]", nil),
    ])
  func failureReason(json: String, reason: String?) throws {
    let job = try Self.decode(
      JobReply.self, #"{"job":{"jobId":"job_1","status":"failure","metadata":{"error":\#(json),"hint":\#(json)}}}"#
    ).job
    #expect(job.failureReason == reason && job.hint == reason)
  }

  @Test("numbers are read from text too, whole or not at all")
  func numbersAsText() throws {
    let job = try Self.decode(
      JobReply.self,
      #"{"job":{"jobId":"job_1","status":"queued","progress":"0.25","billing":{"cuCost":"10.75","cuDiscount":"4,5"}}}"#
    ).job
    #expect(job.progress == 0.25 && job.billing?.cuCost == Decimal(string: "10.75") && job.billing?.cuDiscount == nil)
    let submission = try Self.decode(
      Submission.self, #"{"job":{"jobId":"job_1"},"creativeUnitsCost":"7.25","creativeUnitsDiscount":"1e400"}"#)
    #expect(submission.cost == Decimal(string: "7.25") && submission.discount == nil)
    for text in ["12abc", "0,5", "nan", "", "1 2"] {
      #expect(try Self.decode(Submission.self, #"{"job":{"jobId":"j"},"creativeUnitsCost":"\#(text)"}"#).cost == nil)
    }
  }

  /// The same job in each of the shapes that official material shows.
  static let spellings = [
    #"{"job":{"jobId":"job_1","status":"success","metadata":{"assetIds":["asset_r"]}},"creativeUnitsCost":10}"#,
    #"{"job":{"id":"job_1","status":"success","metadata":{"assetIds":["asset_r"]}},"creativeUnitsCost":10}"#,
    #"{"jobId":"job_1","status":"success","metadata":{"assetIds":["asset_r"]},"creativeUnitsCost":10}"#,
    #"{"job_id":"job_1","status":"success","metadata":{"assetIds":["asset_r"]},"creativeUnitsCost":10}"#,
    #"{"id":"job_1","status":"success","metadata":{"assetIds":["asset_r"]},"creativeUnitsCost":10}"#,
    #"{"job":{"jobId":"job_1","status":"success"},"metadata":{"assetIds":["asset_r"]},"creativeUnitsCost":10}"#,
    #"{"jobId":"job_1","job":{"status":"success","metadata":{}},"metadata":{"assetIds":["asset_r"]},"creativeUnitsCost":10}"#,
    #"{"id":"req_7","job":{"jobId":7,"id":"job_1","status":"success","metadata":{"assetIds":["asset_r"]}},"creativeUnitsCost":10}"#,
    #"{"job":{"job_id":"job_1","status":"success"},"metadata":{"assetIds":["asset_r",null]},"creativeUnitsCost":10}"#,
    #"{"inference":{"jobId":"job_1","id":"inf_3"},"status":"success","metadata":{"assetIds":["asset_r"]},"creativeUnitsCost":10}"#,
    #"{"id":"inf_3","inference":{"id":"job_1"},"status":"success","metadata":{"assetIds":["asset_r"]},"creativeUnitsCost":10}"#,
  ]

  @Test("the id of the job in all of its spellings, and results at top level", arguments: spellings)
  func spelling(json: String) async throws {
    let submission = try Self.decode(Submission.self, json)
    let read = try await client(ScriptedTransport([.answer(200, json)])).job(JobID(rawValue: "job_1"))
    for job in [submission.job, read] {
      #expect(job.id.rawValue == "job_1" && job.status == .success && job.assetIDs.map(\.rawValue) == ["asset_r"])
    }
    #expect(submission.cost == 10)
  }

  @Test("a page of jobs loses only the jobs that cannot be read")
  func page() async throws {
    let transport = ScriptedTransport([
      .answer(
        200,
        #"""
        {"jobs":[{"jobId":"a","status":"success"},null,7,{"status":"success"},{"jobId":null},
        {"jobId":"b","status":"failure","metadata":{"error":{"code":1}}},{"id":"c","billing":{}}],"nextPaginationToken":"t"}
        """#),
      .answer(200, #"{"jobs":[{"jobId":"d","status":3}],"nextPaginationToken":{}}"#),
    ])
    let jobs = try await client(transport).jobs(createdAfter: 1_800_000_000)
    #expect(jobs.map(\.id.rawValue) == ["a", "b", "c", "d"])
  }

  @Test("a reply without a list of jobs does not count as an empty list", arguments: ["{}", #"{"jobs":{}}"#, "[]"])
  func noPage(json: String) async throws {
    await #expect(throws: ScenarioError.self) {
      try await client(ScriptedTransport([.answer(200, json)])).jobs(createdAfter: 0)
    }
  }

  @Test(
    "a reply whose lists or objects are nested too deep is one error, also as a refusal",
    arguments: [200, 400], ["[", #"{"job":"#])
  func nested(status: Int, begin: String) async throws {
    let body = #"{"job":{"jobId":"job_1","status":"success","metadata":"# + String(repeating: begin, count: 1_000_000)
    await #expect {
      try await client(ScriptedTransport([.answer(status, body)])).job(JobID(rawValue: "job_1"))
    } throws: {
      guard let error = $0 as? ScenarioError else { return false }
      return status == 200
        ? error.code == .malformedReply && error.message.contains("nested more than 64 deep")
        : error.code == .rejected && error.message.count < 1_000
    }
  }

  // MARK: Submits and prices

  @Test(
    "the message for an unreadable reply to a submit contains the jobs that the reply names",
    arguments: [
      #"{"result":{"ref":"job_Tn4cE7","files":["asset_Zk3v-R8_y","asset_Zk3v-R8_y"]}}"#,
      "<html>accepted job_Tn4cE7 (asset_Zk3v-R8_y)</html>",
      #"{"job":{"jobId":{"$oid":"job_Tn4cE7"},"x":"asset_Zk3v-R8_y"#,
      #"[{"jobId":"job_Tn4cE7"},{"id":"asset_Zk3v-R8_y"}]"#,
      #"{"job":{"jobId":"job_Tn4cE7","files":["asset_Zk3v-R8_y"],"x":"# + String(repeating: "[", count: 1_000_000),
    ])
  func unreadable(body: String) async throws {
    let transport = ScriptedTransport([.answer(200, body)])
    await #expect { try await client(transport).submitImg2Img(Self.request) } throws: {
      guard let error = $0 as? ScenarioError else { return false }
      return error.code == .malformedReply && error.charged == .unknown && error.mayHaveStartedJob
        && error.message.hasSuffix("it names job_Tn4cE7, asset_Zk3v-R8_y")
        && error.namedJobs.map(\.rawValue) == ["job_Tn4cE7"]
        && error.namedAssets.map(\.rawValue) == ["asset_Zk3v-R8_y"]
    }
    #expect(transport.requests.count == 1)
  }

  @Test("a price is what the service charges: a discount is not subtracted")
  func discount() async throws {
    let transport = ScriptedTransport([.answer(269, #"{"creativeUnitsCost":10,"creativeUnitsDiscount":4}"#)])
    #expect(
      try await client(transport).dryRun(Self.request) == .price(DryRun.Price(creativeUnits: 10, discount: 4)))
  }

  @Test(
    "a price is read in spite of other odd fields",
    arguments: [
      (269, #"{"creativeUnitsCost":"10.75","creativeUnitsDiscount":{}}"#, "10.75"),
      (269, #"{"creativeUnitsCost":7.25,"job":null,"id":"req_1","estimatedCost":3}"#, "7.25"),
      (402, #"{"estimatedCost":"12"}"#, "12"),
    ])
  func price(status: Int, body: String, price: String) async throws {
    let answer = try await client(ScriptedTransport([.answer(status, body)])).dryRun(Self.request)
    #expect(answer == .price(DryRun.Price(creativeUnits: try #require(Decimal(string: price)), discount: nil)))
  }

  @Test("a dry run that started a job is that job, in all spellings of its id", arguments: spellings)
  func startedByDryRun(json: String) async throws {
    let transport = ScriptedTransport([.answer(200, json)])
    #expect(try await client(transport).dryRun(Self.request) == .startedJob(JobID(rawValue: "job_1"), cost: 10))
    #expect(transport.requests.count == 1)
  }

  @Test(
    "the cost of a job that a dry run started is read where the reply has it",
    arguments: [
      (#"{"job":{"jobId":"job_1","billing":{"cuCost":8}},"creativeUnitsCost":"7.5"}"#, "7.5"),
      (#"{"job":{"jobId":"job_1","billing":{"cuCost":8}}}"#, "8"), (#"{"jobId":"job_1","creativeUnitsCost":6}"#, "6"),
    ])
  func costOfDryRunJob(json: String, cost: String) async throws {
    #expect(
      try await client(ScriptedTransport([.answer(200, json)])).dryRun(Self.request)
        == .startedJob(JobID(rawValue: "job_1"), cost: Decimal(string: cost)))
  }

  @Test(
    "a dry run answered without a price may have started a job",
    arguments: [(200, #"{"ref":"job_7"}"#), (200, "{}"), (269, "<html>"), (202, #"{"creativeUnitsCost":"dear"}"#)])
  func priceless(status: Int, body: String) async throws {
    let transport = ScriptedTransport([.answer(status, body)])
    await #expect { try await client(transport).dryRun(Self.request) } throws: {
      guard let error = $0 as? ScenarioError else { return false }
      return error.code == .malformedReply && error.charged == .unknown && error.mayHaveStartedJob
        && error.remedy.description.contains("may be running")
        && error.message.contains("job_7") == body.contains("job_7")
    }
    #expect(transport.requests.count == 1)
  }

  @Test(
    "a dry run is asked for again only where nothing can have been started",
    arguments: [
      (429, 2), (500, 1), (502, 1), (503, 1), (408, 1), (400, 1), (200, 1), (269, 1),
    ])
  func repeatedDryRun(status: Int, requests: Int) async throws {
    let transport = ScriptedTransport([.answer(status), .answer(269, #"{"creativeUnitsCost":1}"#)])
    _ = try? await client(transport).dryRun(Self.request)
    #expect(transport.requests.count == requests)
  }

  @Test(
    "a lost answer to a dry run is not asked for again; a request that was not sent is",
    arguments: [
      (ScenarioError.Outcome.unknownOutcome, 1), (.notSent, 2),
    ])
  func lostDryRun(outcome: ScenarioError.Outcome, requests: Int) async throws {
    var lost = ScenarioError(.connectionLost, outcome, stage: .price, "lost", remedy: "again")
    lost.isRetryable = true
    let transport = ScriptedTransport([.fail(lost), .answer(269, #"{"creativeUnitsCost":1}"#)])
    _ = try? await client(transport).dryRun(Self.request)
    #expect(transport.requests.count == requests)
  }

  // MARK: Assets, uploads, models

  @Test("an asset requires only an id until it is downloaded")
  func assets() async throws {
    let odd = #"{"id":"asset_1","mimeType":7,"status":{},"metadata":[],"properties":"big"}"#
    let transport = ScriptedTransport([
      .answer(200, #"{"asset":\#(odd)}"#), .answer(200, #"{"asset":\#(odd)}"#),
      .answer(200, #"{"assets":[null,{"url":"https://x.example/a"},\#(odd)]}"#),
    ])
    let client = try client(transport)
    #expect(
      try await client.uploadAsset(name: "a.png", bytes: [1], mimeType: "image/png").id.rawValue == "asset_1")
    #expect(try await client.asset(AssetID(rawValue: "asset_1")).id.rawValue == "asset_1")
    #expect(try await client.assets([AssetID(rawValue: "asset_1")]).map(\.id.rawValue) == ["asset_1"])
    let sized = try Self.decode(
      AssetReply.self,
      #"{"asset":{"id":"a","url":"u","properties":{"width":"640","height":480.0},"metadata":{"prompt":7,"seed":"9"}}}"#
    ).asset
    #expect(sized.width == 640 && sized.height == 480 && sized.seed == "9" && sized.prompt == nil)
  }

  @Test("an asset without an address cannot be downloaded, and the error names it")
  func addressless() async throws {
    let transport = ScriptedTransport([.answer(200, #"{"asset":{"id":"asset_1","url":7}}"#)])
    let client = try client(transport)
    let asset = try await client.asset(AssetID(rawValue: "asset_1"))
    await #expect {
      try await client.download(asset, to: TestFolder.url.appending(path: "a.png").path)
    } throws: {
      let error = $0 as? ScenarioError
      return error?.code == .assetUnavailable && error?.message.contains("asset_1") == true
    }
    #expect(transport.requests.count == 1)
  }

  @Test("an upload with odd fields is followed to its asset")
  func upload() throws {
    let upload = try Self.decode(
      UploadReply.self,
      #"""
      {"upload":{"id":"upload_1","errorMessage":{"message":"m"},"entityId":null,
      "parts":[{"number":"1","url":"https://x.example/1"},null,{"number":2}]}}
      """#
    ).upload
    #expect(!upload.isFinal && upload.errorMessage == "m" && upload.parts.map(\.number) == [1])
    let done = try Self.decode(UploadReply.self, #"{"upload":{"id":"upload_1","status":7,"entityId":"asset_1"}}"#)
    #expect(done.upload.isFinal && done.upload.entityId?.rawValue == "asset_1")
  }

  @Test("a model with odd fields still checks what it can")
  func model() throws {
    let model = try Self.decode(
      ModelReply.self,
      #"""
      {"model":{"id":"m","custom":true,"inputs":[null,{"type":"number"},{"name":"prompt","type":7,"min":[]},
      {"name":"image","type":"file","required":{"always":"soon","ifDefined":7}},{"name":"strength","type":"number","max":"0.5"},
      {"name":"guidance","type":"number","step":{}},{"name":"numOutputs","type":"number","allowedValues":9},
      {"name":"numInferenceSteps","type":"number"}]}}
      """#
    ).model
    var request = Self.request
    request.endpoint = .custom
    #expect { try model.check(request) } throws: { "\($0)".contains("strength") && "\($0)".contains("at most 0.5") }
    request.strength = 0.5
    try model.check(request)
    #expect(try Self.decode(ModelReply.self, #"{"model":{"id":"m","custom":7,"inputs":{}}}"#).model.custom == nil)
  }
}
