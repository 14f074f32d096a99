internal import Digests
internal import FlyingFox
internal import Foundation
internal import Ground
internal import ImagePreparation
internal import Synchronization

extension SandboxService {
  /// `POST /generate/img2img`.
  func generateImg2Img(_ call: RequestContext) async throws(ServiceError) -> HTTPResponse {
    try await generate(try call.json(Img2ImgParameters.self), .img2img, call)
  }

  /// `POST /generate/inpaint`: areas that the mask keeps are unchanged, unless merging is disabled.
  func generateInpaint(_ call: RequestContext) async throws(ServiceError) -> HTTPResponse {
    try await generate(try call.json(InpaintParameters.self).input, .inpaint, call)
  }

  /// `POST /generate/controlnet`: the generation starts from no image, so the result has none of the control image's colors.
  func generateControlnet(_ call: RequestContext) async throws(ServiceError) -> HTTPResponse {
    try await generate(try call.json(ControlnetParameters.self).input, .controlnet, call)
  }

  /// `POST /generate/controlnet-img2img`.
  func generateControlnetImg2Img(_ call: RequestContext) async throws(ServiceError) -> HTTPResponse {
    try await generate(try call.json(ControlnetImg2ImgParameters.self).input, .controlnetImg2Img, call)
  }

  /// Checks the request in the service's order: model, access, images, plan. The body was checked before. Then replies with the price, or
  /// starts the job.
  private func generate(
    _ input: Img2ImgParameters, _ endpoint: LegacyEndpoint, _ call: RequestContext
  ) async throws(ServiceError) -> HTTPResponse {
    var input = input
    let mode = try mode(of: call)
    try checkModel(input.modelId, forCustom: false)
    let source: Source
    var second: Source?
    switch endpoint {
    case .img2img: source = try await self.source(of: input)
    case .inpaint:
      source = try await self.source(of: input)
      second = try await image(input.mask, id: input.maskId)
    case .controlnet:
      source = try await image(input.controlImage, id: input.controlImageId ?? input.image)
      input.strength = 1
    case .controlnetImg2Img:
      source = try await self.source(of: input)
      second = try await image(input.controlImage, id: input.controlImageId)
    }
    let samples = input.numSamples
    try checkPlan(samples: samples)
    let cost = Self.cost(of: input)
    if mode == .price {
      return .json(
        Wire.DryRun(creativeUnitsCost: cost), status: HTTPStatusCode(269, phrase: "Dry Run"))
    }

    let asset = try stored(source, input: input)
    var secondAsset: Asset?
    if let second { secondAsset = try stored(second, input: input) }
    // An image within the request is stored first, and the reply names its asset.
    switch endpoint {
    case .controlnet: (input.controlImage, input.controlImageId, input.image) = (nil, asset.id, nil)
    case .img2img, .inpaint, .controlnetImg2Img: if input.image != nil { input.image = asset.id }
    }
    if endpoint == .inpaint { (input.mask, input.maskId) = (nil, secondAsset?.id) }
    if endpoint == .controlnetImg2Img { (input.controlImage, input.controlImageId) = (nil, secondAsset?.id) }
    let job = try await start(
      &input, custom: nil, endpoint, source: source.bytes, asset: asset, second: secondAsset, cost: cost,
      fault: call.fault)
    func url(_ asset: Asset?) -> String? { asset.map { self.url(of: $0.id, delivery: call.delivery) } }
    let isMasked = endpoint == .inpaint
    return answer(
      Wire.InferenceStarted(
        creativeUnitsCost: cost,
        inference: Wire.Inference(
          type: endpoint.rawValue, image: self.url(of: asset.id, delivery: call.delivery), imageId: asset.id,
          mask: isMasked ? url(secondAsset) : nil, maskId: isMasked ? secondAsset?.id : nil,
          controlImage: isMasked ? nil : url(secondAsset), controlImageId: isMasked ? nil : secondAsset?.id,
          modality: input.modality, prompt: input.prompt,
          strength: endpoint.startsFromImage ? input.strength : nil, seed: input.seed ?? "", numSamples: samples,
          numInferenceSteps: input.numInferenceSteps, guidance: input.guidance, width: input.width,
          height: input.height, negativePrompt: input.negativePrompt, hideResults: input.hideResults),
        job: wire(job, at: job.created)), about: job, isFlat: mode == .flatStart)
  }

