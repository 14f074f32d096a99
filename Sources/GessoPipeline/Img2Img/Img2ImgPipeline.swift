internal import Digests
public import Foundation
internal import Ground
public import ImagePreparation
public import ScenarioAPI

/// Carries images from the source to generated results on disk: prepare, upload, submit, wait, download.
///
/// Every step that cannot be repeated for free is on record in the ``Ledger`` before the next one begins, so that a run
/// that was interrupted, killed or timed out goes on with ``resume(_:folder:nameTemplate:replacesResults:polling:onProgress:)``.
public struct Img2ImgPipeline: Sendable {
  /// Talks to the service.
  public let client: ScenarioClient
  /// Keeps what was meant and what came of it.
  public let ledger: Ledger
  /// Prepares images.
  public let preparer: ImagePreparer
  private let randomSeed: @Sendable () -> String
  private let gate = JobGate()

  /// Makes a pipeline.
  ///
  /// - Parameters:
  ///   - client: Talks to the service.
  ///   - ledger: Keeps what was meant and what came of it.
  ///   - preparer: Prepares images.
  ///   - randomSeed: Draws a seed for orders that name none: a number from 0 to `Img2ImgRequest.largestSeed` in decimal digits.
  public init(
    client: ScenarioClient, ledger: Ledger, preparer: ImagePreparer = ImagePreparer(),
    randomSeed: @escaping @Sendable () -> String = { String(Int.random(in: 0...Img2ImgRequest.largestSeed)) }
  ) {
    self.client = client
    self.ledger = ledger
    self.preparer = preparer
    self.randomSeed = randomSeed
  }

  /// Carries out an order.
  ///
  /// In the order's folder this leaves `<stem>.prepared.<ext>`, every result under the name of the template, and
  /// `<result>.json` beside each. A result replaces nothing: where anything else has its name or that of its record, both
  /// gain `-2`, `-3`, … (see ``Img2ImgOrder/replacesResults``). A result that was changed since it was written stays as
  /// it is, and is downloaded again beside it.
  ///
  /// Canceling the task stops it wherever it is, in pauses between attempts too, except while the submit's answer is
  /// awaited: the job is put on record first. A submitted job is not stopped.
  ///
  /// An order that the ledger knows is not carried out twice: what was interrupted goes on where it stood, and of what is
  /// finished the files are given, without a request. Where it wants its results counts as it is given now, not as an
  /// earlier attempt gave it. ``Img2ImgOrder/again`` draws a finished one anew.
  ///
  /// - Parameters:
  ///   - order: What is wanted.
  ///   - polling: When to look at the job, and for how long.
  ///   - onProgress: Told of every step, on any thread.
  /// - Returns: The results on disk; without files when the order does not wait for them.
  /// - Throws: A `PreparationError`, a `ScenarioError` (`jobID` names the job once there is one) or a ``PipelineError``:
  ///   `run-in-progress` when somebody else is at work on this order, `needs-decision` when nobody can tell whether a
  ///   submit started a job, `too-expensive` above ``Img2ImgOrder/maxCost``.
  public func run(
    _ order: Img2ImgOrder, polling: JobPolling = JobPolling(),
    onProgress: @Sendable (Img2ImgProgress) -> Void = { _ in }
  ) async throws -> Img2ImgResult {
    try order.validate()
    let digest = try Self.digest(of: order.source)
    try makeFolder(order.folder)
    let intent = try intent(order, sourceSHA256: digest)
    let claim = try ledger.claim(intent, again: order.again)
    defer { withExtendedLifetime(claim) {} }
    var entry = claim.entry
    if !entry.intent.placesLike(intent) {
      try ledger.recordRepeat(entry.id, of: intent)
      entry = try ledger.entry(run: entry.id)
    }
    func places(_ run: LedgerEntry) -> ResultPlaces {
      ResultPlaces(
        ledger: ledger, run: run, naming: order.naming(seed: run.intent.seed), replaces: order.replacesResults)
    }
    if entry.state == .downloaded, let result = try finished(places(entry)) { return result }
    var hasPlace = false
    defer { if hasPlace { gate.leave() } }
    while entry.jobID == nil {
      var request = order.request
      request.seed = entry.intent.seed
      try await gate.enter()
      hasPlace = true
      do {
        entry = try await submitted(entry, order, request, polling: polling, onProgress: onProgress)
      } catch let error as ScenarioError where error.code == .concurrencyLimit {
        hasPlace = false
        guard gate.learn(error.planLimit) else { throw error }
        entry = try ledger.entry(run: entry.id)
      }
    }
    guard order.waits, let job = entry.jobID else {
      return Img2ImgResult(entry, preparedPath: entry.intent.preparedPath, files: [])
    }
    onProgress(.submitted(job))
    try Task.checkCancellation()
    return try await finish(places(entry), polling: polling, onProgress: onProgress)
  }

