/// Owned memory for plain values, aligned to a cache line and freed with its owner.
@safe
package struct AlignedBuffer<Element: BitwiseCopyable>: ~Copyable {
  /// The first value. The owner must outlive every use.
  @usableFromInline package let base: UnsafeMutablePointer<Element>
  /// The number of values that fit.
  @usableFromInline package let count: Int

  /// Allocates memory.
  ///
  /// - Parameters:
  ///   - count: The number of values, 0 or more.
  ///   - zeroed: True to set all bytes to zero; otherwise their content is undefined.
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
