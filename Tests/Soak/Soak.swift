import Foundation
import GessoPipeline
import ImagePreparation
import ScenarioSandbox
import Synchronization
import TestSupport

/// The parent process: a sandbox, and client processes that are started again until all orders are done and every kill has hit.
struct Soak: Sendable {
  /// The number of orders at the beginning. More are added if the clients have finished all of them while kills are left.
  let jobs: Int
  /// The number of kills at the beginning. More are added for each state of the ledger that no kill has hit.
  let kills: Int
  let processes: Int
  let seed: UInt64
  let echoes: Bool
  /// True if some replies differ from the service's documents. The seed decides which.
  let disagrees: Bool

  /// The place at which a client process ends: the nth request of an operation, before it has an effect, or the nth commit of a step.
  private enum Place: Sendable, Hashable, CustomStringConvertible {
    case request(String, Int)
    case commit(String, Int)

    /// The place of another kill if a process ended without reaching this place. All uploads are done then, but every order still has each
    /// of the other steps once.
    var again: Place {
      switch self {
      case .request("uploadAsset", _): .request("generateImg2Img", 1)
      case .request(let operation, _): .request(operation, 1)
      case .commit(let step, _): .commit(step, 1)
      }
    }

    var description: String {
      switch self {
      case .request(let operation, _): "request \(operation)"
      case .commit(let step, _): "commit \(step)"
      }
    }
  }

  /// The places in turn. The rare ones come early, so that every place is reached and every state of the ledger is hit.
  private var places: [Place] {
    let often = max(jobs / max(kills, 1) / 2, 1)
    let round: [Place] = [
      .request("uploadAsset", 1), .commit("failed", 1), .commit("needs-decision", 1), .commit("claim", often),
      .commit("uploaded", often),
      .request("generateImg2Img", often), .commit("prepared", often), .commit("submitting", often),
      .request("getJob", often), .commit("submitted", often), .request("generateImg2Img", 1 + often / 2),
      .commit("succeeded", often), .request("getAsset", often), .request("file", often), .commit("result", often),
      .commit("submitting", 1 + often / 3), .commit("downloaded", often),
    ]
    return (0..<kills).map { index in
      // After the first round all images are uploaded.
      let place = round[index % round.count]
      return index >= round.count && place == .request("uploadAsset", 1) ? .request("generateImg2Img", often) : place
    }
  }

  private struct State: Sendable {
    var places: ArraySlice<Place>
    /// The number of orders so far.
    var orders: Int
    /// The number of planned kills, including those that were added.
    var kills: Int
    /// Client processes that are running or will be started again.
    var running: Int
    /// The numbers of kills that were placed again or added.
    var repeats: [String: Int] = [:]
    /// For each client process that will be killed at a request, the operation and the number of its requests until then.
    var targets: [Int32: (operation: String, left: Int)] = [:]
    var log: [String: Int] = [:]
    /// For each state, the number of kills that hit it: the killed process held the claim of a run in this state.
    var hits: [LedgerEntry.State: Int] = [:]
    /// The runs that were counted before. A run that no process has continued since must not be counted again.
    var left: [Int64: LedgerEntry.State] = [:]
  }

  func run() async throws -> [String] {
    let folder = FileManager.default.temporaryDirectory.appending(path: "gesso-soak-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let source = folder + "/source.png"
    let picture = PixelImage(
      size: ImageSize(width: 96, height: 96), channels: 3,
      samples: (0..<96 * 96 * 3).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 / 288 &* 3) })
    try Data(try ImagePreparer().encodePNGBlocking(picture)).write(to: URL(filePath: source))

    let shared = Shared(State(places: places[...], orders: jobs, kills: kills, running: processes))
    let credential = SandboxCredential.random()
    let step = Duration.milliseconds(15)
    var configuration = SandboxConfiguration(
      credentials: [credential],
      jobTimings: JobTimings(queued: step, warmingUp: step, inProgress: step, finalizing: step))
    configuration.echoesInput = echoes
    configuration.disagreementSeed = disagrees ? seed : nil
    configuration.faultPlan = SandboxFaultPlan(seed: seed, rate: 0.01)
    configuration.faultDelay = .milliseconds(200)
    configuration.onRequest = { _, operation in shared.meet(operation) }
    let sandbox = ScenarioSandbox(configuration: configuration)
    let base = try await sandbox.start().absoluteString
    let begin = ContinuousClock.now
    var ends: [Int32] = []
    try await withThrowingTaskGroup(of: Int32.self) { group in
      for number in 0..<processes {
        group.addTask {
          try await keepRunning(number, folder: folder, source: source, sandbox, base: base, credential, shared)
        }
      }
      for try await status in group { ends.append(status) }
    }
    let statistics = sandbox.statistics
    await sandbox.stop()

