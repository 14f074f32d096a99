import Foundation
import Testing

@testable import ScenarioAPI

/// The points in which the service's documents disagree (contract, section 12). For each row of that table, a test checks that the client
/// follows the document that the row names.
@Suite("Contract, section 12")
struct DisagreementTests {
  private func client(_ transport: ScriptedTransport) throws -> ScenarioClient {
    ScenarioClient(
      configuration: try Planted.configuration(), transport: transport,
      retry: RetryPolicy(random: FixedGenerator.lowest),
      clock: ManualClock())
  }

  private static let accepted = #"{"job":{"jobId":"job_1","status":"queued"}}"#

  private func body(_ change: (inout Img2ImgRequest) -> Void = { _ in }) async throws -> [String: JSONValue] {
    var request = Img2ImgRequest(prompt: "p", image: .asset(AssetID(rawValue: "asset_1")))
    change(&request)
    let transport = ScriptedTransport([.answer(200, Self.accepted)])
    _ = try await client(transport).submitImg2Img(request)
    guard case .bytes(let bytes)? = transport.requests.first?.body else { return [:] }
    return try JSONDecoder().decode([String: JSONValue].self, from: Data(bytes))
  }

  @Test("the host is that of the cloud, and can be configured")
  func host() throws {
    #expect(ScenarioConfiguration.defaultBaseURL == "https://api.cloud.scenario.com/v1")
    #expect(try Planted.configuration("https://api.scenario.com/v1").baseURL == "https://api.scenario.com/v1")
  }

  @Test("source image: in `image`; strength and number of samples: always sent; seed: text in the legacy family")
  func legacy() async throws {
    let body = try await body { $0.seed = "7" }
    #expect(body["image"] == .string("asset_1") && body["imageUrl"] == nil && body["imageId"] == nil)
    #expect(body["strength"] == .number(0.75) && body["numSamples"] == .number(1))
    #expect(body["seed"] == .string("7"))
  }

  @Test("the custom family: the model in the path, numOutputs, the seed a number")
  func custom() async throws {
    let transport = ScriptedTransport([.answer(200, Self.accepted)])
    var request = Img2ImgRequest(prompt: "p", image: .asset(AssetID(rawValue: "asset_1")), modelID: "model/x")
    request.seed = "7"
    request.endpoint = .custom
    request.parameters = ["loras": .array([.string("model_y")])]
    _ = try await client(transport).submitImg2Img(request)
    let sent = try #require(transport.requests.first)
    #expect(sent.url == "https://service.example/v1/generate/custom/model%2Fx")
    let body = request.fields
    #expect(body["seed"] == .number(7) && body["numOutputs"] == .number(1) && body["modelId"] == nil)
    #expect(body["numSamples"] == nil && body["loras"] == .array([.string("model_y")]))
  }

  @Test(
    "the other operations of the legacy family have their own fields",
    arguments: [
      (Img2ImgRequest.Endpoint.inpaint(mask: AssetID(rawValue: "asset_m")), "inpaint", "maskId", "asset_m"),
      (
        .controlnetImg2Img(control: AssetID(rawValue: "asset_c"), modality: "depth"), "controlnet-img2img",
        "controlImageId", "asset_c"
      ),
      (.controlnet(modality: "depth"), "controlnet", "controlImageId", "asset_1"),
    ])
  func siblings(endpoint: Img2ImgRequest.Endpoint, path: String, field: String, value: String) async throws {
    let transport = ScriptedTransport([.answer(200, Self.accepted)])
    var request = Img2ImgRequest(prompt: "p", image: .asset(AssetID(rawValue: "asset_1")))
    request.endpoint = endpoint
    _ = try await client(transport).submitImg2Img(request)
    #expect(transport.requests.first?.url == "https://service.example/v1/generate/\(path)")
    #expect(request.fields[field] == .string(value) && request.fields["modelId"] == .string("flux.1-dev"))
    // Plain controlnet does not start from an image (contract, section 5).
    let startsFromImage = path != "controlnet"
    #expect((request.fields["image"] != nil) == startsFromImage)
    #expect((request.fields["strength"] != nil) == startsFromImage)
  }

