internal import CImageCodecs
internal import Ground

/// Owns the bounded window over an image's encoded bytes and, for a path, the open file.
///
/// The C side reads the descriptor itself, so that bytes go from the kernel into the window and from there into the codec. Bytes in
/// memory are not copied.
@safe
struct ByteSource: ~Copyable {
  /// The default number of bytes to read ahead. From 32 KiB to 1 MiB a 24-megapixel JPEG decodes equally fast; 64 KiB fit in the
  /// second-level cache beside the codec's own buffers.
  static let defaultWindow = 64 * 1024

  let pointer: OpaquePointer
  /// The flag that the C side polls, which must live as long as the window.
  let cancellation: CancellationFlag?
  /// The bytes of a source in memory. The C side borrows their storage, which stays in place because this is a constant.
  private let bytes: [UInt8]
  /// The owner of the descriptor, which keeps the descriptor open while the source exists; nil if the caller keeps it open.
  private let owner: (any AnyObject & Sendable)?

  /// Opens a source and waits for its first byte.
  ///
  /// - Parameters:
  ///   - source: A path, a descriptor (left open), or bytes.
  ///   - cancellation: Polled before every read, and every 20 ms while a pipe has nothing to read.
  ///   - window: Bytes read ahead at most.
  ///   - limits: The limits, of which the number of encoded bytes is checked: for a pipe while it is read, otherwise before.
  /// - Throws: `notFound`, `unreadable`, `empty`, `limitExceeded`, `canceled` or `outOfMemory`, of stage `open`.
  init(
    _ source: ImageSource, cancellation: CancellationFlag? = nil, window: Int = ByteSource.defaultWindow,
    limits: Limits = Limits()
  ) throws(PreparationError) {
    let opened = try ByteSource(opening: source, cancellation: cancellation, window: window)
    if limits.maxSourceBytes < .max {
      if let count = opened.unreadByteCount {
        try limits.check(sourceBytes: count)
      } else {
        unsafe cic_source_limit(opened.pointer, Int64(limits.maxSourceBytes))
      }
    }
    guard try !opened.peek(1).isEmpty else {
      throw PreparationError(
        .empty, stage: .open, "the source is empty", remedy: "check how the file was made or copied")
    }
    self = opened
  }

  private init(
    opening source: ImageSource, cancellation: CancellationFlag?, window: Int
  ) throws(PreparationError) {
    let flag = unsafe cancellation?.pointer
    var bytes: [UInt8] = []
    var owner: (any AnyObject & Sendable)?
    let made: OpaquePointer?
    switch source {
    case .file(let path):
      var systemError: Int32 = 0
      let descriptor = unsafe cic_open(path, &systemError)
      guard descriptor >= 0 else { throw Self.failure(toOpen: path, systemError) }
      unsafe made = cic_source_create_descriptor(descriptor, true, window, flag)
    case .descriptor(let descriptor, let given):
      owner = given
      unsafe made = cic_source_create_descriptor(descriptor, false, window, flag)
    case .memory(let array):
      bytes = array
      unsafe made = array.withUnsafeBufferPointer {
        unsafe cic_source_create_memory($0.baseAddress, $0.count, flag)
      }
    }
    guard let made = unsafe made else { throw .outOfMemory("the window over the source") }
    unsafe pointer = made
    self.bytes = bytes
    self.owner = owner
    self.cancellation = cancellation
  }

  deinit { unsafe cic_source_destroy(pointer) }

  /// The bytes that are still to be read; nil for a pipe.
  var unreadByteCount: Int? {
    let count = unsafe cic_source_byte_count(pointer)
    return count < 0 ? nil : Int(count)
  }

  /// A copy of the first `count` unread bytes, fewer only at the end of the source. They stay unread.
  ///
  /// - Throws: `unreadable` or `canceled`, of stage `open`.
  func peek(_ count: Int) throws(PreparationError) -> [UInt8] {
    var start: UnsafePointer<UInt8>?
    var available = 0
    let status = unsafe cic_source_peek(pointer, count, &start, &available)
    switch status {
    case .CIC_OK: return unsafe Array(UnsafeBufferPointer(start: start, count: min(count, available)))
    case .CIC_CANCELED: throw .canceled(.open)
    default: throw .unreadable(unsafe cic_source_system_error(pointer), stage: .open)
    }
  }

  private static func failure(toOpen path: String, _ systemError: Int32) -> PreparationError {
    switch systemError {
    case cic_error_no_such_file, cic_error_no_such_folder:
      let failure = FileFailure.missing(path)
      return PreparationError(.notFound, stage: .open, failure.message, remedy: failure.remedy)
    case cic_error_is_a_folder:
      return PreparationError(.unreadable, stage: .open, "it is a folder", remedy: "name a file in it")
    default: return .unreadable(systemError, stage: .open)
    }
  }
}

// A window has one owner and may move between threads.
extension ByteSource: @unchecked Sendable {}