  /// Asks for the price of an order without starting anything. The image is prepared and uploaded, which is free.
  ///
  /// - Returns: Creative units.
  /// - Throws: As ``run(_:polling:onProgress:)``.
  public func price(
    _ order: Img2ImgOrder, onProgress: @Sendable (Img2ImgProgress) -> Void = { _ in }
  ) async throws -> Decimal {
    try order.validate()
    let digest = try Self.digest(of: order.source)
    try makeFolder(order.folder)
    let claim = try ledger.claim(try intent(order, sourceSHA256: digest), again: false)
    defer { withExtendedLifetime(claim) {} }
    var request = order.request
    request.seed = claim.entry.intent.seed
    // A run that is further than this is left as it stands.
    guard [.planned, .prepared, .uploaded].contains(claim.entry.state) else {
      try restore(&request, of: claim.entry)
      return try await client.price(of: request)
    }
    return try await recordingFailure(of: claim.entry) {
      try await makeReady(&request, claim.entry, order, onProgress)
      return try await client.price(of: request)
    }
  }

  /// Asks the service to cancel a job that this machine's ledger knows, and looks whether it did.
  ///
  /// - Returns: The job as it stands then: canceled, or ended before it could be.
  /// - Throws: A `ScenarioError`, with the code `rejected` for jobs that cannot be canceled, or a ``PipelineError``.
  public func cancel(_ job: JobID, polling: JobPolling = JobPolling()) async throws -> Job {
    let entry = try ledger.entry(job: job)
    try checkAddress(entry)
    _ = try await client.cancel(job)
    // The answer is no proof (contract, section 8).
    let ended = try await client.finishedJob(job, polling: polling)
    if ended.status == .canceled { try ledger.recordFailure(entry.id, reason: "job \(job) was canceled") }
    return ended
  }

  /// Goes on with a job that this machine's ledger knows: waits for it and downloads what is not on disk yet.
  ///
  /// - Parameters:
  ///   - job: The job.
  ///   - folder: Where results go; nil for where the order wants them. The ledger keeps what is given here.
  ///   - nameTemplate: What they are called, as ``Img2ImgOrder/nameTemplate``; nil for what the order calls them.
  ///   - replacesResults: As ``Img2ImgOrder/replacesResults``.
  ///   - polling: When to look at the job, and for how long.
  ///   - onProgress: Told of every step, on any thread.
  /// - Throws: A `ScenarioError` or a ``PipelineError``: `unknown-job`, `run-in-progress`, `invalid-order` for a template
  ///   that makes no names, or `other-service` when the job was started through another address than the client's.
  public func resume(
    _ job: JobID, folder: String? = nil, nameTemplate: String? = nil, replacesResults: Bool = false,
    polling: JobPolling = JobPolling(), onProgress: @Sendable (Img2ImgProgress) -> Void = { _ in }
  ) async throws -> Img2ImgResult {
    var entry = try ledger.entry(job: job)
    try checkAddress(entry)
    let claim = try ledger.claim(entry.id)
    defer { withExtendedLifetime(claim) {} }
    var intent = claim.entry.intent
    let naming = ResultNaming(
      folder: folder ?? intent.folder, template: nameTemplate ?? intent.nameTemplate, stem: intent.stem,
      seed: intent.seed)
    // However many results there are: those of one name are numbered.
    if nameTemplate != nil { try naming.check(count: 1) }
    (intent.folder, intent.nameTemplate) = (naming.folder.absolutePath, naming.template)
    if !claim.entry.intent.placesLike(intent) { try ledger.recordRepeat(entry.id, of: intent) }
    entry = try ledger.entry(run: entry.id)
    try makeFolder(naming.folder)
    return try await finish(
      ResultPlaces(ledger: ledger, run: entry, naming: naming, replaces: replacesResults), polling: polling,
      onProgress: onProgress)
  }

