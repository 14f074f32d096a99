internal import CImageCodecs
internal import Ground
internal import Synchronization

/// The processes of this program in which tasks run. A worker is started when it is needed, and kept for the images that follow.
package final class WorkerPool: ImageWorkers {
  private let coder: any IsolationCoder
  private let program: String
  private let idle = Mutex<[WorkerProcess]>([])

  /// Makes a pool without processes.
  ///
  /// - Parameters:
  ///   - coder: Writes tasks and reads results.
  ///   - program: The path of a program that calls ``IsolatedWorker/serve(_:words:)`` for the argument ``IsolatedWorker/argument``.
  package init(_ coder: any IsolationCoder, program: String = "/proc/self/exe") {
    (self.coder, self.program) = (coder, program)
  }

  /// Starts a process, which installs its protections.
  ///
  /// - Returns: The version of landlock that it uses; 0 if the kernel has none, so that the filter of calls is the only protection of
  ///   files.
  /// - Throws: `helperFailed` if a process cannot be started or isolated.
  package func check() throws(PreparationError) -> Int {
    do throws(WorkerFault) {
      let worker = try WorkerProcess(program)
      let landlock = Int(worker.landlock)
      idle.withLock { $0.append(worker) }
      return landlock
    } catch {
      throw error.failure(seconds: 0, Limits())
    }
  }

  package func forOneImage() -> any ImageWorkers { ImageProcess(of: self) }

  package func result(
    of task: IsolatedTask, _ source: IsolatedSource, _ cancellation: CancellationFlag?
  ) throws(PreparationError) -> IsolatedResult {
    var worker: WorkerProcess?
    return try result(of: task, source, cancellation, by: &worker, isLast: true)
  }

  /// Makes a process carry out a task.
  ///
  /// - Parameters:
  ///   - task: The task.
  ///   - source: The image.
  ///   - cancellation: Ends the process.
  ///   - worker: The worker whose process carried out an earlier task on this image, and takes this one; nil for none. It
  ///     is set to the worker whose process takes another task, if there is one.
  ///   - isLast: True to end the process after the task.
  /// - Returns: The result. Only its lengths are checked.
  /// - Throws: The error of the task, checked, or `helperFailed` for a process that ends too early.
  func result(
    of task: IsolatedTask, _ source: IsolatedSource, _ cancellation: CancellationFlag?, by worker: inout WorkerProcess?,
    isLast: Bool
  ) throws(PreparationError) -> IsolatedResult {
    guard let bytes = coder.bytes(of: task), bytes.count <= WorkerProcess.mostTaskBytes else {
      throw PreparationError(
        .invalidRecipe, stage: .open, "the recipe cannot be sent to the isolated process", remedy: .decodeHere)
    }
    let limits = task.limits
    let seconds = min(limits.maxHelperSeconds, limits.maxSeconds < .max ? limits.maxSeconds + 1 : .max)
    let reply: WorkerReply
    do throws(WorkerFault) {
      reply = try self.reply(to: bytes, source, limits, seconds: seconds, cancellation, by: &worker, isLast: isLast)
    } catch {
      throw error.failure(seconds: seconds, limits)
    }
    if reply.isFailure {
      guard let failure = coder.value(IsolatedFailure.self, in: reply.record), failure.error.code != .canceled else {
        throw .contradictory("its error is unreadable")
      }
      throw failure.error
    }
    guard let record = coder.value(IsolatedResult.Record.self, in: reply.record) else {
      throw .contradictory("it is unreadable")
    }
    return IsolatedResult(record, parts: reply.parts)
  }

  /// Ends the process of an image before its next task, and keeps the worker if that is possible.
  fileprivate func release(_ worker: WorkerProcess, _ cancellation: CancellationFlag?) {
    try? worker.end(cancellation)
    if worker.isIdle { idle.withLock { $0.append(worker) } }
  }

  private func reply(
    to task: [UInt8], _ source: IsolatedSource, _ limits: Limits, seconds: Int, _ cancellation: CancellationFlag?,
    by kept: inout WorkerProcess?, isLast: Bool
  ) throws(WorkerFault) -> WorkerReply {
    let begun = kept.take()
    while true {
      let known = begun == nil ? idle.withLock { $0.popLast() } : nil
      let worker = if let found = begun ?? known { found } else { try WorkerProcess(program) }
      defer { if worker.isIdle { idle.withLock { $0.append(worker) } } }
      do throws(WorkerFault) {
        if begun == nil { try worker.begin(source, limits, seconds: seconds) }
        let reply = try worker.reply(to: task, limits, seconds: seconds, cancellation)
        if isLast || reply.isFailure { try worker.end(cancellation) } else { kept = worker }
        return reply
      } catch {
        // The worker had ended while it was idle, so it never began this task. Another one gets it.
        guard case .gone = error, known != nil else { throw error }
      }
    }
  }
}

