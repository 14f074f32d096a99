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
    try state.withLock { (state) throws(ServiceError) in try checkParallel(state) }
    let cost = Self.cost(of: input)
    if isDryRun {
      return .json(
        Wire.DryRun(creativeUnitsCost: cost), status: HTTPStatusCode(269, phrase: "Dry Run"))
    }

    let asset = try stored(source, input: input)
    // An image that came inside the request is echoed as the asset it became.
    if input.image != nil { input.image = asset.id }
    input.seed = input.seed ?? String(configuration.entropy() % (1 << 31))
    let size = ImageSize(width: input.width, height: input.height)
    let fault = await results.fault(in: source.bytes, size: size)
    let job = Job(
      id: Identifier.make("job", entropy: configuration.entropy), created: now, timings: configuration.jobTimings,
      outcome: fault.map { .failure(error: "Input image could not be decoded", hint: $0.description) } ?? .success,
      input: input,
      resultIDs: fault == nil
        ? (0..<samples).map { _ in Identifier.make("asset", entropy: configuration.entropy) } : [],
      cost: cost)
    try start(job, source: asset, digest: ContentDigest.sha256(of: source.bytes))

    let started = Wire.InferenceStarted(
      creativeUnitsCost: cost,
      inference: Wire.Inference(
        image: url(of: asset.id, delivery: call.delivery), imageId: asset.id, prompt: input.prompt,
        strength: input.strength, seed: input.seed ?? "", numSamples: samples,
        numInferenceSteps: input.numInferenceSteps, guidance: input.guidance, width: input.width,
        height: input.height, negativePrompt: input.negativePrompt, hideResults: input.hideResults),
      job: wire(job, at: job.created))
    return .json(started)
  }

  private enum DryRun: String, CaseIterable {
    case yes = "true"
    case api
  }

  /// 404 for a model that is not there, 400 for one of the other family, 403 for one above the plan.
  private func checkModel(_ id: String, forCustom: Bool) throws(ServiceError) {
    guard let model = Model.all[id] else { throw .notFound("Model", id) }
    guard model.custom == forCustom else {
      throw .badRequest("Model \(id) runs only under /generate/custom/\(id)", parameter: "modelId")
    }
    guard !configuration.restrictedModelIDs.contains(id) else { throw .modelRestricted(id) }
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
  /// - Throws: 429 when another request took the last place since the first check.
  private func start(_ job: Job, source: Asset, digest: String) throws(ServiceError) {
    try state.withLock { (state) throws(ServiceError) in
      try checkParallel(state)
      for (index, id) in job.resultIDs.enumerated() {
        let rendering = Rendering(
          source: source.content, sourceDigest: digest,
          size: ImageSize(width: job.input.width, height: job.input.height), prompt: job.input.prompt,
          seed: job.input.seed ?? "", strength: job.input.strength, index: index)
        var asset = Asset(
          id: id, created: job.end, name: nil, mimeType: "image/png", size: rendering.size,
          content: .rendered(rendering), parentID: source.id, isHidden: job.input.hideResults)
        asset.origin = Asset.Origin(jobID: job.id, input: job.input, sourceID: source.id, index: index)
        // Results take no room until they are asked for, so this cannot be refused.
        _ = state.assets.add(asset)
      }
      state.jobs.add(job)
    }
  }
}
#endif
