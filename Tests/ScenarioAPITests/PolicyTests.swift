import Foundation
import Testing

@testable import ScenarioAPI

@Suite("Retry policy")
struct RetryPolicyTests {
  private static func error(
    _ outcome: ScenarioError.Outcome, status: Int? = nil, isRetryable: Bool = true, retryAfter: Duration? = nil
  ) -> ScenarioError {
    var error = ScenarioError(.connectionLost, outcome, stage: .submit, "m", remedy: "r")
    error.httpStatus = status
    error.isRetryable = isRetryable
    error.retryAfter = retryAfter
    return error
  }

  /// The failure, whether reads, uploads and dry runs are repeated after it, and whether a submit is.
  static let table: [(ScenarioError, Bool, Bool)] = [
    (error(.notSent), true, true),
    (error(.unknownOutcome), true, false),
    (error(.unknownOutcome, status: 500), true, false),
    (error(.unknownOutcome, status: 502), true, false),
    (error(.refused, status: 429), true, true),
    (error(.refused, status: 429, isRetryable: false), false, false),
    (error(.refused, status: 400, isRetryable: false), false, false),
    (error(.unusable), true, false),
    (error(.notSent, isRetryable: false), false, false),
  ]

  /// The possible effect of a request, by the status of the reply (contract, section 10). Every other status is final.
  static func documented(_ status: Int) -> RetryPolicy.Effect? {
    switch status {
    case 429: .nothingDone
    case 408, 500...: .mayHaveActed
    default: nil
    }
  }

  @Test("one table of statuses decides for every operation, and all other statuses are final")
  func statuses() {
    for status in 300..<600 {
      let error = ScenarioError(refusal: HTTPResponse(status: status, body: []), stage: .submit, now: .distantPast)
      let effect = Self.documented(status)
      #expect(RetryPolicy.effect(of: status) == effect, "\(status)")
      for operation in RetryPolicy.Operation.allCases {
        var policy = RetryPolicy()
        let isRepeated = policy.next(after: error, of: operation) != .fail
        #expect(
          isRepeated == (effect == .nothingDone || effect == .mayHaveActed && operation != .submit),
          "\(status) \(operation)")
      }
    }
  }

  @Test(
    "each failure is repeated or not, depending on the operation", arguments: table.indices,
    RetryPolicy.Operation.allCases)
  func repeating(index: Int, operation: RetryPolicy.Operation) {
    let (error, others, submits) = Self.table[index]
    var policy = RetryPolicy()
    let action = policy.next(after: error, of: operation)
    #expect((action != .fail) == (operation == .submit ? submits : others))
  }

  @Test("pauses double up to a limit, between half and the whole of it, and attempts are counted")
  func pauses() {
    func pauses(_ random: FixedGenerator) -> [RetryPolicy.Action] {
      var policy = RetryPolicy(attempts: 6, initialDelay: .seconds(1), longestDelay: .seconds(6), random: random)
      return (0..<6).map { _ in policy.next(after: Self.error(.notSent), of: .read) }
    }
    let seconds: [Double] = [1, 2, 4, 6, 6]
    #expect(pauses(.lowest) == seconds.map { .retry(after: .seconds($0 / 2)) } + [.fail])
    for (action, limit) in zip(pauses(.highest), seconds) {
      guard case .retry(let pause) = action else { return #expect(Bool(false), "\(action)") }
      #expect(pause > .seconds(limit * 0.99) && pause <= .seconds(limit))
    }
    var never = RetryPolicy.never
    #expect(never.next(after: Self.error(.notSent), of: .read) == .fail)
  }

  @Test(
    "the service's own wait counts, up to the patience", arguments: [(0, true), (7, true), (120, true), (121, false)])
  func patience(seconds: Int, waits: Bool) {
    var policy = RetryPolicy()
    let action = policy.next(
      after: Self.error(.refused, status: 429, retryAfter: .seconds(seconds)), of: .submit)
    #expect(action == (waits ? .retry(after: .seconds(seconds)) : .fail))
  }
}

@Suite("Polling policy")
struct JobPollingTests {
  private func job(_ status: JobStatus, assets: [String] = []) -> Job {
    Job(
      id: JobID(rawValue: "job_1"), type: nil, status: status, progress: 0, assetIDs: assets.map(AssetID.init),
      failureReason: nil,
      hint: nil, billing: nil, createdAt: nil)
  }
  private func error(_ code: ScenarioError.Code, isRetryable: Bool, retryAfter: Duration? = nil) -> ScenarioError {
    var error = ScenarioError(code, .unknownOutcome, stage: .wait, "m", remedy: "r")
    error.isRetryable = isRetryable
    error.retryAfter = retryAfter
    return error
  }