/// The process of one image, for tasks that follow each other: the plan of the image, and then the image. Starting a process for each of
/// them took a fifth of the time of isolation. No process takes tasks on two images.
final class ImageProcess: ImageWorkers {
  private let pool: WorkerPool
  /// The worker whose process waits for a task, with the threads that its limits are for.
  private let open = Mutex<(worker: WorkerProcess, threads: Int)?>(nil)

  init(of pool: WorkerPool) { self.pool = pool }

  func forOneImage() -> any ImageWorkers { ImageProcess(of: pool) }

  func result(
    of task: IsolatedTask, _ source: IsolatedSource, _ cancellation: CancellationFlag?
  ) throws(PreparationError) -> IsolatedResult {
    let known = open.withLock { $0.take() }
    var worker = known?.worker
    if let known, known.threads != task.limits.threads {
      // More threads may take more processor time than the process is allowed to.
      pool.release(known.worker, cancellation)
      worker = nil
    }
    let result = try pool.result(of: task, source, cancellation, by: &worker, isLast: task.product.isLast)
    if let worker { open.withLock { $0 = (worker, task.limits.threads) } }
    return result
  }
}

extension IsolatedTask.Product {
  /// False for a product after which another one is made of the same image.
  fileprivate var isLast: Bool {
    switch self {
    case .description, .plan: false
    case .image, .pixels, .tensor, .stripped: true
    }
  }
}

/// A reply as it was received. Only its lengths are checked.
struct WorkerReply {
  let isFailure: Bool
  let record: [UInt8]
  let parts: [[UInt8]]
}

/// The reason why there is no reply.
enum WorkerFault: Error {
  /// The process was not started, for this reason of the system.
  case notStarted(Int32)
  /// A protection could not be installed; nothing was decoded.
  case unprotected(String)
  /// The process that waits for tasks has ended.
  case gone
  /// The process of the task ended, by this signal; 0 for none.
  case ended(signal: Int32)
  /// There was no reply in time.
  case late
  /// The flag was raised.
  case canceled
  /// The reply breaks the protocol.
  case contradictory(String)

  /// The error for the image.
  func failure(seconds: Int, _ limits: Limits) -> PreparationError {
    switch self {
    case .canceled: .canceled(.decode)
    case .contradictory(let what): .contradictory(what)
    case .notStarted(let reason):
      refusal("the process to decode it in cannot be started (error \(reason))", .decodeHere)
    case .gone: refusal("the process to decode it in ended", .decodeHere)
    case .unprotected(let what):
      refusal("it cannot be isolated here, and nothing is decoded without that: \(what)", .decodeHere)
    case .late where seconds > limits.maxSeconds:
      PreparationError(
        .limitExceeded, stage: .decode, "it took longer than the limit of \(limits.maxSeconds) s",
        remedy: .raise(.seconds))
    case .late: refusal("the isolated process was not done within \(seconds) s, and was ended", Self.intact)
    case .ended(cic_signal_processor_time):
      refusal("the isolated process was ended for its processor time", Self.intact)
    case .ended(cic_signal_forbidden_call):
      refusal(
        "the isolated process tried what no decoder needs, and was ended",
        "do not trust this image: it may have been made to attack the decoder")
    case .ended(let signal):
      refusal(
        "the isolated process \(signal == 0 ? "ended" : "was ended by signal \(signal)") while it worked on the image",
        .either(Self.intact, or: .raise(.memory)))
    }
  }

  private static let intact: Remedy = "get an intact copy"

  private func refusal(_ message: String, _ remedy: Remedy) -> PreparationError {
    PreparationError(.helperFailed, stage: .decode, message, remedy: remedy)
  }
}
