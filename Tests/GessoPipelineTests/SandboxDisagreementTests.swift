import Foundation
import GessoPipeline
import ImagePreparation
import ScenarioAPI
import ScenarioSandbox
import TestSupport
import Testing

@Suite("Orders at a service that answers otherwise than its documents describe")
struct SandboxDisagreementTests {
  let folder = TestFolder.url.appending(path: "gesso-disagreements-\(UUID().uuidString)").path

  /// Disagreements that refuse every generation, so that no order can succeed.
  private static let refusals: [SandboxDisagreement] = [.paymentRequired, .creditExhausted, .pauseOfAnHour]
  private static let gone: [SandboxDisagreement] = [.gatewayForbids, .legacyGone, .modelRefused]
  static let survivable = SandboxDisagreement.allCases.filter { !refusals.contains($0) }

  private var order: Img2ImgOrder {
    var order = Img2ImgOrder(path: Fixtures.path("jpeg/small-420.jpg"), prompt: "a forest", folder: folder)
    (order.generation.seed, order.generation.strength) = ("7", 0.55)
    return order
  }

  private let polling = JobPolling(initialInterval: .milliseconds(10), longestInterval: .milliseconds(20))

  @Test(
    "an order pays once and has its result, with its replies read or lost, with a limit and without",
    arguments: survivable,
    [false, true])
  func paysOnce(kind: SandboxDisagreement, hasLimit: Bool) async throws {
    for isLost in [false, true] {
      var configuration = SandboxConfiguration(jobTimings: .instant)
      configuration.isFaulty = isLost
      let (sandbox, client) = try await ScenarioSandbox.started(
        configuration, retry: RetryPolicy(initialDelay: .zero, longestDelay: .zero))
      sandbox.disagree(kind)
      if isLost {
        // The reply is lost after the request has had its effect. Normally this is the reply to the first dry run or submit. If the legacy
        // endpoint is gone, it is the reply to the submit of the custom model, which follows its dry run.
        sandbox.script(
          Self.gone.contains(kind)
            ? SandboxFault(.resetAfter, on: "generateCustom", skip: 1)
            : SandboxFault(.resetAfter, on: "generateImg2Img"))
      }
      let ledger = try Ledger(path: "\(folder)-\(isLost)/ledger.sqlite")
      let pipeline = Img2ImgPipeline(client: client, ledger: ledger)
      var order = order
      (order.folder, order.maxCost) = ("\(folder)/\(isLost)", hasLimit ? 100 : nil)
      var result: Img2ImgResult?
      // The user gives the same order again after an error.
      for _ in 0..<4 where result == nil { result = try? await pipeline.start(order, polling: polling).result }
      let failure = try ledger.entries().first?.failure
      #expect(result?.files.count == 1, "\(isLost): \(failure ?? "no result")")
      #expect(sandbox.statistics.jobs == 1, "\(isLost)")
      #expect(try ledger.entries().map(\.state) == [.downloaded], "\(isLost)")
      await sandbox.stop()
    }
  }

  @Test(
    "a service that wants payment has started nothing, and no other model is tried",
    arguments: [
      SandboxDisagreement.paymentRequired, .creditExhausted,
    ])
  func refuses(kind: SandboxDisagreement) async throws {
    let (sandbox, client) = try await ScenarioSandbox.started(SandboxConfiguration(jobTimings: .instant))
    sandbox.disagree(kind)
    let pipeline = Img2ImgPipeline(client: client, ledger: try Ledger(path: folder + "-ledger/ledger.sqlite"))
    await #expect { try await pipeline.start(order, polling: polling).result } throws: {
      ($0 as? ScenarioError)?.code == .creditExhausted
    }
    #expect(sandbox.statistics.jobs == 0)
    #expect(sandbox.statistics.requests["generateCustom"] == nil)
    await sandbox.stop()
  }
}
