import Foundation
import TestSupport
import Testing

@testable import ScenarioAPI

@Suite("Transport over TLS and HTTP/2", .enabled(if: TLSProxy.missing == nil, "\(TLSProxy.missing ?? "")"))
struct CurlTransportTLSTests {
  private func transport(trusting bundle: String?) -> CurlTransport {
    var options = ConnectionOptions(environment: [:])
    options.caBundle = bundle
    return CurlTransport(options: options)
  }

  private func failure(of request: HTTPRequest, _ transport: CurlTransport) async -> ScenarioError? {
    do throws(ScenarioError) {
      _ = try await transport.send(request)
      return nil
    } catch {
      return error
    }
  }

  @Test("HTTP/2 is spoken, and one connection carries everything")
  func multiplexing() async throws {
    let server = try await EchoServer()
    let proxy = try TLSProxy(backend: server.port)
    defer { proxy.stop(); server.stop() }
    let transport = transport(trusting: proxy.caBundle)

    let responses = try await withThrowingTaskGroup(of: HTTPResponse.self) { group in
      for index in 0..<50 {
        let get = HTTPRequest(.get, proxy.baseURL + "/\(index)", stage: .wait)
        group.addTask { try await transport.send(get) }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(Set(responses.map { String(decoding: $0.body, as: UTF8.self) }) == Set((0..<50).map { "/\($0)" }))
    #expect(responses.allSatisfy { $0.httpVersion == "2" && $0.status == 200 })
    #expect(responses.count { !$0.reusedConnection } == 1)

    var post = HTTPRequest(.post, proxy.baseURL + "/echo", stage: .upload, isRepeatable: true)
    let bytes = (0..<3_000_001).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    post.body = .bytes(bytes)
    let echo = try await transport.send(post)
    #expect(echo.body == bytes && echo.httpVersion == "2" && echo.reusedConnection)
  }

  @Test("nothing is sent to a server with an untrusted certificate, or with one for another name")
  func verification() async throws {
    let server = try await EchoServer()
    let proxy = try TLSProxy(backend: server.port)
    defer { proxy.stop(); server.stop() }
    let get = HTTPRequest(.get, proxy.baseURL + "/", stage: .wait)
    let stranger = await failure(of: get, transport(trusting: nil))
    #expect(stranger?.code == .tlsFailed && stranger?.outcome == .notSent && stranger?.isRetryable == false)
    #expect(stranger?.curlCode == 60)

    var otherName = get
    otherName.url = "https://127.0.0.1:\(proxy.port)/"
    let mismatch = await failure(of: otherName, transport(trusting: proxy.caBundle))
    #expect(mismatch?.code == .tlsFailed && mismatch?.outcome == .notSent && mismatch?.isRetryable == false)

    let noBundle = await failure(of: get, transport(trusting: proxy.caBundle + ".missing"))
    #expect(noBundle?.code == .tlsFailed && noBundle?.outcome == .notSent && noBundle?.isRetryable == false)
  }

  @Test("a redirect from https to http is not followed")
  func downgrade() async throws {
    let server = try await EchoServer()
    let proxy = try TLSProxy(backend: server.port)
    defer { proxy.stop(); server.stop() }
    var get = HTTPRequest(.get, proxy.baseURL + "/insecure", stage: .download)
    get.followsRedirects = true
    let error = await failure(of: get, transport(trusting: proxy.caBundle))
    #expect(error?.code == .redirected)
  }

  @Test("cancelling one of many requests aborts it within 100 ms and leaves the connection to the others")
  func cancelling() async throws {
    let server = RawServer.answering { connection, request in
      if request.line.contains("/never") { connection.waitForEnd() } else { connection.answer(body: "here") }
    }
    let proxy = try TLSProxy(backend: server.port)
    defer { proxy.stop(); server.stop() }
    let transport = transport(trusting: proxy.caBundle)
    let never = HTTPRequest(.get, proxy.baseURL + "/never", stage: .wait)
    var best = Duration.seconds(1_000)
    for attempt in 0..<5 {
      let task = Task { (await failure(of: never, transport), ContinuousClock.now) }
      var arrived = await server.nextRequest()
      while arrived?.line.contains("/never") == false { arrived = await server.nextRequest() }
      let start = ContinuousClock.now
      task.cancel()
      let (error, end) = await task.value
      #expect(error?.code == .canceled && error?.outcome == .unknownOutcome)
      best = min(best, end - start)
      let other = try await transport.send(HTTPRequest(.get, proxy.baseURL + "/\(attempt)", stage: .wait))
      #expect(other.reusedConnection && other.httpVersion == "2" && other.body == [UInt8]("here".utf8))
    }
    #expect(best < .milliseconds(100) * TimeScale.factor)
  }
}
