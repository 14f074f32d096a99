import Foundation
import GessoPipeline
import ScenarioSandbox
import TestSupport
import Testing

@Suite("gesso doctor --online and gesso models")
struct ServiceVerbTests {
  static let pair = ["SCENARIO_API_KEY": "planted-key", "SCENARIO_API_SECRET": "planted-secret"]
  let gesso: GessoExecutable

  init() throws { gesso = try GessoExecutable() }

  @Test("the free reads are made in order, and each answer is explained")
  func reads() async throws {
    let sandbox = try await HeldSandbox(Self.pair, holding: false)
    let first = try await gesso.run(["doctor", "--online"], environment: sandbox.environment)
    #expect(first.status == 0, "\(first.text)")
    let lines = first.text.split(separator: "\n").map(String.init)
    let start = try #require(lines.firstIndex(of: "online:"))
    #expect(
      lines[start...].dropFirst() == [
        "  GET /models/flux.1-dev: the service has it for the legacy endpoint: --mode legacy may work, which only a dry run shows",
        "  GET /models/model_bfl-flux-1-dev: the service has it, with 17 inputs (gesso models model_bfl-flux-1-dev): "
          + "--mode custom works with it",
        "  GET /models/flux.1-dev with a wrong key: it was refused with 401, so that a wrong key is recognized",
        "  GET /jobs?createdAfter=…: it can be read; the account made no job in the last 30 days",
        "problems: none",
      ])
    _ = try await gesso.run(
      ["img2img", Fixtures.path("jpeg/small-420.jpg"), "--prompt", "p", "--no-wait", "-o", "out"],
      environment: sandbox.environment)
    let second = try await gesso.run(["doctor", "--online", "--json"], environment: sandbox.environment)
    let online = try #require(try second.objects().first?["online"] as? [String: String])
    #expect(
      online["GET /jobs?createdAfter=…"]
        == "1 jobs can be read: 1 with their prompt, 0 with an id in its place, 0 without one")
    for text in [first.text, first.errors, second.text] { #expect(!text.contains("planted")) }
    await sandbox.stop()
  }

  @Test("a wrong key, an unreachable service and missing keys are problems with their own status")
  func problems() async throws {
    let sandbox = try await HeldSandbox(Self.pair, holding: false)
    let wrong = try await gesso.run(
      ["doctor", "--online"], environment: sandbox.environment.merging(["SCENARIO_API_SECRET": "other"]) { $1 })
    #expect(wrong.status == 5 && wrong.text.contains("problems: the service refused the credentials"), "\(wrong.text)")
    await sandbox.stop()
    let none = try await gesso.run(["doctor", "--online"])
    #expect(none.status == 5 && none.text.contains("problems: no credentials"), "\(none.text)")
  }

  @Test(
    "a legacy endpoint that is gone is a problem of doctor, whatever the custom model costs",
    arguments: [SandboxDisagreement.legacyGone, .gatewayForbids, .modelRefused])
  func legacyIsGone(kind: SandboxDisagreement) async throws {
    let sandbox = try await HeldSandbox(Self.pair, holding: false)
    sandbox.disagree(kind)
    let outcome = try await gesso.run(["doctor", "--online", "--dry-runs"], environment: sandbox.environment)
    #expect(outcome.status != 0 && !outcome.text.contains("--mode legacy works"), "\(outcome.text)")
    #expect(outcome.text.contains("--mode custom --model model_bfl-flux-1-dev"), "\(outcome.text)")
    await sandbox.stop()
  }

  @Test("a job that a dry run of doctor starts is shown and on record")
  func dryRunStartsJob() async throws {
    let sandbox = try await HeldSandbox(Self.pair, holding: false)
    sandbox.disagree(.dryRunStartsJob)
    let outcome = try await gesso.run(["doctor", "--online", "--dry-runs"], environment: sandbox.environment)
    #expect(outcome.status != 0)
    let runs = try await gesso.run(["jobs", "list", "--json"], environment: sandbox.environment).objects()
    #expect(runs.count == 1, "the next prices are not asked for")
    let job = try #require(runs.first?["job"] as? String)
    #expect(outcome.text.contains("job \(job) was started and is paid for"), "\(outcome.text)")
    await sandbox.stop()
  }

  @Test("prices are asked for with orders of their own, up to the first answer that is none")
  func dryRuns() async throws {
    let sandbox = try await HeldSandbox(Self.pair, holding: false)
    let outcome = try await gesso.run(["doctor", "--online", "--dry-runs"], environment: sandbox.environment)
    #expect(outcome.text.contains("POST /generate/img2img?dryRun=true: "), "\(outcome.text)")
    #expect(outcome.text.contains("creative units: the legacy endpoint takes flux.1-dev: --mode legacy works"))
    #expect(outcome.text.contains("creative units: the legacy endpoint ignores unknown fields"))
    // The requests for prices are orders of their own in the ledger. They have no job, so `jobs list` leaves them out.
    let ledger = try Ledger(path: gesso.folder.appending(path: "ledger.sqlite").path)
    for run in 1...2 as ClosedRange<Int64> {
      let entry = try ledger.entry(run: run)
      #expect(entry.jobID == nil && entry.intent.source == "gesso doctor")
    }
    #expect(try await gesso.run(["jobs", "list", "--json"]).objects().isEmpty)
    #expect(try gesso.names().allSatisfy { $0.hasPrefix("ledger") }, "nothing is left in the working folder")
    await sandbox.stop()
  }

  @Test("a model is described with its fields, their ranges, defaults and flags")
  func models() async throws {
    let sandbox = try await HeldSandbox(Self.pair, holding: false)
    let custom = try await gesso.run(["models", "model_bfl-flux-1-dev"], environment: sandbox.environment)
    #expect(custom.status == 0, "\(custom.errors)")
    let rows = custom.text.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
    for row in [
      "custom: img2img --mode custom",
      "sizes: sides of 128 to 2048 in multiples of 16, up to 2.0 megapixels",
      "prompt string up to 2048 characters --prompt required",
      "strength number 0.01…1, step 0.01 0.8 --strength",
      "numOutputs number 1…4 1 --samples changes the price",
      "width number 128…2048, step 16 1104 --width",
      "controlImage file (image) --param controlImage=@FILE",
      "controlModality string canny, tile, depth, blur, pose, gray, low-quality canny --param controlModality=VALUE",
      "lorasScale number_array 0…2, up to 6 items --param lorasScale=VALUE",
    ] {
      #expect(rows.contains(row), "\(row)\n\(rows.joined(separator: "\n"))")
    }
    let json = try await gesso.run(["models", "--json"], environment: sandbox.environment)
    let objects = try json.objects()
    #expect(objects.map { $0["id"] as? String } == ["flux.1-dev", "model_bfl-flux-1-dev"])
    let inputs = try #require(objects[1]["inputs"] as? [[String: Any]])
    #expect(inputs.count == 17 && inputs[0]["required"] as? Bool == true)
    let legacy = try #require(objects[0]["inputs"] as? [[String: Any]])
    #expect(legacy.contains { $0["name"] as? String == "strength" && $0["flag"] as? String == "--strength" })

    let missing = try await gesso.run(["models", "nothing"], environment: sandbox.environment)
    #expect(missing.status == 6 && missing.text.isEmpty && missing.errors.hasPrefix("gesso: nothing: "))
    await sandbox.stop()
  }
}
