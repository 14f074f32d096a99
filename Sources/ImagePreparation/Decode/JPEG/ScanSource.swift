internal import CImageCodecs
internal import Ground

/// The bytes of a JPEG after its first scan's header, which can be read at any place.
@safe
final class ScanSource: @unchecked Sendable {
  // Unchecked: it is used by one thread at a time.

  /// The most bytes that are read at a time.
  static let capacity = 32 * 1024
  /// The bytes that are read at a time for one of many scans. They are few, so that the windows of all scans together stay in the cache.
  static let capacityPerScan = 4 * 1024

  private let handle: OpaquePointer
  /// The number of reads of the source.
  private(set) var readCount = 0

  /// `handle` is a decoder whose coding was taken, and must outlive this value.
  init(_ handle: OpaquePointer) { unsafe self.handle = handle }

  /// The `count` bytes at `offset`, or fewer at the end of the file. They are in `buffer`, or in memory that is valid as long as the
  /// handle. Nil if they cannot be read, or if the reading was canceled.
  func read(
    at offset: Int, count: Int, buffer: UnsafeMutablePointer<UInt8>
  ) -> UnsafeBufferPointer<UInt8>? {
    var bytes: UnsafePointer<UInt8>?
    var found = 0
    readCount += 1
    guard unsafe cic_jpeg_view_scans(handle, UInt64(offset), buffer, count, &bytes, &found) else { return nil }
    return unsafe UnsafeBufferPointer(start: bytes, count: found)
  }
}

/// The part of a ``ScanSource`` that was last read.
///
/// Each scan has a window of its own, so that bytes are read once, wherever the markers are and in whatever order the scans are read.
@safe
final class ScanWindow: @unchecked Sendable {
  // Unchecked: it is used by one thread at a time.

  private let source: ScanSource
  private let buffer: AlignedBuffer<UInt8>
  private let capacity: Int
  /// The offset of the window's first byte.
  private var start = 0
  /// Nil before the first read, and after one that failed.
  private var window: UnsafeBufferPointer<UInt8>?

  /// `capacity` is the number of bytes that are read at a time.
  init(_ source: ScanSource, capacity: Int) {
    self.source = source
    self.capacity = capacity
    buffer = AlignedBuffer(count: capacity, zeroed: false)
  }

  /// The bytes at `offset`, which are valid until the next call. There are at least `count` of them, or fewer at the end of the file;
  /// `count` is at most the capacity. Nil if they cannot be read.
  func view(at offset: Int, atLeast count: Int) -> UnsafeBufferPointer<UInt8>? {
    if let window = unsafe window {
      let skipped = offset - start
      let needed = window.count < capacity ? 0 : count
      if skipped >= 0, skipped + needed <= window.count {
        return unsafe UnsafeBufferPointer(rebasing: window[skipped...])
      }
    }
    start = offset
    unsafe window = source.read(at: offset, count: capacity, buffer: buffer.base)
    return unsafe window
  }

  /// Copies `count` bytes at `offset`; nil if the file has fewer.
  func bytes(at offset: Int, count: Int) -> [UInt8]? {
    guard count <= capacity, let found = unsafe view(at: offset, atLeast: count), found.count >= count else {
      return nil
    }
    return unsafe Array(found.prefix(count))
  }

  /// The marker at `offset` with any fill bytes before it, and the offset after it; nil if there is none.
  func marker(at offset: Int) -> (code: UInt8, end: Int)? {
    var at = offset
    // There may be any number of fill bytes.
    while let found = unsafe view(at: at, atLeast: 1), !found.isEmpty {
      for k in 0..<found.count {
        at += 1
        let byte = unsafe found[k]
        if byte != 0xFF { return at - offset > 1 ? (byte, at) : nil }
      }
    }
    return nil
  }
}
