internal import CCurl
internal import Foundation
internal import Synchronization

/// The thread that drives all transfers, and its message queue.
@safe
final class CurlLoop: @unchecked Sendable {
  // Unchecked: only the loop's thread uses the multi handle and `transfers`, apart from curl_multi_wakeup, which libcurl allows
  // from any thread; the mutex protects all other state.

  typealias Continuation = CheckedContinuation<Result<HTTPResponse, ScenarioError>, Never>

  private enum Command {
    case start(UInt64, HTTPRequest, Continuation)
    case cancel(UInt64)
    case stop
  }

  /// libcurl's one global initialization.
  private static let isReady = ccurl_global_init() == CURLE_OK

  private let options: ConnectionOptions
  private let multi: CurlMultiHandle
  private let mailbox = Mutex<[Command]>([])
  private let lastID = Atomic<UInt64>(0)
  private var transfers: [UInt64: CurlTransfer] = [:]

  init?(options: ConnectionOptions) {
    guard Self.isReady, let multi = CurlMultiHandle() else { return nil }
    unsafe ccurl_multi_set_long(multi.pointer, CURLMOPT_MAX_HOST_CONNECTIONS, options.connectionsPerHost)
    // By default libcurl keeps four connections for each running transfer, and closes the others. There are three hosts: API, CDN and
    // storage.
    unsafe ccurl_multi_set_long(multi.pointer, CURLMOPT_MAXCONNECTS, options.connectionsPerHost * 3)
    self.options = options
    self.multi = multi
  }

  // MARK: Any thread

  func newID() -> UInt64 { lastID.wrappingAdd(1, ordering: .relaxed).newValue }

  func start(_ id: UInt64, _ request: HTTPRequest, _ continuation: Continuation) {
    post(.start(id, request, continuation))
  }

  /// Aborts a transfer. A transfer that has ended or not started is not affected.
  func cancel(_ id: UInt64) { post(.cancel(id)) }

  func stop() { post(.stop) }

  private func post(_ command: Command) {
    mailbox.withLock { $0.append(command) }
    unsafe curl_multi_wakeup(multi.pointer)
  }

  // MARK: The loop's thread

  /// Runs until ``stop()``.
  func run() {
    // TLS libraries may write without MSG_NOSIGNAL; a closed connection would then end the process.
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe sigaddset(&signals, SIGPIPE)
    unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)

    while true {
      let commands = mailbox.withLock { commands in
        defer { commands = [] }
        return commands
      }
      for command in commands {
        switch command {
        case .start(let id, let request, let continuation): begin(id, request, continuation)
        case .cancel(let id): end(id, with: CURLE_ABORTED_BY_CALLBACK)
        case .stop:
          for id in transfers.keys { end(id, with: CURLE_ABORTED_BY_CALLBACK) }
          return
        }
      }
      var running: Int32 = 0
      unsafe curl_multi_perform(multi.pointer, &running)
      endFinished()
      // The wait takes a minute at most. libcurl's timers, its sockets and a wakeup end it earlier.
      unsafe curl_multi_poll(multi.pointer, nil, 0, 60_000, nil)
    }
  }

  private func begin(_ id: UInt64, _ request: HTTPRequest, _ continuation: Continuation) {
    do throws(ScenarioError) {
      let transfer = try CurlTransfer(id, request, options, continuation)
      guard unsafe curl_multi_add_handle(multi.pointer, transfer.easy.pointer) == CURLM_OK else {
        throw ScenarioError(
          .transportFailed, .notSent, stage: request.stage, "libcurl did not take the request",
          remedy: "free some memory")
      }
      transfers[id] = transfer
    } catch {
      continuation.resume(returning: .failure(error))
    }
  }

  private func endFinished() {
    var left: Int32 = 0
    while let message = unsafe curl_multi_info_read(multi.pointer, &left) {
      guard unsafe message.pointee.msg == CURLMSG_DONE else { continue }
      let status = unsafe message.pointee.data.result
      var context: UnsafeMutableRawPointer?
      unsafe ccurl_get_pointer(message.pointee.easy_handle, CURLINFO_PRIVATE, &context)
      guard let context = unsafe context else { continue }
      end(unsafe Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue().id, with: status)
    }
  }

  private func end(_ id: UInt64, with status: CURLcode) {
    guard let transfer = transfers.removeValue(forKey: id) else { return }
    let result = transfer.result(status)
    unsafe curl_multi_remove_handle(multi.pointer, transfer.easy.pointer)
    transfer.continuation.resume(returning: result)
  }
}
