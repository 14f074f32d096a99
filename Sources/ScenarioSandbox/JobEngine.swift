internal import Foundation

/// The states of a job, spelled as the service does.
enum JobStatus: String, Codable, CaseIterable, Sendable {
  case pending
  case queued
  case warmingUp = "warming-up"
  case inProgress = "in-progress"
  case finalizing
  case success
  case failure
  case canceled

  /// True for the three states that never change again.
  var isTerminal: Bool { self == .success || self == .failure || self == .canceled }
}

/// A job: the facts fixed at its start, and whether it was canceled. Its state is computed from these and the time.
struct Job: Sendable {
  /// The end of a job that is not canceled.
  enum Outcome: Sendable, Equatable {
    case success
    case failure(error: String, hint: String)
  }

  let id: String
  let created: Date
  let timings: JobTimings
  let outcome: Outcome
  /// The endpoint of the request.
  var endpoint = LegacyEndpoint.img2img
  /// The request that the results are rendered from.
  let input: Img2ImgParameters
  /// The body of a custom model's request; nil for the legacy family.
  var customInput: CustomParameters?
  let resultIDs: [String]
  let cost: Double
  /// The asset that the job begins with.
  var sourceID = ""
  var canceled: Date?
  /// The number of jobs that were made before.
  fileprivate(set) var sequence = 0

  /// True for a job of the current family, which cannot be canceled.
  var isCustom: Bool { customInput != nil }
  /// The service's name for this kind of job (ASSUMED for img2img).
  var type: String { isCustom ? "custom" : "inference" }

  /// The service's description of a job at one moment.
  struct Snapshot: Sendable, Equatable {
    var status: JobStatus
    /// 0 to 1.
    var progress: Double
    /// Every state so far and the time when it began, oldest first.
    var history: [(status: JobStatus, date: Date)]

    /// When the present state began.
    var updated: Date { history[history.count - 1].date }

    static func == (a: Snapshot, b: Snapshot) -> Bool {
      a.status == b.status && a.progress == b.progress && a.history.elementsEqual(b.history, by: ==)
    }
  }

  /// All states of the job with the times they begin, if it is not canceled.
  private var schedule: [(status: JobStatus, date: Date)] {
    var date = created
    var schedule: [(status: JobStatus, date: Date)] = []
    func enter(_ status: JobStatus, for duration: Duration) {
      schedule.append((status, date))
      date.addTimeInterval(duration / .seconds(1))
    }
    enter(.queued, for: timings.queued)
    enter(.warmingUp, for: timings.warmingUp)
    switch outcome {
    case .failure:
      enter(.failure, for: .zero)
    case .success:
      enter(.inProgress, for: timings.inProgress)
      enter(.finalizing, for: timings.finalizing)
      enter(.success, for: .zero)
    }
    return schedule
  }

  /// The time of the job's last state, if it is not canceled.
  var end: Date {
    var duration = timings.queued + timings.warmingUp
    if outcome == .success { duration += timings.inProgress + timings.finalizing }
    return created.addingTimeInterval(duration / .seconds(1))
  }

  /// True when the job is in its last state at `now`.
  func hasEnded(at now: Date) -> Bool { end <= now || (canceled.map { $0 <= now } ?? false) }

  /// The job at `now`.
  func snapshot(at now: Date) -> Snapshot {
    let reached = min(canceled ?? now, now)
    var history = schedule.filter { $0.date <= reached }
    // If the clock was set back, the job still needs a state: its first.
    if history.isEmpty { history = [(.queued, created)] }
    let (status, since) = history[history.count - 1]
    let progress: Double =
      switch status {
      case .inProgress: min(0.9, 0.05 + 0.85 * (reached.timeIntervalSince(since) / (timings.inProgress / .seconds(1))))
      case .finalizing: 0.95
      case .success: 1
      default: 0
      }
    if let canceled, canceled <= now { history.append((.canceled, canceled)) }
    return Snapshot(status: history[history.count - 1].status, progress: progress, history: history)
  }
}

/// All jobs of a sandbox.
struct JobEngine: Sendable {
  /// Every job, in the order they were made.
  private(set) var all: [Job] = []
  private var places: [String: Int] = [:]

  /// The job with this id.
  subscript(id: String) -> Job? { places[id].map { all[$0] } }

  /// Adds a new job.
  mutating func add(_ job: Job) {
    var job = job
    job.sequence = all.count
    places[job.id] = all.count
    all.append(job)
  }

  /// Jobs that have not ended at `now`.
  func running(at now: Date) -> Int { all.count { !$0.hasEnded(at: now) } }

  /// Cancels a job that has not ended; false when it has.
  mutating func cancel(_ id: String, at now: Date) -> Bool {
    guard let place = places[id], !all[place].hasEnded(at: now) else { return false }
    all[place].canceled = now
    return true
  }
}
