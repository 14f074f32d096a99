import Foundation
import GessoPipeline
import ScenarioAPI
import Synchronization
import TestSupport
import Testing

@Suite("The limit of a day")
struct SpendingTests {
  let path = TestFolder.url.appending(path: "gesso-spending-\(UUID().uuidString)/l.sqlite").path

  /// 2026-11-29T23:59:00Z
  private static let late = 1_795_996_740.0

  private func intent(_ key: String) -> LedgerIntent {
    LedgerIntent(
      key: key, account: "", baseURL: "https://example.com/v1", projectID: nil, source: "forest.jpg",
      sourceSHA256: "aa",
      preparedSHA256: nil, preparedPath: nil, geometry: nil, model: "flux.1-dev", prompt: "a forest", parameters: "{}",
      seed: "7", folder: "/out", nameTemplate: "{stem}-{index}", stem: "forest")
  }

  private func submit(_ price: Decimal?, limit: Decimal? = nil, account: String = "account 1") -> Ledger.Submit {
    Ledger.Submit(
      account: account, model: "flux.1-dev", parameters: "{}", price: price,
      limits: limit.map { [SpendingLimit(.day, $0)] } ?? [])
  }

  /// Records a run that was submitted at the given time, and then the state `ends`.
  private func spend(
    _ ledger: Ledger, _ key: String, price: Decimal?, cost: String?, at time: Double, account: String = "account 1",
    ends: String = "submitted"
  ) throws {
    let run = try ledger.claim(intent(key), again: false).entry.id
    if ends.hasPrefix("dry run") {
      try ledger.recordDryRun(run, submit(nil, account: account), now: time)
      switch ends {
      case "dry run": if price == nil { return }
      case "dry run, adopted":
        try ledger.recordNeedsDecision(run, reason: "who knows", candidates: [])
        try ledger.recordSubmission(run, job: JobID(rawValue: "job_\(key)"), cost: cost)
        return
      case "dry run, dropped":
        try ledger.recordDropped(run, reason: "dropped")
        return
      case "dry run with a job":
        try ledger.recordSubmission(run, job: JobID(rawValue: "job_\(key)"), cost: cost)
        return
      default: break
      }
      try ledger.recordNoDryRunJob(run, price: price)
      // The price was requested before, and is requested again now.
      if ends == "dry run" { try ledger.recordDryRun(run, submit(nil, account: account), now: time) }
      return
    }
    try ledger.recordSubmitting(run, submit(price, account: account), now: time)
    switch ends {
    case "submitted": try ledger.recordSubmission(run, job: JobID(rawValue: "job_\(key)"), cost: cost)
    case "refused": try ledger.recordNotSubmitted(run)
    case "parked": try ledger.recordNeedsDecision(run, reason: "who knows", candidates: [])
    case "dropped": try ledger.recordDropped(run, reason: "dropped")
    default: break
    }
  }