  @Test("a final status ends the wait", arguments: [JobStatus.failure, .canceled, .success])
  func final(status: JobStatus) {
    var polling = JobPolling()
    let job = job(status, assets: status == .success ? ["a"] : [])
    #expect(polling.next(after: job, elapsed: .zero) == .finish(job))
  }

  @Test(
    "a status that is not final is waited for, also an unknown one",
    arguments: [
      JobStatus.pending, .queued, .warmingUp, .inProgress, .finalizing, .unknown("paused"),
    ])
  func waiting(status: JobStatus) {
    var polling = JobPolling(jitter: 0)
    #expect(polling.next(after: job(status), elapsed: .zero) == .wait(.seconds(2)))
    #expect(polling.next(after: job(status), elapsed: .seconds(2)) == .wait(.seconds(3)))
    #expect(polling.next(after: job(status), elapsed: .seconds(5)) == .wait(.seconds(4.5)))
  }

  @Test("waits grow to a limit and are never later than the deadline")
  func growth() {
    var polling = JobPolling(
      initialInterval: .seconds(1), growth: 2, longestInterval: .seconds(5), jitter: 0, deadline: .seconds(20))
    var elapsed = Duration.zero
    var waits: [Duration] = []
    while case .wait(let wait) = polling.next(after: job(.queued), elapsed: elapsed) {
      waits.append(wait)
      elapsed += wait
    }
    #expect(waits == [1, 2, 4, 5, 5, 3].map { .seconds($0) })
    guard case .fail(let error) = polling.next(after: job(.queued), elapsed: elapsed) else {
      return #expect(Bool(false), "the deadline has passed")
    }
    #expect(error.code == .deadlineExceeded && error.outcome == .stillRunning && error.charged == .yes)
    #expect(error.jobID?.rawValue == "job_1" && error.message.contains("job_1") && error.message.contains("20 seconds"))
  }

