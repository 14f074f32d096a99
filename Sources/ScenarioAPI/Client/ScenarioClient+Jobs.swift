extension ScenarioClient {
  /// Reads a job once.
  ///
  /// - Throws: A ``ScenarioError`` of the stage `wait`, after the retries.
  public func job(_ id: JobID) async throws(ScenarioError) -> Job {
    try await withJob(id) { client, request throws(ScenarioError) in
      try await client.reply(JobReply.self, to: request, as: .read).job
    }
  }

  /// Waits until the job `id` reaches a final state and returns it.
  ///
  /// A job that the service reports as failed or canceled is a normal result, not a thrown error; look at
  /// ``Job/status``. The status of a job that nobody knows is waited on like any other.
  ///
  /// - Parameters:
  ///   - id: A job of this account.
  ///   - polling: When to look, and for how long (600 s).
  ///   - onUpdate: Told of the job after every look.
  /// - Returns: The job as last reported.
  /// - Throws: A ``ScenarioError`` of the stage `wait` that names the job: `deadline-exceeded` with the outcome
  ///   `stillRunning` after the deadline, or why it could not be read. Cancelling the task ends the wait (`canceled`);
  ///   in neither case is the job stopped.
  public func finishedJob(
    _ id: JobID, polling: JobPolling = JobPolling(), onUpdate: (Job) -> Void = { _ in }
  ) async throws(ScenarioError) -> Job {
    try await follow(id, polling, onUpdate, on: clock)
  }

  /// Asks the service to cancel a job. The answer is no proof that it ended: follow it with ``finishedJob(_:polling:onUpdate:)``.
  ///
  /// - Returns: The job as answered.
  /// - Throws: A ``ScenarioError`` of the stage `wait`: `rejected` for a job that cannot be canceled, as custom ones.
  public func cancel(_ id: JobID) async throws(ScenarioError) -> Job {
    try await withJob(id) { client, _ throws(ScenarioError) in
      var request = try client.apiRequest(.post, ["jobs", id.rawValue, "action"], stage: .wait)
      request.fields.append(HTTPField("Content-Type", "application/json"))
      request.body = .bytes([UInt8](#"{"action":"cancel"}"#.utf8))
      request.isRepeatable = true
      return try await client.reply(JobReply.self, to: request, as: .read).job
    }
  }

  private func follow<C: Clock<Duration>>(
    _ id: JobID, _ polling: JobPolling, _ onUpdate: (Job) -> Void, on clock: C
  ) async throws(ScenarioError) -> Job {
    var polling = polling
    let start = clock.now
    return try await withJob(id) { client, request throws(ScenarioError) in
      var request = request
      while true {
        let action: JobPolling.Action
        do throws(ScenarioError) {
          // A look that hangs must not outlast the deadline by much.
          let left = polling.deadline - start.duration(to: clock.now)
          request.timeout = min(client.requestTimeout, max(left, .seconds(1)))
          // One attempt a look: here the polling policy decides about failures.
          let job = try client.decode(JobReply.self, from: try await client.answer(to: request), to: request).job
          onUpdate(job)
          action = polling.next(after: job, elapsed: start.duration(to: clock.now))
        } catch {
          action = polling.next(after: error, elapsed: start.duration(to: clock.now))
        }
        switch action {
        case .finish(let job): return job
        case .fail(let error): throw error
        case .wait(let interval): try await client.sleep(interval, stage: .wait)
        }
      }
    }
  }

  /// Runs `body` with the request that reads a job, and adds the job to what it throws.
  private func withJob(
    _ id: JobID, _ body: (ScenarioClient, HTTPRequest) async throws(ScenarioError) -> Job
  ) async throws(ScenarioError) -> Job {
    do throws(ScenarioError) {
      return try await body(self, try apiRequest(.get, ["jobs", id.rawValue], stage: .wait))
    } catch {
      var error = error
      error.jobID = id
      // Whoever follows a job has paid for it; only a job the service does not know may not exist.
      if error.charged == .no { error.charged = error.code == .notFound ? .unknown : .yes }
      throw error
    }
  }
}
