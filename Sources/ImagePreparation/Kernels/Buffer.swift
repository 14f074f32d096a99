/// A buffer of plain values, aligned to a cache line, freed with its owner.
@safe
final class Buffer<Element> {
  let base: UnsafeMutablePointer<Element>

  init(count: Int, zeroed: Bool) {
    let bytes = max(count, 1) * MemoryLayout<Element>.stride
    let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    if zeroed { unsafe raw.initializeMemory(as: UInt8.self, repeating: 0, count: bytes) }
    unsafe base = raw.assumingMemoryBound(to: Element.self)
  }

  deinit { unsafe base.deallocate() }
}
