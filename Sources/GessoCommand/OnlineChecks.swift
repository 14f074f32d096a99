internal import Foundation
internal import GessoPipeline
internal import ImagePreparation
internal import ScenarioAPI

/// The requests of `gesso doctor --online`, in the order of the contract (section 15): none of them costs anything.
struct OnlineChecks {
  /// A request with the meaning of its reply.
  struct Finding: Sendable {
    let request: String
    let meaning: String
    /// The failure, if the reply shows that the service cannot be used with these settings.
    var problem: CommandError?
  }

  private static let legacyModel = "flux.1-dev"
  private static let customModel = "model_bfl-flux-1-dev"
  /// The age of the oldest jobs that are listed, in seconds: 30 days.
  private static let oldestJobs = 30.0 * 86_400

  let client: ScenarioClient
  let configuration: ScenarioConfiguration

  // MARK: Reads

  /// Reads in sequence, and stops when the service cannot be reached.
  func reads() async throws -> [Finding] {
    var findings: [Finding] = []
    for check in [legacyModelIsThere, customModelIsThere, wrongKeyIsRefused, jobsCanBeRead] {
      let finding = try await check()
      findings.append(finding)
      if finding.problem?.status == .unavailable { break }
    }
    return findings
  }

  private func legacyModelIsThere() async throws -> Finding {
    try await answer("GET /models/\(Self.legacyModel)") {
      let model = try await client.model(Self.legacyModel)
      return model.custom == true
        ? "the service has it for custom generations only: use --mode custom"
        : "the service has it for the legacy endpoint: --mode legacy may work, which only a dry run shows"
    } missing: {
      "the service does not have it: use --mode custom --model \(Self.customModel)"
    }
  }

  private func customModelIsThere() async throws -> Finding {
    try await answer("GET /models/\(Self.customModel)") {
      let model = try await client.model(Self.customModel)
      guard let inputs = model.inputs else { return "the service has it, and publishes no inputs" }
      return
        "the service has it, with \(inputs.count) inputs (gesso models \(Self.customModel)): --mode custom works with it"
    } missing: {
      "the service does not have it: name another model with --model"
    }
  }

  private func wrongKeyIsRefused() async throws -> Finding {
    let request = "GET /models/\(Self.legacyModel) with a wrong key"
    do {
      let wrong = try ScenarioConfiguration(
        baseURL: configuration.baseURL, credential: ScenarioCredential(key: "wrong-on-purpose", secret: "wrong"))
      _ = try await ScenarioClient(configuration: wrong).model(Self.legacyModel)
      return Finding(
        request: request, meaning: "it was answered: this address does not check keys, as the service does")
    } catch let error as ScenarioError where error.code == .credentialsRefused {
      return Finding(
        request: request, meaning: "it was refused with \(error.httpStatus ?? 0), so that a wrong key is recognized")
    } catch let error as ScenarioError where error.outcome == .refused {
      return Finding(
        request: request,
        meaning: "it was refused with \(error.httpStatus ?? 0) (\(error.message)): a wrong key is not recognized as one"
      )
    } catch {
      return try failure(request, error)
    }
  }

  private func jobsCanBeRead() async throws -> Finding {
    try await answer("GET /jobs?createdAfter=…") {
      let jobs = try await client.latestJobs(createdAfter: Date.now.timeIntervalSince1970 - Self.oldestJobs)
      guard !jobs.isEmpty else { return "it can be read; the account made no job in the last 30 days" }
      let prompts = jobs.map { $0.input?["prompt"] }
      let archived = prompts.count { if case .string(let text) = $0 { Job.Echo.isArchived(text) } else { false } }
      let missing = prompts.count { $0 == nil }
      return "\(jobs.count) jobs can be read: \(prompts.count - archived - missing) with their prompt, "
        + "\(archived) with an id in its place, \(missing) without one"
    } missing: {
      "the list of jobs is not there: a lost reply to a submit cannot be cleared up"
    }
  }

  // MARK: Dry runs

  /// Asks for prices, each with its own order in the ledger, and stops at the first request without a reply.
  func dryRuns(_ pipeline: Img2ImgPipeline) async throws -> [Finding] {
    let folder = URL.temporaryDirectory.appending(path: "gesso-doctor-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let gray = PixelImage(
      size: ImageSize(width: 128, height: 128), channels: 1, samples: [UInt8](repeating: 128, count: 128 * 128))
    let image = ImageSource.memory(try await pipeline.preparer.encodePNG(gray))
    func order(_ change: (inout Img2ImgOrder) -> Void) -> Img2ImgOrder {
      var generation = Generation(prompt: "a gray square")
      (generation.width, generation.height, generation.seed) = (128, 128, "1")
      var order = Img2ImgOrder(
        source: .image(image), sourceName: "gesso doctor", stem: "doctor", generation: generation, folder: folder.path)
      // The custom model is not tried, because its price would be mistaken for a reply of the legacy endpoint.
      order.allowsCustomModel = false
      change(&order)
      return order
    }
    let orders: [(request: String, meaning: String, order: Img2ImgOrder)] = [
      (
        "POST /generate/img2img?dryRun=true", "the legacy endpoint takes \(Self.legacyModel): --mode legacy works",
        order { _ in }
      ),
      (
        "the same with an unknown field", "the legacy endpoint ignores unknown fields",
        order { $0.generation.parameters["gessoUnknownField"] = .bool(true) }
      ),
      (
        "the same with imageUrl", "imageUrl is accepted, which does not show that it is used",
        order { $0.source = .remote(url: "https://example.com/image.png") }
      ),
    ]
    var findings: [Finding] = []
    for (request, meaning, order) in orders {
      do {
        let price = try await pipeline.price(order).result
        findings.append(Finding(request: request, meaning: "\(price) creative units: \(meaning)"))
      } catch {
        let failure = CommandError(any: error)
        var meaning = failure.line
        if let job = (error as? any GessoFailure)?.jobID { meaning += "; job \(job) was started and is paid for" }
        findings.append(Finding(request: request, meaning: meaning, problem: failure))
        return findings
      }
    }
    findings.append(
      try await answer("POST /assets/get-bulk with nothing") {
        try await client.bulkRead()
        return "several results can be read with one request"
      } missing: {
        "results are read one by one"
      })
    return findings
  }

  // MARK: Answers

  private func answer(
    _ request: String, _ read: () async throws -> String, missing: () -> String
  ) async throws -> Finding {
    do {
      return Finding(request: request, meaning: try await read())
    } catch let error as ScenarioError where error.code == .notFound {
      return Finding(request: request, meaning: missing())
    } catch {
      return try failure(request, error)
    }
  }

  private func failure(_ request: String, _ error: any Error) throws -> Finding {
    if error is CancellationError { throw error }
    let failure = CommandError(any: error)
    return Finding(request: request, meaning: failure.line, problem: failure)
  }
}
