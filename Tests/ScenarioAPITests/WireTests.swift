import Foundation
import Testing

@testable import ScenarioAPI

@Suite("Requests on the wire")
struct RequestWireTests {
  private func object(_ bytes: [UInt8]) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
  }

  @Test("img2img has exactly the contract's fields")
  func img2img() throws {
    // This is the example of the contract, section 5.
    var request = Img2ImgRequest(
      prompt: "hand-painted stone wall", image: .asset(AssetID(rawValue: "asset_Zk3vR8yQp1LmT6aWnX0dBe")))
    (request.strength, request.numSamples, request.seed) = (0.55, 2, "421337")
    (request.width, request.height) = (1024, 768)
    let expected = """
      { "modelId": "flux.1-dev", "prompt": "hand-painted stone wall", "image": "asset_Zk3vR8yQp1LmT6aWnX0dBe",
        "strength": 0.55, "numSamples": 2, "guidance": 3.5, "numInferenceSteps": 28, "width": 1024, "height": 768,
        "seed": "421337" }
      """
    try request.validate()
    let encoded = try JSONEncoder().encode(request)
    #expect(try object([UInt8](encoded)) as NSDictionary == object([UInt8](expected.utf8)) as NSDictionary)
    #expect(String(decoding: encoded, as: UTF8.self).contains("0.55"), "as short as it was given")
  }

  @Test("an image URL and a negative prompt travel under their own names")
  func optionalFields() throws {
    var request = Img2ImgRequest(prompt: "p", image: .url("https://example.com/photo.jpg"))
    (request.negativePrompt, request.negativePromptStrength) = ("fog", 1)
    let fields = try object([UInt8](JSONEncoder().encode(request)))
    #expect(fields["imageUrl"] as? String == "https://example.com/photo.jpg")
    #expect(fields["image"] == nil && fields["width"] == nil && fields["seed"] == nil)
    #expect(fields["negativePrompt"] as? String == "fog" && fields["negativePromptStrength"] as? Double == 1)
  }

  static let invalid: [(String, @Sendable (inout Img2ImgRequest) -> Void)] = [
    ("model", { $0.modelID = " " }), ("prompt", { $0.prompt = "\n" }),
    ("asset id", { $0.image = .asset(AssetID(rawValue: "")) }),
    ("image URL", { $0.image = .url("ftp://example.com/a") }), ("image URL", { $0.image = .url("photo.jpg") }),
    ("strength", { $0.strength = 0 }), ("strength", { $0.strength = 1.01 }), ("strength", { $0.strength = .nan }),
    ("samples", { $0.numSamples = 0 }), ("samples", { $0.numSamples = 129 }),
    ("guidance", { $0.guidance = -0.1 }), ("guidance", { $0.guidance = 20.5 }),
    ("guidance", { $0.guidance = .infinity }),
    ("steps", { $0.numInferenceSteps = 0 }), ("steps", { $0.numInferenceSteps = 151 }),
    ("width", { $0.height = nil }), ("width", { $0.width = 60 }), ("width", { $0.width = 2056 }),
    ("height", { $0.height = 1001 }), ("seed", { $0.seed = "" }),
    ("negative", { $0.negativePromptStrength = 10.1 }),
  ]

  @Test("the error for a value out of range names the field, before anything is sent", arguments: invalid.indices)
  func validation(index: Int) throws {
    var request = Img2ImgRequest(prompt: "p", image: .asset(AssetID(rawValue: "a")))
    (request.width, request.height) = (64, 2048)
    try request.validate()
    let (word, change) = Self.invalid[index]
    change(&request)
    let error = #expect(throws: ScenarioError.self) { try request.validate() }
    #expect(error?.code == .invalidRequest && error?.outcome == .notSent && error?.charged == .no)
    #expect(error?.message.contains(word) == true, "\(error?.message ?? "")")
  }

  @Test("every setting of a request has a line in the table, and every line a setting")
  func table() {
    // These properties are not settings.
    let others: Set = ["modelID", "prompt", "parameters"]
    let settings = Mirror(reflecting: Img2ImgRequest.defaults.generation).children.compactMap(\.label).filter {
      !others.contains($0)
    }
    #expect(GenerationField.all.map(\.name).sorted() == settings.sorted())
    #expect(Set(GenerationField.all.compactMap(\.flag)).count == GenerationField.all.count { $0.flag != nil })
  }

  @Test("a field that an operation does not take is refused, or left out where it has its default")
  func endpoints() throws {
    let asset = AssetID(rawValue: "asset_2")
    let operations: [(GenerationField.Endpoints, Img2ImgRequest.Endpoint)] = [
      (.img2img, .img2img), (.inpaint, .inpaint(mask: asset)), (.controlnet, .controlnet(modality: "canny")),
      (.controlnetImg2Img, .controlnetImg2Img(control: asset, modality: "canny")), (.custom, .custom),
    ]
    for field in GenerationField.all {
      for (operation, endpoint) in operations {
        var request = Img2ImgRequest(prompt: "p", image: .asset(AssetID(rawValue: "asset_1")))
        request.endpoint = endpoint
        (request.width, request.height, request.seed) = (64, 64, "7")
        // If the operation does not take the field, the request without the field must be valid.
        try request.validate()
        switch field.name {
        case "strength": request.strength = 0.5
        case "negativePrompt": request.negativePrompt = "fog"
        case "negativePromptStrength": request.negativePromptStrength = 1
        case "scheduler": request.scheduler = "DDIMScheduler"
        case "disableMerging": request.disableMerging = true
        case "controlStart": request.controlStart = 0
        case "controlEnd": request.controlEnd = 1
        case "disableModalityDetection": request.disableModalityDetection = true
        default: break
        }
        let isTaken = field.endpoints.contains(operation)
        let name = operation == .custom ? field.customName : field.name
        #expect((request.fields[name] != nil) == isTaken, "\(field.name) at \(endpoint.name)")
        if isTaken {
          try request.validate()
        } else {
          let error = #expect(throws: ScenarioError.self) { try request.validate() }
          #expect(error?.code == .invalidRequest && error?.message.contains(field.name) == true)
        }
      }
    }
  }

  @Test("an upload is one JSON object with a data URL", arguments: ["photo.jpg", #"a "b" \ c/ü\#u{1F332}.png"#])
  func uploadBody(name: String) throws {
    // The encoder takes 49,152 bytes at a time.
    for count in [1, 2, 3, 10_000, 49_151, 49_152, 49_153, 98_304, 98_305] {
      let image = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 13) }
      let fields = try object(AssetUploadBody.encode(name: name, mimeType: "image/png", image: image))
      #expect(fields.count == 2 && fields["name"] as? String == name)
      let url = try #require(fields["image"] as? String)
      #expect(url.hasPrefix("data:image/png;base64,"))
      #expect(Data(base64Encoded: String(url.dropFirst(22))) == Data(image), "\(count) bytes")
    }
  }

  @Test(
    "an upload without name, bytes or proper type is refused",
    arguments: [
      ("", "image/png", 1), ("a.png", "image/png", 0), ("a.png", "image", 1), ("a.png", #"image/png","x":""#, 1),
    ])
  func invalidUpload(name: String, type: String, count: Int) {
    #expect(throws: ScenarioError.self) {
      try AssetUploadBody.encode(name: name, mimeType: type, image: [UInt8](repeating: 0, count: count))
    }
  }

  @Test("URLs are put together with every part encoded")
  func urls() {
    let url = ServiceURL.build(
      base: "https://a.example/v1", path: ["models", "flux.1-dev", "a/b ü?#%"],
      query: [("projectId", "p&=+"), ("x", "true")])
    #expect(url == "https://a.example/v1/models/flux.1-dev/a%2Fb%20%C3%BC%3F%23%25?projectId=p%26%3D%2B&x=true")
  }

  @Test("of ASCII only unreserved characters stay as they are (RFC 3986, section 2.3)")
  func percentEncoding() {
    let unreserved = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~".utf8)
    for byte in UInt8(0)...127 {
      let character = String(decoding: [byte], as: UTF8.self)
      let expected = unreserved.contains(byte) ? character : String(format: "%%%02X", Int(byte))
      #expect(ServiceURL.build(base: "", path: [], query: [(character, character)]) == "?\(expected)=\(expected)")
    }
  }

  @Test(
    "text of the service is made printable",
    arguments: [
      ("plain", "plain"), (" a\n\tb\u{1B}[31mc ", "a b [31mc"),
      ("see https://cdn.example/a?Policy=x&Signature=y now", "see https://cdn.example/a?… now"),
      ("HTTP://cdn.example/a#frag", "HTTP://cdn.example/a?…"),
      (String(repeating: "x", count: 900), String(repeating: "x", count: 500)),
    ])
  func text(raw: String, expected: String) { #expect(printable(raw) == expected) }
}

