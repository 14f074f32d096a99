internal import CImageCodecs
internal import Ground

/// Owns a process that waits for images and begins a process for each, and ends it.
@safe
final class WorkerProcess: @unchecked Sendable {
  // Unchecked: it is used by one thread at a time.

  /// The largest task: it has to fit into the empty buffer of a socket.
  static let mostTaskBytes = 32_768
  /// The largest record of a result.
  private static let mostRecordBytes = 4 << 20
  /// The time to start and to install the protections.
  private static let secondsToStart = 20

  /// The version of landlock; 0 if the kernel has none.
  let landlock: Int32
  /// True while it waits for an image.
  private(set) var isIdle = false
  private var helper = cic_helper()
  /// The process of the image in progress; nil for none.
  private var image: cic_helper?

  init(_ program: String) throws(WorkerFault) {
    guard cic_helper_is_possible() else { throw .unprotected("isolation (only Linux has it here)") }
    var helper = cic_helper()
    let error = unsafe cic_helper_start(program, IsolatedWorker.argument, -1, -1, Int64(Self.secondsToStart), &helper)
    guard error == 0 else { throw .notStarted(error) }
    var greeting = cic_worker_greeting()
    let status = unsafe cic_helper_receive(&helper, &greeting, MemoryLayout<cic_worker_greeting>.size, nil)
    let failed = unsafe withUnsafeBytes(of: greeting.failed) { text in
      unsafe Self.text(text.prefix { $0 != 0 }.map { $0 })
    }
    guard status == .CIC_HELPER_OK, greeting.magic == CW_MAGIC, failed.isEmpty else {
      _ = unsafe cic_helper_end(&helper, false)
      if !failed.isEmpty { throw .unprotected(failed) }
      throw status == .CIC_HELPER_LATE ? .late : .gone
    }
    landlock = greeting.landlock
    self.helper = helper
    isIdle = true
  }

  deinit {
    closeImage()
    _ = unsafe cic_helper_end(&helper, false)
  }

  /// Begins the process of an image, for tasks of so many seconds.
  func begin(_ source: IsolatedSource, _ limits: Limits, seconds: Int) throws(WorkerFault) {
    isIdle = false
    // Memory beyond the buffers that the limits count: the file and its copies on the way, stacks, and heaps that are not full.
    let memory = UInt64(limits.maxMemory) + UInt64(limits.maxMemory) / 4 + 256 << 20
    let processorTime = min(seconds, Int(Int32.max) / 1024) * max(1, min(limits.threads, 1024))
    var request = cic_worker_request(
      magic: UInt32(CW_MAGIC), seconds: UInt32(processorTime), memory_bytes: memory)
    var begun = cic_helper()
    guard unsafe cic_worker_open(&helper, &request, source.descriptor, &begun) == 0 else { throw .gone }
    image = begun
  }

  /// Gives the process of the image a task, and waits for the reply.
  ///
  /// - Throws: The reason why there is none. If ``isIdle`` is false then, this worker cannot be used again.
  func reply(
    to task: [UInt8], _ limits: Limits, seconds: Int, _ cancellation: CancellationFlag?
  ) throws(WorkerFault) -> WorkerReply {
    guard var process = image,
      unsafe cic_worker_ask(&process, task, UInt32(task.count), Int64(min(seconds, Int(Int32.max)))) == 0
    else { throw .gone }
    image = process
    do throws(WorkerFault) {
      return try receive(from: &process, limits, cancellation)
    } catch {
      guard case .gone = error else { throw error }
      throw .ended(signal: try signalOfEnd(cancellation))
    }
  }

  /// Ends the process of the image. It must have ended before the process of another image begins.
  func end(_ cancellation: CancellationFlag?) throws(WorkerFault) {
    let signal = try signalOfEnd(cancellation)
    guard signal == 0 else { throw .ended(signal: signal) }
  }

  /// Waits for the end of the process of the image: the signal that ended it; 0 for none.
  private func signalOfEnd(_ cancellation: CancellationFlag?) throws(WorkerFault) -> Int32 {
    var waiting = helper
    waiting.deadline = image?.deadline ?? 0
    closeImage()
    var signal: Int32 = 0
    try unsafe Self.receive(from: &waiting, &signal, MemoryLayout<Int32>.size, cancellation)
    isIdle = true
    return signal
  }

  private func closeImage() {
    if let image { cic_memory_close(image.socket) }
    image = nil
  }

  private func receive(
    from reply: inout cic_helper, _ limits: Limits, _ cancellation: CancellationFlag?
  ) throws(WorkerFault) -> WorkerReply {
    var head = cic_worker_reply()
    try unsafe Self.receive(from: &reply, &head, MemoryLayout<cic_worker_reply>.size, cancellation)
    let counts = [head.part_bytes.0, head.part_bytes.1, head.part_bytes.2]
    let most = [limits.maxMemory, limits.maxMemory, limits.maxProfileBytes]
    guard head.magic == CW_MAGIC, head.kind <= CW_UNPROTECTED, head.record_bytes <= Self.mostRecordBytes,
      zip(counts, most).allSatisfy({ $0 <= $1 }), counts.reduce(0, +) <= limits.maxMemory
    else { throw .contradictory("it sends more than it was asked for") }
    let record = try Self.bytes(Int(head.record_bytes), from: &reply, cancellation)
    if head.kind == CW_UNPROTECTED {
      _ = try signalOfEnd(cancellation)
      throw .unprotected(Self.text(record.prefix(Int(CW_MAX_TEXT)).map { $0 }))
    }
    var parts: [[UInt8]] = []
    for count in counts { parts.append(try Self.bytes(Int(count), from: &reply, cancellation)) }
    return WorkerReply(isFailure: head.kind == CW_ERROR, record: record, parts: parts)
  }

  private static func text(_ bytes: [UInt8]) -> String {
    String(decoding: bytes.map { (32..<127).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
  }

  private static func bytes(
    _ count: Int, from reply: inout cic_helper, _ cancellation: CancellationFlag?
  ) throws(WorkerFault) -> [UInt8] {
    guard count > 0 else { return [] }
    var status = cic_helper_status.CIC_HELPER_OK
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      unsafe status = cic_helper_receive(&reply, buffer.baseAddress!, count, cancellation?.pointer)
      initialized = status == .CIC_HELPER_OK ? count : 0
    }
    try check(status)
    return bytes
  }

  private static func receive(
    from reply: inout cic_helper, _ value: UnsafeMutableRawPointer, _ count: Int, _ cancellation: CancellationFlag?
  ) throws(WorkerFault) {
    try check(unsafe cic_helper_receive(&reply, value, count, cancellation?.pointer))
  }

  private static func check(_ status: cic_helper_status) throws(WorkerFault) {
    switch status {
    case .CIC_HELPER_OK: return
    case .CIC_HELPER_ENDED: throw .gone
    case .CIC_HELPER_LATE: throw .late
    case .CIC_HELPER_CANCELED: throw .canceled
    }
  }
}
