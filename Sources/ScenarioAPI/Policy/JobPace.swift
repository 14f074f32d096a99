internal import Synchronization

/// Measures how long the jobs of a batch run, and plans when to read later jobs. The first read of a job comes after the shortest measured
/// time, and the next reads follow at intervals of a twentieth of that time. In this way the end of a job is noticed early, so that its
/// place among the account's jobs is soon free for the next job, and fewer reads are needed than at growing intervals.
///
/// All jobs together are read at most 32 times a second. Times count from the submit.
public final class JobPace: Sendable {
  private struct State {
    /// For each of the latest jobs, the time of the last read that found it running.
    var times: [Duration] = []
    /// Jobs that are followed now. Abandoned jobs stay in the count, because then the whole batch is abandoned.
    var following = 0
  }

  /// The number of jobs whose times are kept.
  private static let remembered = 8
  /// The earliest time of a first read.
  private static let earliest = Duration.milliseconds(500)
  private static let shortestPause = Duration.milliseconds(250)
  private static let readsPerSecond = 32.0

  private let state = Mutex(State())

  /// Makes a pace without measurements.
  public init() {}

  /// A job was submitted.
  ///
  /// - Returns: The time of the first read; nil while no job has ended.
  func begin() -> Duration? {
    state.withLock { state in
      state.following += 1
      return state.times.min()
    }
  }

  /// A job has ended.
  ///
  /// - Parameter time: The least time that it ran; nil for a job without results, whose time is not representative.
  func end(_ time: Duration?) {
    state.withLock { state in
      state.following -= 1
      guard let time else { return }
      state.times.append(max(time, Self.earliest))
      if state.times.count > Self.remembered { state.times.removeFirst() }
    }
  }

  /// The pause after a read that saw a job run.
  ///
  /// - Parameters:
  ///   - elapsed: The time of the read.
  ///   - most: The upper limit of the shortest pause.
  /// - Returns: The pause.
  func pause(after elapsed: Duration, shortest most: Duration) -> Duration {
    let (expected, following) = state.withLock { ($0.times.min(), $0.following) }
    let shortest = min(most, max(Self.shortestPause, .seconds(Double(following) / Self.readsPerSecond)))
    guard let expected else { return max(shortest, elapsed / 10) }
    return max(shortest, expected / 20, (elapsed - expected) / 3)
  }
}
