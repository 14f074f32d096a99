#if canImport(CryptoKit)
internal import CryptoKit
#else
internal import CCrypto
package import Ground
#endif

/// SHA-256 (FIPS 180-4) of bytes and files, in lowercase hexadecimal.
///
/// CryptoKit computes it on Apple systems, and OpenSSL's libcrypto elsewhere.
package enum ContentDigest {
  /// The digest of bytes in memory.
  package static func sha256(of bytes: [UInt8]) -> String {
    var hash = Hash()
    hash.update(bytes, count: bytes.count)
    return hash.finish()
  }

  /// The digest of a file, which is read in blocks.
  ///
  /// - Throws: A failure of the kind `notFound` or `unreadable`.
  package static func sha256(ofFile path: String) throws(FileFailure) -> String {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .reading(path) }
    defer { close(descriptor) }
    return try sha256(ofDescriptor: descriptor, name: path)
  }

  /// The digest of an open file from its present position to its end. The position does not change.
  ///
  /// - Parameters:
  ///   - descriptor: The file. It stays open.
  ///   - name: The name in error messages.
  /// - Returns: The digest in lowercase hexadecimal.
  /// - Throws: A failure of the kind `unreadable`, also for a pipe.
  package static func sha256(ofDescriptor descriptor: Int32, name: String) throws(FileFailure) -> String {
    var hash = Hash()
    // The buffer fits into a core's cache, and is smaller than the blocks that the allocator requests from the system each time.
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    var offset = lseek(descriptor, 0, SEEK_CUR)
    while true {
      let count = unsafe pread(descriptor, &buffer, buffer.count, offset)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .reading(name) }
      if count == 0 { return hash.finish() }
      hash.update(buffer, count: count)
      offset += off_t(count)
    }
  }
}

/// A digest whose input is not complete yet.
@safe
private struct Hash: ~Copyable {
  #if canImport(CryptoKit)
  private var hash = SHA256()

  mutating func update(_ bytes: [UInt8], count: Int) {
    unsafe bytes.withUnsafeBytes { unsafe hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
  }

  consuming func finish() -> String { hexadecimal(hash.finalize()) }
  #else
  private let context: OpaquePointer

  init() {
    // Both calls fail only for lack of memory, and a lack of memory ends a Swift process anyway.
    guard let context = unsafe EVP_MD_CTX_new(), unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
      fatalError("out of memory for a SHA-256 context")
    }
    unsafe self.context = context
  }

  deinit { unsafe EVP_MD_CTX_free(context) }

  mutating func update(_ bytes: [UInt8], count: Int) { unsafe _ = EVP_DigestUpdate(context, bytes, count) }

  consuming func finish() -> String {
    var digest = [UInt8](repeating: 0, count: 32)
    unsafe _ = EVP_DigestFinal_ex(context, &digest, nil)
    return hexadecimal(digest)
  }
  #endif
}

private func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
  bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
}
