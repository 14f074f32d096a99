#if Client
internal import Dispatch
internal import Foundation
public import ImagePreparation
public import ScenarioAPI

/// Carries images from the source to generated results on disk: prepare, upload, submit, wait, download.
///
/// Every step that cannot be repeated for free is on record in the ``Ledger`` before the next one begins, so that a run
/// that was interrupted, killed or timed out goes on with ``resume(_:polling:onProgress:)``.
public struct Img2ImgPipeline: Sendable {
  /// Talks to the service.
  public let client: ScenarioClient
  /// Keeps what was meant and what came of it.
  public let ledger: Ledger
  /// Prepares images.
  public let preparer: ImagePreparer
  private let randomSeed: @Sendable () -> String

  /// The largest seed every endpoint of the service takes (contract, section 6).
  public static let largestSeed = 2_147_483_647

  /// Makes a pipeline.
  ///
  /// - Parameters:
  ///   - client: Talks to the service.
  ///   - ledger: Keeps what was meant and what came of it.
  ///   - preparer: Prepares images.
  ///   - randomSeed: Draws a seed for orders that name none: a number from 0 to ``largestSeed`` in decimal digits.
  public init(
    client: ScenarioClient, ledger: Ledger, preparer: ImagePreparer = ImagePreparer(),
    randomSeed: @escaping @Sendable () -> String = { String(Int.random(in: 0...Img2ImgPipeline.largestSeed)) }
  ) {
    self.client = client
    self.ledger = ledger
    self.preparer = preparer
    self.randomSeed = randomSeed
  }

  /// Carries out an order.
  ///
  /// In the order's folder this leaves `<stem>.prepared.<ext>`, every result under the name of the template, and
  /// `<result>.json` beside each. Canceling the task stops it wherever it is, except while the submit's answer is
  /// awaited: the job is put on record first. A submitted job is not stopped.
  ///
  /// - Parameters:
  ///   - order: What is wanted.
  ///   - polling: When to look at the job, and for how long.
  ///   - onProgress: Told of every step, on any thread.
  /// - Returns: The results on disk.
  /// - Throws: A `PreparationError`, a `ScenarioError` (`jobID` names the job once there is one) or a ``PipelineError``.
  public func run(
    _ order: Img2ImgOrder, polling: JobPolling = JobPolling(),
    onProgress: @Sendable (Img2ImgProgress) -> Void = { _ in }
  ) async throws -> Img2ImgResult {
    var request = order.request
    request.seed = request.seed ?? randomSeed()
    try order.validate()
    try makeFolder(order.folder)
    if !order.replacesFiles { try refuseExistingResults(of: order, seed: request.seed ?? "") }

    var prepared: Prepared?
    switch order.source {
    case .remote(let url): request.image = .url(url)
    case .image(let source):
      onProgress(.preparing)
      let image = try await prepare(source, order)
      onProgress(.prepared(image.image, path: image.path))
      request.width = request.width ?? image.image.size.width
      request.height = request.height ?? image.image.size.height
      try request.validate()
      prepared = image
    }

    let run = try ledger.begin(intent(order, request, prepared))
    let job = try await recordingFailure(of: run) {
      if let prepared {
        onProgress(.uploading(byteCount: prepared.image.bytes.count))
        let asset = try await client.uploadAsset(
          name: Self.lastPart(of: prepared.path), bytes: prepared.image.bytes,
          mimeType: prepared.image.format.mimeType)
        try ledger.recordUpload(run, asset: asset.id)
        request.image = .asset(asset.id)
      }
      try Task.checkCancellation()
      onProgress(.submitting)
      return try await submit(request, run: run)
    }
    onProgress(.submitted(job))
    try Task.checkCancellation()
    var result = try await finish(
      try ledger.entry(job: job), folder: order.folder, polling: polling, onProgress: onProgress)
    result.preparedPath = prepared?.path
    return result
  }

  /// Goes on with a job that this machine's ledger knows: waits for it and downloads what is not on disk yet.
  ///
  /// - Throws: A `ScenarioError` or a ``PipelineError``: `unknown-job`, or `other-service` when the job was started
  ///   through another address than the client's.
  public func resume(
    _ job: JobID, polling: JobPolling = JobPolling(), onProgress: @Sendable (Img2ImgProgress) -> Void = { _ in }
  ) async throws -> Img2ImgResult {
    let entry = try ledger.entry(job: job)
    guard entry.intent.baseURL == client.configuration.baseURL else {
      throw PipelineError(
        .otherService, stage: "wait",
        "job \(job) belongs to \(entry.intent.baseURL), and the client talks to \(client.configuration.baseURL)",
        remedy: "use the address and the credentials it was started with", jobID: job)
    }
    try makeFolder(entry.intent.folder)
    return try await finish(entry, folder: entry.intent.folder, polling: polling, onProgress: onProgress)
  }

