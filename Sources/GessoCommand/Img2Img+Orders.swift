internal import Foundation
internal import GessoPipeline
internal import Ground
internal import ImagePreparation
internal import ScenarioAPI

/// The orders that the flags describe.
extension Img2Img {
  /// The recipe of the images.
  func recipe() throws -> Recipe {
    try preparation.recipe(
      defaultMultiple: Img2ImgOrder.defaultMultiple, defaultMaxBytes: Img2ImgOrder.defaultMaxBytes, model: job.model,
      isSent: true)
  }

  /// Notes on sizes that a person may not expect.
  func sizeNotes(of image: PreparedImage) -> [String] {
    let (width, height) = (generation.width, generation.height)
    let isSmall = image.size.longestSide < 512 && width == nil && height == nil
    return preparation.sizeNotes(for: image.size, of: image.geometry.source)
      + (isSmall ? ["results have its size, \(image.size): --max-side 1024 --enlarge makes larger ones"] : [])
  }

  /// The note on a strength that is sent although no flag names it.
  var negativePromptNote: String? {
    // Flux ignores a negative prompt unless its strength is above 0.
    guard generation.negativePrompt != nil, generation.negativePromptStrength == nil else { return nil }
    return "--negative-prompt-strength 1.0 is sent, without which Flux ignores the negative prompt"
  }

  /// Chooses the endpoint that runs the order's model, and checks the order against the fields that a custom model publishes.
  func choose(_ order: inout Img2ImgOrder, _ models: ModelCache) async throws {
    // With a mask or control image, and for the default model, the legacy endpoint is tried first.
    let isLegacyFirst = order.maySwitch || order.second != nil || order.endpoint != .img2img
    guard request.mode == .custom || (request.mode == .auto && !isLegacyFirst) else { return }
    let model = try await models.model(order.generation.modelID)
    if model.custom == true { order.endpoint = .custom }
    guard request.mode == .auto || model.custom == true else {
      throw CommandError.usage("model \(model.id) is not a custom model", remedy: "use --mode legacy or --mode auto")
    }
    var request = order.request
    // These are placeholders for values that are set later and that always fit: sides become multiples of 16, and images become assets.
    (request.width, request.height) = (request.width ?? 1024, request.height ?? 1024)
    for field in order.references.keys {
      let type = model.inputs?.first { $0.name == field }?.type
      if type == "file_array" { order.references[field]?.isList = true }
      request.parameters[field] = order.references[field]?.laterValue
    }
    try model.check(request)
  }

  /// The value of a `--param`: JSON if the text is valid JSON, otherwise text.
  ///
  /// - Throws: Status 2 for a number that would not be sent as it was written.
  private static func value(_ text: Substring, of name: String) throws(CommandError) -> JSONValue {
    let value: JSONValue
    do {
      value = try JSONText.value(JSONValue.self, of: String(text))
    } catch let excess as JSONNesting.Excess {
      throw .usage("in --param \(name) \(excess.message)", remedy: "check its value")
    } catch {
      return .string(String(text))
    }
    if case .number(let number) = value, abs(number) > 9_007_199_254_740_992, Int64(exactly: number) == nil {
      throw .usage(
        "--param \(name) is \(text), and a number that large would not be sent as it is written",
        remedy: #"send it as text with --param '\#(name)="\#(text)"'"#)
    }
    return value
  }

  /// Makes the order of one input, and reads its image.
  ///
  /// - Parameters:
  ///   - input: The input; with `--image-url` its address.
  ///   - stem: The stem of its results' names.
  ///   - shared: The order of ``order(recipe:_:)``.
  /// - Returns: The order.
  /// - Throws: Status 3 for an image that cannot be opened.
  func order(of input: Input, stem: String, like shared: Img2ImgOrder) async throws -> Img2ImgOrder {
    var order = shared
    order.source = request.imageURL == nil ? .image(try await image(input.argument)) : .remote(url: input.argument)
    (order.sourceName, order.stem) = (input.name, stem)
    return order
  }

  /// The order that the flags describe, without its source. Pipes and URLs that the flags name are read to their ends.
  func order(recipe: Recipe, _ inputs: [Input]) async throws -> Img2ImgOrder {
    let images = request.parameters.compactMap { $0.split(separator: "=", maxSplits: 1).last }
      .filter { $0.hasPrefix("@") }
    try PipedInput.checkNamedOnce(
      inputs.map(\.argument) + [request.mask, request.control, job.promptFile].compactMap(\.self)
        + images.map { String($0.dropFirst()) })
    var settings = Generation(prompt: try await job.promptText(), modelID: job.model)
    generation.apply(to: &settings)
    var references: [String: ReferenceImages] = [:]
    for parameter in request.parameters {
      let parts = parameter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let (field, value) = (String(parts[0]), parts[1])
      if value.hasPrefix("@") {
        let image = try await image(String(value.dropFirst()))
        references[field, default: ReferenceImages(images: [], isList: false)].images.append(image)
      } else {
        settings.parameters[field] = try Self.value(value, of: field)
      }
    }
    if negativePromptNote != nil { settings.negativePromptStrength = 1 }
    var order = Img2ImgOrder(
      source: .remote(url: ""), sourceName: "", stem: "", generation: settings, folder: results.folder ?? ".")
    order.references = references
    if let mask = request.mask { order.second = .mask(try await image(mask)) }
    if let modality = request.modality {
      if let control = request.control {
        order.second = .control(try await image(control), modality: modality)
      } else {
        order.endpoint = .controlnet(modality: modality)
      }
    }
    order.recipe = recipe
    order.nameTemplate = results.name ?? Img2ImgOrder.defaultNameTemplate
    order.replacesResults = results.overwrite
    order.replacesPreparedImages = !request.noClobber
    order.again = job.again
    order.waits = !job.noWait
    order.maxCostPerDay = try job.dailyLimit(service.configuration)
    order.allowsCustomModel = request.mode == .auto
    return order
  }

  /// The source of an image, which is read for its digest and to be prepared.
  private func image(_ argument: String) async throws -> ImageSource {
    try await Input(argument).source(
      limit: preparation.maxDownload << 20, allowsPrivate: addresses.allowsPrivate, isReadAgain: true)
  }
}

/// The descriptions of models, each requested once.
actor ModelCache {
  private let client: ScenarioClient
  private var known: [String: Task<GenerationModel, any Error>] = [:]

  init(_ client: ScenarioClient) { self.client = client }

  /// The description of a model.
  func model(_ id: String) async throws -> GenerationModel {
    if let task = known[id] { return try await task.value }
    let task = Task { [client] in try await client.model(id) }
    known[id] = task
    do {
      return try await task.value
    } catch {
      // A failed request is not kept: the service may be reachable later.
      known[id] = nil
      throw error
    }
  }
}