  @Test(
    "a field that an endpoint does not take is refused before anything is sent",
    arguments: [
      "scheduler", "modality", "negative", "seed", "url", "merging", "start without control", "start", "end",
      "flux modality", "flux weight", "two for flux", "weight", "four modalities", "no mask", "no control",
      "control URL",
    ])
  func refuses(what: String) throws {
    var request = Img2ImgRequest(prompt: "p", image: .asset(AssetID(rawValue: "asset_1")))
    func control(_ modality: String, of model: String = "flux.1-dev") {
      request.modelID = model
      request.endpoint = .controlnetImg2Img(control: AssetID(rawValue: "asset_c"), modality: modality)
    }
    switch what {
    case "scheduler": request.scheduler = "Fast"
    case "modality": control("fog", of: "sdxl")
    case "negative":
      request.endpoint = .custom
      request.negativePrompt = "n"
    case "seed":
      request.endpoint = .custom
      request.seed = "seven"
    case "merging": request.disableMerging = true
    case "start without control": request.controlStart = 0.5
    case "start":
      control("canny")
      request.controlStart = 0.95
    case "end":
      control("canny")
      request.controlEnd = 0.05
    case "flux modality": control("lineart")
    case "flux weight": control("canny:0.5")
    case "two for flux": control("canny,depth")
    case "weight": control("depth:1.5", of: "sdxl")
    case "four modalities": control("depth,pose,canny,tile", of: "sdxl")
    case "no mask": request.endpoint = .inpaint(mask: AssetID(rawValue: ""))
    case "no control": request.endpoint = .controlnetImg2Img(control: AssetID(rawValue: ""), modality: "canny")
    case "control URL":
      request.endpoint = .controlnet(modality: "canny")
      request.image = .url("https://example.com/a.png")
    default:
      request.endpoint = .custom
      request.image = .url("https://example.com/a.png")
    }
    #expect { try request.validate() } throws: { ($0 as? ScenarioError)?.code == .invalidRequest }
  }

  @Test("the control's fields as models take them")
  func controls() throws {
    var request = Img2ImgRequest(prompt: "p", image: .asset(AssetID(rawValue: "asset_1")), modelID: "sdxl")
    request.endpoint = .controlnet(modality: "depth:0.5,pose:1.0,tile")
    (request.controlStart, request.controlEnd, request.disableModalityDetection) = (0.9, 0.1, true)
    try request.validate()
    #expect(request.fields["controlStart"] == .number(0.9) && request.fields["controlEnd"] == .number(0.1))
    #expect(request.fields["disableModalityDetection"] == .bool(true))
    request = Img2ImgRequest(prompt: "p", image: .asset(AssetID(rawValue: "asset_1")))
    request.endpoint = .inpaint(mask: AssetID(rawValue: "asset_m"))
    request.disableMerging = true
    try request.validate()
    #expect(request.fields["disableMerging"] == .bool(true))
  }

