import Foundation
import Synchronization
import TestSupport
import Testing

@testable import ScenarioAPI

@Suite("Transport over libcurl")
struct CurlTransportTests {
  private func request(
    _ method: HTTPRequest.Method = .get, _ url: String, body: HTTPRequest.Body = .none,
    stage: Stage = .wait
  ) throws -> HTTPRequest {
    var request = HTTPRequest(method, url, stage: stage)
    request.body = body
    request.authorization = try ScenarioCredential(key: Planted.key, secret: Planted.secret)
    return request
  }

  /// The error that sending throws.
  private func failure(
    of request: HTTPRequest, _ transport: CurlTransport = CurlTransport()
  ) async -> (error: ScenarioError?, end: ContinuousClock.Instant) {
    do throws(ScenarioError) {
      _ = try await transport.send(request)
      return (nil, .now)
    } catch {
      return (error, .now)
    }
  }

  // MARK: Requests

  @Test("a large body arrives whole at another HTTP implementation, and so does its reply")
  func largeBody() async throws {
    let server = try await EchoServer()
    defer { server.stop() }
    let bytes = (0..<3_000_001).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let post = try request(.post, "http://localhost:\(server.port)/echo", body: .bytes(bytes))
    let response = try await CurlTransport().send(post)
    #expect(response.status == 200)
    #expect(response.body == bytes)
  }

  @Test("a request carries its fields and credential, and nothing that libcurl would add")
  func fields() async throws {
    let server = RawServer.answering { connection, _ in connection.answer() }
    defer { server.stop() }
    var post = try request(
      .post, server.baseURL + "/v1/a%2Fb?x=%26", body: .bytes([UInt8](repeating: 7, count: 2 << 20)))
    post.fields = [HTTPField("Content-Type", "application/json")]
    _ = try await CurlTransport().send(post)

    let seen = try #require(server.requests.first)
    #expect(seen.line == "POST /v1/a%2Fb?x=%26 HTTP/1.1")
    #expect(seen.value(of: "Authorization") == Planted.header)
    #expect(seen.value(of: "Content-Type") == "application/json")
    #expect(seen.value(of: "Content-Length") == "\(2 << 20)")
    #expect(seen.value(of: "Expect") == nil)
    #expect(seen.value(of: "Transfer-Encoding") == nil)
    #expect(seen.body == [UInt8](repeating: 7, count: 2 << 20))
  }

  @Test("part of a file is sent from the file")
  func filePart() async throws {
    let server = RawServer.answering { connection, _ in connection.answer() }
    defer { server.stop() }
    let path = NSTemporaryDirectory() + "gesso-part-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let bytes = (0..<600_000).map { UInt8(truncatingIfNeeded: $0 &* 17 &+ $0 >> 8) }
    try Data(bytes).write(to: URL(filePath: path))

    var put = HTTPRequest(.put, server.baseURL + "/part", stage: .upload)
    put.body = .file(path: path, offset: 1_000, count: 500_000)
    #expect(try await CurlTransport().send(put).status == 200)
    let seen = try #require(server.requests.first)
    #expect(seen.body == Array(bytes[1_000..<501_000]))
    #expect(seen.value(of: "Authorization") == nil)
    #expect(seen.value(of: "Content-Type") == nil)

    put.body = .file(path: path, offset: 599_000, count: 500_000)
    let short = try #require(await failure(of: put).error)
    #expect(short.code == .invalidRequest)
    put.body = .file(path: path + "-missing", offset: 0, count: 1)
    let missing = try #require(await failure(of: put).error)
    #expect(missing.code == .invalidRequest && missing.outcome == .notSent)
  }

  @Test("a header field cannot contain another line")
  func fieldInjection() async throws {
    var get = HTTPRequest(.get, "http://127.0.0.1:\(RawServer.closedPort())/", stage: .wait)
    get.fields = [HTTPField("X-Name", "a\r\nX-Other: b")]
    let error = try #require(await failure(of: get).error)
    #expect(error.code == .transportFailed && error.outcome == .notSent)
  }

