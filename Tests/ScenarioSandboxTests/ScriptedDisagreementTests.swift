import FlyingFox
import Foundation
import Synchronization
import Testing

@testable import ScenarioSandbox

/// The ways in which replies of the service may differ from its documents (contract, section 14).
@Suite("Scripted disagreements")
struct ScriptedDisagreementTests {
  private static let img2img = "/v1/generate/img2img"

  private func disagree(_ harness: Harness, _ kinds: [String]) async throws -> Int {
    try await harness.send("POST", "/sandbox/disagreements", json: ["disagreements": kinds]).status
  }

  private func start(_ harness: Harness, _ source: String, query: String = "") async throws -> Harness.Answer {
    let body = Harness.job(image: source, ["strength": 0.55, "prompt": "a wall"])
    return try await harness.send("POST", Self.img2img + query, json: body)
  }

  /// The newest job of the list.
  private func listed(_ harness: Harness) async throws -> (Harness.Answer, String) {
    (try await harness.send("GET", "/v1/jobs?pageSize=1"), "jobs.0.")
  }

  /// The number of seconds by which the `Date` field of a reply is ahead of the clock.
  private func skew(_ harness: Harness, _ answer: Harness.Answer) throws -> Double {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = TimeZone(secondsFromGMT: 0)
    formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
    let date = try #require(answer.headers[.date].flatMap { formatter.date(from: $0) })
    return date.timeIntervalSince(harness.clock.now)
  }

  /// True when the service's reply has this disagreement.
  private func shows(_ kind: SandboxDisagreement, _ harness: Harness, _ source: String) async throws -> Bool {
    switch kind {
    case .archivedPrompt, .sourceAsURL, .sourceAsImageID, .sourceLeftOut, .roundedNumbers, .billingWithoutCost:
      let started = try await start(harness, source)
      #expect(started.status == 200)
      let (list, job) = try await listed(harness)
      let (prompt, image, imageID) = (
        list(job + "metadata.input.prompt"), list(job + "metadata.input.image"), list(job + "metadata.input.imageId")
      )
      #expect(list(job + "jobId") == started("job.jobId") && prompt != nil)
      return switch kind {
      case .archivedPrompt: prompt?.hasPrefix("asset_") == true
      case .sourceAsURL: image?.hasPrefix("http") == true && image?.contains(source) == true
      case .sourceAsImageID: imageID == source && image == nil
      case .sourceLeftOut: image == nil && imageID == nil && started("inference.imageId") == nil
      case .roundedNumbers:
        list(job + "metadata.input.strength", as: Double.self) == Double(Float(0.55))
          && started("inference.strength", as: Double.self) == Double(Float(0.55))
      default:
        list(job + "billing", as: [String: Any].self) != nil && list(job + "billing.cuCost", as: Double.self) == nil
      }
    case .errorAsObject:
      harness.service.script([SandboxFault(.jobFailure, on: "generateImg2Img")])
      let id: String = try #require(try await start(harness, source)("job.jobId"))
      harness.clock.advance(10)
      let job = try await harness.send("GET", "/v1/jobs/\(id)")
      #expect(job("job.status") == "failure")
      return job("job.metadata.error.message") == "Out of luck"
    case .idOfJob:
      let started = try await start(harness, source)
      let list = try await listed(harness).0
      return started("job.id") != nil && started("job.jobId") == nil && list("jobs.0.id") == started("job.id")
    case .idsAtTop:
      let started = try await start(harness, source)
      guard let id: String = started("jobId") else { return false }
      harness.clock.advance(60)
      let job = try await harness.send("GET", "/v1/jobs/\(id)")
      return started("job", as: [String: Any].self) == nil && started("inference.prompt") != nil
        && job("status") == "success"
        && job("metadata.assetIds", as: [String].self)?.count == 1
    case .oddSibling:
      _ = try await start(harness, source)
      let list = try await listed(harness).0
      let types = list("jobs", as: [Any].self)?.map { ($0 as? [String: Any])?["jobType"] as? String }
      return types == ["inference", nil, "workflow"] && list("jobs.2.metadata.error.code", as: Int.self) == 3
    case .unknownAtFirst:
      let id: String = try #require(try await start(harness, source)("job.jobId"))
      var looks: [Int] = []
      for _ in 0..<3 { looks.append(try await harness.send("GET", "/v1/jobs/\(id)").status) }
      return looks == [404, 404, 200]
    case .dryRunStartsJob, .dryRunStartsFlatJob:
      let before = harness.service.state.withLock(\.statistics.jobs)
      let answer = try await start(harness, source, query: "?dryRun=true")
      let started = harness.service.state.withLock(\.statistics.jobs) - before
      let id: String? = answer(kind == .dryRunStartsJob ? "job.jobId" : "jobId")
      #expect(started == (answer.status == 200 ? 1 : 0) && (answer.status == 269) == (id == nil))
      return answer.status == 200 && id != nil
    case .clockBehind, .clockAhead:
      let expected: Double = kind == .clockBehind ? -300 : 300
      let started = try await start(harness, source)
      let created = try #require(started("job.createdAt").flatMap { try? Wire.Timestamp.style.parse($0) })
      let seen = (try skew(harness, started), created.timeIntervalSince(harness.clock.now))
      #expect(seen.0 == seen.1)
      // The job is found by a client that uses the clock of the replies.
      for (seconds, count) in [(-1.0, 1), (1.0, 0)] {
        let date = created.addingTimeInterval(seconds).formatted(Wire.Timestamp.style)
        let list = try await harness.send("GET", "/v1/jobs?pageSize=1&createdAfter=\(date)")
        #expect(list("jobs", as: [Any].self)?.count == count)
      }
      harness.clock.advance(2)
      return seen.0 == expected
    case .bulkRefused:
      return try await harness.send("POST", "/v1/assets/get-bulk", json: ["assetIds": [source]]).status == 403
    case .gatewayForbids, .legacyGone, .modelRefused:
      let answer = try await start(harness, source)
      let custom: [String: any Sendable] = ["prompt": "p", "image": source, "width": 128, "height": 128]
      let other = try await harness.send("POST", "/v1/generate/custom/model_bfl-flux-1-dev", json: custom)
      #expect(other.status == 200)
      return switch kind {
      case .gatewayForbids: answer.status == 403 && answer("message") == "Missing Authentication Token"
      case .legacyGone: answer.status == 404 && answer("message") == "Not Found"
      default: answer.status == 400 && answer("reason")?.contains("model flux.1-dev") == true
      }
    case .paymentRequired: return try await start(harness, source).status == 402
    case .creditExhausted:
      let answer = try await start(harness, source)
      return answer.status == 400 && answer("reason")?.contains("Insufficient creative units") == true
    case .pauseOfAnHour:
      let answer = try await harness.send("GET", "/v1/jobs")
      return answer.status == 429 && answer.headers[HTTPHeader("Retry-After")] == "3600"
    }
  }

