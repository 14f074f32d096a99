internal import Foundation

/// The limits and options of connections to the service.
public struct ConnectionOptions: Sendable {
  /// A file of certificates (PEM) to trust instead of the system's. By default the file that `CURL_CA_BUNDLE` names, otherwise the one that
  /// `SSL_CERT_FILE` names, as with curl.
  public var caBundle: String?
  /// A proxy instead of the environment's, for example `http://proxy:3128`.
  public var proxy: String?
  /// The longest time to make a connection, with the lookup of the name and TLS.
  public var connectTimeout = Duration.seconds(15)
  /// The longest time without a byte in either direction of a transfer.
  public var stallTimeout = Duration.seconds(60)
  /// True to allow connections to this machine and to private networks for all addresses: also for addresses of images, and of files that
  /// the service names. Connections to the service itself and to proxies are always allowed, and so are addresses that a service on a
  /// private network names. A proxy applies its own rules.
  public var allowsPrivateAddresses: Bool
  /// The number of connections to one host; more requests wait.
  public var connectionsPerHost = 6
  /// The longest idle time of a kept connection that may carry a request which must not be repeated. Servers close idle
  /// connections, and a request lost that way has an unknown outcome.
  var unrepeatableIdleSeconds = 3
  /// Addresses of names, as `NAME:PORT:ADDRESS`, instead of those of the system; for tests.
  var resolving: [String] = []
  /// The hosts that no proxy is used for, instead of the environment's `no_proxy`; for tests.
  var noProxy: String?

  /// Reads the settings that curl takes from environment variables; nil for the environment of this process.
  public init(environment: [String: String]? = nil, allowsPrivateAddresses: Bool = false) {
    self.allowsPrivateAddresses = allowsPrivateAddresses
    let environment = environment ?? ProcessInfo.processInfo.environment
    caBundle = ["CURL_CA_BUNDLE", "SSL_CERT_FILE"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
  }
}
