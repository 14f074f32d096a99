import Foundation
import GessoPipeline
import ImagePreparation
import ScenarioAPI
import ScenarioSandbox
import Synchronization
import TestSupport

/// A client process. It carries out every order, several at a time, until all are done or the process is killed.
struct Worker {
  let ledgerPath: String
  let baseURL: String
  let folder: String
  let source: String
  let jobs: Int
  /// The number of the worker. Half of the workers take the orders in reverse.
  let number: Int
  /// The step of the commit after which the process kills itself, and how many such commits come first.
  let killStep: String
  let killCount: Int

  static let width = 16

  /// The line that reports a run that needed a decision although only one job of the service could be its own.
  static let evident = "undecided, though only one job could be it"

  /// The prompt of an order.
  static func prompt(_ index: Int) -> String { "order \(index)" }

  /// The number of results of an order. Some orders have several, so that the addresses of several assets are requested together.
  static func samples(_ index: Int) -> Int { index % 7 == 3 ? 2 : 1 }

  /// Writes one line to the parent at once, so that it is not lost if the process is killed.
  static func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = unsafe write(1, bytes, bytes.count)
  }

  static func order(_ index: Int, source: String, folder: String) -> Img2ImgOrder {
    var order = Img2ImgOrder(path: source, prompt: prompt(index), folder: "\(folder)/\(index)")
    // Forty different uploads, shared by the orders.
    order.recipe.output = .auto(quality: 50 + index % 40)
    order.recipe.size = .longestSide(96, sides: .multiples(of: 16))
    order.generation.seed = String(index)
    order.generation.numInferenceSteps = 1
    order.generation.numSamples = samples(index)
    return order
  }

  func run() async throws {
    let (step, count) = (killStep, killCount)
    let seen = Mutex(0)
    let ledger = try Ledger(path: ledgerPath) { _, name in
      guard name == step,
        seen.withLock({
          $0 += 1; return $0
        }) == count
      else { return }
      kill(getpid(), SIGKILL)
    }
    let environment = ProcessInfo.processInfo.environment
    var options = ConnectionOptions()
    options.stallTimeout = .seconds(2) * TimeScale.factor
    var client = ScenarioClient(
      configuration: try ScenarioConfiguration(
        baseURL: baseURL,
        credential: ScenarioCredential(
          key: environment["SCENARIO_API_KEY"] ?? "", secret: environment["SCENARIO_API_SECRET"] ?? "")),
      transport: CurlTransport(options: options),
      retry: RetryPolicy(attempts: 4, initialDelay: .milliseconds(20), longestDelay: .milliseconds(200)))
    client.requestTimeout = .seconds(2) * TimeScale.factor
    let session = Session(client: client, ledger: ledger, pipeline: Img2ImgPipeline(client: client, ledger: ledger))
    // Only one in 16 of the orders that earlier processes finished is given again. If all were given again at each of a hundred starts,
    // there would be half a million.
    let finished = Set(try ledger.entries(limit: jobs * 4).filter { $0.state == .downloaded }.map(\.intent.seed))
    let open = (0..<jobs).filter { $0 % 16 == 0 || !finished.contains(String($0)) }
    let indices = number % 2 == 0 ? open : open.reversed()
    try await withThrowingTaskGroup(of: Void.self) { group in
      var next = 0
      func begin() {
        guard next < indices.count else { return }
        let index = indices[next]
        next += 1
        group.addTask { try await finish(index, session) }
      }
      for _ in 0..<Self.width { begin() }
      while try await group.next() != nil { begin() }
    }
  }

  /// The state that all orders of this process share.
  private struct Session {
    let client: ScenarioClient
    let ledger: Ledger
    let pipeline: Img2ImgPipeline
    let polling = JobPolling(
      initialInterval: .milliseconds(30), longestInterval: .milliseconds(300), deadline: .seconds(20) * TimeScale.factor
    )
  }

  /// Carries out one order in as many attempts as necessary, like a user who runs the command again.
  private func finish(_ index: Int, _ session: Session) async throws {
    let order = Self.order(index, source: source, folder: folder)
    let (pipeline, polling) = (session.pipeline, session.polling)
    var failures = 0
    while true {
      do {
        _ = try await pipeline.start(order, polling: polling).result
        return
      } catch let error as PipelineError where error.code == .runInProgress {
        try await Task.sleep(for: .milliseconds(50))
      } catch let error as PipelineError where error.code == .needsDecision {
        // If a job cannot be read now, it is read when the order is given again.
        if let run = error.runID { try? await decide(index, run, error.candidates, session) }
      } catch {
        failures += 1
        Self.say(
          "failed \((error as? ScenarioError)?.code.rawValue ?? (error as? PipelineError)?.code.rawValue ?? "\(error)")"
        )
        if failures == 20 { throw error }
      }
    }
  }

  /// Decides about a run like a person who sees every job of the list. Each order has a seed of its own, which identifies its job.
  private func decide(_ index: Int, _ run: Int64, _ candidates: [JobID], _ session: Session) async throws {
    let isEvident = try await hasOneJob(index, run, candidates, session)
    var decision = Img2ImgPipeline.Decision.resubmit
    // A person sees that a sibling is a workflow. If every second job in the list has a sibling, there are thousands of them.
    for candidate in candidates where !candidate.rawValue.hasSuffix("_sibling") {
      if try await isJob(candidate, of: index, session) { decision = .adopt(candidate) }
    }
    // Another process may still read the list of jobs to find this job. If this process began a new search instead of waiting, both could
    // wait for each other forever.
    for attempt in 1... {
      do {
        try await session.pipeline.resolve(run, decision)
        break
      } catch let error as PipelineError where error.code == .runInProgress && attempt < 1_200 {
        try await Task.sleep(for: .milliseconds(50))
      }
    }
    Self.say("decided \(decision == .resubmit ? "resubmit" : "adopt")")
    if isEvident { Self.say(Self.evident) }
  }

  private func isJob(_ id: JobID, of index: Int, _ session: Session) async throws -> Bool {
    do {
      let job = try await session.client.finishedJob(id, polling: session.polling)
      if let seed = job.echo?.seed { return seed == String(index) }
      guard let result = job.assetIDs.first else { return false }
      return try await session.client.asset(result).seed == String(index)
    } catch let error as ScenarioError where error.code == .notFound {
      return false
    }
  }

  /// True if exactly one job of the service can belong to the run, and it is the job of this order. Such a job has the run's model and
  /// source, was made around the time of its submit, and belongs to no other run. The candidates that the run lists count as well, even if
  /// other runs have claimed them since.
  private func hasOneJob(_ index: Int, _ run: Int64, _ candidates: [JobID], _ session: Session) async throws -> Bool {
    let entry = try session.ledger.entry(run: run)
    let claimed = try session.ledger.claimedJobs(baseURL: entry.intent.baseURL)
    var request = HTTPRequest(.get, baseURL.replacing(/\/v1$/, with: "/sandbox/jobs"), stage: .wait)
    request.authorization = session.client.configuration.credential
    let answer = try await CurlTransport(options: ConnectionOptions()).send(request)
    let jobs = try JSONDecoder().decode([SandboxJob].self, from: Data(answer.body)).filter { job in
      let id = JobID(rawValue: job.jobId)
      return job.modelId == "flux.1-dev" && job.sourceId == entry.assetID?.rawValue
        && abs(job.created - (entry.submittedAt ?? 0)) <= 600 && (!claimed.contains(id) || candidates.contains(id))
    }
    return jobs.count == 1 && jobs[0].prompt == Self.prompt(index)
  }
}