    let (jobs, kills, repeats) = (shared.orders, shared.kills, shared.repeats)
    var faults: [String] = []
    if ends.contains(where: { $0 != 0 }) { faults.append("a client process ended with \(ends)") }
    if statistics.jobs != jobs { faults.append("\(statistics.jobs) jobs were paid, for \(jobs) orders") }
    if statistics.distinctIntents != jobs { faults.append("\(statistics.distinctIntents) different orders were paid") }
    let twice = statistics.jobsByIntent.values.count { $0 > 1 }
    if twice > 0 { faults.append("\(twice) orders were paid twice") }
    let results = (0..<jobs).count { index in
      (1...Worker.samples(index)).allSatisfy { sample in
        let path = "\(folder)/out/\(index)/source-\(index)-\(sample).png"
        return FileManager.default.fileExists(atPath: path) && FileManager.default.fileExists(atPath: path + ".json")
      }
    }
    if results != jobs { faults.append("\(results) orders have all their results on disk, of \(jobs)") }
    let ledger = try Ledger(path: folder + "/ledger.sqlite")
    try ledger.check()
    let open = try ledger.entries(limit: jobs * 4).filter { $0.state != .downloaded && $0.state != .failed }
    if !open.isEmpty { faults.append("\(open.count) runs are unexplained: \(Set(open.map(\.state.rawValue)))") }
    let log = shared.log
    if let count = log[Worker.evident] {
      faults.append("\(count) runs were left to a decision, though only one job could be theirs")
    }
    let killed = log.filter { $0.key.hasPrefix("killed") }
    if killed.values.reduce(0, +) != kills { faults.append("\(killed.values.reduce(0, +)) kills, not \(kills)") }

