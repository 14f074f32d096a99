internal import Foundation

/// The limits and options of connections to the service.
public struct ConnectionOptions: Sendable {
  /// A file of certificates (PEM) to trust instead of the system's. Like curl, taken from `CURL_CA_BUNDLE`, else
  /// `SSL_CERT_FILE`.
  public var caBundle: String?
  /// A proxy instead of the environment's, for example `http://proxy:3128`.
  public var proxy: String?
  /// The longest time to make a connection, with the lookup of the name and TLS.
  public var connectTimeout = Duration.seconds(15)
  /// The longest time without a byte in either direction of a transfer.
  public var stallTimeout = Duration.seconds(60)
  /// True to connect to this machine and to private networks also for addresses that are not the user's own word: those of images,
  /// and those that the service names for files. The service itself, proxies, and what a service on a private network names are always
  /// reached. A proxy decides itself what it connects to.
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

  /// Takes the settings that curl users expect to be heeded from an environment; nil for the process's own.
  public init(environment: [String: String]? = nil, allowsPrivateAddresses: Bool = false) {
    self.allowsPrivateAddresses = allowsPrivateAddresses
    let environment = environment ?? ProcessInfo.processInfo.environment
    caBundle = ["CURL_CA_BUNDLE", "SSL_CERT_FILE"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
  }
}
