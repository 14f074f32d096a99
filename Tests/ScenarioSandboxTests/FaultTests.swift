import FlyingFox
import Foundation
import Synchronization
import Testing

@testable import ScenarioSandbox

@Suite("Scripted faults")
struct FaultTests {
  private static let img2img = "/v1/generate/img2img"

  @Test(
    "an answer instead of the operation, which has no effect",
    arguments: [
      (SandboxFault.Kind.coolDown, 429, "details.remainingSeconds"), (.concurrency, 429, "details.actionName"),
      (.quota, 429, "details.actionName"), (.throttle, 429, "message"), (.serverError, 500, "message"),
      (.badGateway, 502, ""), (.resetBefore, 500, ""), (.hang, 500, ""),
    ])
  func without(kind: SandboxFault.Kind, status: Int, key: String) async throws {
    let harness = Harness { $0.isFaulty = true }
    let source = try await harness.upload()
    harness.service.script([SandboxFault(kind, on: "generateImg2Img", skip: 1)])
    #expect(try await harness.send("POST", Self.img2img, json: Harness.job(image: source)).status == 200)
    let faulty = try await harness.send("POST", Self.img2img, json: Harness.job(image: source))
    #expect(faulty.status == status)
    if !key.isEmpty { #expect(faulty(key, as: Any.self) != nil) }
    #expect(faulty.headers[.init("X-Gesso-Fault")] == kind.relayAction?.rawValue)
    #expect(try await harness.send("POST", Self.img2img, json: Harness.job(image: source)).status == 200, "once")
    let statistics = harness.service.state.withLock(\.statistics)
    #expect(statistics.jobs == 2 && statistics.faults == [kind.rawValue: 1])
    #expect(statistics.requests == ["uploadAsset": 1, "generateImg2Img": 3])
  }

  @Test(
    "a request with this fault has its effect, and gets no reply",
    arguments: [SandboxFault.Kind.resetAfter, .stall, .serverErrorAfter])
  func after(kind: SandboxFault.Kind) async throws {
    let harness = Harness { $0.isFaulty = true }
    let source = try await harness.upload()
    harness.service.script([SandboxFault(kind, on: "generateImg2Img")])
    let faulty = try await harness.send("POST", Self.img2img, json: Harness.job(image: source))
    #expect(faulty.status == (kind == .serverErrorAfter ? 500 : 200))
    #expect(try await harness.send("GET", "/v1/jobs")("jobs", as: [Any].self)?.count == 1)
  }

  @Test("jobs with an odd status or odd results can be scripted")
  func oddJobs() async throws {
    let harness = Harness()
    let source = try await harness.upload()
    harness.service.script([
      SandboxFault(.jobFailure), SandboxFault(.wrongSize), SandboxFault(.unknownStatus, skip: 1),
      SandboxFault(.emptySuccess, skip: 1),
    ])
    var jobs: [String] = []
    for _ in 0..<2 {
      let started = try await harness.send("POST", Self.img2img, json: Harness.job(image: source))
      jobs.append(try #require(started("job.jobId")))
    }
    harness.clock.advance(10)
    #expect(try await harness.send("GET", "/v1/jobs/\(jobs[0])")("job.status") == "failure")
    #expect(try await harness.send("GET", "/v1/jobs/\(jobs[1])")("job.status") == "pondering")
    let empty = try await harness.send("GET", "/v1/jobs/\(jobs[1])")
    #expect(empty("job.status") == "success" && empty("job.metadata.assetIds", as: [Any].self)?.isEmpty == true)
    let ended = try await harness.send("GET", "/v1/jobs/\(jobs[1])")
    let result = try #require(ended("job.metadata.assetIds.0"))
    let asset = try await harness.send("GET", "/v1/assets/\(result)?originalAssets=true")
    #expect(asset("asset.properties.width", as: Int.self) == 32)
    harness.service.script([SandboxFault(.expiredURL)])
    let url = try #require(asset("asset.url"))
    #expect(try await harness.get(signed: url).status == 403)
    #expect(try await harness.get(signed: url).status == 200)
  }

  @Test("the same seed draws the same faults, about as many as asked for")
  func plan() {
    let plan = SandboxFaultPlan(seed: 11, rate: 0.1)
    func draws() -> [SandboxFault.Kind?] {
      var script = FaultScript([], plan: plan)
      return (0..<2000).map { script.draw($0 % 2 == 0 ? "getJob" : "generateImg2Img") }
    }
    #expect(draws() == draws())
    // 200 faults are expected, with a standard deviation of 13.4 (binomial distribution).
    #expect((140...260).contains(draws().count { $0 != nil }))
    let polls = Set(stride(from: 0, to: 2000, by: 2).compactMap { draws()[$0] })
    #expect(polls.contains(.unknownStatus) && !polls.contains(.wrongSize) && !polls.contains(.expiredURL))
  }

  @Test("jobs are counted by what was asked for, whichever upload the source came from")
  func intents() async throws {
    let harness = Harness()
    for prompt in ["a", "a", "b"] {
      let source = try await harness.upload()
      let body = Harness.job(image: source, ["prompt": prompt, "seed": "1"])
      #expect(try await harness.send("POST", Self.img2img, json: body).status == 200)
    }
    let answer = try await harness.send("GET", "/sandbox/statistics")
    #expect(answer("jobs", as: Int.self) == 3)
    #expect(answer("jobsByIntent", as: [String: Int].self)?.values.sorted() == [1, 2])
  }

  @Test("the admin route needs credentials, and refuses what cannot be done")
  func admin() async throws {
    let harness = Harness()
    let body: [String: any Sendable] = ["faults": [["kind": "server-error", "operation": "listJobs"]]]
    #expect(try await harness.send("POST", "/sandbox/faults", Data(), authorization: nil).status == 401)
    #expect(try await harness.send("POST", "/sandbox/faults", json: body).status == 200)
    #expect(try await harness.send("GET", "/v1/jobs").status == 500)
    #expect(try await harness.send("GET", "/v1/jobs").status == 200)
    for bad in ["reset-after", "nonsense"] {
      let answer = try await harness.send("POST", "/sandbox/faults", json: ["faults": [["kind": bad]]])
      #expect(answer.status == 400)
    }
  }

  @Test("the hook receives every request before it has an effect")
  func hook() async throws {
    let seen = Mutex<[String]>([])
    let harness = Harness {
      $0.onRequest = { number, operation in seen.withLock { $0.append("\(number) \(operation)") } }
    }
    _ = try await harness.upload()
    _ = try await harness.send("GET", "/v1/jobs")
    #expect(seen.withLock(\.self) == ["1 uploadAsset", "2 listJobs"])
  }
}