  // MARK: Preparing

  private struct Prepared: Sendable {
    let image: PreparedImage
    let path: String
    let sourceSHA256: String?
  }

  private func prepare(_ source: ImageSource, _ order: Img2ImgOrder) async throws -> Prepared {
    let flag = CancellationFlag()
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        // Pixels are worked on off the pool, which other tasks wait on.
        DispatchQueue.global().async {
          continuation.resume(with: Result { try prepare(source, order, flag) })
        }
      }
    } onCancel: {
      flag.cancel()
    }
  }

  private func prepare(_ source: ImageSource, _ order: Img2ImgOrder, _ flag: CancellationFlag) throws -> Prepared {
    let image = try preparer.prepare(source, recipe: order.recipe, cancellation: flag)
    guard image.bytes.count <= ScenarioClient.directUploadLimit else {
      throw ScenarioError(
        .uploadTooLarge, .notSent, stage: .upload,
        "the prepared image has \(image.bytes.count) bytes, and one upload takes \(ScenarioClient.directUploadLimit)",
        remedy: "make it smaller: fewer pixels, JPEG, or a lower quality")
    }
    let path = "\(order.folder)/\(order.stem).prepared.\(image.format.fileExtension)"
    var digest: String?
    var inputs: [String] = []
    switch source {
    case .file(let file):
      digest = try ContentDigest.sha256(ofFile: file)
      inputs = [file]
    case .memory(let bytes): digest = ContentDigest.sha256(of: bytes)
    case .descriptor: break
    }
    try AtomicFile.write(image.bytes, to: path, replacing: order.replacesFiles, notOver: inputs)
    return Prepared(image: image, path: path, sourceSHA256: digest)
  }

  private func refuseExistingResults(of order: Img2ImgOrder, seed: String) throws {
    for index in 1...order.request.numSamples {
      for name in ["png", "jpg", "webp"] {
        try AtomicFile.check(order.path(index: index, seed: seed, fileExtension: name), replacing: false)
      }
    }
  }

  private func makeFolder(_ path: String) throws {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw PreparationError(
        .writeFailed, stage: .write, "cannot make the folder \(path)", remedy: "name a folder that can be written")
    }
  }

  // MARK: Submitting

  private func intent(_ order: Img2ImgOrder, _ request: Img2ImgRequest, _ prepared: Prepared?) -> LedgerIntent {
    LedgerIntent(
      baseURL: client.configuration.baseURL, projectID: client.configuration.projectID, source: order.sourceName,
      sourceSHA256: prepared?.sourceSHA256, preparedSHA256: prepared?.image.sha256,
      preparedPath: prepared.map { Self.absolute($0.path) }, geometry: prepared?.image.geometry.json.line,
      model: request.modelID, prompt: request.prompt, parameters: request.parameters.line, seed: request.seed ?? "",
      folder: Self.absolute(order.folder), nameTemplate: order.nameTemplate, stem: order.stem)
  }

  /// Asks for the job and puts it on record, whatever happens to the task meanwhile.
  private func submit(_ request: Img2ImgRequest, run: Int64) async throws -> JobID {
    try ledger.recordSubmitting(run)
    // An unstructured task, which canceling this one does not reach: a paid job whose reply nobody read is lost.
    return try await Task {
      let submission = try await client.submitImg2Img(request)
      let id = submission.job.id
      do throws(PipelineError) {
        try ledger.recordSubmission(run, job: id, cost: submission.cost?.description)
      } catch {
        throw PipelineError(
          error.code, stage: "submit", "job \(id) was submitted and is paid for, but \(error.message)",
          remedy: "write the job's id down", jobID: id)
      }
      return id
    }.value
  }

  /// Runs `work`; what it throws is put on record, unless a job may be running all the same.
  private func recordingFailure<Result>(of run: Int64, _ work: () async throws -> Result) async throws -> Result {
    do {
      return try await work()
    } catch let error as ScenarioError where error.stage == .submit && error.outcome == .unknownOutcome {
      throw error  // The state stays `submitting`: only the service knows.
    } catch let error as PipelineError {
      // The ledger itself failed; there is nowhere to write that down.
      throw error
    } catch {
      try ledger.recordFailure(run, reason: "\(error)")
      throw error
    }
  }

  // MARK: Waiting and downloading

  /// - Parameter folder: Where results go, as the caller calls it.
  private func finish(
    _ entry: LedgerEntry, folder: String, polling: JobPolling, onProgress: @Sendable (Img2ImgProgress) -> Void
  ) async throws -> Img2ImgResult {
    guard let jobID = entry.jobID else {
      throw PipelineError(.unknownJob, stage: "wait", "run \(entry.id) has no job on record", remedy: "start it again")
    }
    let job = try await client.finishedJob(jobID, polling: polling) { onProgress(.waiting($0)) }
    guard job.status == .success else {
      let reason = [job.failureReason, job.hint].compactMap(\.self).joined(separator: "; ")
      let text = "job \(jobID) ended \(job.status)" + (reason.isEmpty ? "" : " (\(reason))")
      try ledger.recordFailure(entry.id, reason: text)
      throw PipelineError(
        job.status == .canceled ? .jobCanceled : .jobFailed, stage: "wait", text,
        remedy: job.billing?.disableRefund == true
          ? "it was paid for: ask the service's support" : "change the order and try again",
        jobID: jobID)
    }
    try ledger.recordSuccess(entry.id)
    onProgress(.downloading(count: job.assetIDs.count))
    var files: [Img2ImgResult.File] = []
    for (index, asset) in zip(1..., job.assetIDs) {
      try Task.checkCancellation()
      do {
        let file = try await download(asset, index: index, of: entry, folder: folder)
        files.append(file)
        onProgress(.downloaded(file))
      } catch var error as ScenarioError {
        error.jobID = jobID
        throw error
      }
    }
    try ledger.recordDownloads(entry.id)
    return Img2ImgResult(
      jobID: jobID, sourceAssetID: entry.assetID, seed: entry.intent.seed, cost: entry.cost,
      preparedPath: entry.intent.preparedPath, files: files)
  }

  private func download(
    _ id: AssetID, index: Int, of run: LedgerEntry, folder: String
  ) async throws -> Img2ImgResult.File {
    let intent = run.intent
    let asset = try await client.asset(id)
    let name = Img2ImgOrder.name(intent.nameTemplate, stem: intent.stem, seed: intent.seed, index: index)
    let path = "\(folder)/\(name).\(FileType.fileExtension(ofMimeType: asset.mimeType))"
    var size: ImageSize?
    var digest = ""
    let file = try await client.download(asset, to: path) { file in
      size = try verifiedSize(of: file.path)
      digest = try ContentDigest.sha256(ofFile: file.path)
    }
    let result = Img2ImgResult.File(
      index: index, path: path, recordPath: path + ".json", assetID: id, mimeType: file.mimeType, sha256: digest,
      byteCount: file.byteCount, size: size)
    try AtomicFile.write(
      [UInt8](ResultRecord.document(of: result, run: run).utf8), to: result.recordPath, replacing: true)
    try ledger.recordResult(
      run.id, LedgerResult(index: index, assetID: id, path: Self.absolute(path), sha256: digest))
    return result
  }

  /// Decodes a downloaded file from end to end; another kind of image is known by its first bytes.
  ///
  /// - Returns: Width and height as a viewer shows them; nil for a format this package does not read.
  private func verifiedSize(of path: String) throws -> ImageSize? {
    var recipe = Recipe()
    // All is decoded whatever the size of the result, and a small one costs least.
    recipe.maxSide = 64
    recipe.effort = .fast
    recipe.profile = .ignore
    do throws(PreparationError) {
      let size = try ImageDescription.read(from: .file(path)).size
      _ = try preparer.pixels(of: .file(path), recipe: recipe)
      return size
    } catch {
      // Known by its first bytes, but not read here.
      guard error.code == .unsupportedFormat else { throw error }
      return nil
    }
  }

  // MARK: Paths

  private static func lastPart(of path: String) -> String { URL(filePath: path).lastPathComponent }

  /// A path that means the same from any working directory, for ``resume(_:polling:onProgress:)``.
  private static func absolute(_ path: String) -> String { URL(filePath: path).standardizedFileURL.path }
}

extension Img2ImgRequest {
  /// What was asked for besides image, prompt, model and seed, under the names of the wire.
  var parameters: OrderedJSON {
    var members: [(key: String, value: OrderedJSON)] = [
      ("strength", .number(strength)), ("numSamples", .integer(numSamples)), ("guidance", .number(guidance)),
      ("numInferenceSteps", .integer(numInferenceSteps)), ("width", .optional(width)), ("height", .optional(height)),
    ]
    if let negativePrompt { members.append(("negativePrompt", .string(negativePrompt))) }
    if let negativePromptStrength { members.append(("negativePromptStrength", .number(negativePromptStrength))) }
    return .object(members)
  }
}
#endif
