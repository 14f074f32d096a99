import FlyingFox
import Foundation
import ImagePreparation
import TestSupport
import Testing

@testable import ScenarioSandbox

@Suite("The service's replies")
struct SandboxServiceTests {
  // MARK: The way of a job

  @Test("an image is uploaded, a job made and polled, and its result downloaded")
  func wholeWay() async throws {
    let harness = Harness()
    let uploaded = try await harness.send(
      "POST", "/v1/assets",
      json: ["name": "a.png", "image": "data:image/png;base64," + Data(Harness.picture).base64EncodedString()])
    #expect(uploaded.status == 200)
    let sourceID = try #require(uploaded("asset.id"))
    #expect(uploaded("asset.metadata.type") == "uploaded")
    #expect(uploaded("asset.properties.width", as: Int.self) == 48)
    #expect(uploaded("asset.properties.height", as: Int.self) == 32)
    #expect(uploaded("asset.properties.size", as: Int.self) == Harness.picture.count)

    let started = try await harness.send(
      "POST", "/v1/generate/img2img",
      json: Harness.job(image: sourceID, ["numSamples": 2, "seed": "42", "strength": 0.5]))
    #expect(started.status == 200)
    #expect(started("inference.imageId") == sourceID)
    #expect(started("inference.seed") == "42")
    #expect(started("job.status") == "queued")
    #expect(started("job.metadata.assetIds", as: [String].self) == [])
    let jobID = try #require(started("job.jobId"))

    harness.clock.advance(1.5)
    #expect(try await harness.send("GET", "/v1/jobs/\(jobID)")("job.status") == "in-progress")
    harness.clock.advance(10)
    let ended = try await harness.send("GET", "/v1/jobs/\(jobID)")
    #expect(ended("job.status") == "success")
    #expect(ended("job.progress", as: Double.self) == 1)
    #expect(ended("job.metadata.input.image") == sourceID)
    let ids = try #require(ended("job.metadata.assetIds", as: [String].self))
    #expect(ids.count == 2)

    var files: [Data] = []
    for (index, id) in ids.enumerated() {
      let asset = try await harness.send("GET", "/v1/assets/\(id)?originalAssets=true")
      #expect(asset("asset.metadata.type") == "inference-img2img")
      #expect(asset("asset.metadata.parentId") == sourceID)
      #expect(asset("asset.metadata.parentJobId") == jobID)
      #expect(asset("asset.metadata.seed") == "42")
      #expect(asset("asset.outputIndex", as: Int.self) == index)
      #expect(asset("asset.description")?.contains("nothing was generated") == true)
      let url = try #require(asset("asset.url"))
      #expect(url.hasPrefix("http://127.0.0.1:1/assets/\(id)?Policy="))
      let file = try await harness.get(signed: url)
      #expect(file.status == 200)
      #expect(file.headers[.contentType] == "image/png")
      #expect(asset("asset.properties.size", as: Int.self) == file.data.count)
      files.append(file.data)
    }
    #expect(files[0] != files[1])
  }