  @Test(
    "each disagreement by the admin route, and none when it is switched off", arguments: SandboxDisagreement.allCases)
  func each(kind: SandboxDisagreement) async throws {
    let harness = Harness()
    let source = try await harness.upload()
    #expect(try await !shows(kind, harness, source))
    #expect(try await disagree(harness, [kind.rawValue]) == 200)
    #expect(try await shows(kind, harness, source))
    #expect(try await disagree(harness, []) == 200)
    #expect(try await !shows(kind, harness, source))
  }

  @Test("the admin route needs credentials, and refuses what there is not")
  func admin() async throws {
    let harness = Harness()
    #expect(try await disagree(harness, ["nonsense"]) == 400)
    #expect(try await harness.send("POST", "/sandbox/disagreements", Data("{}".utf8), authorization: nil).status == 401)
    #expect(try await harness.send("GET", "/sandbox/jobs", authorization: nil).status == 401)
  }

  @Test("a URL and imageId together, as in the reply to a submit")
  func both() async throws {
    let harness = Harness()
    let source = try await harness.upload()
    harness.service.disagree([.sourceAsURL, .sourceAsImageID])
    _ = try await start(harness, source)
    let (list, job) = try await listed(harness)
    #expect(list(job + "metadata.input.image")?.hasPrefix("http") == true)
    #expect(list(job + "metadata.input.imageId") == source)
  }

  @Test("orders draw their disagreements by seed: the same each time, each about every second time")
  func drawn() async throws {
    let orders = (0..<2000).map { "order \($0)" }
    for seed: UInt64 in [1, 2] {
      let draws = orders.map { SandboxDisagreement.drawn(seed: seed, order: $0) }
      #expect(draws == orders.map { SandboxDisagreement.drawn(seed: seed, order: $0) })
      // 1000 are expected, with a standard deviation of 22.4 (binomial distribution).
      for kind in SandboxDisagreement.survivable { #expect((880...1120).contains(draws.count { $0.contains(kind) })) }
      #expect(Set(draws).count == 1 << SandboxDisagreement.survivable.count, "every combination")
    }
    #expect(SandboxDisagreement.clock(seed: 1) != SandboxDisagreement.clock(seed: 2))
  }

  @Test("a seed gives each job the disagreements of its order, and the service one clock")
  func seeded() async throws {
    let harness = Harness { $0.disagreementSeed = 5 }
    let source = try await harness.upload()
    for number in 0..<12 {
      let prompt = "order \(number)"
      let kinds = SandboxDisagreement.drawn(seed: 5, order: prompt)
      let answer = try await harness.send("POST", Self.img2img, json: Harness.job(image: source, ["prompt": prompt]))
      let id: String = try #require(answer("job.jobId"))
      let (list, job) = try await listed(harness)
      #expect(list(job + "metadata.input.prompt")?.hasPrefix("asset_") == kinds.contains(.archivedPrompt))
      #expect((list("jobs", as: [Any].self)?.count == 3) == kinds.contains(.oddSibling))
      #expect(try await harness.send("GET", "/v1/jobs/\(id)").status == (kinds.contains(.unknownAtFirst) ? 404 : 200))
      #expect(try skew(harness, answer) == 300)
      harness.clock.advance(60)
      let results = harness.service.state.withLock { $0.jobs[id]?.resultIDs ?? [] }
      let bulk = try await harness.send("POST", "/v1/assets/get-bulk", json: ["assetIds": results])
      #expect(bulk.status == (kinds.contains(.bulkRefused) ? 403 : 200))
    }
  }

  @Test("the sandbox's own list of jobs has what was sent, whatever is switched on")
  func truth() async throws {
    let harness = Harness()
    let source = try await harness.upload()
    harness.service.disagree([.archivedPrompt, .sourceLeftOut, .clockAhead, .idOfJob])
    let body = Harness.job(image: source, ["prompt": "p", "seed": "7"])
    let started = try await harness.send("POST", Self.img2img, json: body)
    let jobs = try await harness.send("GET", "/sandbox/jobs")
    let found = try JSONDecoder().decode([SandboxJob].self, from: jobs.data)
    #expect(
      found == [
        SandboxJob(
          jobId: try #require(started("job.id")), modelId: "flux.1-dev", sourceId: source, prompt: "p", seed: "7",
          created: harness.clock.now.timeIntervalSince1970)
      ])
  }
}
