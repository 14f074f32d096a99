#if canImport(CryptoKit)
internal import CryptoKit
#else
internal import CCrypto
#endif

/// SHA-256 (FIPS 180-4) of bytes in memory.
public enum Digest {
  /// The digest of `bytes` in lowercase hexadecimal.
  public static func sha256(_ bytes: [UInt8]) -> String {
    #if canImport(CryptoKit)
    let digest = Array(SHA256.hash(data: bytes))
    #else
    var digest = [UInt8](repeating: 0, count: 32)
    var length: UInt32 = 32
    let done = unsafe EVP_Digest(bytes, bytes.count, &digest, &length, EVP_sha256(), nil)
    precondition(done == 1 && length == 32, "libcrypto has no SHA-256")
    #endif
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
