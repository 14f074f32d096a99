#if Client
internal import FlyingFox
internal import Foundation
internal import ImagePreparation
internal import Synchronization

extension SandboxService {
  /// `POST /generate/img2img`: checks in the service's order (body, model, access, image, plan), then prices or starts.
  func generateImg2Img(_ call: RequestContext) async throws(ServiceError) -> HTTPResponse {
    let isDryRun = try call.query.choice("dryRun", of: DryRun.self) != nil
    var input = try call.json(Img2ImgParameters.self)
    try checkModel(input.modelId, forCustom: false)
    let source = try await source(of: input)
    let samples = input.numSamples
    try checkPlan(samples: samples)
    let cost = Self.cost(of: input)
    if isDryRun {
      return .json(
        Wire.DryRun(creativeUnitsCost: cost), status: HTTPStatusCode(269, phrase: "Dry Run"))
    }

    let asset = try stored(source, input: input)
    // An image that came inside the request is echoed as the asset it became.
    if input.image != nil { input.image = asset.id }
    let job = try await start(
      &input, custom: nil, source: source.bytes, asset: asset, cost: cost, fault: call.fault)
    return .json(
      Wire.InferenceStarted(
        creativeUnitsCost: cost,
        inference: Wire.Inference(
          image: url(of: asset.id, delivery: call.delivery), imageId: asset.id, prompt: input.prompt,
          strength: input.strength, seed: input.seed ?? "", numSamples: samples,
          numInferenceSteps: input.numInferenceSteps, guidance: input.guidance, width: input.width,
          height: input.height, negativePrompt: input.negativePrompt, hideResults: input.hideResults),
        job: wire(job, at: job.created)))
  }

  /// `POST /generate/custom/{modelId}`: the same order of checks, against the inputs the model publishes.
  func generateCustom(_ call: RequestContext) async throws(ServiceError) -> HTTPResponse {
    let isDryRun = try call.query.choice("dryRun", of: DryRun.self) != nil
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
    if isDryRun {
      return .json(
        Wire.DryRun(creativeUnitsCost: cost, costDetails: ["custom-generation": cost]),
        status: HTTPStatusCode(269, phrase: "Dry Run"))
    }
    let asset = try stored(source, input: input)
    custom.fields["image"] = .string(asset.id)
    input.image = asset.id
    let job = try await start(
      &input, custom: custom, source: source.bytes, asset: asset, cost: cost, fault: call.fault)
    return .json(
      Wire.CustomStarted(
        creativeUnitsCost: cost, costDetails: ["custom-generation": cost], job: wire(job, at: job.created)))
  }

  /// Makes a job of a request that has passed every check.
  private func start(
    _ input: inout Img2ImgParameters, custom: CustomParameters?, source: [UInt8], asset: Asset, cost: Double,
    fault: SandboxFault.Kind?
  ) async throws(ServiceError) -> Job {
    input.seed = input.seed ?? String(configuration.entropy() % (1 << 31))
    let damage = await results.fault(in: source, size: ImageSize(width: input.width, height: input.height))
    var outcome = damage.map { Job.Outcome.failure(error: "Input image could not be decoded", hint: $0.description) }
    if fault == .jobFailure { outcome = .failure(error: "Out of luck", hint: "Try again") }
    let job = Job(
      id: Identifier.make("job", entropy: configuration.entropy), created: now, timings: configuration.jobTimings,
      outcome: outcome ?? .success,
      input: input, customInput: custom,
      resultIDs: outcome == nil
        ? (0..<input.numSamples).map { _ in Identifier.make("asset", entropy: configuration.entropy) } : [],
      cost: cost)
    try start(
      job, source: asset, digest: ContentDigest.sha256(of: source), shrinking: fault == .wrongSize ? 2 : 1)
    return job
  }

  private enum DryRun: String, CaseIterable {
    case yes = "true"
    case api
  }

  /// 404 for a model that is not there, 400 for one of the other family, 403 for one above the plan.
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

  /// A source image: an asset that is there already, or bytes that came with the request.
  private struct Source {
    let bytes: [UInt8]
    var asset: Asset?
  }

  /// Finds the image of a request: `image` before `imageId` before `imageUrl` (ASSUMED).
  private func source(of input: Img2ImgParameters) async throws(ServiceError) -> Source {
    if let image = input.image, image.prefix(5).lowercased() == "data:" {
      guard let bytes = Self.imageBytes(base64: image) else { throw .unhandledImageFormat }
      return try described(bytes)
    }
    if let id = input.image ?? input.imageId {
      guard let asset = state.withLock({ $0.assets.asset(id, at: now) }) else { throw .notFound("Asset", id) }
      return Source(bytes: try await bytes(of: asset), asset: asset)
    }
    let limits = configuration.limits
    let fetcher = SourceFetcher(limit: limits.fetchedBytes, timeout: limits.fetchTimeout)
    return try described(try await fetcher.bytes(at: input.imageUrl ?? ""))
  }

  private func described(_ bytes: [UInt8]) throws(ServiceError) -> Source {
    do { _ = try SourceImage.describe(bytes) } catch { throw .unhandledImageFormat }
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

  /// Creative units, in quarters: 5 for an image of one megapixel in 28 steps (ASSUMED; the service's ball-park).
  private static func cost(of input: Img2ImgParameters) -> Double {
    let megapixels = Double(input.width * input.height) / Double(1 << 20)
    let steps = Double(input.numInferenceSteps) / 28
    return max(0.25, (Double(input.numSamples) * 5 * megapixels * steps * 4).rounded() / 4)
  }

  /// Takes the job in, and its results as assets that exist from the job's end.
  ///
  /// - Parameter shrinking: What the results' sides are divided by.
  /// - Throws: 429 when another request took the last place since the first check.
  private func start(_ job: Job, source: Asset, digest: String, shrinking: Int) throws(ServiceError) {
    try state.withLock { (state) throws(ServiceError) in
      try checkParallel(state)
      for (index, id) in job.resultIDs.enumerated() {
        let rendering = Rendering(
          source: source.content, sourceDigest: digest,
          size: ImageSize(width: job.input.width / shrinking, height: job.input.height / shrinking),
          prompt: job.input.prompt,
          seed: job.input.seed ?? "", strength: job.input.strength, index: index)
        var asset = Asset(
          id: id, created: job.end, name: nil, mimeType: "image/png", size: rendering.size,
          content: .rendered(rendering), parentID: source.id, isHidden: job.input.hideResults)
        asset.origin = Asset.Origin(
          jobID: job.id, input: job.input, sourceID: source.id, index: index, isCustom: job.isCustom)
        // Results take no room until they are asked for, so this cannot be refused.
        _ = state.assets.add(asset)
      }
      state.jobs.add(job)
    }
    count(job, sourceDigest: digest)
  }
}
#endif