  @Test(
    "sizes are multiples of 8 in the legacy family, and of the model's step in the custom one",
    arguments: [(1032, true), (1036, false)])
  func grid(side: Int, isLegacy: Bool) throws {
    var request = Img2ImgRequest(prompt: "p", image: .asset(AssetID(rawValue: "asset_1")))
    (request.width, request.height) = (side, side)
    if isLegacy { try request.validate() } else { #expect(throws: ScenarioError.self) { try request.validate() } }
    request.endpoint = .custom
    let model = try JSONDecoder().decode(
      ModelReply.self,
      from: Data(
        #"""
        {"model":{"id":"m","custom":true,"inputs":[{"name":"prompt","type":"string"},{"name":"image","type":"file"},
        {"name":"strength","type":"number"},{"name":"guidance","type":"number"},{"name":"numOutputs","type":"number"},
        {"name":"numInferenceSteps","type":"number"},{"name":"width","type":"number","step":16},
        {"name":"height","type":"number","step":16}]}}
        """#.utf8)
    ).model
    #expect { try model.check(request) } throws: { "\($0)".contains("height") && "\($0)".contains("multiple of 16") }
  }

  @Test(
    "a value that the model's fields do not allow is refused, and the error names the field",
    arguments: [
      (#""style":"x""#, "style"), (#""style":"ink-and-more""#, "style"), (#""loras":[]"#, "loras"),
      (#""loras":["a","b","c"]"#, "loras"), (#""loras":"a""#, "loras"), (#""scales":[0.5,3]"#, "scales"),
      (#""scales":[-1]"#, "scales"), (#""mode":"fast""#, "mode"), (#""unknown":1"#, "unknown"), ("", "topic"),
    ])
  func fields(sent: String, field: String) throws {
    let model = try JSONDecoder().decode(
      ModelReply.self,
      from: Data(
        #"""
        {"model":{"id":"m","custom":true,"inputs":[{"name":"prompt","type":"string"},{"name":"image","type":"file"},
        {"name":"strength","type":"number"},{"name":"guidance","type":"number"},{"name":"numOutputs","type":"number"},
        {"name":"numInferenceSteps","type":"number"},{"name":"style","type":"string","minLength":2,"maxLength":8},
        {"name":"loras","type":"model_array","minLength":1,"maxLength":2},
        {"name":"scales","type":"number_array","min":0,"max":2},
        {"name":"mode","type":"string","allowedValues":["slow"]},
        {"name":"topic","type":"string","required":{"always":true}}]}}
        """#.utf8)
    ).model
    var request = Img2ImgRequest(prompt: "p", image: .asset(AssetID(rawValue: "asset_1")))
    request.endpoint = .custom
    let complete = #""topic":"t","style":"ink","loras":["a"],"scales":[0,2],"mode":"slow""#
    request.parameters = try JSONDecoder().decode([String: JSONValue].self, from: Data("{\(complete)}".utf8))
    try model.check(request)
    let changes = try JSONDecoder().decode([String: JSONValue].self, from: Data("{\(sent)}".utf8))
    request.parameters.merge(changes) { $1 }
    if changes.isEmpty { request.parameters["topic"] = nil }
    #expect { try model.check(request) } throws: {
      ($0 as? ScenarioError)?.code == .invalidRequest && "\($0)".contains(field)
    }
  }

  @Test(
    "fields of custom models that other fields make necessary",
    arguments: [
      (#""ifDefined":{"image":true}"#, true), (#""ifDefined":{"mask":true}"#, false),
      (#""ifDefined":{"mask":true,"image":true}"#, true), (#""ifNotDefined":{"mask":true}"#, true),
      (#""ifNotDefined":{"image":true}"#, false), (#""ifNotDefined":{"mask":{},"image":{}}"#, false),
      (#""conditional":{"values":{"prompt":"p"}}"#, true), (#""conditional":{"values":{"prompt":["x","p"]}}"#, true),
      (#""conditional":{"values":{"prompt":"p","mask":"m"}}"#, false),
      (#""conditional":{"values":{"prompt":"p","mask":"m"},"operator":"or"}"#, true),
      (#""conditional":{"values":{}}"#, false), (#""always":false"#, false),
    ])
  func necessary(condition: String, isMissing: Bool) throws {
    let names = ["prompt", "image", "strength", "guidance", "numOutputs", "numInferenceSteps", "mask"]
    let inputs = names.map { #"{"name":"\#($0)","type":"any"}"# }.joined(separator: ",")
    let model = try JSONDecoder().decode(
      ModelReply.self,
      from: Data(
        #"{"model":{"id":"m","custom":true,"inputs":[\#(inputs),{"name":"tone","type":"any","required":{\#(condition)}}]}}"#
          .utf8)
    ).model
    var request = Img2ImgRequest(prompt: "p", image: .asset(AssetID(rawValue: "asset_1")))
    request.endpoint = .custom
    #expect((try? model.check(request)) == nil ? isMissing : !isMissing)
    request.parameters["tone"] = .string("warm")
    try model.check(request)
  }

  @Test("seeds are read as text or number", arguments: [#""7""#, "7"])
  func seeds(written: String) throws {
    let asset = #"{"asset":{"id":"a","url":"https://x.example/a","metadata":{"seed":\#(written)}}}"#
    #expect(try JSONDecoder().decode(AssetReply.self, from: Data(asset.utf8)).asset.seed == "7")
  }

  @Test(
    "terminal names: the specification's and the tutorials'",
    arguments: [
      ("success", JobStatus.success), ("succeeded", .success), ("completed", .success), ("failure", .failure),
      ("failed", .failure), ("canceled", .canceled), ("cancelled", .canceled),
    ])
  func terminal(name: String, status: JobStatus) {
    #expect(JobStatus(name) == status && status.isFinal)
  }

  @Test(
    "a dry run is in the URL, and its success 269; 402 with an estimate is one too",
    arguments: [
      (269, #"{"creativeUnitsCost":10.75,"creativeUnitsDiscount":0.25}"#, "10.75"),
      (402, #"{"statusCode":402,"message":"Dry run completed","estimatedCost":12}"#, "12"),
      (269, #"{"creativeUnitsCost":0}"#, "0"),
    ])
  func dryRun(status: Int, answer: String, price: String) async throws {
    let transport = ScriptedTransport([.answer(status, answer)])
    let request = Img2ImgRequest(prompt: "p", image: .asset(AssetID(rawValue: "asset_1")))
    guard case .price(let found) = try await client(transport).dryRun(request) else { return #expect(Bool(false)) }
    #expect("\(found.creativeUnits)" == price)
    #expect(transport.requests.first?.url.hasSuffix("/generate/img2img?dryRun=true") == true)
    #expect(request.fields["dryRun"] == nil)
  }

  @Test("402 without an estimate is a refusal")
  func dryRunFails() async throws {
    let request = Img2ImgRequest(prompt: "p", image: .asset(AssetID(rawValue: "asset_1")))
    let poor = ScriptedTransport([.answer(402, #"{"reason":"no units"}"#)])
    await #expect { try await client(poor).dryRun(request) } throws: {
      ($0 as? ScenarioError)?.code == .creditExhausted
    }
  }

  @Test("job pages: at most 100, asked for; followed by the token, not by their length; each job once")
  func pages() async throws {
    let transport = ScriptedTransport([
      .answer(200, #"{"jobs":[{"jobId":"a","status":"success"}],"nextPaginationToken":"t 1"}"#),
      .answer(200, #"{"jobs":[],"nextPaginationToken":"t2"}"#),
      .answer(200, #"{"jobs":[{"jobId":"a","status":"success"},{"jobId":"b","status":"queued"}]}"#),
    ])
    let jobs = try await client(transport).jobs(createdAfter: 1_800_000_000.25)
    #expect(jobs.map(\.id.rawValue) == ["a", "b"])
    let base = "https://service.example/v1/jobs?createdAfter=2027-01-15T08%3A00%3A00.250Z&pageSize=100"
    #expect(
      transport.requests.map(\.url) == [base, base + "&paginationToken=t%201", base + "&paginationToken=t2"])
  }

  @Test("the action that ends a job; the one that ends an upload is in MultipartUploadTests")
  func actions() async throws {
    let transport = ScriptedTransport([.answer(200, #"{"job":{"jobId":"job_1","status":"canceled"}}"#)])
    #expect(try await client(transport).cancel(JobID(rawValue: "job_1")).status == .canceled)
    let sent = try #require(transport.requests.first)
    guard case .bytes(let bytes) = sent.body else { return }
    #expect(
      sent.url.hasSuffix("/jobs/job_1/action") && String(decoding: bytes, as: UTF8.self) == #"{"action":"cancel"}"#)
  }

  @Test("a job that cannot be canceled, with the service's own words")
  func stubborn() async throws {
    let transport = ScriptedTransport([
      .answer(400, #"{"reason":"Cannot cancel this type of job. Action not permitted."}"#)
    ])
    await #expect { try await client(transport).cancel(JobID(rawValue: "job_1")) } throws: {
      let error = $0 as? ScenarioError
      return error?.code == .rejected && error?.jobID?.rawValue == "job_1"
        && error?.serviceReason == "Cannot cancel this type of job. Action not permitted."
    }
  }

  @Test("results: metadata.assetIds, each once; a tutorial's job.assets is not looked at")
  func results() throws {
    let text = #"""
      {"job":{"jobId":"j","status":"success","progress":100,"assets":["x"],"metadata":{"assetIds":["a","b","a"],"input":3}}}
      """#
    let job = try JSONDecoder().decode(JobReply.self, from: Data(text.utf8)).job
    #expect(job.assetIDs.map(\.rawValue) == ["a", "b"] && job.progress == 1 && job.input == nil)
  }

  @Test("many assets in requests of 200, in order, without those that are gone")
  func bulk() async throws {
    func asset(_ id: Int) -> String { #"{"id":"a\#(id)","url":"https://x.example/\#(id)"}"# }
    let transport = ScriptedTransport([
      .answer(200, #"{"assets":[\#((0..<200).reversed().map(asset).joined(separator: ","))]}"#),
      .answer(200, #"{"assets":[\#(asset(201))]}"#),
    ])
    let assets = try await client(transport).assets((0..<202).map { AssetID(rawValue: "a\($0)") })
    #expect(assets.map(\.id.rawValue) == (0..<200).map { "a\($0)" } + ["a201"])
    #expect(transport.requests.allSatisfy { $0.url.hasSuffix("/assets/get-bulk?originalAssets=true") })
  }
}
