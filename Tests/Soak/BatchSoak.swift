import Foundation
import GessoPipeline
import ImagePreparation
import ScenarioAPI
import ScenarioSandbox
import Synchronization
import TestSupport

/// Runs `gesso batch` again and again until every row is done, while the service is faulty, the command is killed and the disk is full.
/// Like a person, it gives failed rows again, and decides about runs whose job is uncertain.
///
/// Nothing depends on chance. The fault of each run of the command comes at the nth request of an operation, and that request determines
/// the state on record. A submit and the reads of jobs are sent only after their steps were recorded, so that a kill there finds a run in
/// that state. The sandbox has read a request completely before the command is killed. So a kill at a submit leaves a paid job, and no
/// process has read its reply. If a run of the command does not reach its place, the place is tried again with more rows.
struct BatchSoak: Sendable {
  /// The command.
  let gesso: String
  /// An empty folder. To test a full disk, it must be on a file system of its own.
  let folder: String
  /// The number of rows at the beginning.
  let rows: Int
  let kills: Int
  /// The number of times that the disk becomes full.
  let fills: Int
  let seed: UInt64
  /// True if some replies stop in the middle. The command waits a minute for each of them.
  let stalls: Bool

  /// A fault of one run of the command, and the request at which it comes: the nth of an operation.
  private struct Place: Sendable {
    let fills: Bool
    let operation: String
    var count: Int

    var name: String { "\(fills ? "full disk" : "killed") at \(operation)" }
  }

  /// The operations in turn, each with the states in which a run may then be. The test needs the first of these states. The second state
  /// occurs because a run whose job had succeeded before an interruption reads the job once more.
  private static let operations: [(name: String, states: [LedgerEntry.State])] = [
    ("generateImg2Img", [.submitting]), ("uploadAsset", [.prepared]), ("getJob", [.submitted, .succeeded]),
    ("file", [.succeeded]),
  ]

  private var places: [Place] {
    let often = max(1, rows / (kills + fills) / 4)
    let killed = (0..<kills).map { index in
      Place(fills: false, operation: Self.operations[index % Self.operations.count].name, count: often)
    }
    let filled = (0..<fills).map { index in
      Place(fills: true, operation: ["generateImg2Img", "file", "uploadAsset"][index % 3], count: often)
    }
    // After each of the first kills the disk is filled once, because rows of every state exist then.
    return zip(killed, filled).flatMap { [$0, $1] } + killed.dropFirst(fills) + filled.dropFirst(kills)
  }

  /// The state that the hook of the sandbox and the runs of the command share.
  private final class Aim: Sendable {
    private let state = Mutex<(process: Int32, place: Place, disk: String)?>(nil)
    private let isFull = Mutex(false)

    var hasFilled: Bool { isFull.withLock(\.self) }

    /// Starts a process and sets its place before any of its requests is handled.
    func start(_ process: Process, at place: Place?, disk: String) throws {
      isFull.withLock { $0 = false }
      try state.withLock { state in
        try process.run()
        state = place.map { (process.processIdentifier, $0, disk) }
      }
    }

    /// Called when a request has arrived, before it has an effect.
    func meet(_ operation: String) {
      state.withLock { state in
        guard let target = state, target.place.operation == operation else { return }
        guard target.place.count == 1 else {
          state?.place.count -= 1
          return
        }
        state = nil
        guard target.place.fills else {
          kill(target.process, SIGKILL)
          return
        }
        BatchSoak.fill(target.disk)
        isFull.withLock { $0 = true }
      }
    }

    func forget() { state.withLock { $0 = nil } }
  }

  private var filler: String { folder + "/filler" }

