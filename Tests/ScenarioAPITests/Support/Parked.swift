import ScenarioAPI

/// Work that begins, and continues only when its task is canceled.
private struct Parking: Sendable {
  private let beginnings: AsyncStream<Void>
  private let beginning: AsyncStream<Void>.Continuation

  init() { (beginnings, beginning) = AsyncStream.makeStream() }

  /// Waits until a task calls ``park()``.
  func begins() async { for await _ in beginnings { return } }

  func park() async {
    beginning.yield()
    // The stream never gets an element and is never ended. Only cancellation ends this loop.
    let (nothing, end) = AsyncStream.makeStream(of: Void.self)
    for await _ in nothing {}
    withExtendedLifetime(end) {}
  }
}

/// A transport that never replies. A request ends only when its task is canceled.
struct ParkedTransport: HTTPTransport {
  private let parking = Parking()

  /// Waits until a request was sent.
  func begins() async { await parking.begins() }

  func send(_ request: HTTPRequest) async throws(ScenarioError) -> HTTPResponse {
    await parking.park()
    throw ScenarioError(.canceled, .unknownOutcome, stage: request.stage, "canceled", remedy: "")
  }
}

/// A clock on which a sleep ends only when its task is canceled.
struct ParkedClock: Clock {
  typealias Instant = ManualClock.Instant
  private let parking = Parking()

  var now: Instant { Instant() }
  var minimumResolution: Duration { .zero }

  /// Waits until a task sleeps.
  func begins() async { await parking.begins() }

  func sleep(until deadline: Instant, tolerance: Duration?) async throws {
    await parking.park()
    throw CancellationError()
  }
}