    let hits = shared.hits
    let (clients, own) = (Self.processorTime(ofChildren: true), Self.processorTime(ofChildren: false))
    print(
      "\(jobs) orders, \(processes) processes, inputs \(echoes ? "" : "not ")repeated, \(ContinuousClock.now - begin)")
    if disagrees {
      let draws = (0..<jobs).map { SandboxDisagreement.drawn(seed: seed, order: Worker.prompt($0)) }
      let counts = SandboxDisagreement.survivable.map { kind in "\(draws.count { $0.contains(kind) }) \(kind.rawValue)"
      }
      print(
        "orders by disagreement: \(counts.joined(separator: ", ")); \(SandboxDisagreement.clock(seed: seed).rawValue)")
    }
    print("processor time an order: clients \(clients / Double(jobs)) ms, sandbox \(own / Double(jobs)) ms")
    print("paid \(statistics.jobs), refunded \(statistics.refundedJobs), results \(results)")
    for (name, count) in log.sorted(by: { $0.key < $1.key }) { print("  \(count) \(name)") }
    for (name, count) in repeats.sorted(by: { $0.key < $1.key }) { print("  \(count) \(name)") }
    print("  kills that found a run in hand, by its state:")
    for state in LedgerEntry.State.allCases {
      print("    \(hits[state, default: 0]) \(state.rawValue)")
      if hits[state] == nil { faults.append("no kill hit the state \(state.rawValue)") }
    }
    print(
      "  faults: "
        + statistics.faults.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", "))
    return faults
  }

  /// User and system time in milliseconds.
  private static func processorTime(ofChildren: Bool) -> Double {
    var usage = rusage()
    // These are the values of RUSAGE_CHILDREN and RUSAGE_SELF. The constants themselves have different types on different systems.
    unsafe getrusage(ofChildren ? -1 : 0, &usage)
    func milliseconds(_ time: timeval) -> Double { Double(time.tv_sec) * 1000 + Double(time.tv_usec) / 1000 }
    return milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime)
  }

  /// The state that the hook of the sandbox shares with the tasks that start the client processes.
  private final class Shared: Sendable {
    private let state: Mutex<State>
    init(_ state: State) { self.state = Mutex(state) }

    var orders: Int { state.withLock(\.orders) }
    var kills: Int { state.withLock(\.kills) }
    var log: [String: Int] { state.withLock(\.log) }
    var repeats: [String: Int] { state.withLock(\.repeats) }
    var hits: [LedgerEntry.State: Int] { state.withLock(\.hits) }
    func count(_ line: String) { state.withLock { $0.log[line, default: 0] += 1 } }
    func nextPlace() -> Place? { state.withLock { $0.places.popFirst() } }

    /// Decides what happens when a client process has finished all its orders. Returns true if the process gets more orders.
    ///
    /// If the process did not reach its place, the place is set again, at the next such request or commit. If no place is left, the last
    /// process gets a place for each state of the ledger that no kill has hit.
    func goesOn(missed place: Place?) -> Bool {
      state.withLock { state in
        // Each repetition costs the start of a process, and an order for each of its tasks. More repetitions than this are a fault, because
        // no load of the machine explains them.
        let mayRepeat = state.repeats.values.reduce(0, +) < 2 * state.kills + LedgerEntry.State.allCases.count
        if let place, mayRepeat {
          state.places.append(place.again)
          state.repeats["placed again: \(place)", default: 0] += 1
        } else if place == nil, mayRepeat, state.running == 1, state.hits.count < LedgerEntry.State.allCases.count {
          for missing in LedgerEntry.State.allCases where state.hits[missing] == nil {
            state.places.append(.commit(missing == .planned ? "claim" : missing.rawValue, 1))
            state.kills += 1
            state.repeats["added for a state that no kill hit: \(missing.rawValue)", default: 0] += 1
          }
        } else {
          state.running -= 1
          return false
        }
        state.orders += Worker.width
        return true
      }
    }

    /// Counts the states of the runs that the killed process was working on. Their lock files still exist, and no process holds a lock on
    /// them.
    func countStates(_ ledger: Ledger) throws {
      var found: [Int64: LedgerEntry.State] = [:]
      for name in try FileManager.default.contentsOfDirectory(atPath: ledger.path + "-locks") {
        guard let run = Int64(name), isAbandoned("\(ledger.path)-locks/\(name)") else { continue }
        found[run] = try ledger.entry(run: run).state
      }
      state.withLock { state in
        for hit in Set(found.filter { state.left[$0.key] != $0.value }.values) { state.hits[hit, default: 0] += 1 }
        state.left = found
      }
    }

    /// True if no process holds a lock on this lock file. The file stays as it is.
    private func isAbandoned(_ path: String) -> Bool {
      let descriptor = unsafe open(path, O_RDWR | O_CLOEXEC)
      guard descriptor >= 0 else { return false }
      defer { close(descriptor) }
      return flock(descriptor, LOCK_EX | LOCK_NB) == 0
    }

    /// Starts a client process and sets its place before any of its requests is handled.
    func start(_ process: Process, aimingAt place: Place?) throws {
      try state.withLock { state in
        try process.run()
        if case .request(let operation, let count) = place {
          state.targets[process.processIdentifier] = (operation, count)
        }
      }
    }
    func forget(_ process: Int32) { state.withLock { $0.targets[process] = nil } }

    /// Called when a request has arrived, before it has an effect.
    func meet(_ operation: String) {
      state.withLock { state in
        for (process, target) in state.targets where target.operation == operation {
          guard target.left == 1 else {
            state.targets[process]?.left -= 1
            continue
          }
          state.targets[process] = nil
          kill(process, SIGKILL)
        }
      }
    }
  }

  /// Starts a client process again until one ends by itself.
  private func keepRunning(
    _ number: Int, folder: String, source: String, _ sandbox: ScenarioSandbox, base: String,
    _ credential: SandboxCredential, _ shared: Shared
  ) async throws -> Int32 {
    while true {
      let place = shared.nextPlace()
      var commit = ("none", 0)
      if case .commit(let step, let count) = place { commit = (step, count) }
      let process = Process()
      process.executableURL = URL(filePath: CommandLine.arguments[0])
      process.arguments = [
        "work", folder + "/ledger.sqlite", base, folder + "/out", source, String(shared.orders), String(number),
        commit.0,
        String(commit.1),
      ]
      process.environment = [
        "SCENARIO_API_KEY": credential.key, "SCENARIO_API_SECRET": credential.secret,
        "GESSO_TEST_TIME_SCALE": String(TimeScale.factor),
      ]
      // The output goes to a file, because the other client process would inherit a pipe and keep it open.
      let said = URL(filePath: "\(folder)/said-\(number)")
      try Data().write(to: said)
      process.standardOutput = try FileHandle(forWritingTo: said)
      let (ended, end) = AsyncStream.makeStream(of: Int32.self)
      process.terminationHandler = {
        end.yield($0.terminationReason == .uncaughtSignal ? -$0.terminationStatus : $0.terminationStatus)
        end.finish()
      }
      try shared.start(process, aimingAt: place)
      switch place {
      // Random faults lead to these states too rarely. Several faults are scripted, because the other processes get some of them.
      case .commit("failed", _): sandbox.script(SandboxFault(.quota, on: "generateImg2Img", count: 4 * processes))
      case .commit("needs-decision", _):
        sandbox.script(SandboxFault(.resetBefore, on: "generateImg2Img", count: 4 * processes))
      default: break
      }
      var status: Int32 = 0
      for await value in ended { status = value }
      shared.forget(process.processIdentifier)
      for line in try String(contentsOf: said, encoding: .utf8).split(separator: "\n") { shared.count(String(line)) }
      if status == 0, shared.goesOn(missed: place) { continue }
      if status != -SIGKILL { return status }
      // The kill is counted here and not when the signal is sent, because the process may have ended by itself just before.
      shared.count(place.map { "killed \($0)" } ?? "kill from outside")
      try shared.countStates(try Ledger(path: folder + "/ledger.sqlite"))
    }
  }
}