  /// Writes a file until the disk is full.
  private static func fill(_ folder: String) {
    let descriptor = unsafe open(folder + "/filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    defer { close(descriptor) }
    for size in [1 << 20, 4096, 1] {
      let bytes = [UInt8](repeating: 1, count: size)
      while unsafe write(descriptor, bytes, size) > 0 {}
    }
  }

  /// Makes images that are all different.
  private func makeImages(_ indices: Range<Int>) throws {
    let preparer = ImagePreparer()
    for index in indices {
      let picture = PixelImage(
        size: ImageSize(width: 96, height: 96), channels: 3,
        samples: (0..<96 * 96 * 3).map { UInt8(truncatingIfNeeded: $0 / 96 &* (3 + index % 50) &+ index / 50) })
      try Data(try preparer.encodePNGBlocking(picture)).write(to: URL(filePath: "\(folder)/photos/\(name(index)).png"))
    }
  }

  private func name(_ index: Int) -> String { "image-\(index)" }

  func run() async throws -> [String] {
    try FileManager.default.createDirectory(atPath: folder + "/photos", withIntermediateDirectories: true)
    try makeImages(0..<rows)
    let aim = Aim()
    let step = Duration.milliseconds(50)
    var configuration = SandboxConfiguration(
      credentials: [.random()],
      jobTimings: JobTimings(queued: step, warmingUp: step, inProgress: step, finalizing: step))
    // The fault `hang` is left out. The command would wait a minute for each such reply, and other clients of the soak have that fault.
    configuration.faultPlan = SandboxFaultPlan(
      seed: seed, rate: 0.01, kinds: SandboxFault.Kind.allCases.filter { $0 != .hang && (stalls || $0 != .stall) })
    configuration.disagreementSeed = seed
    configuration.faultDelay = .milliseconds(200)
    configuration.onRequest = { _, operation in aim.meet(operation) }
    let sandbox = ScenarioSandbox(configuration: configuration)
    let base = try await sandbox.start().absoluteString
    let command = Command(
      program: gesso, folder: folder,
      environment: [
        "HOME": folder, "PATH": "/usr/bin:/bin", "GESSO_LEDGER": folder + "/ledger.sqlite", "SCENARIO_BASE_URL": base,
        "SCENARIO_API_KEY": configuration.credentials[0].key,
        "SCENARIO_API_SECRET": configuration.credentials[0].secret,
      ])
    let begin = ContinuousClock.now
    var record = Record(rows: rows)
    try await repeatUntilDone(command, sandbox, aim, &record)
    try await check(command, sandbox, base, &record)
    await sandbox.stop()

    let statistics = sandbox.statistics
    print("\(record.rows) rows, \(ContinuousClock.now - begin)")
    print("paid \(statistics.jobs), refunded \(statistics.refundedJobs)")
    for (line, count) in record.log.sorted(by: { $0.key < $1.key }) { print("  \(count) \(line)") }
    print(
      "  faults: "
        + statistics.faults.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", "))
    return record.faults
  }

  /// The faults that were caused so far.
  private struct Record {
    var rows: Int
    var log: [String: Int] = [:]
    var hits: Set<LedgerEntry.State> = []
    var faults: [String] = []
    mutating func count(_ line: String) { log[line, default: 0] += 1 }
  }

  /// The exit codes after which a person gives the batch again: some rows failed, all rows failed for the same reason, or the service
  /// refused credit or could not be reached.
  private static let passing: Set<Int32> = [1, 6, 7, 8]
  /// Some of these exit codes, with which a batch may end before it reaches the full disk: a refusal of the service, no reply, or failed
  /// jobs.
  private static let before: Set<Int32> = [6, 7, 8]

  private func repeatUntilDone(
    _ command: Command, _ sandbox: ScenarioSandbox, _ aim: Aim, _ record: inout Record
  ) async throws {
    var (places, repeats) = (places[...], 0)
    // Counts a repetition. Returns false if there are far more repetitions than faults can cause.
    func again(_ line: String, _ record: inout Record) -> Bool {
      record.count(line)
      repeats += 1
      if repeats >= 4 * (kills + fills) + 40 {
        record.faults.append("after \(repeats) repeats it is not done: \(command.lastWords)")
        return false
      }
      return true
    }
    while true {
      let place = places.popFirst()
      let begin = ContinuousClock.now
      let status = try await command.batch { try aim.start($0, at: place, disk: folder) }
      print("  \(status) after \(ContinuousClock.now - begin): \(place?.name ?? "no place")")
      aim.forget()
      let wasFull = aim.hasFilled
      if wasFull { try FileManager.default.removeItem(atPath: filler) }
      switch (status, place) {
      case (-SIGKILL, let place?) where !place.fills:
        record.count(place.name)
        let found = Set(try Ledger(path: folder + "/ledger.sqlite").entries(limit: .max).map(\.state))
        record.hits.formUnion(found)
        let states = Self.operations.first { $0.name == place.operation }?.states ?? []
        if found.isDisjoint(with: states) {
          record.faults.append("\(place.name), and no run is \(states.map(\.rawValue).joined(separator: " or "))")
        } else if let aim = states.first, !found.contains(aim) {
          guard again("another state than \(aim.rawValue)", &record) else { return }
          // At each start, runs whose job had succeeded come first, so the next attempt aims at a later request.
          var later = place
          later.count += 1
          places.append(later)
        }
      case (10, let place?) where wasFull: record.count(place.name)
      case (0, nil): return
      default:
        if wasFull, !Self.before.contains(status) {
          record.faults.append("status \(status) with a full disk: \(command.lastWords)")
        }
        if !wasFull, status != 0, !Self.passing.contains(status) {
          record.faults.append("status \(status): \(command.lastWords)")
          return
        }
        guard again("ended with \(status)\(wasFull ? " before the full disk" : "")", &record) else { return }
        // The place was not reached, because too few rows were left.
        if var place, status == 0 {
          place.count = 1
          places.append(place)
          try makeImages(record.rows..<record.rows + 8)
          record.rows += 8
          record.count("placed again: \(place.name)")
        } else if let place, !wasFull || Self.before.contains(status) {
          places.append(place)
        }
      }
      try await decide(command, sandbox, &record)
    }
  }

