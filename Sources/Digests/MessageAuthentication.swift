#if canImport(CryptoKit)
internal import CryptoKit
#else
internal import CCrypto
#endif

/// HMAC-SHA-256 (RFC 2104).
package enum MessageAuthentication {
  /// The 32-byte authentication code of `message`.
  package static func code(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
    #if canImport(CryptoKit)
    return [UInt8](HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: key)))
    #else
    var code = [UInt8](repeating: 0, count: 32)
    var length = 0
    let done = unsafe EVP_Q_mac(
      nil, "HMAC", nil, "SHA256", nil, key, key.count, message, message.count, &code, code.count, &length)
    precondition(unsafe done != nil && length == 32, "libcrypto has no HMAC-SHA-256")
    return code
    #endif
  }

  /// Compares two codes in a time that does not depend on the position of the first difference.
  package static func areEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    a.count == b.count && zip(a, b).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }
}