  func checkAddress(_ entry: LedgerEntry) throws(PipelineError) {
    guard entry.intent.baseURL == client.configuration.baseURL else {
      throw PipelineError(
        .otherService, stage: "wait",
        "\(entry.jobID.map { "job \($0)" } ?? "run \(entry.id)") belongs to \(entry.intent.baseURL), and the client talks "
          + "to \(client.configuration.baseURL)",
        remedy: "use the address and the credentials it was started with", jobID: entry.jobID, runID: entry.id)
    }
  }

  // MARK: The order and its run

  private static func digest(of source: Img2ImgOrder.Source) throws -> String? {
    switch source {
    case .image(.file(let path)): try onFiles(try ContentDigest.sha256(ofFile: path))
    case .image(.memory(let bytes)): ContentDigest.sha256(of: bytes)
    case .image(.descriptor), .remote: nil
    }
  }

  /// Who pays: the project, else whoever has the key.
  private var account: String { client.configuration.projectID ?? client.configuration.credential.accountDigest }

  private func intent(_ order: Img2ImgOrder, sourceSHA256: String?) throws -> LedgerIntent {
    let secondSHA256 = try order.second.flatMap { try Self.digest(of: .image($0.source)) }
    let key = OrderKey(
      order, baseURL: client.configuration.baseURL, account: account, sourceSHA256: sourceSHA256,
      secondSHA256: secondSHA256)
    return LedgerIntent(
      key: key.digest, account: account, baseURL: client.configuration.baseURL,
      projectID: client.configuration.projectID,
      source: order.sourceName, sourceSHA256: sourceSHA256, secondSHA256: secondSHA256, preparedSHA256: nil,
      preparedPath: nil, geometry: nil, model: order.request.modelID, prompt: order.request.prompt,
      parameters: order.request.record.line, seed: order.request.seed ?? randomSeed(),
      folder: order.folder.absolutePath, nameTemplate: order.nameTemplate, stem: order.stem)
  }

