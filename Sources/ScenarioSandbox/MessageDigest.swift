#if Client
#if canImport(CryptoKit)
internal import CryptoKit
#else
internal import CCrypto
#endif

/// SHA-256 (FIPS 180-4), plain and keyed.
enum MessageDigest {
  /// 32 bytes that stand for `message`.
  static func sha256(_ message: [UInt8]) -> [UInt8] {
    #if canImport(CryptoKit)
    return [UInt8](SHA256.hash(data: message))
    #else
    return unsafe digest { out, length in
      unsafe EVP_Q_digest(nil, "SHA256", nil, message, message.count, out, &length)
    }
    #endif
  }

  /// HMAC-SHA-256 (RFC 2104): 32 bytes that only a holder of `key` can make of `message`.
  static func hmac(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
    #if canImport(CryptoKit)
    return [UInt8](HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: key)))
    #else
    return unsafe digest { out, length in
      unsafe EVP_Q_mac(
        nil, "HMAC", nil, "SHA256", nil, key, key.count, message, message.count, out, 32, &length) == nil ? 0 : 1
    }
    #endif
  }

  #if !canImport(CryptoKit)
  private static func digest(_ body: (UnsafeMutablePointer<UInt8>?, inout Int) -> Int32) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
      let status = unsafe body(buffer.baseAddress, &count)
      precondition(status == 1 && count == 32, "libcrypto has no SHA-256")
    }
  }
  #endif

  /// Compares without telling by the time taken where the first difference is.
  static func areEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    a.count == b.count && zip(a, b).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }
}
#endif
