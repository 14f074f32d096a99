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

/// Asks for large pages in memory that will be written soon, if the system leaves that to programs (Linux). New memory costs a fault
/// for each page of 4 KiB, which took half of the time of a resize to tens of megabytes.
///
/// - Parameters:
///   - memory: The first byte.
///   - count: Bytes; for a small number nothing is done.
package func adviseLargePages(_ memory: UnsafeMutableRawPointer, count: Int) {
  #if os(Linux)
  let (page, leastPages) = (2 << 20, 2)
  let first = (UInt(bitPattern: memory) + UInt(page) - 1) / UInt(page) * UInt(page)
  let end = (UInt(bitPattern: memory) + UInt(count)) / UInt(page) * UInt(page)
  guard first < end, Int(end - first) >= leastPages * page else { return }
  // Without large pages the memory is the same, so failures do not matter.
  _ = unsafe madvise(UnsafeMutableRawPointer(bitPattern: first), Int(end - first), MADV_HUGEPAGE)
  #endif
}
