/// Owned memory for plain values, aligned to a cache line and freed with its owner.
@safe
package struct AlignedBuffer<Element: BitwiseCopyable>: ~Copyable {
  /// The first value. The owner must outlive every use.
  @usableFromInline package let base: UnsafeMutablePointer<Element>
  /// How many values there is room for.
  @usableFromInline package let count: Int

  /// Allocates room.
  ///
  /// - Parameters:
  ///   - count: Values, from 0 on.
  ///   - zeroed: True to set all bytes to zero; else they hold anything.
  @inlinable
  package init(count: Int, zeroed: Bool) {
    let bytes = max(count, 1) * MemoryLayout<Element>.stride
    let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    if zeroed { unsafe memset(raw, 0, bytes) }
    unsafe base = raw.assumingMemoryBound(to: Element.self)
    self.count = count
  }

  @inlinable
  deinit { unsafe base.deallocate() }
}
