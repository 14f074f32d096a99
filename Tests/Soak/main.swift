import Foundation
import GessoPipeline
import ImagePreparation
import ScenarioAPI
import ScenarioSandbox
import Synchronization

// Carries out many orders against a faulty sandbox, by client processes that are killed at chosen requests and commits. At the end every
// order has been paid for once, and every result is on disk.
//
// The number of kills does not depend on chance. If the orders are finished before the request or commit of a kill, the kill is placed
// again, with more orders. With --disagreements the sandbox answers each order in some of the ways in which the service may differ from its
// documents (contract, section 14); the seed decides which.
//
//   soak --jobs N --kills N --processes N --seed N [--no-echo] [--disagreements]
//   soak serve --latency MS --parallel N --seconds N      only a sandbox, slow to answer, with so many jobs at a time of so many seconds
//   soak batch GESSO FOLDER --rows N --kills N --fills N --seed N [--stalls]      the command gesso batch, in an empty folder

let arguments = Array(CommandLine.arguments.dropFirst())

if arguments.first == "work" {
  do {
    try await Worker(
      ledgerPath: arguments[1], baseURL: arguments[2], folder: arguments[3], source: arguments[4],
      jobs: Int(arguments[5])!, number: Int(arguments[6])!, killStep: arguments[7], killCount: Int(arguments[8])!
    ).run()
    exit(0)
  } catch {
    Worker.say("gave up: \(error)")
    exit(1)
  }
}

@MainActor func value(_ name: String, _ fallback: Int) -> Int {
  guard let place = arguments.firstIndex(of: name), place + 1 < arguments.count else { return fallback }
  return Int(arguments[place + 1]) ?? fallback
}

if arguments.first == "serve" {
  let job = Duration.seconds(value("--seconds", 3))
  let pair = SandboxCredential.random()
  var configuration = SandboxConfiguration(
    credentials: [pair], jobTimings: JobTimings(queued: .zero, warmingUp: .zero, inProgress: job, finalizing: .zero))
  configuration.limits.parallelInferences = value("--parallel", 8)
  configuration.faultDelay = .milliseconds(value("--latency", 50))
  let sandbox = ScenarioSandbox(configuration: configuration)
  sandbox.script(SandboxFault(.delay, count: .max))
  let base = try await sandbox.start().absoluteString
  Worker.say("SCENARIO_BASE_URL=\(base) SCENARIO_API_KEY=\(pair.key) SCENARIO_API_SECRET=\(pair.secret)")
  while true { try await Task.sleep(for: .seconds(3600)) }
}

if arguments.first == "batch" {
  let faults = try await BatchSoak(
    gesso: arguments[1], folder: arguments[2], rows: value("--rows", 200), kills: value("--kills", 8),
    fills: value("--fills", 3), seed: UInt64(value("--seed", 1)), stalls: arguments.contains("--stalls")
  ).run()
  end(faults)
}

let soak = Soak(
  jobs: value("--jobs", 500), kills: value("--kills", 25), processes: value("--processes", 1),
  seed: UInt64(value("--seed", 1)), echoes: !arguments.contains("--no-echo"),
  disagrees: arguments.contains("--disagreements"))
end(try await soak.run())

func end(_ faults: [String]) -> Never {
  for fault in faults { print("FAILED: \(fault)") }
  exit(faults.isEmpty ? 0 : 1)
}
