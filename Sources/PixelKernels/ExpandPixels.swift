// Converts unfiltered PNG rows to delivered ones: samples below 8 bits and palette indices are looked up, the transparent
// color becomes an alpha channel, 16-bit samples change from big-endian to native order. This is done one pixel at a time:
// such rows are rare, or cheap compared with their inflation.
//
// `output` may overlap `source` if it begins before `source` and its last byte is at least 32 bytes before the last byte of `source`.
// Pixels grow, so the written bytes never overtake the bytes that are still to be read.

/// Looks up samples of 1, 2, 4 or 8 bits.
///
/// - Parameters:
///   - bits: Bits of a sample, the first one uppermost in its byte.
///   - entries: 256 entries of four bytes.
///   - channels: Bytes of an entry that are taken, 1 to 4. Up to 3 bytes after the output are written.
///   - count: Pixels.
public func expandIndices(
  source: UnsafePointer<UInt8>, bits: Int, entries: UnsafePointer<UInt32>, channels: Int, count: Int,
  output: UnsafeMutablePointer<UInt8>
) {
  let target = UnsafeMutableRawPointer(output)
  let mask = (1 &<< bits) &- 1
  var bit = 0
  var at = 0
  for _ in 0..<count {
    let index = Int(source[bit &>> 3]) &>> (8 &- bits &- (bit & 7)) & mask
    target.storeBytes(of: entries[index], toByteOffset: at, as: UInt32.self)
    bit &+= bits
    at &+= channels
  }
}

/// Gives RGB pixels of 8 bits an alpha channel: 0 if a pixel equals the key, else 255.
///
/// - Parameters:
///   - key: Three samples.
///   - count: Pixels.
public func expandKeyedBytes(
  source: UnsafePointer<UInt8>, key: UnsafePointer<UInt16>, count: Int, output: UnsafeMutablePointer<UInt8>
) {
  var from = source
  var to = output
  for _ in 0..<count {
    let (red, green, blue) = (from[0], from[1], from[2])
    let isKey = UInt16(red) == key[0] && UInt16(green) == key[1] && UInt16(blue) == key[2]
    (to[0], to[1], to[2], to[3]) = (red, green, blue, isKey ? 0 : 255)
    from += 3
    to += 4
  }
}

/// Brings big-endian samples of 16 bits into native order, or native ones into big-endian order.
///
/// - Parameter count: Samples.
public func swapWords(source: UnsafePointer<UInt8>, count: Int, output: UnsafeMutablePointer<UInt8>) {
  let from = UnsafeRawPointer(source)
  let to = UnsafeMutableRawPointer(output)
  var x = 0
  // Four samples are swapped as one word. In this form the compiler does not assume that source and output are separate, and does not
  // replace the loop by a function call.
  while x &+ 4 <= count {
    let word = from.loadUnaligned(fromByteOffset: x &* 2, as: UInt64.self).bigEndianWords
    to.storeBytes(of: word, toByteOffset: x &* 2, as: UInt64.self)
    x &+= 4
  }
  while x < count {
    let word = UInt16(bigEndian: from.loadUnaligned(fromByteOffset: x &* 2, as: UInt16.self))
    to.storeBytes(of: word, toByteOffset: x &* 2, as: UInt16.self)
    x &+= 1
  }
}

/// Brings big-endian samples of 16 bits into native order and adds an alpha channel: 0 if a pixel equals the key, else
/// 65,535.
///
/// - Parameters:
///   - channels: 1 or 3, without alpha. The key has as many samples.
///   - count: Pixels.
public func expandKeyedWords(
  source: UnsafePointer<UInt8>, key: UnsafePointer<UInt16>, channels: Int, count: Int,
  output: UnsafeMutablePointer<UInt8>
) {
  var from = UnsafeRawPointer(source)
  var to = UnsafeMutableRawPointer(output)
  for _ in 0..<count {
    var isKey = true
    for channel in 0..<channels {
      let word = UInt16(bigEndian: from.loadUnaligned(fromByteOffset: channel &* 2, as: UInt16.self))
      isKey = isKey && word == key[channel]
      to.storeBytes(of: word, toByteOffset: channel &* 2, as: UInt16.self)
    }
    to.storeBytes(of: isKey ? 0 : UInt16.max, toByteOffset: channels &* 2, as: UInt16.self)
    from += channels &* 2
    to += channels &* 2 &+ 2
  }
}

extension UInt64 {
  /// Converts each of the four 16-bit words in it from big-endian to native order.
  @inline(__always)
  fileprivate var bigEndianWords: UInt64 {
    #if _endian(little)
    (self & 0x00FF_00FF_00FF_00FF) &<< 8 | (self &>> 8) & 0x00FF_00FF_00FF_00FF
    #else
    self
    #endif
  }
}
