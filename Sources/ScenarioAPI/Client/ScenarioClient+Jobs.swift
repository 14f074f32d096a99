internal import Ground

extension ScenarioClient {
  /// Reads a job once.
  ///
  /// - Throws: `CancellationError`, or a ``ScenarioError`` of the stage `wait`, after the retries.
  @concurrent public func job(_ id: JobID) async throws -> Job {
    try await verb { () throws(ScenarioError) in
      try await withJob(id) { client, request throws(ScenarioError) in
        try await client.reply(JobReply.self, to: request, as: .read).job
      }
    }
  }

  /// Follows a job until it reaches a final state: every element is the job as just read, the last one is final.
  ///
  /// A job that the service reports as failed or canceled is a normal end, not a thrown error; read ``Job/status``. A
  /// status that this client does not know is waited on like any other.
  ///
  /// - Parameters:
  ///   - id: A job of this account.
  ///   - polling: When to read the job, and for how long (600 s).
  ///   - isNew: True right after the submit: the first read comes after the first interval, and for a while the service
  ///     may not know the job yet.
  /// - Returns: The reads of the job, which begin with the iteration. They throw a ``ScenarioError`` of the stage `wait` that names the
  ///   job: `deadline-exceeded` with the outcome `stillRunning` after the deadline, or the reason why the job could not be read. Canceling
  ///   the task ends the wait (`CancellationError`). None of these stops the job.
  public func updates(of id: JobID, polling: JobPolling = JobPolling(), isNew: Bool = false) -> JobUpdates {
    JobUpdates(client: self, id: id, polling: polling, isNew: isNew)
  }

  /// Waits until a job reaches a final state, as ``updates(of:polling:isNew:)`` does, and returns it.
  @concurrent public func finishedJob(_ id: JobID, polling: JobPolling = JobPolling()) async throws -> Job {
    var updates = updates(of: id, polling: polling).makeAsyncIterator()
    var last: Job?
    while let job = try await updates.next() { last = job }
    guard let last else {
      // This is not reached: the sequence has an element or throws.
      throw ScenarioError(.noResults, .unusable, stage: .wait, "job \(id) was not looked at", remedy: "report this")
    }
    return last
  }

  /// Asks the service to cancel a job. The reply does not prove that the job has ended: follow the job with ``finishedJob(_:polling:)``.
  ///
  /// - Returns: The job of the reply.
  /// - Throws: `CancellationError`, or a ``ScenarioError`` of the stage `wait`: `rejected` for a job that cannot be canceled, such as a job
  ///   of a custom model.
  @concurrent public func cancel(_ id: JobID) async throws -> Job {
    try await verb { () throws(ScenarioError) in
      try await withJob(id) { client, _ throws(ScenarioError) in
        var request = try client.apiRequest(.post, ["jobs", id.rawValue, "action"], stage: .wait)
        request.fields.append(HTTPField("Content-Type", "application/json"))
        request.body = .bytes([UInt8](#"{"action":"cancel"}"#.utf8))
        request.isRepeatable = true
        return try await client.reply(JobReply.self, to: request, as: .read).job
      }
    }
  }

  /// Runs `body` with the request that reads a job, and adds the job to the errors that it throws.
  fileprivate func withJob<Result>(
    _ id: JobID, _ body: (ScenarioClient, HTTPRequest) async throws(ScenarioError) -> Result
  ) async throws(ScenarioError) -> Result {
    do throws(ScenarioError) {
      return try await body(self, try apiRequest(.get, ["jobs", id.rawValue], stage: .wait))
    } catch {
      var error = error
      error.jobID = id
      // A job that is followed is paid for, unless the service does not know it.
      if error.charged == .no { error.charged = error.code == .notFound ? .unknown : .yes }
      throw error
    }
  }
}

/// A job as it is read again and again until it is final.
public struct JobUpdates: AsyncSequence, Sendable {
  let client: ScenarioClient
  let id: JobID
  let polling: JobPolling
  let isNew: Bool

  /// Reads the job once for each element.
  public struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate let client: ScenarioClient
    fileprivate let id: JobID
    fileprivate var polling: JobPolling
    fileprivate let elapsed: @Sendable () -> Duration
    fileprivate var pause: Duration?
    /// The failure of the last read; nil if it succeeded.
    fileprivate var failure: ScenarioError?
    fileprivate var isFinished = false

    /// The job as read now, after a pause; nil after the final one.
    ///
    /// - Throws: `CancellationError`, or a ``ScenarioError`` of the stage `wait` that names the job.
    public mutating func next(isolation actor: isolated (any Actor)? = #isolation) async throws -> Job? {
      try Task.checkCancellation()
      do throws(ScenarioError) {
        var seen: Job?
        while seen == nil, !isFinished { seen = try await look() }
        return seen
      } catch {
        throw publicError(error)
      }
    }

    /// Waits until the next read is due, and reads the job.
    ///
    /// - Returns: The job; nil after a temporary failure.
    private mutating func look() async throws(ScenarioError) -> Job? {
      let (client, elapsed, pause, failure) = (client, elapsed, pause, failure)
      var polling = polling
      var newFailure: ScenarioError?
      let (seen, next) = try await client.withJob(id) { client, request throws(ScenarioError) -> (Job?, Duration?) in
        if let pause {
          if let failure {
            try await client.pause(pause, after: failure)
          } else {
            try await client.sleep(pause, stage: .wait)
          }
        }
        var request = request
        // A read that hangs must not outlast the deadline by much.
        request.timeout = Swift.min(client.requestTimeout, Swift.max(polling.deadline - elapsed(), .seconds(10)))
        var seen: Job?
        let action: JobPolling.Action
        do throws(ScenarioError) {
          // One attempt for each read, because the polling policy decides about failures here.
          let job = try client.decode(JobReply.self, from: try await client.answer(to: request), to: request).job
          seen = job
          action = polling.next(after: job, elapsed: elapsed())
        } catch {
          newFailure = error
          action = polling.next(after: error, elapsed: elapsed())
        }
        switch action {
        case .finish(let job): return (job, nil)
        case .fail(let error): throw error
        case .wait(let interval): return (seen, interval)
        }
      }
      self.polling = polling
      self.pause = next
      self.failure = newFailure
      isFinished = next == nil
      return seen
    }
  }

  /// Starts polling; time counts from here.
  public func makeAsyncIterator() -> AsyncIterator {
    var polling = polling
    let pause = isNew ? polling.beginNew() : nil
    return AsyncIterator(
      client: client, id: id, polling: polling, elapsed: Self.stopwatch(client.clock), pause: pause)
  }

  private static func stopwatch<C: Clock<Duration>>(_ clock: C) -> @Sendable () -> Duration {
    let start = clock.now
    return { start.duration(to: clock.now) }
  }
}
