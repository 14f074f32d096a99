internal import CCurl
internal import Foundation

/// Carries requests over libcurl's multi interface, on one thread of its own.
///
/// Connections are kept and shared. HTTP/2 is used if a server offers it over TLS, with many requests on one connection. Certificates are
/// verified. Proxies are taken from the environment, as curl does, but are never used for requests to this machine itself. Canceling a task
/// aborts its transfer at once.
package final class CurlTransport: HTTPTransport {
  private let loop: CurlLoop?

  /// Makes a transport; its thread ends with it.
  package init(options: ConnectionOptions = ConnectionOptions()) {
    loop = CurlLoop(options: options)
    guard let loop else { return }
    let thread = Thread { loop.run() }
    thread.name = "curl"
    thread.start()
  }

  deinit { loop?.stop() }

  /// Sends one request and returns the reply, whatever its status. See ``HTTPTransport/send(_:)``.
  package func send(_ request: HTTPRequest) async throws(ScenarioError) -> HTTPResponse {
    guard let loop else {
      try Self.requireLibrary(request.stage)
      throw ScenarioError(
        .transportFailed, .notSent, stage: request.stage, "libcurl could not be started", remedy: "free some memory")
    }
    // This is checked first, because the transfer could begin on the loop's thread before its cancellation arrives there.
    guard !Task.isCancelled else {
      throw ScenarioError(.canceled, .notSent, stage: request.stage, "canceled", remedy: "")
    }
    let id = loop.newID()
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        loop.start(id, request, continuation)
        // If the task was canceled since the check, its handler ran before the transfer existed.
        if Task.isCancelled { loop.cancel(id) }
      }
    } onCancel: {
      loop.cancel(id)
    }
    return try result.get()
  }
}