  /// `POST /generate/custom/{modelId}`: the checks come in the same order, and the body is compared with the inputs that the model
  /// publishes.
  func generateCustom(_ call: RequestContext) async throws(ServiceError) -> HTTPResponse {
    let mode = try mode(of: call)
    var custom = try call.json(CustomParameters.self)
    let id = call.parameters["modelId"] ?? ""
    let model = try checkModel(id, forCustom: true)
    try custom.check(against: model.inputs ?? [])
    guard let image = custom.text("image"), !image.isEmpty else {
      throw .badRequest("Input image is required", parameter: "image")
    }
    func number(_ name: String) -> Double { custom.number(name, of: model) ?? 0 }
    var input = Img2ImgParameters(
      modelId: id, prompt: custom.text("prompt") ?? "", image: image, strength: number("strength"),
      numSamples: Int(number("numOutputs")), numInferenceSteps: Int(number("numInferenceSteps")),
      guidance: number("guidance"), width: Int(number("width")), height: Int(number("height")),
      seed: custom.number("seed", of: model).map { String(Int($0)) }, hideResults: false)
    let source = try await source(of: input)
    try checkPlan(samples: input.numSamples)
    let cost = Self.cost(of: input)
    if mode == .price {
      return .json(
        Wire.DryRun(creativeUnitsCost: cost, costDetails: ["custom-generation": cost]),
        status: HTTPStatusCode(269, phrase: "Dry Run"))
    }
    let asset = try stored(source, input: input)
    custom.fields["image"] = .string(asset.id)
    input.image = asset.id
    let job = try await start(
      &input, custom: custom, .img2img, source: source.bytes, asset: asset, second: nil, cost: cost, fault: call.fault)
    return answer(
      Wire.CustomStarted(
        creativeUnitsCost: cost, costDetails: ["custom-generation": cost], job: wire(job, at: job.created)),
      about: job, isFlat: mode == .flatStart)
  }

  /// Makes a job of a request that has passed every check.
  private func start(
    _ input: inout Img2ImgParameters, custom: CustomParameters?, _ endpoint: LegacyEndpoint, source: [UInt8],
    asset: Asset, second: Asset?, cost: Double, fault: SandboxFault.Kind?
  ) async throws(ServiceError) -> Job {
    input.seed = input.seed ?? String(configuration.entropy() % (1 << 31))
    let size = ImageSize(width: input.width, height: input.height)
    var damage = await results.fault(in: source, size: size)
    if damage == nil, case .stored(let image)? = second?.content {
      damage = await results.fault(in: image.bytes, size: size)
    }
    var outcome = damage.map { Job.Outcome.failure(error: "Input image could not be decoded", hint: $0.description) }
    if fault == .jobFailure { outcome = .failure(error: "Out of luck", hint: "Try again") }
    let job = Job(
      id: Identifier.make("job", entropy: configuration.entropy), created: now, timings: configuration.jobTimings,
      outcome: outcome ?? .success,
      endpoint: endpoint, input: input, customInput: custom,
      resultIDs: outcome == nil
        ? (0..<input.numSamples).map { _ in Identifier.make("asset", entropy: configuration.entropy) } : [],
      cost: cost, sourceID: asset.id)
    try start(
      job, source: asset, digest: ContentDigest.sha256(of: source), second: second,
      shrinking: fault == .wrongSize ? 2 : 1)
    return job
  }

  private enum DryRun: String, CaseIterable {
    case yes = "true"
    case api
  }

  /// The effect of a request: a price in the reply, or a job.
  private enum Mode {
    case price, start
    /// The job, at the top level of the reply.
    case flatStart
  }

  private func mode(of call: RequestContext) throws(ServiceError) -> Mode {
    guard try call.query.choice("dryRun", of: DryRun.self) != nil else { return .start }
    let kinds = disagreements
    if kinds.contains(.dryRunStartsFlatJob) { return .flatStart }
    return kinds.contains(.dryRunStartsJob) ? .start : .price
  }

  /// Throws 404 for an unknown model, 400 for a model of the other family, and 403 for a model that the plan does not include.
  @discardableResult
  private func checkModel(_ id: String, forCustom: Bool) throws(ServiceError) -> Model {
    guard let model = Model.all[id] else { throw .notFound("Model", id) }
    guard model.custom == forCustom else {
      let place = forCustom ? "not under /generate/custom" : "only under /generate/custom/\(id)"
      throw .badRequest("Model \(id) runs \(place)", parameter: "modelId")
    }
    guard !configuration.restrictedModelIDs.contains(id) else { throw .modelRestricted(id) }
    return model
  }