  /// Decides about runs like a person who sees every job of the service. Each row has a prompt of its own, which identifies its job.
  private func decide(_ command: Command, _ sandbox: ScenarioSandbox, _ record: inout Record) async throws {
    let ledger = try Ledger(path: folder + "/ledger.sqlite")
    for run in try ledger.entries(limit: .max) where run.state == .needsDecision {
      let claimed = try ledger.claimedJobs(baseURL: run.intent.baseURL)
      let job = sandbox.jobs.first {
        $0.prompt == run.intent.prompt && !claimed.contains(JobID(rawValue: $0.jobId))
      }
      let decision = job.map { ["--adopt", $0.jobId] } ?? ["--resubmit"]
      let status = try await command.run(["jobs", "resolve", String(run.id)] + decision) { try $0.run() }
      record.count("decided \(decision[0]): \(status)")
    }
  }

  private func check(
    _ command: Command, _ sandbox: ScenarioSandbox, _ base: String, _ record: inout Record
  ) async throws {
    let (statistics, rows) = (sandbox.statistics, record.rows)
    if statistics.jobs != rows { record.faults.append("\(statistics.jobs) jobs were paid, for \(rows) rows") }
    if statistics.distinctIntents != rows {
      record.faults.append("\(statistics.distinctIntents) different orders were paid, for \(rows) rows")
    }
    let results = (0..<rows).count { index in
      let path = "\(folder)/out/\(name(index))-1.png"
      return FileManager.default.fileExists(atPath: path) && FileManager.default.fileExists(atPath: path + ".json")
    }
    if results != rows { record.faults.append("\(results) rows have their results on disk, of \(rows)") }
    let others = try FileManager.default.contentsOfDirectory(atPath: folder + "/out").filter { name in
      !name.hasSuffix("-1.png") && !name.hasSuffix("-1.png.json") && !name.contains(".prepared.")
    }
    if !others.isEmpty { record.faults.append("\(others.count) other files: \(others.prefix(5))") }
    let ledger = try Ledger(path: folder + "/ledger.sqlite")
    try ledger.check()
    let open = try ledger.entries(limit: .max).filter { $0.state != .downloaded && $0.state != .failed }
    if !open.isEmpty {
      record.faults.append("\(open.count) runs are unexplained: \(Set(open.map(\.state.rawValue)))")
    }
    if let batch = try ledger.batches().first {
      let counts = try ledger.counts(of: batch)
      if counts[.done] != rows { record.faults.append("the ledger has the rows as \(counts), of \(rows)") }
    } else {
      record.faults.append("the ledger has no batch")
    }
    for case let state? in Self.operations.map(\.states.first) where !record.hits.contains(state) {
      record.faults.append("no kill found a run that was \(state.rawValue)")
    }
    // All results exist. If the command is given once more, it does nothing and pays nothing.
    let status = try await command.batch { try $0.run() }
    if status != 0 { record.faults.append("given once more, it ended with \(status): \(command.lastWords)") }
    let after = sandbox.statistics
    if after.jobs != statistics.jobs { record.faults.append("given once more, it paid for jobs") }
    if after.requests["generateImg2Img"] != statistics.requests["generateImg2Img"] {
      record.faults.append("given once more, it submitted")
    }
  }
}

/// Runs of the command.
private struct Command {
  let program: String
  let folder: String
  let environment: [String: String]

  private var errors: URL { URL(filePath: folder).appending(path: "errors") }

  /// The end of the standard error of the last run.
  var lastWords: String {
    let text = (try? String(contentsOf: errors, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").suffix(6).joined(separator: " | ")
  }

  /// Runs the command of the batch.
  func batch(_ start: (Process) throws -> Void) async throws -> Int32 {
    try await run(
      [
        "batch", "photos", "--prompt", "order {stem}", "-o", "out", "--name", "{stem}-{index}", "--steps", "1",
        "--max-side", "96", "--retry-failed",
      ], start)
  }

  /// Runs to the end.
  ///
  /// - Returns: The exit status, or the negative number of the signal that ended the process.
  func run(_ arguments: [String], _ start: (Process) throws -> Void) async throws -> Int32 {
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    process.environment = environment
    process.currentDirectoryURL = URL(filePath: folder)
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try Data().write(to: errors)
    process.standardError = try FileHandle(forWritingTo: errors)
    let (ended, end) = AsyncStream.makeStream(of: Int32.self)
    process.terminationHandler = {
      end.yield($0.terminationReason == .uncaughtSignal ? -$0.terminationStatus : $0.terminationStatus)
      end.finish()
    }
    try start(process)
    var status: Int32 = 0
    for await value in ended { status = value }
    return status
  }
}
