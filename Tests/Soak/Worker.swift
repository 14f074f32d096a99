import Foundation
import GessoPipeline
import ImagePreparation
import ScenarioAPI
import Synchronization
import TestSupport

/// A client process: carries out every order, several at a time, until all are done or it is killed.
struct Worker {
  let ledgerPath: String
  let baseURL: String
  let folder: String
  let source: String
  let jobs: Int
  /// Which of the workers it is; half of them go through the orders backwards.
  let number: Int
  /// Where it ends itself: after the nth commit of that step.
  let killStep: String
  let killCount: Int

  static let width = 16

  /// One line to the parent, whatever happens next.
  static func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = unsafe write(1, bytes, bytes.count)
  }

  static func order(_ index: Int, source: String, folder: String) -> Img2ImgOrder {
    var order = Img2ImgOrder(path: source, prompt: "order \(index)", folder: "\(folder)/\(index)")
    // Forty different uploads, shared by the orders.
    order.recipe.output = .auto(quality: 50 + index % 40)
    order.recipe.size = .longestSide(96, sides: .multiples(of: 16))
    order.request.seed = String(index)
    order.request.numInferenceSteps = 1
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
    let pipeline = Img2ImgPipeline(client: client, ledger: ledger)
    let indices = number % 2 == 0 ? Array(0..<jobs) : Array((0..<jobs).reversed())
    try await withThrowingTaskGroup(of: Void.self) { group in
      var next = 0
      func begin() {
        guard next < indices.count else { return }
        let index = indices[next]
        next += 1
        group.addTask { try await finish(index, pipeline) }
      }
      for _ in 0..<Self.width { begin() }
      while try await group.next() != nil { begin() }
    }
  }

  /// Carries out one order however often it takes, as somebody would who runs the command again.
  private func finish(_ index: Int, _ pipeline: Img2ImgPipeline) async throws {
    let order = Self.order(index, source: source, folder: folder)
    let polling = JobPolling(
      initialInterval: .milliseconds(30), longestInterval: .milliseconds(300), deadline: .seconds(20) * TimeScale.factor
    )
    var failures = 0
    while true {
      do {
        _ = try await pipeline.start(order, polling: polling).result
        return
      } catch let error as PipelineError where error.code == .runInProgress {
        try await Task.sleep(for: .milliseconds(50))
      } catch let error as PipelineError where error.code == .needsDecision {
        // What a person would decide who sees the same list.
        let decision: Img2ImgPipeline.Decision = error.candidates.first.map { .adopt($0) } ?? .resubmit
        Self.say("decided \(error.candidates.isEmpty ? "resubmit" : "adopt")")
        if let run = error.runID { _ = try? await pipeline.resolve(run, decision) }
      } catch {
        failures += 1
        Self.say(
          "failed \((error as? ScenarioError)?.code.rawValue ?? (error as? PipelineError)?.code.rawValue ?? "\(error)")"
        )
        if failures == 20 { throw error }
      }
    }
  }
}
