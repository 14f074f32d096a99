package import ScenarioAPI

/// The account's list of jobs, read once for all runs that look for their jobs at the same time.
///
/// After a crash of a batch, dozens of runs look for their jobs. If each read the same pages, hundreds of jobs around
/// the time of the submits would take thousands of requests. A run never gets a list whose reading began before the run
/// asked for it.
package actor SharedJobList {
  private final class Reading {
    var createdAfter: Double
    /// Nil until the reading ends. It stays nil if the reading was canceled.
    var outcome: Result<[Job], any Error>?
    var followers: [CheckedContinuation<Void, Never>] = []

    init(createdAfter: Double) { self.createdAfter = createdAfter }
  }

  private var current: Reading?
  /// The reading after the current one; the run that requested it waits for `turn`.
  private var upcoming: Reading?
  private var turn: CheckedContinuation<Void, Never>?

  package init() {}

  /// The runs that wait for the next reading.
  package var waiting: Int { upcoming.map { $0.followers.count + 1 } ?? 0 }

  /// Reads the jobs that were made after a moment, alone or with other runs.
  ///
  /// - Parameters:
  ///   - createdAfter: The moment, in seconds since 1970 by the service's clock.
  ///   - read: Reads the jobs that were made after a moment. Only one of the waiting runs is asked to do so.
  /// - Returns: The jobs, and possibly older ones that another run asked for.
  /// - Throws: The errors of the reading; `CancellationError` in a task that is canceled.
  package func jobs(
    createdAfter: Double, read: @Sendable (_ createdAfter: Double) async throws -> [Job]
  ) async throws -> [Job] {
    while true {
      try Task.checkCancellation()
      guard current != nil else { return try await lead(Reading(createdAfter: createdAfter), read) }
      guard let reading = upcoming else {
        let reading = Reading(createdAfter: createdAfter)
        upcoming = reading
        await withCheckedContinuation { turn = $0 }
        return try await lead(reading, read)
      }
      reading.createdAfter = min(reading.createdAfter, createdAfter)
      await withCheckedContinuation { reading.followers.append($0) }
      // If the run that read the list was canceled, the others read it again.
      if let outcome = reading.outcome { return try outcome.get() }
    }
  }

  private func lead(
    _ reading: Reading, _ read: @Sendable (_ createdAfter: Double) async throws -> [Job]
  ) async throws -> [Job] {
    current = reading
    defer {
      // The next reading becomes the current one immediately, so that no run can begin a third reading before the waiting run continues.
      (current, upcoming) = (upcoming, nil)
      for follower in reading.followers { follower.resume() }
      turn?.resume()
      turn = nil
    }
    do {
      let jobs = try await read(reading.createdAfter)
      reading.outcome = .success(jobs)
      return jobs
    } catch {
      if !Task.isCancelled { reading.outcome = .failure(error) }
      throw error
    }
  }
}