  @Test("a result can be the source of another job, and is drawn again when memory forgot it")
  func chain() async throws {
    let harness = Harness {
      $0.jobTimings = .instant
      $0.limits.renderedBytes = 1
    }
    var source = try await harness.upload()
    var files: [(url: String, data: Data)] = []
    for _ in 0..<3 {
      let job = Harness.job(image: source, ["seed": "1", "strength": 0.3])
      let started = try await harness.send("POST", "/v1/generate/img2img", json: job)
      source = try #require(started("job.metadata.assetIds.0"))
      let url = try #require(try await harness.send("GET", "/v1/assets/\(source)")("asset.url"))
      files.append((url, try await harness.get(signed: url).data))
    }
    #expect(Set(files.map(\.data)).count == 3)
    for file in files { #expect(try await harness.get(signed: file.url).data == file.data) }
  }

  @Test("results come to be when the job ends, and not at all when it is canceled")
  func results() async throws {
    let harness = Harness()
    let source = try await harness.upload()
    var jobs: [String] = []
    for _ in 0..<2 {
      let started = try await harness.send("POST", "/v1/generate/img2img", json: Harness.job(image: source))
      jobs.append(try #require(started("job.jobId")))
    }
    #expect(try await harness.send("GET", "/v1/assets")("assets", as: [Any].self)?.count == 1)
    let canceled = try await harness.send("POST", "/v1/jobs/\(jobs[0])/action", json: ["action": "cancel"])
    #expect(canceled.status == 200)
    #expect(canceled("job.status") == "canceled")
    harness.clock.advance(10)
    #expect(try await harness.send("GET", "/v1/jobs/\(jobs[0])")("job.metadata.assetIds", as: [String].self) == [])
    let list = try await harness.send("GET", "/v1/assets?type=inference-img2img")
    #expect(list("assets", as: [Any].self)?.count == 1)
    #expect(list("assets.0.metadata.parentJobId") == jobs[1])
    for job in jobs {
      let late = try await harness.send("POST", "/v1/jobs/\(job)/action", json: ["action": "cancel"])
      #expect(late.status == 400)
    }
  }

  @Test("a source that cannot be decoded ends its job as failure, with a text")
  func failure() async throws {
    let harness = Harness()
    let source = try await harness.upload(Array(Harness.picture.dropLast(40)))
    let started = try await harness.send("POST", "/v1/generate/img2img", json: Harness.job(image: source))
    let job = try #require(started("job.jobId"))
    harness.clock.advance(10)
    let ended = try await harness.send("GET", "/v1/jobs/\(job)")
    #expect(ended("job.status") == "failure")
    #expect(ended("job.metadata.error") == "Input image could not be decoded")
    #expect(ended("job.metadata.assetIds", as: [String].self) == [])
    #expect(ended("job.billing.cuCost", as: Double.self) ?? 0 > 0)
  }

  @Test("an image in the request becomes an asset", arguments: ["image", "imageId"])
  func inlineImage(field: String) async throws {
    let harness = Harness()
    let image =
      field == "image"
      ? "data:image/png;base64," + Data(Harness.picture).base64EncodedString() : try await harness.upload()
    let started = try await harness.send(
      "POST", "/v1/generate/img2img",
      json: ["modelId": "flux.1-dev", "prompt": "a wall", field: image, "imageHide": true])
    #expect(started.status == 200)
    let id = try #require(started("inference.imageId"))
    #expect(try await harness.send("GET", "/v1/assets/\(id)").status == 200)
    // The service's defaults.
    #expect(started("inference.strength", as: Double.self) == 0.75)
    #expect(started("inference.numSamples", as: Int.self) == 4)
    #expect(started("inference.width", as: Int.self) == 512)
  }

  @Test("the same bytes twice are two assets; one request twice is two jobs")
  func noDeduplication() async throws {
    let harness = Harness()
    let (first, second) = (try await harness.upload(), try await harness.upload())
    #expect(first != second)
    let jobs = try await [0, 1].asyncMap { _ in
      try await harness.send("POST", "/v1/generate/img2img", json: Harness.job(image: first))("job.jobId")
    }
    #expect(jobs[0] != jobs[1])
  }

  @Test("dryRun prices in the query and does nothing in the body", arguments: ["true", "api"])
  func dryRun(value: String) async throws {
    let harness = Harness()
    let source = try await harness.upload()
    let priced = try await harness.send(
      "POST", "/v1/generate/img2img?dryRun=\(value)", json: Harness.job(image: source, ["width": 1024, "height": 1024]))
    #expect(priced.status == 269)
    #expect(priced("creativeUnitsCost", as: Double.self) ?? 0 > 0)
    #expect(priced("job", as: [String: Any].self) == nil)
    #expect(try await harness.send("GET", "/v1/jobs")("jobs", as: [Any].self)?.isEmpty == true)
    let paid = try await harness.send(
      "POST", "/v1/generate/img2img", json: Harness.job(image: source, ["dryRun": true]))
    #expect(paid.status == 200)
  }

  @Test("metadata.input can be left out")
  func echo() async throws {
    let harness = Harness { $0.echoesInput = false }
    let source = try await harness.upload()
    let started = try await harness.send("POST", "/v1/generate/img2img", json: Harness.job(image: source))
    #expect(started("job.metadata.input", as: [String: Any].self) == nil)
  }

  // MARK: Refusals

  @Test(
    "bodies that make no sense are 400 with the service's words",
    arguments: [
      ("{", "Malformed JSON"), ("", "Malformed JSON"), ("[]", "The body must be a JSON object"),
      ("\"x\"", "The body must be a JSON object"), ("null", "The body must be a JSON object"),
      (#"{"prompt":"p","image":"i"}"#, "Input modelId is required"),
      (#"{"modelId":"flux.1-dev","image":"i"}"#, "Input prompt is required"),
      (#"{"modelId":"flux.1-dev","prompt":"","image":"i"}"#, "Input prompt is required"),
      (#"{"modelId":"flux.1-dev","prompt":"p"}"#, "Input image is required"),
      (#"{"modelId":"flux.1-dev","prompt":null,"image":"i"}"#, "Input prompt must be a string"),
      (#"{"modelId":"flux.1-dev","prompt":"p","image":"i","strength":0}"#, "Input strength must be at least 0.01"),
      (#"{"modelId":"flux.1-dev","prompt":"p","image":"i","strength":1.5}"#, "Input strength must be at most 1.0"),
      (#"{"modelId":"flux.1-dev","prompt":"p","image":"i","strength":"1"}"#, "Input strength must be a number"),
      (#"{"modelId":"flux.1-dev","prompt":"p","image":"i","strength":null}"#, "Input strength must be a number"),
      (#"{"modelId":"flux.1-dev","prompt":"p","image":"i","strength":true}"#, "Input strength must be a number"),
      (#"{"modelId":"flux.1-dev","prompt":"p","image":"i","numSamples":0}"#, "Input numSamples must be at least 1"),
      (#"{"modelId":"flux.1-dev","prompt":"p","image":"i","numSamples":129}"#, "Input numSamples must be at most 128"),
      (
        #"{"modelId":"flux.1-dev","prompt":"p","image":"i","numInferenceSteps":151}"#,
        "Input numInferenceSteps must be at most 150"
      ),
      (#"{"modelId":"flux.1-dev","prompt":"p","image":"i","guidance":21}"#, "Input guidance must be at most 20.0"),
      (#"{"modelId":"flux.1-dev","prompt":"p","image":"i","width":56}"#, "Input width must be at least 64"),
      (#"{"modelId":"flux.1-dev","prompt":"p","image":"i","height":2056}"#, "Input height must be at most 2048"),
      (#"{"modelId":"flux.1-dev","prompt":"p","image":"i","height":100}"#, "Input height must be a multiple of 8"),
      (#"{"modelId":"flux.1-dev","prompt":"p","image":"i","width":64.5}"#, "Input width must be an integer"),
      (#"{"modelId":"flux.1-dev","prompt":"p","image":"i","width":1e30}"#, "Input width must be an integer"),
      (#"{"modelId":"flux.1-dev","prompt":"p","image":"i","width":"64"}"#, "Input width must be a number"),
      (#"{"modelId":"flux.1-dev","prompt":"p","image":"i","seed":1}"#, "Input seed must be a string"),
      (
        #"{"modelId":"flux.1-dev","prompt":"p","image":"i","scheduler":"Best"}"#,
        "Input scheduler has a value that is not allowed"
      ),
      (
        #"{"modelId":"flux.1-dev","prompt":"p","image":"i","concepts":[{"modelId":"m"}]}"#,
        "Input concepts.0.scale is required"
      ),
      (
        #"{"modelId":"flux.1-dev","prompt":"p","image":"i","concepts":[{"modelId":"m","scale":3}]}"#,
        "Input scale must be at most 2.0"
      ),
      (
        #"{"modelId":"flux.1-dev","prompt":"p","imageUrl":"http://example.com/a.png"}"#,
        "The sandbox fetches imageUrl from http on loopback only"
      ),
      (#"{"modelId":"flux.1-dev","prompt":"p","image":"data:image/png;base64,AAAA"}"#, "Unhandled image format"),
      (#"{"modelId":"flux.1-dev","prompt":"p","image":"data:image/png,AAAA"}"#, "Unhandled image format"),
      (#"{"modelId":"flux.1-dev","prompt":"p","image":"data:image/png;base64,?"}"#, "Unhandled image format"),
    ])
  func badBodies(body: String, reason: String) async throws {
    let answer = try await Harness().send("POST", "/v1/generate/img2img", Data(body.utf8))
    #expect(answer.status == 400)
    #expect(answer("reason") == reason)
    #expect(answer("name") == "BadRequestError")
  }

  @Test(
    "uploads that make no sense are 400",
    arguments: [
      (#"{"image":"AAAA"}"#, "Input name is required"),
      (#"{"name":"a.png"}"#, "Either 'image' or 'canvas' must be provided"),
      (#"{"name":"a.png","image":"AAAA"}"#, "Unhandled image format"),
      (#"{"name":"a.png","image":"not base64!"}"#, "Unhandled image format"),
      (#"{"name":"a.png","image":"AAAA","hide":"yes"}"#, "Input hide must be a boolean"),
      (#"{"name":"a.png","image":"AAAA","collectionIds":[1]}"#, "Input collectionIds.0 must be a string"),
      (#"{"name":"a.png","canvas":"{}"}"#, "The sandbox stores images only, no canvas documents"),
    ])
  func badUploads(body: String, reason: String) async throws {
    let answer = try await Harness().send("POST", "/v1/assets", Data(body.utf8))
    #expect(answer.status == 400)
    #expect(answer("reason") == reason)
  }

  @Test(
    "HEIC and AVIF are sources where gesso-decode is there, and no images elsewhere",
    .enabled(if: decodeHelper != nil, "there is no gesso-decode: Scripts/test helper builds it"),
    arguments: ["kinds/heic/420-heif-enc.heic", "kinds/avif/420-avifenc.avif"])
  func helperKinds(file: String) async throws {
    let bytes = try Fixtures.bytes(file)
    #expect(try await Harness().upload(bytes).contains("Unhandled image format"))
    let harness = Harness { $0.decodeHelper = decodeHelper }
    let image = try await harness.upload(bytes)
    let answer = try await harness.send("POST", "/v1/generate/img2img", json: Harness.job(image: image))
    #expect(answer.status == 200, "\(image)")
  }

  @Test("a whole number may be written with a point")
  func wholeNumber() async throws {
    let body = #"{"modelId":"flux.1-dev","prompt":"p","image":"none","width":64.0,"height":1e2}"#
    let answer = try await Harness().send("POST", "/v1/generate/img2img", Data(body.utf8))
    #expect(answer("reason") == "Input height must be a multiple of 8")
  }

  @Test("unknown fields and parameters are ignored")
  func unknownFields() async throws {
    let harness = Harness()
    let source = try await harness.upload()
    let answer = try await harness.send(
      "POST", "/v1/generate/img2img?extra=1&projectId=p", json: Harness.job(image: source, ["style": "any"]))
    #expect(answer.status == 200)
  }

  /// Requests with several faults. The status belongs to the fault that the service finds first.
  @Test(
    "faults are found in the service's order",
    arguments: [
      (401, false, "no-such-model", "asset_none", 0.0, 99), (400, true, "no-such-model", "asset_none", 0.0, 99),
      (404, true, "no-such-model", "asset_none", 0.5, 99), (403, true, "flux.1-dev", "asset_none", 0.5, 99),
      (400, true, "model_bfl-flux-1-dev", "asset_none", 0.5, 99),
    ])
  func order(status: Int, authorized: Bool, model: String, image: String, strength: Double, samples: Int) async throws {
    let harness = Harness { $0.restrictedModelIDs = ["flux.1-dev"] }
    let body = Harness.job(image: image, ["modelId": model, "strength": strength, "numSamples": samples])
    let answer = try await harness.send(
      "POST", "/v1/generate/img2img?dryRun=true", JSONSerialization.data(withJSONObject: body),
      authorization: authorized ? Harness.authorization : nil)
    #expect(answer.status == status)
  }

  @Test("image before plan, plan before dry run, dry run before job")
  func orderOfPlan() async throws {
    let harness = Harness { $0.limits.parallelInferences = 1 }
    let target = "/v1/generate/img2img?dryRun=true"
    let unknown = try await harness.send("POST", target, json: Harness.job(image: "asset_none", ["numSamples": 99]))
    #expect(unknown.status == 404)
    #expect(unknown("name") == "NotFoundError")
    let source = try await harness.upload()
    let tooMany = try await harness.send("POST", target, json: Harness.job(image: source, ["numSamples": 99]))
    #expect(tooMany.status == 429)
    #expect(tooMany("name") == "PlanLimitReachedError")
    #expect(try await harness.send("POST", target, json: Harness.job(image: source)).status == 269)

    let submit = { try await harness.send("POST", "/v1/generate/img2img", json: Harness.job(image: source)) }
    #expect(try await submit().status == 200)
    let second = try await submit()
    #expect(second.status == 429)
    #expect(second("details.actionName") == "parallel-inferences")
    #expect(second("details.actionLimit", as: Int.self) == 1)
    #expect(second("details.actionValue", as: Int.self) == 2)
    harness.clock.advance(10)
    #expect(try await submit().status == 200)
  }

  @Test(
    "credentials are needed and looked at whole",
    arguments: [
      nil, "", "Basic", "Basic ", "Bearer abc", "Basic !!!", "Basic " + Data("key_1".utf8).base64EncodedString(),
      "Basic " + Data("key_1:".utf8).base64EncodedString(), "Basic " + Data("key_1:s3cret".utf8).base64EncodedString(),
      "Basic " + Data("key_2:s3cret:with:colons".utf8).base64EncodedString(),
    ])
  func unauthorized(authorization: String?) async throws {
    let answer = try await Harness().send("GET", "/v1/jobs", authorization: authorization)
    #expect(answer.status == 401)
    #expect(answer("message") == "Unauthorized")
    #expect(answer.headers[HTTPHeader("WWW-Authenticate")]?.hasPrefix("Basic realm=") == true)
  }

  @Test(
    "paths and methods that are not served",
    arguments: [
      ("GET", "/", 404, nil), ("GET", "/v1", 404, nil), ("GET", "/v1/nothing", 404, nil), ("GET", "/v2/jobs", 404, nil),
      ("GET", "/v1/assets/", 200, nil), ("GET", "/v1/assets/asset_none", 404, nil),
      ("GET", "/v1/assets/a%2Fb", 404, nil), ("GET", "/v1/jobs/job_none", 404, nil),
      ("GET", "/v1/models/none", 404, nil),
      ("DELETE", "/v1/assets", 405, "GET, POST"), ("PUT", "/v1/jobs/job_1", 405, "GET"),
      ("GET", "/v1/generate/img2img", 405, "POST"), ("GET", "/v1/assets/get-bulk", 405, "POST"),
      ("HEAD", "/v1/jobs", 405, "GET"), ("OPTIONS", "/v1/jobs", 405, "GET"), ("POST", "/v1/generate/inpaint", 400, nil),
      ("POST", "/assets/asset_1", 405, "GET, HEAD"), ("GET", "/v1/models/flux.1-dev", 200, nil),
    ])
  func paths(method: String, path: String, status: Int, allow: String?) async throws {
    let answer = try await Harness().send(
      method, path, authorization: path.hasPrefix("/assets") ? nil : Harness.authorization)
    #expect(answer.status == status)
    #expect(answer.headers[HTTPHeader("Allow")] == allow)
    #expect(answer.headers[HTTPHeader("X-Gesso-Sandbox")] == "nothing was generated")
    #expect(method != "HEAD" || answer.data.isEmpty)
  }

  @Test(
    "query parameters are checked",
    arguments: [
      "jobs?pageSize=0", "jobs?pageSize=101", "jobs?pageSize=x", "jobs?status=done", "jobs?hideResults=1",
      "jobs?createdAfter=yesterday", "jobs?paginationToken=x", "jobs?createdAfter=2026-10-01T00:00:00Z&status=success",
      "jobs?updatedAfter=2026-10-01T00:00:00Z", "jobs?type=%FF", "assets?sortBy=name", "assets?sortDirection=up",
      "assets?type=uploaded&types=uploaded", "assets?createdAfter=2026-10-01T00:00:00Z", "assets?originalAssets=maybe",
      "models/flux.1-dev?originalAssets=TRUE",
    ])
  func queries(target: String) async throws {
    let answer = try await Harness().send("GET", "/v1/" + target)
    #expect(answer.status == 400)
    #expect(answer("reason")?.isEmpty == false)
  }

  @Test("a body over the limit is 413, one at the limit is read", arguments: [(0, 400), (1, 413)])
  func bodyLimit(over: Int, status: Int) async throws {
    let limit = 6_291_456
    #expect(SandboxLimits().bodyBytes == limit)
    let frame = #"{"name":"a.png","image":""}"#
    let body = frame.dropLast(2) + String(repeating: "A", count: limit + over - frame.utf8.count) + #""}"#
    #expect(body.utf8.count == limit + over)
    let answer = try await Harness().send("POST", "/v1/assets", Data(body.utf8))
    #expect(answer.status == status)
    #expect(answer("message") == (over > 0 ? "Request Too Long" : nil))
  }

  @Test("a body must not claim to be something else", arguments: ["text/plain", "multipart/form-data; boundary=x"])
  func mediaType(type: String) async throws {
    let answer = try await Harness().send("POST", "/v1/assets", Data("{}".utf8), contentType: type)
    #expect(answer.status == 415)
  }

  @Test("images are kept up to a limit, equal ones once")
  func storage() async throws {
    let harness = Harness { $0.limits.storedBytes = Harness.picture.count + 10 }
    _ = try await harness.upload()
    _ = try await harness.upload()
    var other = Harness.picture
    other[60] ^= 1
    let refused = try await harness.send(
      "POST", "/v1/assets", json: ["name": "b.png", "image": Data(other).base64EncodedString()])
    #expect(refused.status == 507)
  }

  // MARK: Files

  @Test("file URLs take no credentials, no other method and no change", arguments: ["true", "false"])
  func files(original: String) async throws {
    let harness = Harness()
    let id = try await harness.upload()
    let asset = try await harness.send("GET", "/v1/assets/\(id)?originalAssets=\(original)")
    let url = try #require(asset("asset.url"))
    #expect(try await harness.get(signed: url).data == Data(Harness.picture))
    let head = try await harness.get(signed: url, method: "HEAD")
    #expect(head.headers[.contentLength] == String(Harness.picture.count))
    #expect(head.data.isEmpty)
    #expect(try await harness.get(signed: url, authorization: Harness.authorization).status == 400)
    #expect(try await harness.get(signed: url, authorization: "Bearer x").status == 400)
    for changed in [
      url + "x", String(url.dropLast()), url.replacing(id, with: id + "0"), url.replacing("Policy", with: "policy"),
    ] {
      let denied = try await harness.get(signed: changed)
      #expect(denied.status == 403)
      #expect(denied.headers[.contentType] == "application/xml")
      #expect(String(decoding: denied.data, as: UTF8.self).contains("<Message>Access Denied</Message>"))
    }
    let transformed = try await harness.get(signed: url + "&width=64")
    #expect(transformed.status == (original == "true" ? 403 : 501))
    harness.clock.advance(40 * 86_400)
    #expect(try await harness.get(signed: url).status == 403)
  }

  // MARK: Lists

  @Test("pages hold everything once, in order", arguments: ["asc", "desc"], [1, 2, 3, 7])
  func pages(direction: String, size: Int) async throws {
    let harness = Harness()
    var ids: [String] = []
    for i in 0..<7 {
      if i % 3 == 0 { harness.clock.advance(1) }
      ids.append(try await harness.upload())
    }
    var seen: [String] = []
    var token: String?
    repeat {
      let query =
        "pageSize=\(size)&sortBy=createdAt&sortDirection=\(direction)" + (token.map { "&paginationToken=\($0)" } ?? "")
      let page = try await harness.send("GET", "/v1/assets?" + query)
      let assets = try #require(page("assets", as: [[String: Any]].self))
      #expect(assets.count <= size)
      seen += assets.compactMap { $0["id"] as? String }
      token = page("nextPaginationToken")
    } while token != nil && seen.count < 20
    #expect(seen == (direction == "asc" ? ids : ids.reversed()))
  }

  @Test("times bound lists exclusively, in the milliseconds that replies show")
  func times() async throws {
    let harness = Harness()
    harness.clock.advance(0.0006)
    let asset = try await harness.upload()
    let created = try #require(try await harness.send("GET", "/v1/assets/\(asset)")("asset.createdAt"))
    #expect(created.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
    for (query, count) in [
      ("createdAfter=\(created)", 0), ("createdBefore=\(created)", 0), ("createdAfter=2020-01-01T00:00:00Z", 1),
      ("createdBefore=2020-01-01T00:00:00.000Z", 0),
    ] {
      let list = try await harness.send("GET", "/v1/assets?sortBy=createdAt&\(query)")
      #expect(list("assets", as: [Any].self)?.count == count, "\(query)")
    }
  }

  @Test("jobs are listed by state, and hidden ones left out on request")
  func jobs() async throws {
    let harness = Harness()
    let source = try await harness.upload()
    _ = try await harness.send("POST", "/v1/generate/img2img", json: Harness.job(image: source))
    harness.clock.advance(10)
    _ = try await harness.send("POST", "/v1/generate/img2img", json: Harness.job(image: source, ["hideResults": true]))
    for (query, count) in [
      ("", 2), ("?status=success", 1), ("?status=queued", 1), ("?status=failure", 0), ("?hideResults=false", 1),
      ("?hideResults=true", 2), ("?types=inference,custom", 2), ("?type=custom", 0),
      ("?types=inference&type=custom", 2),
    ] {
      let list = try await harness.send("GET", "/v1/jobs\(query)")
      #expect(list("jobs", as: [Any].self)?.count == count, "\(query)")
    }
  }

  @Test("get-bulk gives what there is, in the order asked for")
  func bulk() async throws {
    let harness = Harness()
    let ids = [try await harness.upload(), try await harness.upload()]
    let answer = try await harness.send(
      "POST", "/v1/assets/get-bulk", json: ["assetIds": [ids[1], "asset_none", ids[0]]])
    #expect(answer("assets", as: [[String: Any]].self)?.compactMap { $0["id"] as? String } == [ids[1], ids[0]])
    let tooMany = try await harness.send(
      "POST", "/v1/assets/get-bulk", json: ["assetIds": [String](repeating: ids[0], count: 201)])
    #expect(tooMany.status == 400)
  }

  // MARK: Log lines

  @Test("every line says that nothing was generated; none holds a query, a secret or a body")
  func log() async throws {
    let harness = Harness()
    let id = try await harness.upload()
    let url = try #require(try await harness.send("GET", "/v1/assets/\(id)?projectId=p1")("asset.url"))
    _ = try await harness.get(signed: url)
    let started = try await harness.send(
      "POST", "/v1/generate/img2img", json: Harness.job(image: id, ["prompt": "planted prompt"]))
    #expect(started("sandbox") == "nothing was generated")
    #expect(started("job.sandbox") == "nothing was generated")
    let lines = harness.log.lines
    #expect(lines.count == 4)
    #expect(lines[0] == "POST /v1/assets 200 (nothing was generated)")
    #expect(lines[2] == "GET /assets-transform/\(id) 200 (nothing was generated)")
    let text = lines.joined()
    for secret in ["s3cret", "Signature", "Policy", "projectId", "planted", "Basic"] { #expect(!text.contains(secret)) }
  }

  @Test("a credential does not print its secret")
  func credential() {
    var text = "\(Harness.credential)" + String(reflecting: Harness.credential)
    dump(Harness.credential, to: &text)
    dump(SandboxConfiguration(credentials: [Harness.credential]), to: &text)
    #expect(text.contains("key_1"))
    #expect(!text.contains("s3cret"))
  }
}

extension Sequence {
  fileprivate func asyncMap<Value>(_ transform: (Element) async throws -> Value) async rethrows -> [Value] {
    var values: [Value] = []
    for element in self { values.append(try await transform(element)) }
    return values
  }
}