  /// A source image: a stored asset, or bytes from the request.
  private struct Source {
    let bytes: [UInt8]
    var asset: Asset?
  }

  /// Finds the image of a request: `image` before `imageId` before `imageUrl` (ASSUMED).
  private func source(of input: Img2ImgParameters) async throws(ServiceError) -> Source {
    if input.image != nil || input.imageId != nil { return try await image(input.image, id: input.imageId) }
    let limits = configuration.limits
    let fetcher = SourceFetcher(limit: limits.fetchedBytes, timeout: limits.fetchTimeout)
    return try described(try await fetcher.bytes(at: input.imageUrl ?? ""))
  }

  /// An image that is given as a data URL, or named.
  private func image(_ image: String?, id: String?) async throws(ServiceError) -> Source {
    if let image, image.prefix(5).lowercased() == "data:" {
      guard let bytes = Self.imageBytes(base64: image) else { throw .unhandledImageFormat }
      return try described(bytes)
    }
    let id = image ?? id ?? ""
    guard let asset = state.withLock({ $0.assets.asset(id, at: now) }) else { throw .notFound("Asset", id) }
    return Source(bytes: try await bytes(of: asset), asset: asset)
  }

  private func described(_ bytes: [UInt8]) throws(ServiceError) -> Source {
    do { _ = try images.describe(bytes) } catch { throw .unhandledImageFormat }
    return Source(bytes: bytes)
  }

  private func stored(_ source: Source, input: Img2ImgParameters) throws(ServiceError) -> Asset {
    if let asset = source.asset { return asset }
    return try store(
      source.bytes, name: nil, parentID: input.imageParentId, isHidden: input.imageHide ?? false)
  }

  private func checkPlan(samples: Int) throws(ServiceError) {
    let limits = configuration.limits
    guard samples <= limits.inferenceBatchSize else {
      throw .planLimit(
        "Your plan allows \(limits.inferenceBatchSize) images per generation.", action: "inference-batch-size",
        limit: limits.inferenceBatchSize, value: samples)
    }
    try state.withLock { (state) throws(ServiceError) in try checkParallel(state) }
  }

  private func checkParallel(_ state: State) throws(ServiceError) {
    guard let limit = configuration.limits.parallelInferences else { return }
    let running = state.jobs.running(at: now)
    guard running < limit else {
      throw .planLimit(
        "Your plan allows \(limit) parallel generations.", action: "parallel-inferences", limit: limit,
        value: running + 1)
    }
  }

  /// The price in creative units, a multiple of a quarter: 5 for an image of one megapixel in 28 steps (ASSUMED; roughly the service's
  /// prices).
  private static func cost(of input: Img2ImgParameters) -> Double {
    let megapixels = Double(input.width * input.height) / Double(1 << 20)
    let steps = Double(input.numInferenceSteps) / 28
    return max(0.25, (Double(input.numSamples) * 5 * megapixels * steps * 4).rounded() / 4)
  }

  /// Stores the job, and its results as assets that exist from the end of the job on. The sides of the results are divided by `shrinking`.
  ///
  /// - Throws: 429 when another request took the last place since the first check.
  private func start(
    _ job: Job, source: Asset, digest: String, second: Asset?, shrinking: Int
  ) throws(ServiceError) {
    let more: Rendering.SecondImage? = second.map { second in
      job.endpoint == .inpaint
        ? .mask(second.content, merges: job.input.disableMerging != true)
        : .control(second.content, modality: job.input.modality ?? "")
    }
    try state.withLock { (state) throws(ServiceError) in
      try checkParallel(state)
      for (index, id) in job.resultIDs.enumerated() {
        let rendering = Rendering(
          source: source.content, sourceDigest: digest,
          size: ImageSize(width: job.input.width / shrinking, height: job.input.height / shrinking),
          prompt: job.input.prompt,
          seed: job.input.seed ?? "", strength: job.input.strength, index: index, second: more)
        var asset = Asset(
          id: id, created: job.end, name: nil, mimeType: "image/png", size: rendering.size,
          content: .rendered(rendering), parentID: source.id, isHidden: job.input.hideResults)
        asset.origin = Asset.Origin(
          jobID: job.id, input: job.input, sourceID: source.id, index: index,
          type: job.isCustom ? "img2img" : job.endpoint.assetType,
          isCustom: job.isCustom)
        // Results take no memory until they are requested, so this cannot be refused.
        _ = state.assets.add(asset)
      }
      state.jobs.add(job)
    }
    count(job, sourceDigest: digest, secondDigest: more?.digest)
  }
}
