import Foundation
import Ground
import Synchronization

/// A server of plain sockets on loopback that follows a script: it replies, stalls, closes or resets.
///
/// Each connection runs the script on a thread of its own. The thread ends when the peer closes the connection.
final class RawServer: Sendable {
  /// One request as it came over the wire.
  struct Request: Sendable {
    var line = ""
    var fields: [(name: String, value: String)] = []
    var body: [UInt8] = []
    /// The number of the connection, from 0.
    var connection = 0

    func value(of name: String) -> String? { fields.first { $0.name.lowercased() == name.lowercased() }?.value }
  }

  /// One accepted connection.
  @safe
  final class Connection: Sendable {
    let index: Int
    private let socket: Int32
    private let server: RawServer

    init(_ socket: Int32, _ index: Int, _ server: RawServer) {
      self.socket = socket
      self.index = index
      self.server = server
    }

    /// Reads one request with its body; nil when the peer has closed.
    func readRequest() -> Request? {
      var head: [UInt8] = []
      while !head.suffix(4).elementsEqual([13, 10, 13, 10]) {
        guard let byte = read(1) else { return nil }
        head += byte
      }
      var lines = String(decoding: head, as: UTF8.self).components(separatedBy: "\r\n").filter { !$0.isEmpty }
      var request = Request(line: lines.removeFirst(), connection: index)
      for line in lines {
        let parts = line.split(separator: ":", maxSplits: 1)
        request.fields.append((String(parts[0]), parts[1].trimmingCharacters(in: .whitespaces)))
      }
      let count = request.value(of: "content-length").flatMap { Int($0) } ?? 0
      while request.body.count < count {
        guard let bytes = read(min(count - request.body.count, 1 << 16)) else { return nil }
        request.body += bytes
      }
      server.record(request)
      return request
    }

    private func read(_ count: Int) -> [UInt8]? {
      var bytes = [UInt8](repeating: 0, count: count)
      let got = unsafe recv(socket, &bytes, count, 0)
      return got > 0 ? Array(bytes.prefix(got)) : nil
    }

    func send(_ bytes: [UInt8]) {
      var sent = 0
      while sent < bytes.count {
        let count = unsafe bytes.withUnsafeBytes {
          unsafe Foundation.send(socket, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
        }
        guard count > 0 else { return }
        sent += count
      }
    }

    func send(_ text: String) { send([UInt8](text.utf8)) }

    /// Sends a whole reply on a connection that is kept.
    func answer(_ status: String = "200 OK", fields: String = "", body: String = "") {
      send("HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(fields)\r\n\(body)")
    }

    /// Blocks until the peer closes.
    func waitForEnd() { while read(1 << 16) != nil {} }

    /// Makes the next close a reset instead of an orderly end.
    func resetOnClose() {
      var linger = linger(l_onoff: 1, l_linger: 0)
      unsafe setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
    }
  }

  private struct State {
    var requests: [Request] = []
    var connections = 0
  }

  let port: UInt16
  private let listener: Int32
  private let state = Mutex(State())
  private let arrivals: AsyncStream<Request>
  private let arrival: AsyncStream<Request>.Continuation

  var baseURL: String { "http://127.0.0.1:\(port)" }
  /// Every request read so far.
  var requests: [Request] { state.withLock { $0.requests } }
  /// Connections accepted so far.
  var connections: Int { state.withLock { $0.connections } }

  init(_ script: @escaping @Sendable (Connection) -> Void) {
    (listener, port) = Self.listen()
    (arrivals, arrival) = AsyncStream.makeStream()
    Thread { [self] in
      while case let socket = accept(listener, nil, nil), socket >= 0 {
        let index = state.withLock { state in
          defer { state.connections += 1 }
          return state.connections
        }
        Thread {
          script(Connection(socket, index, self))
          close(socket)
        }.start()
      }
      // The listener is closed here and not in ``stop()``. If ``stop()`` closed it, the next server could get the same descriptor, and this
      // loop would accept its connections.
      close(listener)
    }.start()
  }

  /// Answers every request of every connection.
  static func answering(_ answer: @escaping @Sendable (Connection, Request) -> Void) -> RawServer {
    RawServer { connection in while let request = connection.readRequest() { answer(connection, request) } }
  }

  /// Waits until the whole next request has been read.
  func nextRequest() async -> Request? {
    for await request in arrivals { return request }
    return nil
  }

  /// Stops listening. An open connection ends when its peer closes it.
  func stop() {
    shutdown(listener, Int32(SHUT_RDWR))
    arrival.finish()
  }

  private func record(_ request: Request) {
    state.withLock { $0.requests.append(request) }
    arrival.yield(request)
  }

  /// A port on loopback without a listener.
  static func closedPort() -> UInt16 {
    let (socket, port) = listen()
    close(socket)
    return port
  }

  private static func listen() -> (socket: Int32, port: UInt16) {
    let socket = socket(AF_INET, streamSocketType, 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    unsafe withUnsafeMutablePointer(to: &address) { address in
      unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        precondition(unsafe bind(socket, address, size) == 0 && Foundation.listen(socket, 128) == 0)
        precondition(unsafe getsockname(socket, address, &size) == 0)
      }
    }
    return (socket, UInt16(bigEndian: address.sin_port))
  }
}
