import Foundation
import GessoPipeline
import ImagePreparation
import ScenarioAPI
import ScenarioSandbox
import Synchronization

// Many orders against a faulty sandbox, by client processes that are killed at chosen requests and commits. At the end
// every order has been paid once, and every result is on disk. How many processes are killed is no luck: a kill whose request or
// commit did not come, because the orders were finished before, is placed again, with more orders. With --disagreements the sandbox
// answers each order in ways of its own, drawn by the seed, in which the service may differ from its documents (contract, section 14).
//
//   soak --jobs N --kills N --processes N --seed N [--no-echo] [--disagreements]

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

let soak = Soak(
  jobs: value("--jobs", 500), kills: value("--kills", 25), processes: value("--processes", 1),
  seed: UInt64(value("--seed", 1)), echoes: !arguments.contains("--no-echo"),
  disagrees: arguments.contains("--disagreements"))
let faults = try await soak.run()
for fault in faults { print("FAILED: \(fault)") }
exit(faults.isEmpty ? 0 : 1)
