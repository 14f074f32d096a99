import Foundation
import GessoPipeline
import ImagePreparation
import ScenarioAPI
import ScenarioSandbox
import Synchronization
import TestSupport
import Testing

@Suite("Masks and images that control")
struct SecondImageTests {
  let folder = TestFolder.url.appending(path: "gesso-second-\(UUID().uuidString)").path

  /// The source and the mask have 200 × 120 pixels. In the source red rises to the right and green rises downwards, so that a pixel's color
  /// gives its position. The mask is white in the rectangle.
  private static let size = ImageSize(width: 200, height: 120)
  private static let rectangle = (x: 60..<140, y: 30..<90)

  private func image(_ color: (Int, Int) -> [UInt8], channels: Int) throws -> ImageSource {
    let samples = (0..<Self.size.pixelCount).flatMap { color($0 % Self.size.width, $0 / Self.size.width) }
    return .memory(
      try ImagePreparer().encodePNGBlocking(PixelImage(size: Self.size, channels: channels, samples: samples)))
  }

  private func source() throws -> ImageSource { try image({ [UInt8($0), UInt8($1 * 2), 0] }, channels: 3) }

  private static func isPainted(_ x: Int, _ y: Int) -> Bool { rectangle.x.contains(x) && rectangle.y.contains(y) }

  private func order(_ second: Img2ImgOrder.SecondImage, _ change: (inout Recipe) -> Void = { _ in }) throws
    -> Img2ImgOrder
  {
    var order = Img2ImgOrder(
      source: .image(try source()), sourceName: "a.png", stem: "a",
      generation: Generation(prompt: "a door"), folder: folder)
    order.generation.seed = "7"
    order.recipe.output = .png(budget: .bytes(ScenarioClient.directUploadLimit))
    change(&order.recipe)
    order.second = second
    return order
  }

  private func ledger() throws -> Ledger { try Ledger(path: folder + "-ledger/ledger.sqlite") }

