internal import CCurl
internal import Foundation

/// Carries requests over libcurl's multi interface, on one thread of its own.
///
/// Connections are kept and shared. HTTP/2 is used where a server offers it over TLS, with many requests on one connection.
/// Certificates are verified. Proxies are taken from the environment as curl does, but never used for this machine itself.
/// Canceling a task aborts its transfer at once.
public final class CurlTransport: HTTPTransport {
  /// The settings of a transport.
  public struct Options: Sendable {
    /// A file of certificates (PEM) to trust instead of the system's. Like curl, taken from `CURL_CA_BUNDLE`, else
    /// `SSL_CERT_FILE`.
    public var caBundle: String?
    /// A proxy instead of the environment's, for example `http://proxy:3128`.
    public var proxy: String?
    /// The longest time to make a connection, including name resolution and TLS.
    public var connectTimeout = Duration.seconds(15)
    /// The longest time without a byte in either direction.
    public var stallTimeout = Duration.seconds(60)
    /// The largest number of connections to one host; further requests wait.
    public var connectionsPerHost = 6
    /// The longest idle time in seconds of a kept connection that may carry a request which must not be repeated. Servers close
    /// idle connections, and a request that is lost in this way has an unknown outcome.
    var unrepeatableIdleSeconds = 3

    /// Takes the settings that curl takes from an environment; with nil, from the process's own.
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

  /// Sends one request and returns the reply, whatever its status. See ``HTTPTransport/send(_:)``.
  public func send(_ request: HTTPRequest) async throws(ScenarioError) -> HTTPResponse {
    guard let loop else {
      throw ScenarioError(
        .transportFailed, .notSent, stage: request.stage, "libcurl could not be started", remedy: "free some memory")
    }
    // Checked first, because the transfer could begin on the loop's thread before its cancellation arrives there.
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