  @Test("compressed replies are unpacked")
  func compression() async throws {
    // printf '{"packed":true}' | gzip -n | base64
    let packed = try #require(Data(base64Encoded: "H4sIAAAAAAAAA6tWKkhMzk5NUbIqKSpNrQUAieC13A8AAAA="))
    let server = RawServer.answering { connection, _ in
      connection.send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(packed.count)\r\n\r\n")
      connection.send([UInt8](packed))
    }
    defer { server.stop() }
    let response = try await CurlTransport().send(request(.get, server.baseURL))
    #expect(String(decoding: response.body, as: UTF8.self) == #"{"packed":true}"#)
  }

  // MARK: Redirects and proxies

  @Test("a redirect to another origin loses the credential, one to the same keeps it", arguments: [true, false])
  func redirects(elsewhere: Bool) async throws {
    let other = RawServer.answering { connection, _ in connection.answer(body: "other") }
    let first = RawServer.answering { connection, request in
      guard request.line.contains("/start") else { return connection.answer(body: "same") }
      connection.answer("302 Found", fields: "Location: \(elsewhere ? other.baseURL : "")/end\r\n", body: "moved")
    }
    defer { first.stop(); other.stop() }
    var get = try request(.get, first.baseURL + "/start")
    get.followsRedirects = true
    let response = try await CurlTransport().send(get)
    #expect(String(decoding: response.body, as: UTF8.self) == (elsewhere ? "other" : "same"))
    #expect(first.requests.allSatisfy { $0.value(of: "Authorization") == Planted.header })
    #expect(first.requests.count == (elsewhere ? 1 : 2))
    #expect(other.requests.map { $0.value(of: "Authorization") } == (elsewhere ? [nil] : []))
  }

  @Test("a request that acts is not redirected", arguments: [301, 302, 303, 307, 308])
  func postIsNotRedirected(status: Int) async throws {
    let server = RawServer.answering { connection, _ in
      connection.answer("\(status) Moved", fields: "Location: /end\r\n")
    }
    defer { server.stop() }
    var post = try request(.post, server.baseURL + "/start", body: .bytes([1, 2, 3]), stage: .submit)
    post.followsRedirects = true
    #expect(try await CurlTransport().send(post).status == status)
    #expect(server.requests.count == 1)
  }

  @Test("redirects end after five, and never leave http")
  func redirectLimits() async throws {
    let server = RawServer.answering { connection, request in
      let target = request.line.contains("/file") ? "file:///etc/hostname" : "/again"
      connection.answer("302 Found", fields: "Location: \(target)\r\n")
    }
    defer { server.stop() }
    for path in ["/again", "/file"] {
      var get = try request(.get, server.baseURL + path)
      get.followsRedirects = true
      let error = try #require(await failure(of: get).error)
      #expect(error.code == .redirected, "\(path)")
    }
  }

  @Test("a proxy is used for the world and never for this machine")
  func proxy() async throws {
    let proxy = RawServer.answering { connection, _ in connection.answer(body: "proxied") }
    let server = RawServer.answering { connection, _ in connection.answer(body: "direct") }
    defer { proxy.stop(); server.stop() }
    var options = ConnectionOptions(environment: [:])
    options.proxy = proxy.baseURL
    let transport = CurlTransport(options: options)
    let world = try await transport.send(HTTPRequest(.get, "http://service.example/file", stage: .download))
    let local = try await transport.send(request(.get, server.baseURL))
    #expect(String(decoding: world.body, as: UTF8.self) == "proxied")
    #expect(String(decoding: local.body, as: UTF8.self) == "direct")
    #expect(proxy.requests.map(\.line) == ["GET http://service.example/file HTTP/1.1"])
  }

