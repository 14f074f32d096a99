internal import CCurl

/// Owns one parsed URL of libcurl.
@safe
struct CurlURL: ~Copyable {
  private let handle: OpaquePointer

  /// Parses an absolute URL; nil if libcurl refuses the URL, or if the URL names a user and `allowsUser` is false.
  init?(_ url: String, allowsUser: Bool = false) {
    guard let handle = unsafe curl_url() else { return nil }
    guard unsafe curl_url_set(handle, CURLUPART_URL, url, allowsUser ? 0 : UInt32(CURLU_DISALLOW_USER)) == CURLUE_OK
    else {
      unsafe curl_url_cleanup(handle)
      return nil
    }
    unsafe self.handle = handle
  }

  deinit { unsafe curl_url_cleanup(handle) }

  /// One part of the URL. The port is the scheme's default if the URL has none.
  func part(_ part: CURLUPart) -> String? {
    var text: UnsafeMutablePointer<CChar>?
    guard unsafe curl_url_get(handle, part, &text, UInt32(CURLU_DEFAULT_PORT)) == CURLUE_OK, let text = unsafe text
    else {
      return nil
    }
    defer { unsafe curl_free(text) }
    return unsafe String(cString: text)
  }
}