  @Test("a wait is shortened or lengthened by up to the jitter")
  func jitter() {
    var shorter = JobPolling(initialInterval: .seconds(10), jitter: 0.2, random: FixedGenerator.lowest)
    var longer = JobPolling(initialInterval: .seconds(10), jitter: 0.2, random: FixedGenerator.highest)
    #expect(shorter.next(after: job(.queued), elapsed: .zero) == .wait(.seconds(8)))
    guard case .wait(let wait) = longer.next(after: job(.queued), elapsed: .zero) else { return #expect(Bool(false)) }
    #expect(wait > .seconds(11.9) && wait <= .seconds(12))
  }

  @Test("a success without results is read again twice, then an error")
  func emptySuccess() {
    var polling = JobPolling(jitter: 0)
    #expect(polling.next(after: job(.success), elapsed: .zero) == .wait(.seconds(2)))
    #expect(polling.next(after: job(.success), elapsed: .zero) == .wait(.seconds(3)))
    guard case .fail(let error) = polling.next(after: job(.success), elapsed: .zero) else {
      return #expect(Bool(false), "three were empty")
    }
    #expect(error.code == .noResults && error.charged == .yes)
  }

  @Test("eight consecutive temporary failures are tolerated; others end the wait at once")
  func failures() {
    var polling = JobPolling(jitter: 0)
    let passing = error(.serviceFailed, isRetryable: true)
    for _ in 0..<2 {
      for _ in 0..<8 {
        guard case .wait = polling.next(after: passing, elapsed: .zero) else {
          return #expect(Bool(false), "it passes")
        }
      }
      _ = polling.next(after: job(.queued), elapsed: .zero)
    }
    for _ in 0..<8 { _ = polling.next(after: passing, elapsed: .zero) }
    #expect(polling.next(after: passing, elapsed: .zero) == .fail(passing))

    let lasting = error(.credentialsRefused, isRetryable: false)
    polling = JobPolling()
    #expect(polling.next(after: lasting, elapsed: .zero) == .fail(lasting))
  }

  @Test("a new job is looked at after the first interval, and may be unknown for a while")
  func newJob() {
    var polling = JobPolling(jitter: 0)
    #expect(polling.beginNew() == .seconds(2))
    let unknown = error(.notFound, isRetryable: false)
    #expect(polling.next(after: unknown, elapsed: .seconds(2)) == .wait(.seconds(3)))
    // The number of reads has no effect on this.
    for _ in 0..<20 { #expect(polling.next(after: unknown, elapsed: .seconds(29)) != .fail(unknown)) }
    #expect(polling.next(after: unknown, elapsed: .seconds(30)) == .fail(unknown))

    polling = JobPolling(jitter: 0)
    #expect(polling.next(after: unknown, elapsed: .zero) == .fail(unknown), "it is not new")
  }

  @Test(
    "the jobs of a batch are read soon after they end, and seldom",
    // The seconds that the jobs take, the largest delay of a read, and the largest number of reads for each job.
    arguments: [(3.0, 0.3, 6.0), (12, 0.9, 6), (60, 4.5, 6), (0.1, 0.9, 2)])
  func pace(seconds: Double, late: Double, most: Double) {
    let pace = JobPace()
    let success = job(.success, assets: ["a"])
    var (lateness, reads) = ([Double](), 0)
    for round in 0..<20 {
      var follower = JobPolling(jitter: 0)
      follower.pace = pace
      var time = follower.beginNew() / .seconds(1)
      while case .wait(let wait) = follower.next(
        after: time < seconds ? job(.inProgress) : success, elapsed: .seconds(time))
      {
        time += wait / .seconds(1)
        reads += 1
      }
      // The client learns the usual time of a job from the first jobs, so these do not count.
      if round >= 8 { lateness.append(time - seconds) }
    }
    #expect(lateness.allSatisfy { $0 <= late }, "\(lateness)")
    #expect(Double(reads) / 20 <= most, "\(reads)")
  }

  @Test("many jobs are not read more often together than 32 times a second")
  func paceOfMany() {
    let pace = JobPace()
    var followers = (0..<60).map { _ in
      var follower = JobPolling(jitter: 0)
      follower.pace = pace
      return follower
    }
    for index in followers.indices { #expect(followers[index].beginNew() == .seconds(2)) }
    guard case .wait(let wait) = followers[0].next(after: job(.inProgress), elapsed: .seconds(2)) else {
      return #expect(Bool(false))
    }
    #expect(60 / (wait / .seconds(1)) <= 32)
  }

  @Test(
    "a pause of an hour ends the wait at once, unless the deadline leaves room for it",
    arguments: [(600, 3600, false), (7200, 3600, true), (600, 120, true), (60, 100, true), (60, 121, false)])
  func longPause(deadline: Int, asked: Int, waits: Bool) {
    var polling = JobPolling(jitter: 0, deadline: .seconds(deadline))
    let refusal = error(.throttled, isRetryable: true, retryAfter: .seconds(asked))
    #expect(
      polling.next(after: refusal, elapsed: .zero) == (waits ? .wait(.seconds(min(asked, deadline))) : .fail(refusal)))
  }

  @Test("the service's own wait counts, under the deadline")
  func retryAfter() {
    var polling = JobPolling(jitter: 0, deadline: .seconds(30))
    let asked = error(.throttled, isRetryable: true, retryAfter: .seconds(9))
    #expect(polling.next(after: asked, elapsed: .zero) == .wait(.seconds(9)))
    #expect(polling.next(after: asked, elapsed: .seconds(25)) == .wait(.seconds(5)))
  }
}

@Suite("Retry budget")
struct RetryBudgetTests {
  @Test("an outage is not multiplied; successes fill the budget again")
  func budget() async throws {
    let failures = 60
    let transport = ScriptedTransport(
      [ScriptedTransport.Step](repeating: .answer(503), count: failures + 100)
        + [ScriptedTransport.Step](repeating: .answer(200, #"{"job":{"jobId":"j","status":"queued"}}"#), count: 5)
        + [.answer(503), .answer(503)])
    let client = ScenarioClient(
      configuration: try Planted.configuration(), transport: transport, retry: RetryPolicy(attempts: 4),
      clock: ManualClock())
    let copy = client
    for number in 0..<failures {
      await #expect(throws: ScenarioError.self) {
        try await (number % 2 == 0 ? client : copy).job(JobID(rawValue: "j"))
      }
    }
    // 100 retries are allowed: three for each of 33 requests, and one more.
    #expect(transport.requests.count == failures + 100)
    for _ in 0..<5 { _ = try await client.job(JobID(rawValue: "j")) }
    await #expect(throws: ScenarioError.self) { try await client.job(JobID(rawValue: "j")) }
    #expect(transport.requests.count == failures + 107, "one retry more")
  }
}
