/// Memory for plain values, aligned to a cache line. It is freed with its owner.
@safe
package struct AlignedBuffer<Element: BitwiseCopyable>: ~Copyable {
  /// The first value. The owner must outlive every use.
  @usableFromInline package let base: UnsafeMutablePointer<Element>
  /// The number of values that fit.
  @usableFromInline package let count: Int
  /// The allocation, within which ``base`` is aligned.
  @usableFromInline let allocation: UnsafeMutableRawPointer

  /// Allocates memory.
  ///
  /// - Parameters:
  ///   - count: The number of values, 0 or more.
  ///   - zeroed: True to set all bytes to zero; otherwise their content is undefined.
  @inlinable
  package init(count: Int, zeroed: Bool) {
    let (bytes, alignment) = (max(count, 1) * MemoryLayout<Element>.stride, 64)
    var allocation: UnsafeMutableRawPointer?
    if zeroed, bytes >= 1 << 20 {
      // The system gives new memory that is zero already, and calloc does not write to it, so that a large buffer costs nothing until it
      // is used. The smaller buffers of tests end where their memory does, so that AddressSanitizer finds an access behind them.
      unsafe allocation = calloc(1, bytes + alignment)
    } else if unsafe posix_memalign(&allocation, alignment, bytes) == 0, zeroed {
      unsafe memset(allocation!, 0, bytes)
    }
    guard let allocation = unsafe allocation else { fatalError("no memory for \(bytes) bytes") }
    unsafe self.allocation = allocation
    unsafe base = allocation.alignedUp(toMultipleOf: alignment).assumingMemoryBound(to: Element.self)
    self.count = count
  }

  @inlinable
  deinit { unsafe free(allocation) }
}

/// Asks for large pages in memory that will be written soon, if the system leaves that to programs (Linux). New memory costs one page fault
/// for each 4 KiB. Without large pages, these faults took half of the time of a resize to tens of megabytes.
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
  // Memory without large pages can be used in the same way, so failures do not matter.
  _ = unsafe madvise(UnsafeMutableRawPointer(bitPattern: first), Int(end - first), MADV_HUGEPAGE)
  #endif
}
