internal import CImageCodecs

/// Owns a helper process that decodes one file without access to anything else (Sources/GessoDecode), and ends it.
@safe
final class HelperProcess {
  private var helper = cic_helper()
  private var hasEnded = false
  private let memory: SharedMemory
  private let limits: Limits
  private let cancellation: CancellationFlag?

  /// Starts a process.
  ///
  /// - Parameters:
  ///   - limits: The limits, with the path of the program.
  ///   - file: The bytes of the file, frozen; no bytes for a process that only checks its protections.
  ///   - cancellation: The flag, which is read every 20 ms.
  /// - Throws: `notInstalled` or `notStarted`.
  init(limits: Limits, file: consuming SharedMemory, cancellation: CancellationFlag?) throws(HelperFault) {
    guard let path = limits.decodeHelper, cic_helper_is_possible() else { throw .notInstalled }
    guard let memory = SharedMemory() else { throw .refused(.outOfMemory, "") }
    self.memory = memory
    self.limits = limits
    self.cancellation = cancellation
    let error = unsafe cic_helper_start(
      path, nil, file.descriptor, self.memory.descriptor, Int64(UInt32(clamping: limits.maxHelperSeconds)), &helper)
    guard error == 0 else {
      hasEnded = true
      throw error == cic_error_no_such_file || error == cic_error_no_such_folder ? .notInstalled : .notStarted(error)
    }
  }

  deinit { end(waiting: false) }

  /// Starts the check of the process's protections, and returns its text.
  func check() throws(HelperFault) -> String {
    try ask(UInt32(GD_CHECK), fileBytes: 0, memory: 64 << 20, pixelBytes: 0).text
  }

  /// Reads the headers.
  ///
  /// - Parameter fileBytes: The bytes of the file.
  /// - Returns: The description, checked.
  /// - Throws: A ``HelperFault``.
  func describe(fileBytes: Int) throws(HelperFault) -> HelperReply {
    try ask(UInt32(GD_DESCRIBE), fileBytes: fileBytes, memory: limits.maxMemory, pixelBytes: 0)
  }

  /// Decodes the file that was described, and ends the process.
  ///
  /// - Parameters:
  ///   - memory: The bytes that the process may allocate from now on, including those of the pixels.
  ///   - pixelBytes: The bytes of all pixels.
  /// - Returns: The pixels, with a warning of the codec; an empty one for none.
  /// - Throws: A ``HelperFault``.
  func decode(memory: Int, pixelBytes: Int) throws(HelperFault) -> SharedPixels {
    guard let pixels = SharedPixels(self.memory, count: pixelBytes) else { throw .refused(.outOfMemory, "") }
    let reply = try ask(UInt32(GD_DECODE), fileBytes: 0, memory: memory, pixelBytes: pixelBytes)
    end(waiting: false)
    pixels.warning = reply.text
    return pixels
  }

  private func ask(
    _ task: UInt32, fileBytes: Int, memory: Int, pixelBytes: Int
  ) throws(HelperFault) -> HelperReply {
    var request = gd_request(
      magic: UInt32(GD_MAGIC), version: UInt32(GD_VERSION), task: task,
      seconds: UInt32(clamping: limits.maxHelperSeconds),
      file_bytes: UInt64(fileBytes), memory_bytes: UInt64(memory), pixel_bytes: UInt64(pixelBytes),
      max_profile_bytes: UInt64(limits.maxProfileBytes), max_metadata_bytes: UInt64(limits.maxMetadataBytes))
    do throws(HelperFault) {
      try check(unsafe cic_helper_send(&helper, &request))
      return try HelperReply(isDescription: task == GD_DESCRIBE, limits: limits) { count throws(HelperFault) in
        try receive(count)
      }
    } catch {
      guard case .ended = error else { throw error }
      throw .ended(signal: end(waiting: true))
    }
  }

  private func receive(_ count: Int) throws(HelperFault) -> [UInt8] {
    // All empty arrays of a process share one memory. Without capacity, Swift would write the count into it, while other threads may use
    // it.
    guard count > 0 else { return [] }
    var status = cic_helper_status.CIC_HELPER_OK
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      unsafe status = cic_helper_receive(&helper, buffer.baseAddress!, count, cancellation?.pointer)
      initialized = status == .CIC_HELPER_OK ? count : 0
    }
    try check(status)
    return bytes
  }

  private func check(_ status: cic_helper_status) throws(HelperFault) {
    switch status {
    case .CIC_HELPER_OK: return
    case .CIC_HELPER_ENDED: throw .ended(signal: 0)
    case .CIC_HELPER_LATE: throw .late
    case .CIC_HELPER_CANCELED: throw .canceled
    }
  }

  /// Ends the process, once.
  ///
  /// - Parameter waiting: True to give a process that has closed its socket the time to end by itself.
  /// - Returns: The signal that had ended the process before this call; 0 for none.
  @discardableResult private func end(waiting: Bool) -> Int32 {
    guard !hasEnded else { return 0 }
    hasEnded = true
    return unsafe cic_helper_end(&helper, waiting)
  }
}
