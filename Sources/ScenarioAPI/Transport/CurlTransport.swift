internal import CCurl
internal import Foundation

/// Carries requests over libcurl's multi interface, on one thread of its own.
///
/// Connections are kept and shared; HTTP/2 is spoken where it is offered over TLS, many requests to a connection.
/// Certificates are verified. Proxies are taken from the environment as curl does, but never for this machine itself.
/// Cancelling a task aborts its transfer at once.
public final class CurlTransport: HTTPTransport {
  /// What can be set.
  public struct Options: Sendable {
    /// A file of certificates (PEM) to trust instead of the system's. Like curl, taken from `CURL_CA_BUNDLE`, else
    /// `SSL_CERT_FILE`.
    public var caBundle: String?
    /// A proxy instead of the environment's, for example `http://proxy:3128`.
    public var proxy: String?
    /// How long making a connection may take, name and TLS included.
    public var connectTimeout = Duration.seconds(15)
    /// How long a transfer may stand still in both directions.
    public var stallTimeout = Duration.seconds(60)
    /// How many connections to one host are held; more requests wait.
    public var connectionsPerHost = 6
    /// How long a kept connection may have been idle to carry a request that must not be repeated. Servers close idle
    /// connections, and a request lost that way has an unknown outcome.
    var unrepeatableIdleSeconds = 3

    /// Takes the settings that curl users expect to be heeded from an environment; nil for the process's own.
    public init(environment: [String: String]? = nil) {
      let environment = environment ?? ProcessInfo.processInfo.environment
      caBundle = ["CURL_CA_BUNDLE", "SSL_CERT_FILE"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
    }
  }

  private let loop: CurlLoop?

  /// Makes a transport; its thread ends with it.
  public init(options: Options = Options()) {
    loop = CurlLoop(options: options)
    guard let loop else { return }
    let thread = Thread { loop.run() }
    thread.name = "curl"
    thread.start()
  }

  deinit { loop?.stop() }

  /// Sends one request and returns the answer, whatever its status. See ``HTTPTransport/send(_:)``.
  public func send(_ request: HTTPRequest) async throws(ScenarioError) -> HTTPResponse {
    guard let loop else {
      throw ScenarioError(
        .transportFailed, .notSent, stage: request.stage, "libcurl could not be started", remedy: "free some memory")
    }
    // Otherwise the transfer could begin on its thread before its cancellation gets there.
    guard !Task.isCancelled else {
      throw ScenarioError(.canceled, .notSent, stage: request.stage, "canceled", remedy: "")
    }
    let id = loop.newID()
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        loop.start(id, request, continuation)
        // A task canceled since had its handler run before the transfer existed.
        if Task.isCancelled { loop.cancel(id) }
      }
    } onCancel: {
      loop.cancel(id)
    }
    return try result.get()
  }
}
