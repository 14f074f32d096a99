/// Base64 with padding (RFC 4648, section 4), three bytes at a time by table.
enum Base64 {
  private static let alphabet = [UInt8]("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// Two characters for every 12 bits, the first in the lower byte: 8 KiB, which stay in the first-level cache.
  private static let pairs: [UInt16] = (0..<4096).map { UInt16(alphabet[$0 >> 6]) | UInt16(alphabet[$0 & 63]) << 8 }

  /// Characters for that many bytes.
  static func encodedCount(_ count: Int) -> Int { (count + 2) / 3 * 4 }

  /// Writes `encodedCount(source.count)` characters to the start of `target`.
  static func encode(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) {
    precondition(target.count >= encodedCount(source.count), "the target is too small")
    guard let input = source.baseAddress, let output = target.baseAddress else { return }
    let whole = source.count / 3
    unsafe pairs.withUnsafeBufferPointer { pairs in
      for index in 0..<whole {
        let group = unsafe input + 3 * index
        let first = unsafe Int(group.load(as: UInt8.self))
        let middle = unsafe Int(group.load(fromByteOffset: 1, as: UInt8.self))
        let last = unsafe Int(group.load(fromByteOffset: 2, as: UInt8.self))
        let high = unsafe pairs[first << 4 | middle >> 4]
        let low = unsafe pairs[(middle & 15) << 8 | last]
        unsafe output.storeBytes(
          of: (UInt32(high) | UInt32(low) << 16).littleEndian, toByteOffset: 4 * index, as: UInt32.self)
      }
    }
    guard source.count > 3 * whole else { return }
    let first = unsafe source[3 * whole]
    let second = unsafe 3 * whole + 1 < source.count ? source[3 * whole + 1] : nil
    let tail = [
      alphabet[Int(first >> 2)], alphabet[Int((first & 3) << 4 | (second ?? 0) >> 4)],
      second.map { alphabet[Int(($0 & 15) << 2)] } ?? UInt8(ascii: "="), UInt8(ascii: "="),
    ]
    unsafe UnsafeMutableRawBufferPointer(rebasing: target[(4 * whole)...]).copyBytes(from: tail)
  }
}
