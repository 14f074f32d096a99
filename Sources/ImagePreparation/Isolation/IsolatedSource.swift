internal import CImageCodecs
internal import Ground

/// A source as a descriptor that can be given to another process: it can be read at any place, and not be written.
package final class IsolatedSource: Sendable {
  let descriptor: Int32
  /// True if the bytes were copied into memory.
  let isCopy: Bool
  /// True for a kind of file that the helper process decodes.
  let needsHelper: Bool
  private let isOwned: Bool
  private let owner: (any AnyObject & Sendable)?

  init(_ source: ImageSource, limits: Limits, cancellation: CancellationFlag?) throws(PreparationError) {
    let opened = try ByteSource(source, cancellation: cancellation, limits: limits)
    needsHelper = MediaBrand.format(of: try opened.peek(ImageSniffer.byteCount)) != nil
    if !source.isReadOnce {
      if needsHelper {
        // The helper process decodes this file, so no worker gets the descriptor.
        (descriptor, isCopy, isOwned, owner) = (-1, false, false, nil)
        return
      }
      switch source {
      case .file(let path):
        var systemError: Int32 = 0
        descriptor = unsafe cic_open(path, &systemError)
        guard descriptor >= 0 else { throw .unreadable(systemError, stage: .open) }
        (isCopy, isOwned, owner) = (false, true, nil)
        return
      case .descriptor(let given, let owner) where cic_is_read_only(given):
        (descriptor, isCopy, isOwned, self.owner) = (given, false, false, owner)
        return
      case .descriptor, .memory: break
      }
    }
    descriptor = cic_memory_create()
    (isCopy, isOwned, owner) = (true, true, nil)
    guard descriptor >= 0 else { throw .outOfMemory("a copy of the source") }
    try Self.copy(opened, to: descriptor, limits)
  }

  deinit { if isOwned { cic_memory_close(descriptor) } }

  private static func copy(
    _ source: consuming ByteSource, to memory: Int32, _ limits: Limits
  ) throws(PreparationError) {
    var bytes = ByteReader(source)
    var count = 0
    do throws(ReadFault) {
      while true {
        try bytes.checkCanceled()
        let part = try bytes.bytesThere(1 << 20)
        count += part.count
        guard count <= limits.maxMemory else {
          throw .refused(
            PreparationError(
              .tooMuchMemory, stage: .open,
              "it has more than \(limits.maxMemory >> 20) MiB, which are copied to be isolated",
              remedy: .raise(.memory)))
        }
        let isKept = unsafe part.withUnsafeBufferPointer {
          unsafe $0.isEmpty || cic_memory_append(memory, $0.baseAddress!, $0.count)
        }
        guard isKept else { throw .outOfMemory }
        if part.count < 1 << 20 { break }
      }
    } catch {
      throw error.ofCopy
    }
    guard cic_memory_freeze(memory), lseek(memory, 0, SEEK_SET) == 0 else {
      throw .outOfMemory("a copy of the source")
    }
  }
}
