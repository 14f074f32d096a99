internal import FlyingSocks
internal import Ground

/// Switches off the delay of small writes on the server's sockets.
///
/// The server writes a reply's headers and body separately. Without `TCP_NODELAY`, the body waits until the client has acknowledged the
/// headers. Clients delay this acknowledgement, which costs 40 ms for each request on loopback. The server's sockets are not accessible,
/// but each socket passes through the server's pool before its first byte.
struct PromptSocketPool: AsyncSocketPool {
  let base: any AsyncSocketPool

  /// TCP with `TCP_NODELAY`.
  static var noDelay: BoolSocketOption { BoolSocketOption(level: Int32(IPPROTO_TCP), name: TCP_NODELAY) }

  func prepare() async throws { try await base.prepare() }

  func run() async throws { try await base.run() }

  func suspendSocket(_ socket: Socket, untilReadyFor events: Socket.Events) async throws {
    try socket.setValue(true, for: Self.noDelay)
    try await base.suspendSocket(socket, untilReadyFor: events)
  }
}
