import Digests
import Foundation
import GessoPipeline
import ImagePreparation
import ScenarioAPI
import TestSupport
import Testing

@Suite("Order identity")
struct OrderIdentityTests {
  let folder = TestFolder.url.appending(path: "gesso-key-\(UUID().uuidString)").path

  private var order: Img2ImgOrder {
    var order = Img2ImgOrder(path: Fixtures.path("jpeg/small-420.jpg"), prompt: "a forest", folder: folder)
    order.generation.seed = "7"
    return order
  }

  /// Carries an order out, and returns its key.
  private func key(of order: Img2ImgOrder) async throws -> String {
    let ledger = try Ledger(path: folder + "-ledger/ledger.sqlite")
    let service = ScriptedService(results: [try Fixtures.bytes("png/small-rgb8.png")]) {
      name, _ throws(ScenarioError) in
      name == "POST /generate/img2img"
        ? HTTPResponse(
          status: 200,
          body: [UInt8](#"{"job":{"jobId":"\#(UUID().uuidString)","status":"queued","metadata":{"assetIds":[]}}}"#.utf8)
        )
        : nil
    }
    var order = order
    order.waits = false
    _ = try await Img2ImgPipeline(client: try service.client(), ledger: ledger).start(order).result
    return try ledger.entries()[0].intent.key
  }

  private static func sha256(_ text: String) -> String { ContentDigest.sha256(of: [UInt8](text.utf8)) }
  /// The part of the SHA-256 of the key `planted-key` that identifies an account.
  private static let account = String(sha256("planted-key").prefix(16))
  private static var source: String {
    get throws { try ContentDigest.sha256(ofFile: Fixtures.path("jpeg/small-420.jpg")) }
  }

  @Test("the key is the digest of canonical JSON of the settings that are sent, and of nothing else")
  func keepsItsForm() async throws {
    let text =
      #"{"account":"\#(Self.account)","generation":{"guidance":3.5,"height":null,"numInferenceSteps":28,"numSamples":1,"#
      + #""strength":0.75,"width":null},"model":"flux.1-dev","prompt":"a forest","#
      + #""recipe":{"output":{"maxBytes":3500000},"size":{"multiplesOf":16}},"seed":"7","#
      + #""service":"https://service.example/v1","source":"\#(try Self.source)"}"#
    #expect(try await key(of: order) == Self.sha256(text))
    var other = order
    other.recipe.output = .auto(quality: 50, budget: other.recipe.output.budget)
    other.recipe.background = .white
    other.generation.strength = 0.5
    other.generation.parameters = ["hideResults": .bool(true)]
    let changed = text.replacing(
      #""recipe":{"#, with: ##""recipe":{"background":"#FFFFFF","##
    ).replacing(
      #"3500000}"#, with: #"3500000,"quality":50}"#
    ).replacing(
      #""strength":0.75"#, with: #""param":{"hideResults":true},"strength":0.5"#)
    #expect(try await key(of: other) == Self.sha256(changed))
  }

  /// The service fetches the remote source itself, so nothing is prepared from it. References are still prepared.
  @Test("the recipe of references makes another order, whatever the source is")
  func referencesCount() async throws {
    var remote = order
    remote.source = .remote(url: "https://example.com/a.png")
    var (small, other) = (remote, remote)
    small.recipe.size = .longestSide(64)
    #expect(try await key(of: remote) == key(of: small))
    other.references = ["mood": ReferenceImages(images: [.file(Fixtures.path("png/small-rgb8.png"))], isList: false)]
    small.references = other.references
    #expect(try await key(of: other) != key(of: small))
  }

  @Test("every setting of the generation makes another order", arguments: GenerationField.all.map(\.name))
  func settings(name: String) async throws {
    var other = order
    switch name {
    case "strength": other.generation.strength = 0.5
    case "numSamples": other.generation.numSamples = 2
    case "guidance": other.generation.guidance = 4
    case "numInferenceSteps": other.generation.numInferenceSteps = 2
    case "width": (other.generation.width, other.generation.height) = (64, nil)
    case "height": (other.generation.width, other.generation.height) = (nil, 64)
    case "seed": other.generation.seed = "8"
    case "negativePrompt": other.generation.negativePrompt = "fog"
    case "negativePromptStrength": other.generation.negativePromptStrength = 1
    case "scheduler": other.generation.scheduler = "DDIMScheduler"
    case "disableMerging": other.generation.disableMerging = true
    case "controlStart": other.generation.controlStart = 0
    case "controlEnd": other.generation.controlEnd = 1
    case "disableModalityDetection": other.generation.disableModalityDetection = true
    default: Issue.record("\(name) is new: set it here")
    }
    #expect(try identity(of: other) != identity(of: order))
  }

  @Test("a second image counts with its kind, its modality and its bytes")
  func second() throws {
    let (one, two) = (ImageSource.memory([1]), ImageSource.memory([2]))
    let seconds: [Img2ImgOrder.SecondImage?] = [
      nil, .mask(one), .mask(two), .control(one, modality: "canny"), .control(one, modality: "depth"),
      .control(two, modality: "canny"),
    ]
    let keys = try seconds.map { second in
      var order = order
      order.second = second
      return try identity(of: order)
    }
    #expect(Set(keys).count == seconds.count)
  }

  @Test("settings that change nothing that is sent do not change the order")
  func same() throws {
    var other = order
    (other.folder, other.stem, other.nameTemplate, other.sourceName) = ("/x", "y", "z", "w")
    (other.again, other.waits, other.replacesResults, other.maxCost) = (true, false, true, 3)
    // All images that are sent have 8 bits.
    other.recipe.output = other.recipe.output.withBits(.eight)
    #expect(try identity(of: other) == identity(of: order))
  }

  @Test("the two names of the public service are one service")
  func names() throws {
    func key(_ url: String) throws -> String {
      let client = ScenarioClient(
        configuration: try ScenarioConfiguration(baseURL: url, credential: ScenarioCredential(key: "k", secret: "s")))
      return try order.key(on: client, ledger: try Ledger(path: folder + "-ledger/ledger.sqlite"))
    }
    let key1 = try key("https://api.cloud.scenario.com/v1")
    #expect(try key("https://api.scenario.com/v1") == key1)
    #expect(try key("https://api.example.com/v1") != key1)
  }

  /// The key in the ledger after the order was claimed; nothing is sent.
  private func identity(of order: Img2ImgOrder) throws -> String {
    try order.key(
      on: try ScriptedService(results: []).client(), ledger: try Ledger(path: folder + "-ledger/ledger.sqlite"))
  }
}
