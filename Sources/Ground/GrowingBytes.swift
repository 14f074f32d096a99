/// Owned bytes whose number is not known before, and which are appended to.
@safe
package struct GrowingBytes: ~Copyable {
  /// The first byte. It moves when the capacity grows.
  package private(set) var base: UnsafeMutablePointer<UInt8>
  /// The bytes that fit.
  package private(set) var capacity: Int

  /// Allocates memory for `capacity` bytes, or for a few if the system does not promise so many.
  package init(capacity: Int) {
    if let memory = unsafe malloc(max(capacity, 1)) {
      self.capacity = max(capacity, 1)
      unsafe base = memory.assumingMemoryBound(to: UInt8.self)
    } else {
      self.capacity = 1 << 16
      unsafe base = Self.resized(nil, self.capacity)
    }
  }

  deinit { unsafe free(base) }

  /// Makes room for at least `count` bytes in all; those that are there stay. Large blocks are moved to other addresses by the system,
  /// which copies nothing.
  package mutating func grow(to count: Int) {
    guard capacity < count else { return }
    capacity = max(capacity * 2, count)
    unsafe base = Self.resized(base, capacity)
  }

  private static func resized(_ base: UnsafeMutablePointer<UInt8>?, _ count: Int) -> UnsafeMutablePointer<UInt8> {
    guard let memory = unsafe realloc(base, count) else { fatalError("no memory for \(count) bytes") }
    return unsafe memory.assumingMemoryBound(to: UInt8.self)
  }
}