@Suite("Answers from the wire")
struct ReplyWireTests {
  private func decode<Value: Decodable>(_ type: Value.Type, _ json: String) throws -> Value {
    try JSONDecoder().decode(type, from: Data(json.utf8))
  }

  @Test("an uploaded asset (contract, section 4.1)")
  func upload() throws {
    let asset = try decode(
      AssetReply.self,
      """
      { "asset": { "id": "asset_Zk3vR8yQp1LmT6aWnX0dBe", "url": "https://cdn.cloud.scenario.com/assets-transform/asset_Zk3vR8yQp1LmT6aWnX0dBe?p=100&Policy=AAA&Key-Pair-Id=K1&Signature=BBB",
        "mimeType": "image/png", "kind": "image", "source": "uploaded", "status": "success", "privacy": "private",
        "ownerId": "proj_h2K9", "authorId": "c0ffee12", "createdAt": "2026-10-02T09:14:33.120Z", "updatedAt": "2026-10-02T09:14:33.120Z",
        "tags": [], "collectionIds": [], "editCapabilities": ["UPSCALE", "REMOVE_BACKGROUND"],
        "metadata": { "kind": "image", "type": "uploaded", "name": "tile_007.png", "width": 1024, "height": 768, "size": 183220 },
        "properties": { "width": 1024, "height": 768, "size": 183220 } } }
      """
    ).asset
    #expect(asset.id.rawValue == "asset_Zk3vR8yQp1LmT6aWnX0dBe")
    #expect(asset.url?.rawValue.hasSuffix("?p=100&Policy=AAA&Key-Pair-Id=K1&Signature=BBB") == true)
    #expect(asset.mimeType == "image/png" && asset.status == .success && asset.width == 1024 && asset.height == 768)
    #expect(asset.seed == nil)
  }

