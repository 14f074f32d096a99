internal import CImageCodecs
internal import Ground

/// The bytes of a JPEG after its first scan's header, which can be read at any place.
@safe
final class ScanSource: @unchecked Sendable {
  // Unchecked: it is used by one thread at a time.

  /// The number of bytes that are read at a time.
  static let capacity = 32 * 1024

  private let handle: OpaquePointer
  private let buffer = AlignedBuffer<UInt8>(count: ScanSource.capacity, zeroed: false)

  /// `handle` is a decoder whose coding was taken, and must outlive this value.
  init(_ handle: OpaquePointer) { unsafe self.handle = handle }

  /// At most `count` bytes at `offset`, valid until the next call; fewer only at the end of the file, nil if they cannot be read.
  func view(at offset: Int, count: Int) -> UnsafeBufferPointer<UInt8>? {
    var bytes: UnsafePointer<UInt8>?
    var found = 0
    guard
      unsafe cic_jpeg_view_scans(
        handle, UInt64(offset), buffer.base, min(count, Self.capacity), &bytes, &found)
    else { return nil }
    return unsafe UnsafeBufferPointer(start: bytes, count: found)
  }

  /// Copies `count` bytes at `offset`; nil if the file has fewer.
  func bytes(at offset: Int, count: Int) -> [UInt8]? {
    guard count <= Self.capacity, let found = unsafe view(at: offset, count: count), found.count == count else {
      return nil
    }
    return unsafe Array(found)
  }

  /// The marker at `offset` with any fill bytes before it, and the offset behind it; nil if there is none.
  func marker(at offset: Int) -> (code: UInt8, end: Int)? {
    var at = offset
    // There is usually no fill byte, and nothing limits how many there are.
    while let found = unsafe view(at: at, count: at == offset ? 16 : Self.capacity), !found.isEmpty {
      for byte in unsafe Array(found) {
        at += 1
        if byte != 0xFF { return at - offset > 1 ? (byte, at) : nil }
      }
    }
    return nil
  }
}