  private func makeFolder(_ path: String) throws {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw PreparationError(
        .writeFailed, stage: .write, "cannot make the folder \(path)", remedy: "name a folder that can be written")
    }
    guard FileManager.default.isWritableFile(atPath: path) else {
      throw PreparationError(
        .writeFailed, stage: .write, "the folder \(path) cannot be written", remedy: "name a folder that can be written"
      )
    }
  }

  // MARK: Preparing

  /// An encoded image that is going to be uploaded.
  private struct Prepared: Sendable {
    let content: UploadContent
    let name: String
    let sha256: String
  }

  private func prepare(
    _ source: ImageSource, _ order: Img2ImgOrder
  ) async throws -> (PreparedImage, sha256: String, path: String) {
    try await offThePool { try prepare(source, order, $0) }
  }

  /// Works on pixels off the pool, which other tasks wait on.
  private func offThePool<Result: Sendable>(
    _ work: @escaping @Sendable (CancellationFlag) throws -> Result
  ) async throws -> Result {
    let flag = CancellationFlag()
    return try await BlockingWork.run(onCancel: { flag.cancel() }) { try work(flag) }
  }

  private func prepare(
    _ source: ImageSource, _ order: Img2ImgOrder, _ flag: CancellationFlag
  ) throws -> (PreparedImage, sha256: String, path: String) {
    let image = try preparer.prepareBlocking(source, as: order.recipe, cancellation: flag)
    let sha256 = ContentDigest.sha256(of: image.bytes)
    let path = try write(
      image.bytes, sha256: sha256, as: "prepared", fileExtension: image.format.fileExtension, of: order)
    return (image, sha256, path)
  }

  /// Writes an image that is going to be uploaded into the order's folder, beside what must not be replaced.
  ///
  /// - Parameter kind: What stands after the stem in its name.
  /// - Returns: Its path: the next number where an order's source, mask, control image or result has the name.
  private func write(
    _ bytes: [UInt8], sha256: String, as kind: String, fileExtension: String, of order: Img2ImgOrder
  ) throws -> String {
    var number = 1
    while true {
      let name = ResultNaming.numbered("\(ResultNaming.shortened(order.stem)).\(kind)", number)
      let path = "\(order.folder)/\(name).\(fileExtension)"
      // Writing follows a link, so what it leads to counts.
      let target = URL(filePath: path).resolvingSymlinksInPath().path
      let existing = Occupant(target) == .file ? try? ContentDigest.sha256(ofFile: target) : nil
      if existing == sha256 { return path }
      guard let existing, try ledger.isInput(sha256: existing, prepared: false) || isResult(path) else {
        try onFiles(
          try DurableFile.write(bytes, to: path, replacing: order.replacesPreparedImages, notOver: order.inputFiles))
        return path
      }
      number += 1
    }
  }

  private func isResult(_ path: String) throws -> Bool {
    try ResultRecord.claim(beside: path) != nil || !ledger.results(at: path.absolutePath).isEmpty
  }

  /// The prepared image of a run that was interrupted, if it is still as it was.
  private static func prepared(_ entry: LedgerEntry) -> Prepared? {
    // Read once: another order may replace the file while this one sends it.
    guard let path = entry.intent.preparedPath, let sha256 = entry.intent.preparedSHA256,
      let bytes = FileManager.default.contents(atPath: path).map([UInt8].init),
      ContentDigest.sha256(of: bytes) == sha256
    else { return nil }
    return Prepared(content: .bytes(bytes), name: lastPart(of: path), sha256: sha256)
  }

  private static func content(ofFile path: String) throws -> UploadContent {
    .file(path: path, size: try URL(filePath: path).resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0)
  }

  /// Puts in what was found out about the request in an earlier process: size and images.
  private func restore(_ request: inout Img2ImgRequest, of entry: LedgerEntry) throws {
    struct Found: Decodable {
      var width: Int?
      var height: Int?
      var maskId: AssetID?
      var controlImageId: AssetID?
      var modality: String?
    }
    let found = try JSONDecoder().decode(Found.self, from: Data(entry.intent.parameters.utf8))
    request.width = request.width ?? found.width
    request.height = request.height ?? found.height
    if let mask = found.maskId { request.endpoint = .inpaint(mask: mask) }
    if let control = found.controlImageId {
      request.endpoint = .controlnetImg2Img(control: control, modality: found.modality ?? "")
    }
    if let asset = entry.assetID { request.image = .asset(asset) }
  }

  /// Prepares and uploads whatever is not yet, and fills in size and image.
  private func makeReady(
    _ request: inout Img2ImgRequest, _ entry: LedgerEntry, _ order: Img2ImgOrder,
    _ onProgress: @Sendable (Img2ImgProgress) -> Void
  ) async throws {
    guard case .image(let source) = order.source else {
      if case .remote(let url) = order.source { request.image = .url(url) }
      if entry.state == .planned {
        try ledger.recordPrepared(
          entry.id, sha256: nil, path: nil, geometry: nil, parameters: request.record.line)
      }
      return
    }
    if entry.state == .uploaded, let asset = entry.assetID, try await isStored(asset) {
      try restore(&request, of: entry)
      if try await hasSecond(of: order, request) { return }
    }
    let prepared: Prepared
    let geometry: GeometryRecord
    if entry.state != .planned, let earlier = Self.prepared(entry), let record = entry.intent.geometry {
      try restore(&request, of: entry)
      prepared = earlier
      geometry = try JSONDecoder().decode(GeometryRecord.self, from: Data(record.utf8))
    } else {
      onProgress(.preparing)
      let (image, sha256, path) = try await prepare(source, order)
      onProgress(.prepared(image, path: path))
      prepared = Prepared(content: .bytes(image.bytes), name: Self.lastPart(of: path), sha256: sha256)
      request.width = request.width ?? image.size.width
      request.height = request.height ?? image.size.height
      geometry = image.geometry
      try request.validate()
      try ledger.recordPrepared(
        entry.id, sha256: sha256, path: path.absolutePath, geometry: image.geometry.json.line,
        parameters: request.record.line)
    }
    // First what can be refused for being of another size than the image.
    let second = try await prepareSecond(of: order, geometry: geometry)
    let asset = try await upload(prepared, onProgress)
    request.image = .asset(asset)
    if let second, let image = order.second { request.endpoint = image.endpoint(try await upload(second, onProgress)) }
    try ledger.recordUpload(entry.id, asset: asset, parameters: request.record.line)
  }

  /// True when the service has the order's second image under the name that the request knows, or the order has none.
  private func hasSecond(of order: Img2ImgOrder, _ request: Img2ImgRequest) async throws -> Bool {
    guard order.second != nil else { return true }
    switch request.endpoint {
    case .inpaint(let asset), .controlnetImg2Img(let asset, _): return try await isStored(asset)
    case .img2img, .controlnet, .custom: return false
    }
  }

  /// The order's mask or control image, on disk beside the first one.
  private func prepareSecond(of order: Img2ImgOrder, geometry: GeometryRecord) async throws -> Prepared? {
    guard let second = order.second else { return nil }
    return try await offThePool { flag in
      let (bytes, format) = try second.prepared(
        by: preparer, geometry: geometry, recipe: order.recipe, cancellation: flag)
      let sha256 = ContentDigest.sha256(of: bytes)
      let path = try write(
        bytes, sha256: sha256, as: second.name, fileExtension: format.fileExtension, of: order)
      return Prepared(content: .bytes(bytes), name: Self.lastPart(of: path), sha256: sha256)
    }
  }

  /// Uploads an image, unless the service still has the same bytes.
  ///
  /// - Parameters:
  ///   - source: The image, in a form that can be read twice.
  ///   - stem: What it is called, without an extension.
  ///   - recipe: How it is prepared; nil to upload it as it is.
  ///   - onProgress: Told of bytes that are sent; of none when the service has them.
  /// - Throws: A `PreparationError`, a `ScenarioError` or a ``PipelineError``.
  public func upload(
    _ source: ImageSource, stem: String, recipe: Recipe?,
    onProgress: @Sendable (Img2ImgProgress) -> Void = { _ in }
  ) async throws -> AssetID {
    let (content, sha256): (UploadContent, String)
    let format: ImageDescription.Format
    if let recipe {
      let image = try await preparer.prepare(source, as: recipe)
      (content, sha256, format) = (.bytes(image.bytes), ContentDigest.sha256(of: image.bytes), image.format)
    } else {
      format = try await preparer.inspect(source).format
      switch source {
      case .file(let path):
        (content, sha256) = (
          try Self.content(ofFile: path), try onFiles(try ContentDigest.sha256(ofFile: path))
        )
      case .memory(let bytes): (content, sha256) = (.bytes(bytes), ContentDigest.sha256(of: bytes))
      case .descriptor:
        throw PipelineError(
          .invalidOrder, stage: "upload", "a stream cannot be uploaded as it is", remedy: "read it into memory")
      }
    }
    return try await upload(
      Prepared(content: content, name: "\(stem).\(format.fileExtension)", sha256: sha256), onProgress)
  }

  /// How often a process looks whether another has ended the same upload.
  private static let uploadLockInterval = Duration.milliseconds(100)
  /// How long it waits for that.
  private static let uploadLockPatience = Duration.seconds(600)

  /// The same bytes are the same asset as long as the service has it.
  private func upload(
    _ prepared: Prepared, _ onProgress: @Sendable (Img2ImgProgress) -> Void
  ) async throws -> AssetID {
    let (baseURL, account, sha256) = (client.configuration.baseURL, account, prepared.sha256)
    // Whoever else is at it, in this process or another, will have it stored soon.
    var lock = try ledger.lockUpload(of: sha256, baseURL: baseURL, account: account)
    var waited = Duration.zero
    while lock == nil {
      if waited == .zero { onProgress(.waitingForUpload) }
      guard waited < Self.uploadLockPatience else {
        throw PipelineError(
          .runInProgress, stage: "upload",
          "another process has been uploading the same image for \(Int(waited / .seconds(1))) seconds",
          remedy: "wait until it ends, or end it")
      }
      try await client.sleep(Self.uploadLockInterval, stage: .upload)
      waited += Self.uploadLockInterval
      lock = try ledger.lockUpload(of: sha256, baseURL: baseURL, account: account)
    }
    defer { withExtendedLifetime(lock) {} }
    if let known = try ledger.upload(of: sha256, baseURL: baseURL, account: account), try await isStored(known) {
      return known
    }
    let upload = client.upload(
      prepared.content, name: prepared.name,
      mimeType: FileType.mimeType(ofExtension: URL(filePath: prepared.name).pathExtension),
      resuming: try ledger.partialUpload(of: sha256, baseURL: baseURL, account: account)
    ) { [ledger] in
      try ledger.recordPartialUpload(of: sha256, baseURL: baseURL, account: account, $0)
    }
    var stored: AssetID?
    for try await progress in upload {
      onProgress(.uploading(progress))
      stored = progress.assetID
    }
    // Without an asset the sequence ends only when the task is canceled.
    guard let asset = stored else { throw CancellationError() }
    try ledger.recordUpload(of: sha256, baseURL: baseURL, account: account, asset: asset)
    return asset
  }

  private func isStored(_ asset: AssetID) async throws -> Bool {
    do throws(ScenarioError) {
      return try await client.asset(asset).status != .error
    } catch {
      guard error.code == .notFound else { throw error }
      return false
    }
  }

  // MARK: Submitting

  /// The run with its job.
  private func submitted(
    _ entry: LedgerEntry, _ order: Img2ImgOrder, _ request: Img2ImgRequest, polling: JobPolling,
    onProgress: @Sendable (Img2ImgProgress) -> Void
  ) async throws -> LedgerEntry {
    var request = request
    if case .remote(let url) = order.source { request.image = .url(url) }
    if entry.state == .submitting || entry.state == .needsDecision {
      // An earlier process asked, and nobody has read the answer.
      try restore(&request, of: entry)
      onProgress(.reconciling)
      return try await reconciled(entry, request, polling: polling)
    }
    return try await recordingFailure(of: entry) {
      try await makeReady(&request, entry, order, onProgress)
      if let limit = order.maxCost {
        let price = try await client.price(of: request)
        guard price <= limit else {
          throw PipelineError(
            .tooExpensive, stage: "submit", "it costs \(price) creative units, and the limit is \(limit)",
            remedy: "raise --max-cost, or ask for less")
        }
      }
      do {
        return try await submit(request, run: entry.id, onProgress)
      } catch let error as ScenarioError where error.mayHaveStartedJob {
        onProgress(.reconciling)
        do {
          return try await reconciled(
            try ledger.entry(run: entry.id), request, polling: polling, named: error.namedJobs)
        } catch is ScenarioError {
          // The service cannot be asked now; the same command asks it later.
          throw error
        }
      }
    }
  }

  /// Asks for the job until the service takes it, and puts it on record.
  ///
  /// The run is `submitting` only while an answer is outstanding: in the pauses between attempts the service has no job of
  /// it, and whatever ends the process there costs nothing.
  private func submit(
    _ request: Img2ImgRequest, run: Int64, _ onProgress: @Sendable (Img2ImgProgress) -> Void
  ) async throws -> LedgerEntry {
    var policy = client.retry
    while true {
      try Task.checkCancellation()
      try ledger.recordSubmitting(run)
      onProgress(.submitting)
      let submission: Submission
      do throws(ScenarioError) {
        submission = try await client.submitOnce(request)
      } catch {
        guard let delay = client.delay(after: error, of: .submit, &policy) else { throw error }
        try ledger.recordNotSubmitted(run)
        onProgress(.pausing(delay, error))
        try await client.sleep(delay, stage: .submit)
        continue
      }
      return try recorded(submission, run: run)
    }
  }

  private func recorded(_ submission: Submission, run: Int64) throws(PipelineError) -> LedgerEntry {
    let id = submission.job.id
    do throws(PipelineError) {
      try ledger.recordSubmission(run, job: id, cost: submission.cost?.description)
      return try ledger.entry(run: run)
    } catch {
      throw PipelineError(
        error.code, stage: "submit", "job \(id) was submitted and is paid for, but \(error.message)",
        remedy: "write the job's id down", jobID: id, runID: run)
    }
  }

  /// Runs `work`. What it throws is put on record when trying again would not help; else the run stays where it stands,
  /// and the same order takes it up there.
  private func recordingFailure<Result>(of run: LedgerEntry, _ work: () async throws -> Result) async throws -> Result {
    do {
      return try await work()
    } catch let error as PipelineError {
      throw error
    } catch let error as ScenarioError where error.mayHaveStartedJob {
      throw error  // The state stays `submitting`: only the service knows.
    } catch let error as ScenarioError where error.isRetryable || error.code == .canceled {
      if error.stage == .submit { try ledger.recordNotSubmitted(run.id) }
      throw error
    } catch let error as PreparationError where error.code == .canceled {
      throw error
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      try ledger.recordFailure(run.id, reason: "\(error)")
      throw error
    }
  }

  private static func lastPart(of path: String) -> String { URL(filePath: path).lastPathComponent }
}