  @Test("an accepted job (contract, section 5)")
  func submission() throws {
    let submission = try decode(
      Submission.self,
      """
      { "creativeUnitsCost": 10.75,
        "inference": { "type": "img2img", "image": "https://cdn.cloud.scenario.com/assets-transform/…", "imageId": "asset_Zk3vR8yQp1LmT6aWnX0dBe",
          "prompt": "hand-painted stone wall", "strength": 0.55, "seed": "421337" },
        "job": { "jobId": "job_Tn4cE7", "jobType": "inference", "status": "queued", "progress": 0, "authorId": "c0ffee12", "ownerId": "proj_h2K9",
          "metadata": { "assetIds": [] }, "statusHistory": [{ "status": "queued", "date": "2026-10-02T09:30:00.000Z" }],
          "createdAt": "2026-10-02T09:30:00.000Z", "updatedAt": "2026-10-02T09:30:00.000Z" } }
      """)
    #expect(submission.job.id.rawValue == "job_Tn4cE7" && submission.job.status == .queued)
    #expect(submission.cost == Decimal(string: "10.75") && submission.discount == nil)
  }

  @Test("a failed job (contract, section 8)")
  func failure() throws {
    let job = try decode(
      JobReply.self,
      """
      { "job": { "jobId": "job_Tn4cE7", "jobType": "inference", "status": "failure", "progress": 0.4,
        "metadata": { "assetIds": [], "error": "Input image could not be decoded", "hint": "Upload a PNG or JPEG" },
        "statusHistory": [{ "status": "queued", "date": "2026-10-02T09:30:00.000Z" }, { "status": "failure", "date": "2026-10-02T09:30:21.000Z" }],
        "billing": { "cuCost": 7.25, "cuDiscount": 0 }, "createdAt": "2026-10-02T09:30:00.000Z", "updatedAt": "2026-10-02T09:30:21.000Z" } }
      """
    ).job
    #expect(job.status == .failure && job.status.isFinal && job.progress == 0.4)
    #expect(job.failureReason == "Input image could not be decoded" && job.hint == "Upload a PNG or JPEG")
    #expect(job.billing?.cuCost == Decimal(string: "7.25") && job.billing?.disableRefund == nil)
  }

  @Test(
    "statuses are read in every known spelling",
    arguments: [
      ("pending", JobStatus.pending, false), ("queued", .queued, false), ("warming-up", .warmingUp, false),
      ("in-progress", .inProgress, false), ("processing", .inProgress, false), ("finalizing", .finalizing, false),
      ("success", .success, true), ("succeeded", .success, true), ("completed", .success, true),
      ("failure", .failure, true), ("failed", .failure, true), ("canceled", .canceled, true),
      ("cancelled", .canceled, true),
      ("aborted", .unknown("aborted"), false), ("", .unknown(""), false),
    ])
  func statuses(spelling: String, status: JobStatus, isFinal: Bool) throws {
    #expect(try decode([JobStatus].self, "[\"\(spelling)\"]") == [status])
    #expect(status.isFinal == isFinal)
  }

  @Test(
    "progress is 0 to 1, whatever its scale in the reply",
    arguments: [
      ("0", 0.0), ("0.25", 0.25), ("1", 1), ("15", 0.15), ("100", 1), ("1000", 1), ("-1", 0),
    ])
  func progress(text: String, value: Double) throws {
    #expect(try decode(Job.self, #"{"jobId":"j","status":"queued","progress":\#(text)}"#).progress == value)
  }

  @Test("results are listed once, in order, and unknown fields are ignored")
  func results() throws {
    let job = try decode(
      Job.self,
      """
      {"jobId":"j","status":"success","metadata":{"assetIds":["b","a","b"],"flow":[{}],"x":1},"new":{"deep":[1]}}
      """)
    #expect(job.assetIDs.map(\.rawValue) == ["b", "a"])
    #expect(job.progress == 0)
  }

  @Test("a seed is text or a number", arguments: [(#""421337""#, "421337"), ("421337", "421337"), ("null", nil)])
  func seed(json: String, seed: String?) throws {
    #expect(try decode(Asset.self, #"{"id":"a","url":"u","metadata":{"seed":\#(json)}}"#).seed == seed)
  }

  @Test(
    "a job without an id is an error",
    arguments: [
      #"{"status":"queued"}"#, #"{"jobId":""}"#, #"{"jobId":7,"status":"queued"}"#, "[]", "null",
    ])
  func missing(json: String) { #expect(throws: DecodingError.self) { try decode(Job.self, json) } }
}
