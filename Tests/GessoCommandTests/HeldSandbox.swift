import Foundation
import ScenarioSandbox
import Synchronization

/// A sandbox in the test's own process, whose clock the test can stop. While the clock is stopped no job advances, even if the command is
/// slow because the machine is busy.
final class HeldSandbox: Sendable {
  private final class Clock: Sendable {
    private let state: Mutex<(ahead: TimeInterval, stands: Date?)>
    init(standing: Bool) { state = Mutex((0, standing ? Date.now : nil)) }

    var now: Date { state.withLock { $0.stands ?? Date.now.addingTimeInterval($0.ahead) } }
    func stop() { state.withLock { $0.stands = $0.stands ?? Date.now.addingTimeInterval($0.ahead) } }
    func start() {
      state.withLock { state in
        guard let moment = state.stands else { return }
        state = (moment.timeIntervalSince(Date.now), nil)
      }
    }
  }

  private let clock: Clock
  private let sandbox: ScenarioSandbox
  /// The environment that makes the command use this sandbox.
  let environment: [String: String]

  /// Starts a sandbox, with its clock stopped if `holding`.
  init(_ pair: [String: String], holding: Bool = true) async throws {
    let clock = Clock(standing: holding)
    let credential = SandboxCredential(key: pair["SCENARIO_API_KEY"] ?? "", secret: pair["SCENARIO_API_SECRET"] ?? "")
    self.clock = clock
    sandbox = ScenarioSandbox(configuration: SandboxConfiguration(credentials: [credential], now: { clock.now }))
    environment = pair.merging(["SCENARIO_BASE_URL": try await sandbox.start().absoluteString]) { $1 }
  }

  /// Stops its clock.
  func hold() { clock.stop() }
  /// Starts its clock again.
  func release() { clock.start() }
  /// Turns on a way in which the service may differ from its documents.
  func disagree(_ kind: SandboxDisagreement) { sandbox.disagree(kind) }
  /// Scripts faults. Faults that drop a connection are not available here.
  func script(_ faults: SandboxFault...) { for fault in faults { sandbox.script(fault) } }
  /// Counts of its requests so far, and of their effects.
  var statistics: SandboxStatistics { sandbox.statistics }
  func stop() async { await sandbox.stop() }
}
