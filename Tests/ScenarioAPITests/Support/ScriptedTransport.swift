import Foundation
import ScenarioAPI
import Synchronization

/// A transport that replies from a script, in order, and keeps the requests.
final class ScriptedTransport: HTTPTransport {
  /// The outcome of one request.
  enum Step: Sendable {
    case answer(Int, String = "", [HTTPField] = [])
    case fail(ScenarioError)
    /// A file: its bytes, and the length that the server announces.
    case file([UInt8], announced: Int? = nil, type: String = "image/png")
  }

  private let steps: Mutex<[Step]>
  private let seen = Mutex<[HTTPRequest]>([])

  var requests: [HTTPRequest] { seen.withLock { $0 } }
  /// The number of steps of the script that no request has used yet.
  var stepsLeft: Int { steps.withLock { $0.count } }

  init(_ steps: [Step]) { self.steps = Mutex(steps) }

  func send(_ request: HTTPRequest) async throws(ScenarioError) -> HTTPResponse {
    seen.withLock { $0.append(request) }
    guard let step = steps.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) else {
      throw ScenarioError(.transportFailed, .notSent, stage: request.stage, "the script has ended", remedy: "")
    }
    switch step {
    case .answer(let status, let body, let fields):
      return HTTPResponse(status: status, fields: fields, body: [UInt8](body.utf8))
    case .fail(let error): throw error
    case .file(let bytes, let announced, let type):
      guard case .descriptor(let descriptor) = request.destination else { fatalError("\(request) expects no file") }
      precondition(unsafe write(descriptor, bytes, bytes.count) == bytes.count)
      let fields = [HTTPField("Content-Length", "\(announced ?? bytes.count)"), HTTPField("Content-Type", type)]
      return HTTPResponse(status: 200, fields: fields, bodyCount: bytes.count)
    }
  }
}

/// A clock on which sleeping takes no time and is recorded.
final class ManualClock: Clock {
  struct Instant: InstantProtocol {
    var offset = Duration.zero
    func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
    func duration(to other: Instant) -> Duration { other.offset - offset }
    static func < (one: Instant, other: Instant) -> Bool { one.offset < other.offset }
  }

  private let state = Mutex<(now: Instant, sleeps: [Duration])>((Instant(), []))

  var now: Instant { state.withLock { $0.now } }
  var minimumResolution: Duration { .zero }
  var sleeps: [Duration] { state.withLock { $0.sleeps } }

  func sleep(until deadline: Instant, tolerance: Duration?) async throws {
    try Task.checkCancellation()
    state.withLock { state in
      state.sleeps.append(state.now.duration(to: deadline))
      state.now = max(state.now, deadline)
    }
  }
}

/// A generator that always returns the same bits.
struct FixedGenerator: RandomNumberGenerator, Sendable {
  var bits: UInt64
  mutating func next() -> UInt64 { bits }

  /// Gives the upper end of a range.
  static let highest = FixedGenerator(bits: .max)
  /// Gives the lower end of a range.
  static let lowest = FixedGenerator(bits: 0)
}

/// A configuration whose secrets are easy to search for.
enum Planted {
  static let key = "planted-key-5f1c"
  static let secret = "planted-secret-9e7d"
  static let header = "Basic " + Data("\(key):\(secret)".utf8).base64EncodedString()

  static func configuration(_ baseURL: String = "https://service.example/v1", project: String? = nil) throws
    -> ScenarioConfiguration
  {
    try ScenarioConfiguration(
      baseURL: baseURL, credential: ScenarioCredential(key: key, secret: secret), projectID: project)
  }

  /// True when the text contains a part of the credential or a signature.
  static func leaks(_ text: String) -> Bool {
    [key, secret, String(header.dropFirst(6)), "PlantedSignature"].contains { text.contains($0) }
  }
}
