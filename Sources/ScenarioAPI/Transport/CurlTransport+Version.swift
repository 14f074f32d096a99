internal import CCurl

extension CurlTransport {
  /// The version of the loaded libcurl and of its libraries, for example `libcurl/7.88.1 OpenSSL/3.0.17 nghttp2/1.52.0`.
  package static var libraryVersion: String {
    guard let text = unsafe curl_version() else { return "unknown" }
    return unsafe String(cString: text)
  }
}
