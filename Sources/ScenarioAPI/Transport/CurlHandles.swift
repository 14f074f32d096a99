internal import CCurl

/// Owns one easy handle of libcurl, which carries one request.
@safe
struct CurlEasyHandle: ~Copyable {
  let pointer: UnsafeMutableRawPointer

  init?() {
    guard let pointer = unsafe curl_easy_init() else { return nil }
    unsafe self.pointer = pointer
  }

  deinit { unsafe curl_easy_cleanup(pointer) }
}

/// Owns the multi handle of libcurl, which drives all requests and keeps their connections.
@safe
struct CurlMultiHandle: ~Copyable {
  let pointer: UnsafeMutableRawPointer

  init?() {
    guard let pointer = unsafe curl_multi_init() else { return nil }
    unsafe self.pointer = pointer
  }

  deinit { unsafe curl_multi_cleanup(pointer) }
}

/// Owns a list of strings of libcurl.
@safe
struct CurlList: ~Copyable {
  private(set) var pointer: UnsafeMutablePointer<curl_slist>?

  init() { unsafe pointer = nil }

  /// Adds a copy of `text`; false when there is no memory for it.
  mutating func append(_ text: String) -> Bool {
    guard let longer = unsafe curl_slist_append(pointer, text) else { return false }
    unsafe pointer = longer
    return true
  }

  deinit { unsafe curl_slist_free_all(pointer) }
}