  @Test("a limit is for any number of orders")
  func manyOrders() throws {
    let ledger = try Ledger(path: path)
    let first = try ledger.claim(intent("key 7"), again: false).entry.id
    try ledger.recordSubmitting(first, submit(10))
    try ledger.recordSubmission(first, job: JobID(rawValue: "job_7"), cost: "10")
    let limit = SpendingLimit(.orders(Set((0..<40_000).map { "key \($0)" })), 15)
    var next = submit(8)
    next.limits = [limit]
    let run = try ledger.claim(intent("key 8"), again: false).entry.id
    #expect { try ledger.recordSubmitting(run, next) } throws: {
      ($0 as? PipelineError)?.code == .tooExpensive && "\($0)".contains("10 were spent on this order before")
    }
  }

  @Test(
    "the day's jobs of the account count, and submits and dry runs of unknown outcome at their price",
    arguments: [
      // The spending on record, and whether a job of 5 units is then within a limit of 12.
      ("nothing", true), ("5", true), ("7.25", false), ("5, price 9", true), ("price 8, outstanding", false),
      ("price 8, parked", false), ("price 8, refused", true), ("price 8, dropped", false), ("8 yesterday", true),
      ("8 tomorrow", true), ("8 of another account", true), ("no cost, price 8", false),
      ("three without cost or price", false), ("price 8, dry run without a reply", false),
      ("a dry run without a reply or a price", true), ("two dry runs without a reply or a price", false),
      ("price 8, dry run with a reply", true), ("price 8, dry run without a reply yesterday", true),
      ("a dry run that started a job of 8", false), ("a dry run without a reply whose job of 8 was adopted", false),
      ("two dry runs that were dropped, without a price", false),
      ("price 8, dropped, and ordered again", false),
    ])
  func counts(spent: String, fits: Bool) throws {
    let ledger = try Ledger(path: path)
    let time = Self.late
    switch spent {
    case "nothing": break
    case "5": try spend(ledger, "a", price: 5, cost: "5", at: time - 60)
    case "7.25": try spend(ledger, "a", price: 5, cost: "7.25", at: time - 86_000)
    case "5, price 9": try spend(ledger, "a", price: 9, cost: "5", at: time)
    case "price 8, outstanding": try spend(ledger, "a", price: 8, cost: nil, at: time, ends: "outstanding")
    case "price 8, parked": try spend(ledger, "a", price: 8, cost: nil, at: time, ends: "parked")
    case "price 8, refused": try spend(ledger, "a", price: 8, cost: nil, at: time, ends: "refused")
    case "price 8, dropped": try spend(ledger, "a", price: 8, cost: nil, at: time, ends: "dropped")
    case "8 yesterday": try spend(ledger, "a", price: 8, cost: "8", at: time - 86_400)
    case "8 tomorrow": try spend(ledger, "a", price: 8, cost: "8", at: time + 60)
    case "8 of another account": try spend(ledger, "a", price: 8, cost: "8", at: time, account: "account 2")
    case "no cost, price 8": try spend(ledger, "a", price: 8, cost: nil, at: time)
    case "three without cost or price":
      for key in ["a", "b", "c"] { try spend(ledger, key, price: nil, cost: nil, at: time) }
    case "price 8, dry run without a reply":
      try spend(ledger, "a", price: 8, cost: nil, at: time, ends: "dry run")
    case "a dry run without a reply or a price":
      try spend(ledger, "a", price: nil, cost: nil, at: time, ends: "dry run")
    case "two dry runs without a reply or a price":
      for key in ["a", "b"] { try spend(ledger, key, price: nil, cost: nil, at: time, ends: "dry run") }
    case "price 8, dry run with a reply":
      try spend(ledger, "a", price: 8, cost: nil, at: time, ends: "dry run with a reply")
    case "price 8, dry run without a reply yesterday":
      try spend(ledger, "a", price: 8, cost: nil, at: time - 86_400, ends: "dry run")
    case "a dry run that started a job of 8":
      try spend(ledger, "a", price: nil, cost: "8", at: time, ends: "dry run with a job")
    case "two dry runs that were dropped, without a price":
      for key in ["a", "b"] { try spend(ledger, key, price: nil, cost: nil, at: time, ends: "dry run, dropped") }
    case "a dry run without a reply whose job of 8 was adopted":
      try spend(ledger, "a", price: nil, cost: "8", at: time, ends: "dry run, adopted")
    case "price 8, dropped, and ordered again": try spend(ledger, "new", price: 8, cost: nil, at: time, ends: "dropped")
    default: Issue.record("no such case")
    }
    let run = try ledger.claim(intent("new"), again: false).entry.id
    if fits {
      try ledger.recordSubmitting(run, submit(5, limit: 12), now: time)
      #expect(try ledger.entry(run: run).state == .submitting)
    } else {
      let error = #expect(throws: PipelineError.self) {
        try ledger.recordSubmitting(run, submit(5, limit: 12), now: time)
      }
      #expect(error?.code == .tooExpensive && error?.message.contains("the limit per day is 12") == true)
      #expect(try ledger.entry(run: run).state == .planned, "nothing is recorded")
    }
  }

  @Test("the cost of a day is the sum that its limit counts, and jobs without a price are counted apart")
  func spendingOfDay() throws {
    let ledger = try Ledger(path: path)
    let account = Account(
      try ScenarioConfiguration(credential: ScenarioCredential(key: "key-1", secret: "secret"), projectID: "proj_1"))
    let (id, time) = (account.id, Self.late)
    #expect(try ledger.spendingOfDay(account, now: time) == (0, 0))
    try spend(ledger, "a", price: 5, cost: "7.25", at: time, account: id)
    try spend(ledger, "b", price: 8, cost: nil, at: time - 600, account: id, ends: "parked")
    try spend(ledger, "c", price: nil, cost: nil, at: time, account: id)
    try spend(ledger, "d", price: 3, cost: nil, at: time, account: id, ends: "refused")
    try spend(ledger, "e", price: 2, cost: "2", at: time - 86_400, account: id)
    try spend(ledger, "f", price: 2, cost: "2", at: time, account: "another")
    #expect(try ledger.spendingOfDay(account, now: time) == (15.25, 1))
    #expect(try ledger.spendingOfDay(account, now: time + 86_400) == (0, 0))
  }

  struct Payer: Sendable {
    var baseURL = "https://api.cloud.scenario.com/v1"
    var key = "key-1"
    var project: String? = "proj_1"
  }

  @Test(
    "an account is a service, a key and a project",
    arguments: [
      ("the same", Payer(), Payer(), true),
      ("the tutorial's host", Payer(), Payer(baseURL: "https://api.scenario.com/v1"), true),
      ("another service", Payer(), Payer(baseURL: "https://service.example/v1"), false),
      ("another key of the project", Payer(), Payer(key: "key-2"), false),
      ("another project of the key", Payer(), Payer(project: "proj_2"), false),
      ("the key's own project", Payer(), Payer(project: nil), false),
    ])
  func accounts(what: String, first: Payer, second: Payer, isOne: Bool) async throws {
    let service = ScriptedService(results: [try Fixtures.bytes("png/small-rgb8.png")]) {
      _, request throws(ScenarioError) in
      request.url.contains("dryRun")
        ? HTTPResponse(status: 269, body: [UInt8](#"{"creativeUnitsCost":10.5}"#.utf8)) : nil
    }
    let ledger = try Ledger(path: path)
    func spend(_ payer: Payer, _ prompt: String) async throws {
      let client = try service.client(baseURL: payer.baseURL, key: payer.key, project: payer.project)
      var order = Img2ImgOrder(path: Fixtures.path("jpeg/small-420.jpg"), prompt: prompt, folder: path + "-out")
      (order.maxCostPerDay, order.waits) = (20, false)
      _ = try await Img2ImgPipeline(client: client, ledger: ledger).start(order).result
    }
    // The scripted service has only one job, and among the runs at one address only one can have it.
    try await spend(first, "a forest")
    do {
      try await spend(second, "a lake")
      #expect(!isOne)
    } catch let error as PipelineError {
      // The first run has the job. This error shows that the daily limit allowed the submit.
      #expect(error.code == (isOne ? .tooExpensive : .ledgerUnavailable), "\(error)")
    }
    for name in [path, path + "-wal"] {
      let text = String(decoding: (try? Data(contentsOf: URL(filePath: name))) ?? Data(), as: UTF8.self)
      #expect(!text.contains("key-1") && !text.contains("key-2"), "the key is in \(name)")
    }
  }

  /// The daily sum belongs to the key that sends the submit.
  @Test("an order that another key of the project continues counts for that key, and is not a new order")
  func otherKey() async throws {
    let service = ScriptedService(results: []) { name, request throws(ScenarioError) in
      if request.url.contains("dryRun") {
        return HTTPResponse(status: 269, body: [UInt8](#"{"creativeUnitsCost":10.5}"#.utf8))
      }
      guard name == "POST /generate/img2img" else { return nil }
      let isWrongKey = request.authorization?.withAuthorization { $0.hasSuffix(Self.wrong) } == true
      return isWrongKey ? HTTPResponse(status: 401) : nil
    }
    let ledger = try Ledger(path: path)
    func start(_ prompt: String, key: String) async throws {
      var order = Img2ImgOrder(path: Fixtures.path("jpeg/small-420.jpg"), prompt: prompt, folder: path + "-out")
      (order.maxCostPerDay, order.waits, order.generation.seed) = (20, false, "7")
      let client = try service.client(key: key, project: "proj_1")
      _ = try await Img2ImgPipeline(client: client, ledger: ledger).start(order).result
    }
    await #expect(throws: ScenarioError.self) { try await start("a forest", key: "key-1") }
    try await start("a forest", key: "key-2")
    #expect(try ledger.entries().map(\.jobID?.rawValue) == ["job_1"])
    await #expect { try await start("a lake", key: "key-2") } throws: {
      ($0 as? PipelineError)?.code == .tooExpensive && "\($0)".contains("10.5 were spent since midnight UTC")
    }
  }

  /// The part of the authorization that contains `key-1`.
  private static let wrong = Data("key-1:planted-secret".utf8).base64EncodedString()

  /// The state of a dry run whose reply was lost, when the next order begins.
  enum Ending: CaseIterable, Sendable {
    case noJob, job, unknown, inProgress
  }

  @Test("a dry run whose reply was lost is cleared up before the limit is compared", arguments: Ending.allCases)
  func lostDryRun(ending: Ending) async throws {
    let isLost = Mutex(true)
    let ledger = try Ledger(path: path)
    let claims = Kept<Bool>()
    let (beginnings, begin) = AsyncStream.makeStream(of: Void.self)
    let (ends, end) = AsyncStream.makeStream(of: Void.self)
    let service = ScriptedService(results: []) { name, request throws(ScenarioError) in
      if request.url.contains("dryRun") {
        guard
          isLost.withLock({
            let first = $0; $0 = false; return first
          })
        else {
          return HTTPResponse(status: 269, body: [UInt8](#"{"creativeUnitsCost":10.5}"#.utf8))
        }
        begin.finish()
        if ending == .inProgress { for await _ in ends {} }
        throw ScenarioError(.connectionLost, .unknownOutcome, stage: .price, "gone", remedy: "")
      }
      guard name == "GET /jobs" else { return nil }
      // While the jobs are searched, the order can be claimed again.
      claims.add((try? ledger.claim(1)) != nil)
      let made = Date.now.formatted(.iso8601)
      let job =
        #"{"jobId":"job_7","status":"queued","createdAt":"\#(made)","billing":{"cuCost":8},"#
        + #""metadata":{"input":{"image":"asset_source"}}}"#
      switch ending {
      case .unknown: return HTTPResponse(status: 401)
      case .noJob, .inProgress: return HTTPResponse(status: 200, body: [UInt8](#"{"jobs":[]}"#.utf8))
      case .job: return HTTPResponse(status: 200, body: [UInt8]("{\"jobs\":[\(job)]}".utf8))
      }
    }
    let pipeline = Img2ImgPipeline(client: try service.client(), ledger: ledger)
    func order(_ prompt: String) -> Img2ImgOrder {
      var order = Img2ImgOrder(path: Fixtures.path("jpeg/small-420.jpg"), prompt: prompt, folder: path + "-out")
      (order.maxCostPerDay, order.waits) = (18, false)
      return order
    }
    let first = Task { try await pipeline.start(order("a forest")).result }
    for await _ in beginnings {}
    if ending != .inProgress { await #expect(throws: ScenarioError.self) { try await first.value } }
    let error: (any Error)?
    do {
      _ = try await pipeline.start(order("a lake")).result
      error = nil
    } catch let failure {
      error = failure
    }
    switch ending {
    case .noJob, .inProgress: #expect(error == nil, "10.5 of 18")
    case .job: #expect("\(error.map { "\($0)" } ?? "")".contains("8 were spent since midnight UTC"))
    case .unknown: #expect((error as? ScenarioError)?.code == .credentialsRefused, "nothing is submitted meanwhile")
    }
    #expect(
      service.requests.count { $0 == "POST /generate/img2img" } == ([.noJob, .inProgress].contains(ending) ? 3 : 2))
    #expect(claims.all == (ending == .inProgress ? [] : [true]))
    end.finish()
    _ = try? await first.value
    #expect(try ledger.entry(run: 1).jobID?.rawValue == (ending == .job ? "job_7" : nil))
  }

  @Test(
    "the cost of a job is on record, whether the reply to the submit names it or only the finished job",
    arguments: [true, false])
  func cost(isInReply: Bool) async throws {
    let service = ScriptedService(results: [try Fixtures.bytes("png/small-rgb8.png")]) {
      name, _ throws(ScenarioError) in
      switch name {
      case "POST /generate/img2img" where !isInReply:
        HTTPResponse(status: 200, body: [UInt8](#"{"job":{"jobId":"job_1","status":"queued"}}"#.utf8))
      case "GET /jobs/job_1":
        HTTPResponse(
          status: 200,
          body: [UInt8](
            #"{"job":{"jobId":"job_1","status":"success","metadata":{"assetIds":["asset_r1"]},"billing":{"cuCost":12}}}"#
              .utf8))
      default: nil
      }
    }
    let ledger = try Ledger(path: path)
    let order = Img2ImgOrder(path: Fixtures.path("jpeg/small-420.jpg"), prompt: "a forest", folder: path + "-out")
    let result = try await Img2ImgPipeline(client: try service.client(), ledger: ledger).start(order).result
    let cost = isInReply ? "10.5" : "12"
    #expect(try result.cost == cost && ledger.entries().map(\.cost) == [cost])
    let record = try String(contentsOfFile: result.files[0].recordPath, encoding: .utf8)
    #expect(record.contains("\"cost\" : \(cost)"))
  }

  @Test("two processes cannot both find room for the last job")
  func race() async throws {
    let path = path
    let intents = (0..<8).map { intent("\($0)") }
    let submit = submit(5, limit: 12)
    let passed = await withTaskGroup(of: Bool.self) { group in
      for intent in intents {
        group.addTask {
          // Each task has a connection of its own, like a process.
          guard let ledger = try? Ledger(path: path), let claim = try? ledger.claim(intent, again: false) else {
            return false
          }
          return (try? ledger.recordSubmitting(claim.entry.id, submit, now: Self.late)) != nil
        }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(passed == 2, "10 of 12 are spent")
  }
}
