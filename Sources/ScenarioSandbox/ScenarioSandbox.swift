internal import FlyingFox
internal import FlyingSocks
public import Foundation
internal import Synchronization

/// A stand-in for the Scenario service on this machine. It has the same paths, bodies, refusals and signed files, and its jobs advance with
/// time. **It generates nothing**: a result is the source fading into a pattern, with a badge.
///
/// It listens on 127.0.0.1 only and keeps everything in memory until it is stopped.
///
/// ```swift
/// let sandbox = ScenarioSandbox(configuration: SandboxConfiguration())
/// let base = try await sandbox.start()  // http://127.0.0.1:49152/v1
/// await sandbox.stop()
/// ```
public final class ScenarioSandbox: Sendable {
  /// The settings of the sandbox, credentials included.
  public let configuration: SandboxConfiguration
  private let service: SandboxService
  private let server: HTTPServer
  private let relaying = Mutex<Task<Void, Never>?>(nil)
  private let running = Mutex<Task<Void, any Error>?>(nil)

  /// Makes a sandbox that does not listen yet.
  public init(configuration: SandboxConfiguration) {
    self.configuration = configuration
    service = SandboxService(configuration: configuration)
    server = HTTPServer(
      config: HTTPServer.Configuration(
        address: sockaddr_in.loopback(port: configuration.isFaulty ? 0 : configuration.port), timeout: 120,
        sharedRequestBufferSize: 65_536,
        pool: PromptSocketPool(base: HTTPServer.defaultPool()), logger: .disabled))
  }

  /// Begins to listen.
  ///
  /// - Returns: The base URL with the port that was chosen, for example `http://127.0.0.1:49152/v1`.
  /// - Throws: A ``SandboxError`` when the port cannot be opened or the sandbox was started before; `CancellationError` when the task is
  ///   canceled. Nothing listens then.
  @concurrent public func start() async throws -> URL {
    try Task.checkCancellation()
    let (server, service) = (server, service)
    let task = running.withLock { running -> Task<Void, any Error>? in
      guard running == nil else { return nil }
      running = Task {
        // The server itself replies 404 to methods without a route, and some clients do send QUERY.
        let everything = HTTPRoute(methods: HTTPMethod.allMethods.union(["QUERY"]), path: "*")
        await server.appendRoute(everything) { try await service.respond(to: $0) }
        try await server.run()
      }
      return running
    }
    guard let task else { throw SandboxError.alreadyStarted }
    let listening = Task { try await server.waitUntilListening(timeout: 60) }
    // The wait does not end if the server could not start.
    Task {
      _ = await task.result
      listening.cancel()
    }
    do {
      try await withTaskCancellationHandler {
        try await listening.value
      } onCancel: {
        listening.cancel()
      }
    } catch {
      task.cancel()
      try Task.checkCancellation()
      throw SandboxError.cannotListen(port: configuration.port)
    }
    guard case .ip4(_, let port) = await server.listeningAddress else {
      throw SandboxError.cannotListen(port: configuration.port)
    }
    let origin = "http://127.0.0.1:\(configuration.isFaulty ? try await startRelay(to: port) : port)"
    service.setOrigin(origin)
    guard !Task.isCancelled else {
      await stop()
      throw CancellationError()
    }
    guard let base = URL(string: origin + "/v1") else { throw SandboxError.cannotListen(port: port) }
    return base
  }

  /// Puts the relay in front of the server, on the configured port.
  private func startRelay(to upstream: UInt16) async throws -> UInt16 {
    let pool = HTTPServer.defaultPool()
    try await pool.prepare()
    let polling = Task { try await pool.run() }
    let socket: AsyncSocket
    do {
      let bare = try Socket(domain: AF_INET, type: .stream)
      try bare.setValue(true, for: .localAddressReuse)
      try bare.bind(to: sockaddr_in.loopback(port: configuration.port))
      try bare.listen()
      socket = try AsyncSocket(socket: bare, pool: pool)
    } catch {
      polling.cancel()
      throw SandboxError.cannotListen(port: configuration.port)
    }
    let relay = FaultRelay(upstream: upstream, pool: pool)
    relaying.withLock {
      $0 = Task {
        try? await relay.run(listening: socket)
        try? socket.close()
        polling.cancel()
      }
    }
    guard case .ip4(_, let port) = try socket.socket.sockname() else {
      throw SandboxError.cannotListen(port: configuration.port)
    }
    return port
  }

  /// Scripts faults. Faults that drop connections need ``SandboxConfiguration/isFaulty``.
  package func script(_ faults: SandboxFault...) {
    precondition(
      configuration.isFaulty || !faults.contains { $0.kind.needsRelay }, "only a faulty sandbox drops connections")
    service.script(faults)
  }

  /// Switches disagreements on, and all others off.
  package func disagree(_ kinds: SandboxDisagreement...) { service.disagree(Set(kinds)) }

  /// Every job, oldest first.
  package var jobs: [SandboxJob] { service.jobs }

  /// Counts of the requests so far and their effects.
  public var statistics: SandboxStatistics { service.state.withLock(\.statistics) }

  /// Ends every connection and stops listening. The images and jobs of the sandbox are released with this object.
  public func stop() async {
    let relay = relaying.withLock(\.self)
    relay?.cancel()
    await relay?.value
    await server.stop()
    let task = running.withLock(\.self)
    task?.cancel()
    _ = await task?.result
  }
}
