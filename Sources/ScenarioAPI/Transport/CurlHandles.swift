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

/// Owns the check of the addresses that one request may connect to.
@safe
struct CurlAddressGuard: ~Copyable {
  let pointer: OpaquePointer

  /// Makes a guard; nil if there is no memory.
  ///
  /// - Parameters:
  ///   - refuses: True to prevent connections to private addresses, false to note them only.
  ///   - usesProxies: True when the request may go to a proxy, whose own address is allowed.
  ///   - proxy: The proxy; nil to use the proxies of the environment.
  init?(refuses: Bool, usesProxies: Bool, proxy: String?) {
    guard let pointer = unsafe ccurl_guard_make(refuses, usesProxies, proxy ?? "") else { return nil }
    unsafe self.pointer = pointer
  }

  deinit { unsafe ccurl_guard_free(pointer) }

  /// The address of this machine or of a private network that libcurl was about to connect to; nil if there was none.
  var found: String? { unsafe ccurl_guard_found(pointer).map { unsafe String(cString: $0) } }

  /// True for a numeric address that is not public, in any form that the system reads. False for names.
  static func isPrivate(_ host: String) -> Bool { unsafe ccurl_is_private_text(host) }
}
