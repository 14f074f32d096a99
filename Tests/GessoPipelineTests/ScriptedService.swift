import Foundation
import ScenarioAPI
import Synchronization

/// A transport that replies as the service does, and calls a function of the test at every request.
final class ScriptedService: HTTPTransport {
  /// Called before each reply with `METHOD path`; a response that it returns, or an error that it throws, replaces the reply.
  typealias Hook = @Sendable (String, HTTPRequest) async throws(ScenarioError) -> HTTPResponse?

  static let baseURL = "https://service.example/v1"
  static let signature = "Signature=planted-signature"

  private let jobID: String
  private let statuses: Mutex<[String]>
  private let results: [String: [UInt8]]
  private let mimeType: String
  private let hook: Hook
  private let log = Mutex<[String]>([])

  /// Makes a service.
  ///
  /// - Parameters:
  ///   - number: The number of its only job, so that the jobs and results of several services have different names.
  ///   - statuses: The statuses of the job, one for each request; the last one stays.
  ///   - results: The bytes of the results, in order.
  ///   - mimeType: The media type of the results.
  ///   - hook: Called before each reply.
  init(
    number: Int = 1, statuses: [String] = ["success"], results: [[UInt8]], mimeType: String = "image/png",
    hook: @escaping Hook = { _, _ throws(ScenarioError) in nil }
  ) {
    self.statuses = Mutex(statuses)
    jobID = "job_\(number)"
    let prefix = number == 1 ? "asset_r" : "asset_\(number)r"
    self.results = Dictionary(uniqueKeysWithValues: zip((1...).lazy.map { "\(prefix)\($0)" }, results))
    self.mimeType = mimeType
    self.hook = hook
  }

  /// `METHOD path` of every request so far.
  var requests: [String] { log.withLock(\.self) }

  /// A client of this service. The service accepts every base address that ends with `/v1`.
  func client(
    baseURL: String = ScriptedService.baseURL, key: String = "planted-key", project: String? = nil,
    retry: RetryPolicy = RetryPolicy()
  ) throws -> ScenarioClient {
    ScenarioClient(
      configuration: try ScenarioConfiguration(
        baseURL: baseURL, credential: ScenarioCredential(key: key, secret: "planted-secret"), projectID: project),
      transport: self, retry: retry, clock: SteppingClock())
  }

  func send(_ request: HTTPRequest) async throws(ScenarioError) -> HTTPResponse {
    let path = (request.url.firstRange(of: "/v1").map { request.url[$0.upperBound...] } ?? "").prefix { $0 != "?" }
    let name = "\(request.method.rawValue) \(path)"
    log.withLock { $0.append(name) }
    if let answer = try await hook(name, request) { return answer }
    switch name {
    case "POST /assets": return json(["asset": asset("asset_source")])
    case "POST /generate/img2img", "POST /generate/inpaint":
      return json(["creativeUnitsCost": 10.5, "job": job(status: "queued", assets: [])])
    case "GET /jobs/\(jobID)":
      let status = statuses.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
      return json(["job": job(status: status, assets: status == "success" ? results.keys.sorted() : [])])
    case "POST /assets/get-bulk":
      guard case .bytes(let body) = request.body,
        let ids = try? JSONDecoder().decode([String: [String]].self, from: Data(body))["assetIds"]
      else { return HTTPResponse(status: 400) }
      return json(["assets": ids.map(asset)])
    case _ where name.hasPrefix("GET /assets/"):
      return json(["asset": asset(String(name.dropFirst("GET /assets/".count)))])
    case _ where name.hasPrefix("GET /files/"):
      guard request.authorization == nil else { return HTTPResponse(status: 400) }
      return deliver(results[String(name.dropFirst("GET /files/".count))] ?? [], to: request)
    default: return HTTPResponse(status: 404, body: [UInt8](#"{"reason":"Not found"}"#.utf8))
    }
  }

  private func deliver(_ bytes: [UInt8], to request: HTTPRequest) -> HTTPResponse {
    let fields = [HTTPField("Content-Type", mimeType), HTTPField("Content-Length", "\(bytes.count)")]
    guard case .descriptor(let descriptor) = request.destination else {
      return HTTPResponse(status: 200, fields: fields, body: bytes)
    }
    try? FileHandle(fileDescriptor: descriptor, closeOnDealloc: false).write(contentsOf: Data(bytes))
    return HTTPResponse(status: 200, fields: fields, bodyCount: bytes.count)
  }

  private func job(status: String, assets: [String]) -> [String: Any] {
    ["jobId": jobID, "status": status, "progress": 0.5, "metadata": ["assetIds": assets, "error": "no luck"]]
  }

  private func asset(_ id: String) -> [String: Any] {
    ["id": id, "url": "\(Self.baseURL)/files/\(id)?\(Self.signature)", "mimeType": mimeType, "status": "success"]
  }

  private func json(_ object: [String: Any]) -> HTTPResponse {
    // All objects in this file can be written as JSON.
    HTTPResponse(status: 200, body: [UInt8]((try? JSONSerialization.data(withJSONObject: object)) ?? Data()))
  }
}

/// A clock whose time advances only when a task sleeps. A sleep ends at once.
final class SteppingClock: Clock {
  struct Instant: InstantProtocol {
    var offset: Duration
    func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
    func duration(to other: Instant) -> Duration { other.offset - offset }
    static func < (a: Instant, b: Instant) -> Bool { a.offset < b.offset }
  }

  private let time = Mutex(Duration.zero)
  var now: Instant { Instant(offset: time.withLock(\.self)) }
  var minimumResolution: Duration { .zero }

  func sleep(until deadline: Instant, tolerance: Duration?) async throws {
    try Task.checkCancellation()
    time.withLock { $0 = max($0, deadline.offset) }
  }
}

/// The values that a closure of a test has received.
final class Kept<Element: Sendable>: Sendable {
  private let elements = Mutex<[Element]>([])
  var all: [Element] { elements.withLock(\.self) }
  func add(_ element: Element) { elements.withLock { $0.append(element) } }
}
