/// The address of the service, and the credential.
public struct ScenarioConfiguration: Sendable {
  /// The service's current address.
  public static let defaultBaseURL = "https://api.cloud.scenario.com/v1"

  /// The address that every path is appended to, without a slash at its end.
  public let baseURL: String
  /// The identity of the service behind ``baseURL``, for the ledger: the same for all addresses that are known to lead
  /// to one service.
  ///
  /// It is the base URL with the host in lower case and without a default port. The host of the service's tutorial counts as the
  /// current one (ASSUMED; contract, section 1), so that an order given under both names is one order.
  public let serviceIdentity: String
  /// Key and secret.
  public let credential: ScenarioCredential
  /// The project to work in. An API key already belongs to one, so this is rarely needed.
  public let projectID: String?

  /// Makes a configuration.
  ///
  /// - Parameters:
  ///   - baseURL: An https URL without user, query and fragment; plain http only to this machine (`localhost`, `127.…`,
  ///     `[::1]`).
  ///   - credential: Key and secret.
  ///   - projectID: The project to work in; nil for the key's own.
  /// - Throws: A ``ScenarioError`` with the code `invalid-configuration` or `insecure-url`, or `transport-failed` if there is no libcurl.
  public init(
    baseURL: String = Self.defaultBaseURL, credential: ScenarioCredential, projectID: String? = nil
  ) throws(ScenarioError) {
    try CurlTransport.requireLibrary(.configure)
    guard let origin = ServiceURL.origin(of: baseURL), !baseURL.contains(where: { "?#@\\".contains($0) }) else {
      throw ScenarioError(
        .invalidConfiguration, .notSent, stage: .configure, "the base URL is not a plain http(s) URL",
        remedy: "give one such as \(Self.defaultBaseURL)")
    }
    guard origin.isSecure || origin.isLoopback else {
      throw ScenarioError(
        .insecureURL, .notSent, stage: .configure,
        "the base URL would send the credentials over plain http to \(origin.host)",
        remedy: "use https; plain http is for this machine only")
    }
    self.baseURL = String(baseURL.reversed().drop { $0 == "/" }.reversed())
    serviceIdentity = ServiceURL.identity(of: self.baseURL, origin)
    self.credential = credential
    self.projectID = projectID
  }
}
