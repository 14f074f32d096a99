// Smaller forms of the same pixels: gray if colors have no hue, indices if there are few colors, several samples a byte.

/// Constants of ``collectColors(_:channels:count:table:colors:)``.
public enum ColorTable {
  /// Entries of the table that finds a color's index.
  public static let entries = 2_048
  /// Colors that a palette holds.
  public static let colors = 256
}

/// A pixel's samples as one word, the first one lowest.
@inline(__always)
private func color(_ pixel: UnsafePointer<UInt8>, _ channels: Int) -> UInt32 {
  var value = UInt32(pixel[0])
  if channels > 1 { value |= UInt32(pixel[1]) &<< 8 }
  if channels > 2 { value |= UInt32(pixel[2]) &<< 16 }
  if channels > 3 { value |= UInt32(pixel[3]) &<< 24 }
  return value
}

@inline(__always)
private func slot(_ color: UInt32) -> Int { Int((color &* 0x9E37_79B1) &>> 21) }

/// True when red, green and blue are equal in every pixel.
///
/// - Parameter channels: 3, or 4 with alpha.
public func isGray(_ pixels: UnsafePointer<UInt8>, channels: Int, count: Int) -> Bool {
  haveNoHue(pixels, channels, count)
}

/// Does for words what ``isGray(_:channels:count:)`` does for bytes.
public func isGrayOfWords(_ pixels: UnsafePointer<UInt16>, channels: Int, count: Int) -> Bool {
  haveNoHue(pixels, channels, count)
}

@inline(__always)
private func haveNoHue<Sample: FixedWidthInteger>(
  _ pixels: UnsafePointer<Sample>, _ channels: Int, _ count: Int
) -> Bool {
  var pixel = pixels
  for _ in 0..<count {
    if pixel[0] != pixel[1] || pixel[1] != pixel[2] { return false }
    pixel += channels
  }
  return true
}

/// Counts the pixels that are equal to the one before.
///
/// - Parameters:
///   - pixels: The first pixel. The one before it is read too.
///   - pixelBytes: 1 to 8.
///   - count: The number of pixels.
public func countRepeats(_ pixels: UnsafePointer<UInt8>, pixelBytes: Int, count: Int) -> Int {
  let bytes = UnsafeRawPointer(pixels)
  let end = count &* pixelBytes
  var repeats = 0
  var x = 0
  if pixelBytes == 1 {
    typealias Group = SIMD32<UInt8>
    while x &+ 32 <= end {
      // Each byte counts to 255 at most.
      var counts = Group.zero
      let stop = min(end &- 31, x &+ 255 &* 32)
      while x < stop {
        let same =
          (bytes + x).loadUnaligned(as: Group.self) .== (bytes + (x &- 1)).loadUnaligned(as: Group.self)
        counts &+= Group(repeating: 1).replacing(with: 0, where: .!same)
        x &+= 32
      }
      for k in 0..<32 { repeats &+= Int(counts[k]) }
    }
  } else {
    let mask = UInt64.max &>> UInt64(truncatingIfNeeded: 64 &- 8 &* pixelBytes)
    while x &+ 8 <= end {
      let difference =
        (bytes + x).loadUnaligned(as: UInt64.self) ^ (bytes + (x &- pixelBytes)).loadUnaligned(as: UInt64.self)
      repeats &+= difference & mask == 0 ? 1 : 0
      x &+= pixelBytes
    }
  }
  while x < end {
    var same = true
    for k in x..<x &+ pixelBytes { same = same && pixels[k] == pixels[k &- pixelBytes] }
    repeats &+= same ? 1 : 0
    x &+= pixelBytes
  }
  return repeats
}

/// Collects the different colors of an image.
///
/// - Parameters:
///   - channels: Samples a pixel, 1 to 4.
///   - table: ``ColorTable/entries`` zeros, by which `indexPixels` finds colors again.
///   - colors: Room for ``ColorTable/colors``: each color's samples, the first one lowest.
///   - found: The number of colors of earlier pixels, which `table` and `colors` hold already.
/// - Returns: The number of colors; ``ColorTable/colors`` + 1 if there are more than ``ColorTable/colors``.
public func collectColors(
  _ pixels: UnsafePointer<UInt8>, channels: Int, count: Int, table: UnsafeMutablePointer<UInt64>,
  colors: UnsafeMutablePointer<UInt32>, found start: Int = 0
) -> Int {
  var found = start
  var pixel = pixels
  // A value that no pixel has, so that the first pixel is always looked up.
  var last = UInt64.max
  for _ in 0..<count {
    let value = color(pixel, channels)
    pixel += channels
    if UInt64(value) == last { continue }
    last = UInt64(value)
    var at = slot(value)
    let key = 1 &<< 32 | UInt64(value)
    while table[at] != 0 && table[at] & 0x1_FFFF_FFFF != key { at = (at &+ 1) & 2_047 }
    guard table[at] == 0 else { continue }
    guard found < 256 else { return 257 }
    table[at] = UInt64(found) &<< 40 | key
    colors[found] = value
    found &+= 1
  }
  return found
}

/// Replaces pixels by their colors' places in a palette.
///
/// - Parameters:
///   - table: From `collectColors` of the same pixels.
///   - places: For each color in the order of `collectColors`, its place.
///   - output: A byte a pixel.
public func indexPixels(
  _ pixels: UnsafePointer<UInt8>, channels: Int, count: Int, table: UnsafePointer<UInt64>,
  places: UnsafePointer<UInt8>, output: UnsafeMutablePointer<UInt8>
) {
  var pixel = pixels
  for x in 0..<count {
    let value = color(pixel, channels)
    pixel += channels
    var at = slot(value)
    let key = 1 &<< 32 | UInt64(value)
    while table[at] & 0x1_FFFF_FFFF != key { at = (at &+ 1) & 2_047 }
    output[x] = places[Int(table[at] &>> 40)]
  }
}

/// Packs a row of samples into bytes, the first sample highest.
///
/// - Parameters:
///   - samples: One a byte.
///   - depth: Bits of a sample in the output: 1, 2 or 4.
///   - shift: The position of those bits in the input byte.
///   - output: `(count * depth + 7) / 8` bytes.
public func packSamples(
  _ samples: UnsafePointer<UInt8>, count: Int, depth: Int, shift: Int, output: UnsafeMutablePointer<UInt8>
) {
  let perByte = 8 / depth
  let mask: UInt8 = 1 &<< UInt8(truncatingIfNeeded: depth) &- 1
  var x = 0
  var byte = output
  while x < count {
    var value: UInt8 = 0
    for k in 0..<perByte {
      let sample = x &+ k < count ? samples[x &+ k] &>> UInt8(truncatingIfNeeded: shift) & mask : 0
      value = value &<< UInt8(truncatingIfNeeded: depth) | sample
    }
    byte.pointee = value
    byte += 1
    x &+= perByte
  }
}
