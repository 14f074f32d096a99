internal import CCurl

extension CurlTransport {
  /// The version of the loaded libcurl and of its libraries, for example `libcurl/7.88.1 OpenSSL/3.0.17 nghttp2/1.52.0`; nil when
  /// this machine has none.
  package static var libraryVersion: String? {
    guard ccurl_open(), let text = unsafe curl_version() else { return nil }
    return unsafe String(cString: text)
  }

  /// Opens libcurl, which is otherwise opened by the first request.
  ///
  /// - Throws: A ``ScenarioError`` that names the package to install.
  static func requireLibrary(_ stage: Stage) throws(ScenarioError) {
    guard !ccurl_open() else { return }
    throw ScenarioError(
      .transportFailed, .notSent, stage: stage, "this machine has no libcurl, which every request needs",
      remedy: "install it: libcurl4 on Debian and Ubuntu, libcurl on Fedora and Alpine")
  }
}
