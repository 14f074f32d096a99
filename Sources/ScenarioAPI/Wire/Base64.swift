internal import CBase64

/// Base64 with padding (RFC 4648, section 4), by vectors where there are some, else twelve bits at a time by table.
enum Base64 {
  private static let alphabet = [UInt8]("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// Two characters for every 12 bits, the first in the lower byte: 8 KiB, which stay in the first-level cache.
  private static let pairs: [UInt16] = (0..<4096).map { UInt16(alphabet[$0 >> 6]) | UInt16(alphabet[$0 & 63]) << 8 }

  /// Characters for that many bytes.
  static func encodedCount(_ count: Int) -> Int { (count + 2) / 3 * 4 }

  /// Writes `encodedCount(source.count)` characters to the start of `target`.
  ///
  /// - Parameter hasVectors: False for the table alone.
  static func encode(
    _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, hasVectors: Bool = true
  ) {
    precondition(target.count >= encodedCount(source.count), "the target is too small")
    guard let input = source.baseAddress, let output = target.baseAddress else { return }
    var read = 0
    if hasVectors {
      read = unsafe cbase64_encode_vectors(
        input.assumingMemoryBound(to: UInt8.self), source.count, output.assumingMemoryBound(to: UInt8.self))
    }
    var written = encodedCount(read)
    unsafe pairs.withUnsafeBufferPointer { pairs in
      func characters(_ bits: UInt64) -> UInt64 { unsafe UInt64(pairs[Int(truncatingIfNeeded: bits & 4095)]) }
      // Six bytes a time, of the eight that are loaded.
      while read + 8 <= source.count {
        let bits = unsafe UInt64(bigEndian: input.loadUnaligned(fromByteOffset: read, as: UInt64.self))
        let text =
          characters(bits >> 52) | characters(bits >> 40) << 16 | characters(bits >> 28) << 32 | characters(bits >> 16)
          << 48
        unsafe output.storeBytes(of: text.littleEndian, toByteOffset: written, as: UInt64.self)
        read += 6
        written += 8
      }
    }
    while read < source.count {
      let group = (0..<3).map { unsafe read + $0 < source.count ? source[read + $0] : nil }
      let bits = group.reduce(0) { $0 << 8 | Int($1 ?? 0) }
      for place in 0..<4 {
        let isPadding = place > 1 && group[place - 1] == nil
        unsafe target[written + place] = isPadding ? UInt8(ascii: "=") : alphabet[bits >> (18 - 6 * place) & 63]
      }
      read += 3
      written += 4
    }
  }
}
