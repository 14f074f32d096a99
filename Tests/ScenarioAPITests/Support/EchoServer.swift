import FlyingFox
import FlyingSocks
import Foundation
import TestSupport

/// An HTTP server on loopback that shares no code with this package. Its reply contains the request.
struct EchoServer {
  let port: UInt16
  private let running: Task<Void, any Error>

  init() async throws {
    let patience = 60 * Double(TimeScale.factor)
    let server = HTTPServer(address: .inet(port: 0), timeout: patience, logger: .disabled)
    await server.appendRoute("POST /echo") { request in
      HTTPResponse(statusCode: .ok, body: try await request.bodyData)
    }
    await server.appendRoute("GET /insecure") { _ in
      HTTPResponse(statusCode: .found, headers: HTTPHeaders([.location: "http://127.0.0.1:1/"]))
    }
    await server.appendRoute("*") { request in
      HTTPResponse(statusCode: .ok, body: Data(request.path.utf8))
    }
    running = Task { try await server.run() }
    try await server.waitUntilListening(timeout: patience)
    guard case .ip4(_, let port)? = await server.listeningAddress else { preconditionFailure("no port") }
    self.port = port
  }

  func stop() { running.cancel() }
}
