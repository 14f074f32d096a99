import FlyingFox
import Foundation
import ImagePreparation
import Synchronization

@testable import ScenarioSandbox

/// A clock that tests move by hand.
final class TestClock: Sendable {
  private let time = Mutex(Date(timeIntervalSince1970: 1_790_000_000))
  var now: Date { time.withLock(\.self) }
  func advance(_ seconds: Double) { time.withLock { $0.addTimeInterval(seconds) } }
}

/// Lines a sandbox has logged.
final class TestLog: Sendable {
  private let collected = Mutex<[String]>([])
  var lines: [String] { collected.withLock(\.self) }
  func append(_ line: String) { collected.withLock { $0.append(line) } }
}

/// A service without sockets. Tests pass requests to it as values.
struct Harness {
  let clock = TestClock()
  let log = TestLog()
  let service: SandboxService

  /// The secret contains colons, the character that separates a key from its secret.
  static let credential = SandboxCredential(key: "key_1", secret: "s3cret:with:colons")
  /// 48 × 32 pixels of a gradient.
  static let picture: [UInt8] = {
    var samples: [UInt8] = []
    for y in 0..<32 {
      for x in 0..<48 { samples += [UInt8(x * 5), UInt8(y * 7), UInt8(255 - x * 5)] }
    }
    let image = PixelImage(size: ImageSize(width: 48, height: 32), channels: 3, samples: samples)
    return try! ImagePreparer().encodePNGBlocking(image)
  }()

  init(_ configure: (inout SandboxConfiguration) -> Void = { _ in }) {
    let (clock, log) = (clock, log)
    var configuration = SandboxConfiguration(
      credentials: [Self.credential], log: { log.append($0) }, now: { clock.now })
    configure(&configuration)
    service = SandboxService(configuration: configuration, origin: "http://127.0.0.1:1")
  }

  /// A reply whose body has been read.
  struct Answer {
    let status: Int
    let headers: HTTPHeaders
    let data: Data

    /// A value in the JSON body. The path has the names of the members that contain it, separated by periods.
    func callAsFunction<Value>(_ path: String, as type: Value.Type = String.self) -> Value? {
      var value = try? JSONSerialization.jsonObject(with: data)
      for name in path.split(separator: ".") {
        value = Int(name).map { (value as? [Any])?[$0] } ?? (value as? [String: Any])?[String(name)]
      }
      return value as? Value
    }
  }

  static let authorization = "Basic " + Data("\(credential.key):\(credential.secret)".utf8).base64EncodedString()

  /// Sends one request; with credentials and as JSON by default.
  func send(
    _ method: String, _ target: String, _ body: Data = Data(), authorization: String? = authorization,
    contentType: String? = "application/json"
  ) async throws -> Answer {
    let parts = target.split(separator: "?", maxSplits: 1).map(String.init)
    var headers = HTTPHeaders()
    headers[.authorization] = authorization
    headers[.contentType] = contentType
    let request = HTTPRequest(
      method: HTTPMethod(method), version: .http11,
      target: HTTPRequest.Target(path: parts[0], query: parts.count > 1 ? parts[1] : ""), headers: headers,
      body: HTTPBodySequence(data: body))
    let response = try await service.respond(to: request)
    return Answer(status: response.statusCode.code, headers: response.headers, data: try await response.bodyData)
  }

  /// Sends a JSON object.
  func send(_ method: String, _ target: String, json: [String: any Sendable]) async throws -> Answer {
    try await send(method, target, JSONSerialization.data(withJSONObject: json))
  }

  /// Gets a signed URL, as a client without credentials does.
  func get(signed url: String, method: String = "GET", authorization: String? = nil) async throws -> Answer {
    let target = url.dropFirst("http://127.0.0.1:1".count)
    return try await send(method, String(target), authorization: authorization, contentType: nil)
  }

  /// Uploads an image and gives its asset id.
  func upload(_ image: [UInt8] = picture) async throws -> String {
    let answer = try await send(
      "POST", "/v1/assets", json: ["name": "a.png", "image": Data(image).base64EncodedString()])
    return answer("asset.id") ?? "no id in \(String(decoding: answer.data, as: UTF8.self))"
  }

  /// The smallest valid body of a job, with these changes.
  static func job(image: String, _ changes: [String: any Sendable] = [:]) -> [String: any Sendable] {
    let body: [String: any Sendable] = [
      "modelId": "flux.1-dev", "prompt": "a wall", "image": image, "width": 64, "height": 64, "numSamples": 1,
    ]
    return body.merging(changes) { $1 }
  }
}
