import Foundation
import Synchronization
import Testing

@testable import ScenarioAPI

@Suite("The list of jobs")
struct JobListTests {
  /// A service with a list of pages. After the last page, it can return that page again without end.
  private struct Pages: HTTPTransport {
    let script: ScriptedTransport
    let pages: [String]

    init(_ pages: [String]) {
      self.pages = pages
      script = ScriptedTransport(pages.map { .answer(200, $0) })
    }

    func send(_ request: HTTPRequest) async throws(ScenarioError) -> HTTPResponse {
      if script.stepsLeft > 0 { return try await script.send(request) }
      // Each repetition of the last page has a new token, so the list never ends.
      let count = more.next()
      guard count < 200 else { throw ScenarioError(.transportFailed, .notSent, stage: .wait, "endless", remedy: "") }
      return HTTPResponse(status: 200, body: [UInt8](pages[pages.count - 1].replacing("LAST", with: "t\(count)").utf8))
    }

    private let more = Counter()
  }

  private final class Counter: Sendable {
    private let value = Mutex(0)
    func next() -> Int {
      value.withLock {
        $0 += 1
        return $0
      }
    }
    var count: Int { value.withLock(\.self) }
  }

  private static func job(_ id: String, at seconds: Int? = nil) -> String {
    let date = seconds.map { Date(timeIntervalSince1970: Double($0)).formatted(.iso8601) }
    return #"{"jobId":"\#(id)"\#(date.map { #","createdAt":"\#($0)""# } ?? "")}"#
  }
  private static func page(_ jobs: [String], token: String? = nil) -> String {
    #"{"jobs":[\#(jobs.joined(separator: ","))]\#(token.map { #","nextPaginationToken":"\#($0)""# } ?? "")}"#
  }

  /// The pages of a service, and the jobs that the client finds after second 1000.
  static let lists: [(name: String, pages: [String], jobs: [String])] = [
    ("a token that repeats", [page([job("a")], token: "t"), page([job("b")], token: "t")], ["a", "b"]),
    (
      "tokens that take turns",
      [page([job("a")], token: "t"), page([job("b")], token: "u"), page([job("c")], token: "t")], ["a", "b", "c"]
    ),
    ("a page that comes again under new tokens", [page([job("a")], token: "LAST")], ["a"]),
    ("empty pages without end", [page([job("a")], token: "t"), page([], token: "LAST")], ["a"]),
    ("empty pages before the last one", [page([], token: "t"), page([], token: "u"), page([job("a")])], ["a"]),
    ("an empty token", [page([job("a")], token: "")], ["a"]),
    (
      "a service that ignores createdAfter",
      [
        page([job("new", at: 3000), job("first", at: 1000)], token: "t"), page([job("old", at: 999)], token: "u"),
        page([job("older", at: 500)], token: "LAST"),
      ], ["new", "first"]
    ),
    (
      "older jobs among jobs without a time",
      [page([job("odd"), job("old", at: 10)], token: "t"), page([job("x", at: 2000)])], ["odd"]
    ),
    (
      "a page out of order",
      [page([job("old", at: 10), job("new", at: 2000)], token: "t"), page([job("x", at: 1500)])], ["new", "x"]
    ),
  ]

  @Test("the pages end, and only jobs of the time asked for are listed", arguments: lists.indices)
  func ends(index: Int) async throws {
    let list = Self.lists[index]
    let client = ScenarioClient(
      configuration: try Planted.configuration(), transport: Pages(list.pages), clock: ManualClock())
    #expect(try await client.jobs(createdAfter: 1000).map(\.id.rawValue) == list.jobs, "\(list.name)")
  }

  @Test("more jobs than the limit are an error, not a part of the list")
  func limit() async throws {
    let transport = Pages([Self.page((0..<9).map { Self.job("job_\($0)", at: 2000) })])
    let client = ScenarioClient(configuration: try Planted.configuration(), transport: transport, clock: ManualClock())
    await #expect { try await client.jobs(createdAfter: 1000, limit: 8) } throws: {
      ($0 as? ScenarioError)?.code == .responseTooLarge
    }
  }
}