  /// Runs an order. Returns the bytes of the uploaded assets in their order, the submitted bodies, and the paths.
  private func run(
    _ order: Img2ImgOrder, failing: Int? = nil
  ) async throws -> (uploads: [[UInt8]], bodies: [[String: JSONValue]], paths: [String]) {
    let (uploads, bodies) = (Kept<[UInt8]>(), Kept<[String: JSONValue]>())
    let service = ScriptedService(results: [try Fixtures.bytes("png/small-rgb8.png")]) {
      name, request throws(ScenarioError) in
      guard case .bytes(let body) = request.body else { return nil }
      let fields = (try? JSONDecoder().decode([String: JSONValue].self, from: Data(body))) ?? [:]
      if name == "POST /assets" {
        guard uploads.all.count != failing else {
          var error = ScenarioError(.connectionLost, .unknownOutcome, stage: .upload, "gone", remedy: "")
          error.isRetryable = true
          throw error
        }
        guard case .string(let url)? = fields["image"],
          let data = Data(base64Encoded: String(url.split(separator: ",")[1]))
        else { return HTTPResponse(status: 400) }
        uploads.add([UInt8](data))
        return HTTPResponse(
          status: 200,
          body: [UInt8](
            #"{"asset":{"id":"asset_\#(uploads.all.count)","url":"https://x.example/x","status":"success"}}"#.utf8)
        )
      }
      if name.hasPrefix("POST /generate/") {
        bodies.add(fields)
        return HTTPResponse(
          status: 200, body: [UInt8](#"{"job":{"jobId":"job_1","status":"queued","metadata":{"assetIds":[]}}}"#.utf8))
      }
      return nil
    }
    var order = order
    order.waits = false
    let result: Result<Img2ImgResult, any Error>
    do {
      result = .success(
        try await Img2ImgPipeline(client: try service.client(), ledger: try ledger()).start(order).result)
    } catch {
      result = .failure(error)
    }
    if failing == nil { _ = try result.get() }
    return (uploads.all, bodies.all, service.requests)
  }

  private static func pixels(_ bytes: [UInt8]) throws -> PixelImage<UInt8> {
    try ImagePreparer().pixelsBlocking(of: .memory(bytes), as: Recipe(samples: .color(profile: .ignore)))
  }

  @Test(
    "a mask lies on the image, whatever the recipe does, and is black and white",
    arguments: ["plain", "cover", "attention", "pad", "multiple", "enlarge", "budget", "color", "alpha"])
  func liesOn(what: String) async throws {
    let mask = try image(
      { x, y in
        let isPainted = Self.isPainted(x, y)
        switch what {
        case "color": return isPainted ? [255, 250, 245] : [10, 0, 5]
        case "alpha": return [255, 255, 255, isPainted ? 255 : 0]
        default: return [isPainted ? 255 : 0]
        }
      }, channels: what == "color" ? 3 : what == "alpha" ? 4 : 1)
    let order = try order(.mask(mask)) { recipe in
      switch what {
      case "cover": recipe.size = .box(96, 96, .cover, gravity: .northeast, sides: .multiples(of: 16))
      case "attention": recipe.size = .box(96, 96, .cover, gravity: .attention, sides: .multiples(of: 16))
      case "pad": (recipe.size, recipe.background) = (.box(96, 96, .pad, sides: .multiples(of: 16)), .white)
      case "multiple": recipe.size = .longestSide(150, sides: .multiples(of: 64))
      case "enlarge": recipe.size = .longestSide(600, enlarge: true, sides: .multiples(of: 16))
      case "budget": (recipe.size, recipe.output) = (.longestSide(1536), .png(budget: .bytes(2000, minSide: 1)))
      default: break
      }
    }
    let (uploads, bodies, paths) = try await run(order)
    #expect(paths.contains("POST /generate/inpaint"))
    #expect(bodies[0]["image"] == .string("asset_1") && bodies[0]["maskId"] == .string("asset_2"))
    let (prepared, sent) = (try Self.pixels(uploads[0]), try Self.pixels(uploads[1]))
    #expect(prepared.size == sent.size)
    #expect(Set(sent.samples) == [0, 255] && [1, 3].contains(sent.channels))
    var (wrong, painted) = ([(Int, Int)](), 0)
    for pixel in 0..<sent.size.pixelCount {
      let isWhite = sent.samples[pixel * sent.channels] == 255
      painted += isWhite ? 1 : 0
      // The color of a pixel gives its position in the source. Only padding has much blue.
      let color = prepared.samples[pixel * prepared.channels..<pixel * prepared.channels + 3]
      let values = color.map(Int.init)
      guard values[2] < 100 else {
        if isWhite { wrong.append((-1, -1)) }
        continue
      }
      let (x, y) = (values[0], values[1] / 2)
      let isNearEdge =
        [Self.rectangle.x.lowerBound, Self.rectangle.x.upperBound].contains { abs(x - $0) <= 3 }
        || [Self.rectangle.y.lowerBound, Self.rectangle.y.upperBound].contains { abs(y - $0) <= 3 }
      if !isNearEdge, isWhite != Self.isPainted(x, y) { wrong.append((x, y)) }
    }
    #expect(wrong.isEmpty && painted > 0, "\(wrong.count), for example \(wrong.prefix(3))")
  }

  /// Masks, and the notes that they cause; nil if the mask is refused.
  static let masks: [(what: String, notes: [OrderNote]?)] = [
    ("rectangle", []), ("soft", []), ("white", [.maskSelectsAll]), ("black", nil), ("dark", nil),
    ("hole in black", nil), ("hole in white", [.maskIsTransparent]), ("white on nothing", [.maskIsTransparent]),
    ("opaque alpha", []),
  ]

  @Test(
    "a mask that selects nothing is refused before anything is sent, and one that may be meant otherwise gets a remark",
    arguments: masks)
  func selects(what: String, notes: [OrderNote]?) async throws {
    let channels = ["hole in black", "hole in white", "white on nothing", "opaque alpha"].contains(what) ? 4 : 1
    let mask = try image(
      { x, y in
        let isInside = Self.isPainted(x, y)
        return switch what {
        case "soft": [UInt8(min(255, max(0, 400 - 6 * abs(x - 100))))]
        case "white": [255]
        case "black": [0]
        case "dark": [120]
        case "hole in black": [0, 0, 0, isInside ? 0 : 255]
        case "hole in white": [255, 255, 255, isInside ? 0 : 255]
        case "white on nothing": isInside ? [255, 255, 255, 255] : [0, 0, 0, 0]
        case "opaque alpha": isInside ? [255, 255, 255, 255] : [0, 0, 0, 255]
        default: [isInside ? 255 : 0]
        }
      }, channels: channels)
    let service = ScriptedService(results: [])
    var order = try order(.mask(mask))
    order.waits = false
    let run = Img2ImgPipeline(client: try service.client(), ledger: try ledger()).start(order)
    var found: [OrderNote] = []
    for await case .noticed(let note) in run.events { found.append(note) }
    if let notes {
      _ = try await run.result
      #expect(found == notes)
    } else {
      await #expect {
        try await run.result
      } throws: {
        let error = $0 as? PipelineError
        return error?.code == .invalidOrder && error?.message.hasPrefix("the mask selects nothing") == true
          && (error?.remedy.description.contains("transparent") == true) == (what == "hole in black")
      }
      #expect(service.requests.isEmpty)
    }
  }

  @Test("a control image is prepared like the image it belongs to, and names its endpoint", arguments: [true, false])
  func controls(hasSecond: Bool) async throws {
    let control = try image({ x, y in [UInt8(x), 0, UInt8(y)] }, channels: 3)
    var order = try order(.control(control, modality: "canny")) {
      $0.size = .longestSide(160, sides: .multiples(of: 16))
    }
    if !hasSecond {
      order.second = nil
      order.endpoint = .controlnet(modality: "canny")
    }
    let (uploads, bodies, paths) = try await run(order)
    #expect(paths.last == (hasSecond ? "POST /generate/controlnet-img2img" : "POST /generate/controlnet"))
    #expect(bodies[0]["controlImageId"] == .string(hasSecond ? "asset_2" : "asset_1"))
    #expect(bodies[0]["modality"] == .string("canny") && (bodies[0]["image"] != nil) == hasSecond)
    if hasSecond { #expect(try Self.pixels(uploads[0]).size == Self.pixels(uploads[1]).size) }
  }

  @Test("a mask of another size is refused before anything is sent")
  func size() async throws {
    let mask = Img2ImgOrder.SecondImage.mask(.file(Fixtures.path("png/small-rgb8.png")))
    let service = ScriptedService(results: [])
    let pipeline = Img2ImgPipeline(client: try service.client(), ledger: try ledger())
    await #expect { try await pipeline.start(try order(mask)).result } throws: {
      ($0 as? PreparationError)?.code == .invalidRecipe && "\($0)".contains("same size")
    }
    #expect(service.requests.isEmpty)
  }

  @Test("a mask is part of what makes an order the same")
  func key() async throws {
    func mask(_ value: UInt8) throws -> Img2ImgOrder.SecondImage {
      .mask(try image({ x, _ in [x < 100 ? value : 255] }, channels: 1))
    }
    #expect(try await run(try order(mask(0))).bodies.count == 1)
    #expect(try await run(try order(mask(0))).paths.isEmpty, "the same")
    await #expect(throws: PipelineError.self, "the job's id is another run's") { try await run(try order(mask(1))) }
  }

  @Test("a run that ended between image and mask continues, and keeps the mask's name for the submit")
  func resumes() async throws {
    let mask = try image({ x, y in [Self.isPainted(x, y) ? 255 : 0] }, channels: 1)
    _ = try await run(try order(.mask(mask)), failing: 1)
    #expect(try ledger().entries()[0].state == .prepared)
    let (uploads, bodies, _) = try await run(try order(.mask(mask)))
    #expect(uploads.count == 1, "the image is there already")
    #expect(bodies[0]["maskId"] == .string("asset_1"))
    let parameters = try ledger().entries()[0].intent.parameters
    #expect(parameters.contains(#""endpoint":"inpaint""#) && parameters.contains(#""maskId":"asset_1""#))
  }

  @Test("against the sandbox, what the mask keeps comes back as it was sent")
  func endToEnd() async throws {
    let (sandbox, client) = try await ScenarioSandbox.started(SandboxConfiguration(jobTimings: .instant))
    let mask = try image({ x, y in [Self.isPainted(x, y) ? 255 : 0] }, channels: 1)
    var order = try order(.mask(mask)) { $0.size = .original }
    order.generation.strength = 1
    let result = try await Img2ImgPipeline(client: client, ledger: try ledger()).start(order).result
    await sandbox.stop()
    let pixels = try Self.pixels([UInt8](try Data(contentsOf: URL(filePath: result.files[0].path))))
    let sent = try Self.pixels([UInt8](try Data(contentsOf: URL(filePath: folder + "/a.prepared.png"))))
    #expect(pixels.size == sent.size)
    // The band above the rectangle is unchanged, and the rectangle is not. The sandbox's badge is at another place.
    func isSame(_ x: Int, _ y: Int) -> Bool {
      let place = (y * pixels.size.width + x) * 3
      return pixels.samples[place..<place + 3] == sent.samples[place..<place + 3]
    }
    #expect((20..<180).allSatisfy { isSame($0, 24) })
    #expect((70..<130).count { !isSame($0, 60) } > 50)
  }
}
