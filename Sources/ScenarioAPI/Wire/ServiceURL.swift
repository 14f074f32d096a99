internal import CCurl
internal import Foundation

/// Builds and parses URLs of the service: parts are encoded, signatures are never changed.
enum ServiceURL {
  /// Scheme, host and port of a URL.
  struct Origin: Equatable {
    let isSecure: Bool
    /// The host in lower case, an IPv6 address without brackets.
    let host: String
    let port: Int

    /// True for this machine, without asking the name resolver: `localhost`, 127.0.0.0/8 and ::1.
    var isLoopback: Bool {
      if host == "localhost" || host == "::1" { return true }
      let bytes = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
      return bytes.count == 4 && bytes[0] == 127 && !bytes.contains(nil)
    }
  }

  /// The origin of an http or https URL. Nil for any other text, and for a URL with a user or password if `allowsUser` is false.
  ///
  /// libcurl parses the URL here and when it connects, so that both always mean the same host.
  static func origin(of url: String, allowsUser: Bool = false) -> Origin? {
    let parsed = CurlURL(url, allowsUser: allowsUser)
    guard let parsed, let scheme = parsed.part(CURLUPART_SCHEME), let host = parsed.part(CURLUPART_HOST)?.lowercased(),
      let port = parsed.part(CURLUPART_PORT).flatMap({ Int($0) }), scheme == "http" || scheme == "https"
    else { return nil }
    let bare = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    return Origin(isSecure: scheme == "https", host: bare, port: port)
  }

  /// A base URL without a slash at its end, in the one spelling that is used for all addresses of the same service.
  static func identity(of baseURL: String, _ origin: Origin) -> String {
    let host = aliases[origin.host] ?? origin.host
    let name = host.contains(":") ? "[\(host)]" : host
    let port = origin.port == (origin.isSecure ? 443 : 80) ? "" : ":\(origin.port)"
    let path = baseURL.firstMatch(of: /:\/\/[^\/]*(\/.*)?$/)?.output.1 ?? ""
    return (origin.isSecure ? "https://" : "http://") + name + port + path
  }

  /// Other names of the service's current host (contract, section 1).
  private static let aliases = ["api.scenario.com": "api.cloud.scenario.com"]

  /// `base/part/part?name=value&…`, parts and values percent-encoded (RFC 3986: all but unreserved characters).
  static func build(base: String, path: [String], query: [(name: String, value: String)]) -> String {
    var url = base
    for part in path { url += "/" + encoded(part) }
    for (index, item) in query.enumerated() {
      url += (index == 0 ? "?" : "&") + encoded(item.name) + "=" + encoded(item.value)
    }
    return url
  }

  private static let unreserved = CharacterSet(
    charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

  private static func encoded(_ text: String) -> String {
    guard let encoded = text.addingPercentEncoding(withAllowedCharacters: unreserved) else {
      preconditionFailure("a Swift string is always valid Unicode")
    }
    return encoded
  }
}