  @Test("proxies come from the environment, and the exceptions to them")
  func proxyEnvironment() async {
    // The test runs in its own process, because it changes the environment.
    await #expect(processExitsWith: .success) {
      let proxy = RawServer.answering { connection, _ in connection.answer(body: "proxied") }
      unsafe setenv("http_proxy", proxy.baseURL, 1)
      unsafe setenv("no_proxy", "direct.invalid", 1)
      let transport = CurlTransport()
      let world = try await transport.send(HTTPRequest(.get, "http://service.invalid/file", stage: .download))
      precondition(String(decoding: world.body, as: UTF8.self) == "proxied")
      do {
        _ = try await transport.send(HTTPRequest(.get, "http://direct.invalid/file", stage: .download))
        preconditionFailure("an exception went through the proxy")
      } catch {
        precondition((error as? ScenarioError)?.code == .unreachable)
      }
      precondition(proxy.requests.count == 1)
    }
  }

  @Test("the CA bundle comes from the environment as curl's does")
  func environment() {
    #expect(ConnectionOptions(environment: [:]).caBundle == nil)
    #expect(ConnectionOptions(environment: ["SSL_CERT_FILE": "b"]).caBundle == "b")
    #expect(ConnectionOptions(environment: ["SSL_CERT_FILE": "b", "CURL_CA_BUNDLE": "a"]).caBundle == "a")
    #expect(ConnectionOptions(environment: ["SSL_CERT_FILE": "b", "CURL_CA_BUNDLE": ""]).caBundle == "b")
  }

  // MARK: Replies

  @Test("a successful reply goes to a file, another one to memory")
  func destinations() async throws {
    let server = RawServer.answering { connection, request in
      if request.line.contains("/good") {
        connection.answer(body: String(repeating: "x", count: 300_000))
      } else {
        connection.answer("403 Forbidden", body: "<Error>expired</Error>")
      }
    }
    defer { server.stop() }
    let path = NSTemporaryDirectory() + "gesso-file-\(UUID().uuidString)"
    let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_EXCL, 0o600)
    defer { close(descriptor); unsafe unlink(path) }
    let transport = CurlTransport()
    for (name, status) in [("bad", 403), ("good", 200)] {
      var get = try request(.get, server.baseURL + "/" + name)
      get.destination = .descriptor(descriptor)
      let response = try await transport.send(get)
      #expect(response.status == status)
      #expect(String(decoding: response.body, as: UTF8.self) == (status == 200 ? "" : "<Error>expired</Error>"))
      #expect(response.bodyCount == (status == 200 ? 300_000 : 22))
    }
    #expect(try Data(contentsOf: URL(filePath: path)) == Data(repeating: UInt8(ascii: "x"), count: 300_000))

    var full = try request(.get, server.baseURL + "/good")
    let device = unsafe open("/dev/full", O_WRONLY)
    try #require(device >= 0)
    defer { close(device) }
    full.destination = .descriptor(device)
    let error = try #require(await failure(of: full).error)
    #expect(error.code == .writeFailed && error.outcome == .unusable)
  }

  @Test("a reply above the limit is refused, whether or not its length is announced", arguments: [true, false])
  func limit(announced: Bool) async throws {
    let server = RawServer { connection in
      _ = connection.readRequest()
      connection.send("HTTP/1.1 200 OK\r\n\(announced ? "Content-Length: 5000" : "Connection: close")\r\n\r\n")
      connection.send([UInt8](repeating: 65, count: 5_000))
    }
    defer { server.stop() }
    var get = try request(.get, server.baseURL)
    get.responseLimit = 4_999
    let error = try #require(await failure(of: get).error)
    #expect(error.code == .responseTooLarge && error.outcome == .unusable && !error.isRetryable)
  }

  @Test("an endless head is refused")
  func headLimit() async throws {
    let server = RawServer { connection in
      _ = connection.readRequest()
      connection.send("HTTP/1.1 200 OK\r\n")
      for index in 0..<5_000 { connection.send("X-\(index): \(String(repeating: "h", count: 90))\r\n") }
      connection.waitForEnd()
    }
    defer { server.stop() }
    let error = try #require(await failure(of: request(.get, server.baseURL)).error)
    #expect(error.code == .responseTooLarge && error.outcome == .unusable)
  }

  // MARK: Failures

  @Test("without a listener nothing is sent")
  func refusedConnection() async throws {
    let error = try #require(
      await failure(of: try request(.post, "http://127.0.0.1:\(RawServer.closedPort())/", stage: .submit)).error)
    #expect(error.code == .unreachable && error.outcome == .notSent && error.isRetryable)
    #expect(error.curlCode == 7 && error.stage == .submit)
    #expect(error.message.contains("127.0.0.1"))
  }

  @Test("nothing is sent to an unknown host")
  func unknownHost() async throws {
    // A label of more than 63 characters (RFC 1035, 2.3.4) is refused before a name server is asked.
    let get = HTTPRequest(.get, "https://\(String(repeating: "a", count: 64)).example/", stage: .wait)
    let error = try #require(await failure(of: get).error)
    #expect(error.code == .unreachable && error.outcome == .notSent && error.isRetryable)
  }

  @Test("nothing is sent when TLS fails")
  func noTLS() async throws {
    let server = RawServer { connection in connection.send("no TLS here\r\n") }
    defer { server.stop() }
    let error = try #require(await failure(of: try request(.get, "https://127.0.0.1:\(server.port)/")).error)
    #expect(error.code == .tlsFailed && error.outcome == .notSent)
  }

  enum Fault: String, CaseIterable { case close, reset, halfHead, halfBody, resetInBody }

  @Test("a connection that is lost after the request was sent has an unknown outcome", arguments: Fault.allCases)
  func lostConnection(fault: Fault) async throws {
    let server = RawServer { connection in
      _ = connection.readRequest()
      if fault == .reset || fault == .resetInBody { connection.resetOnClose() }
      if fault == .halfHead { connection.send("HTTP/1.1 200 OK\r\nContent-Le") }
      if fault == .halfBody || fault == .resetInBody {
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
      }
    }
    defer { server.stop() }
    let error = try #require(
      await failure(of: try request(.post, server.baseURL, body: .bytes([1]), stage: .submit)).error)
    #expect(error.outcome == .unknownOutcome)
    #expect(error.code == .connectionLost)
    #expect(error.isRetryable && error.curlCode != nil)
    #expect(server.requests.count == 1)
  }

  @Test(
    "a reply that never comes, or stops in the middle, times out",
    arguments: [(true, true), (true, false), (false, true)])
  func timeouts(total: Bool, midway: Bool) async throws {
    let server = RawServer { connection in
      _ = connection.readRequest()
      if midway { connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345") }
      connection.waitForEnd()
    }
    defer { server.stop() }
    var options = ConnectionOptions(environment: [:])
    if !total { options.stallTimeout = .seconds(1) * TimeScale.factor }
    var get = try request(.get, server.baseURL)
    if total { get.timeout = .milliseconds(200) * TimeScale.factor }
    let error = try #require(await failure(of: get, CurlTransport(options: options)).error)
    #expect(error.code == .timedOut && error.outcome == .unknownOutcome && error.isRetryable)
  }

  @Test(
    "a request that must not be repeated is sent once, even on a dead connection", arguments: [false, true], [0, 100])
  func deadConnection(isRepeatable: Bool, bodyCount: Int) async throws {
    // The server replies to the first request of a connection, and drops the connection when the second request has arrived. If the client
    // repeated that request, the repetition would get a reply.
    let server = RawServer { connection in
      guard connection.readRequest() != nil else { return }
      connection.answer()
      _ = connection.readRequest()
    }
    defer { server.stop() }
    var options = ConnectionOptions(environment: [:])
    options.unrepeatableIdleSeconds = 600
    let transport = CurlTransport(options: options)
    #expect(try await transport.send(request(.get, server.baseURL + "/first")).status == 200)
    var post = HTTPRequest(.post, server.baseURL + "/second", stage: .submit, isRepeatable: isRepeatable)
    post.body = .bytes([UInt8](repeating: 1, count: bodyCount))
    let result: Result<HTTPResponse, ScenarioError>
    do throws(ScenarioError) { result = .success(try await transport.send(post)) } catch { result = .failure(error) }
    let sent = server.requests.filter { $0.line.contains("/second") }
    switch (isRepeatable, bodyCount) {
    case (true, _):
      #expect(try result.get().status == 200)
      #expect(sent.count == 2)
    case (false, 0):
      #expect(try result.get().status == 200)
      #expect(sent.map(\.connection) == [1], "a connection of its own")
    case (false, _):
      #expect(throws: ScenarioError.self) { try result.get() }
      if case .failure(let error) = result {
        #expect(error.outcome == .unknownOutcome && error.code == .connectionLost)
      }
      #expect(sent.count == 1)
    }
  }

  // MARK: Cancelling

  enum Moment: CaseIterable { case unanswered, midway }

  @Test("cancelling aborts a transfer within 100 ms", arguments: Moment.allCases)
  func cancelling(moment: Moment) async throws {
    let server = RawServer { connection in
      guard connection.readRequest() != nil else { return }
      if moment == .midway { connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345") }
      connection.waitForEnd()
    }
    defer { server.stop() }
    let transport = CurlTransport()
    let get = try request(.get, server.baseURL, stage: .download)
    let bound = Duration.milliseconds(100) * TimeScale.factor
    var (best, attempts) = (Duration.seconds(1_000), 0)
    // Other work on the machine may delay some attempts. If cancellation had to wait for a timer, all attempts would be late.
    while attempts < 5 || (best >= bound && attempts < 50) {
      attempts += 1
      let task = Task { await failure(of: get, transport) }
      _ = await server.nextRequest()
      let start = ContinuousClock.now
      task.cancel()
      let (error, end) = await task.value
      #expect(error?.code == .canceled && error?.outcome == .unknownOutcome)
      best = min(best, end - start)
    }
    #expect(best < bound)
  }

  @Test("a task that is canceled beforehand sends nothing")
  func canceledBefore() async throws {
    let server = RawServer.answering { connection, _ in connection.waitForEnd() }
    defer { server.stop() }
    let get = try request(.get, server.baseURL)
    let task = Task {
      unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
      return await failure(of: get).error
    }
    let error = await task.value
    #expect(error?.code == .canceled && error?.outcome == .notSent)
    #expect(server.requests.isEmpty)
  }

  // MARK: Connections

  @Test("connections are reused, and many requests share a few")
  func reuse() async throws {
    let server = RawServer.answering { connection, request in connection.answer(body: request.line) }
    defer { server.stop() }
    let transport = CurlTransport()
    let first = try await transport.send(request(.get, server.baseURL + "/a"))
    let second = try await transport.send(request(.get, server.baseURL + "/b"))
    #expect(!first.reusedConnection && second.reusedConnection)
    #expect(first.httpVersion == "1.1")
    #expect(server.connections == 1)

    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<300 {
        let get = try request(.get, server.baseURL + "/\(index)")
        group.addTask {
          let body = try await transport.send(get).body
          #expect(String(decoding: body, as: UTF8.self) == "GET /\(index) HTTP/1.1")
        }
      }
      try await group.waitForAll()
    }
    #expect(server.connections <= 6)
  }

  @Test("hundreds of jobs are watched at once over a handful of connections")
  func watching() async throws {
    // No job ends before all of them have been read, so all of them are watched at the same time.
    #if DEBUG
    let count = 200
    #else
    let count = 1000
    #endif
    let seen = Mutex<Set<String>>([])
    let server = RawServer.answering { connection, request in
      let job = String(request.line.split(separator: " ")[1].split(separator: "/").last ?? "")
      let isWatched = seen.withLock { seen in
        seen.insert(job)
        return seen.count == count
      }
      let status = isWatched ? "success" : "in-progress"
      connection.answer(
        body: #"{"job":{"jobId":"\#(job)","status":"\#(status)","metadata":{"assetIds":["asset_\#(job)"]}}}"#)
    }
    defer { server.stop() }
    let client = ScenarioClient(
      configuration: try Planted.configuration(server.baseURL), transport: CurlTransport(), clock: ManualClock())
    let polling = JobPolling(
      initialInterval: .milliseconds(1), longestInterval: .milliseconds(1), deadline: .seconds(86_400))
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for index in 0..<count {
        group.addTask {
          let job = try await client.finishedJob(JobID(rawValue: "job_\(index)"), polling: polling)
          return job.status == .success && job.assetIDs.map(\.rawValue) == ["asset_job_\(index)"]
        }
      }
      for try await isRight in group { #expect(isRight) }
    }
    #expect(server.connections <= 6)
  }
}
