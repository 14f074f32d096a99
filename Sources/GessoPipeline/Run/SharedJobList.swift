package import ScenarioAPI

/// The account's list of jobs, read once for all runs that look for their jobs at the same time.
///
/// After a crash of a batch dozens of runs do, and each would read the same pages: with hundreds of jobs in the time of a submit that
/// is thousands of requests. A run never gets a list whose reading began before the run asked for the list.
package actor SharedJobList {
  private final class Reading {
    var createdAfter: Double
    /// Nil until the reading ends, and after one that was canceled.
    var outcome: Result<[Job], any Error>?
    var followers: [CheckedContinuation<Void, Never>] = []

    init(createdAfter: Double) { self.createdAfter = createdAfter }
  }

  private var current: Reading?
  /// Begins when the current one ends; the run that made it waits for `turn`.
  private var upcoming: Reading?
  private var turn: CheckedContinuation<Void, Never>?

  package init() {}

  /// The runs that wait for the next reading.
  package var waiting: Int { upcoming.map { $0.followers.count + 1 } ?? 0 }

  /// Reads the jobs that were made after a moment, alone or with other runs.
  ///
  /// - Parameters:
  ///   - createdAfter: The moment, in seconds since 1970 by the service's clock.
  ///   - read: Reads the jobs that were made after a moment, if it is this run that reads for all.
  /// - Returns: The jobs, and possibly older ones that another run asked for.
  /// - Throws: What the reading throws; `CancellationError` in a task that is canceled.
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
      // The next one is the current one at once, so that nobody begins a third before the waiting run goes on.
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
