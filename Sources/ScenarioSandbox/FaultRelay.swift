internal import FlyingSocks
internal import Foundation

/// The fault that the relay applies to a reply. The server names it in a private header.
enum RelayAction: String, Sendable {
  case reset, stall, hang

  /// The header the server marks a reply with.
  static let header = "X-Gesso-Fault"
}

/// Passes bytes between clients and the server, and drops connections, which the server itself cannot do.
struct FaultRelay: Sendable {
  /// The server that requests are relayed to.
  let upstream: UInt16
  let pool: any AsyncSocketPool

  /// Passes connections on until the task is canceled.
  func run(listening socket: AsyncSocket) async throws {
    try await withThrowingDiscardingTaskGroup { group in
      while true {
        let client = try await socket.accept()
        group.addTask { await relay(client) }
      }
    }
  }

  private func relay(_ client: AsyncSocket) async {
    // If one connection breaks, both are closed, because a broken server would close both.
    guard let server = try? await connect() else {
      try? client.close()
      return
    }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await forward(from: client, to: server) }
      group.addTask { try? await answer(from: server, to: client) }
      await group.next()
      group.cancelAll()
    }
    try? server.close()
    try? client.close()
  }

  private func connect() async throws -> AsyncSocket {
    let server = try await AsyncSocket.connected(to: sockaddr_in.loopback(port: upstream), pool: pool)
    try server.socket.setValue(true, for: PromptSocketPool.noDelay)
    return server
  }

  private func forward(from source: AsyncSocket, to target: AsyncSocket) async throws {
    while true { try await target.write(Data(try await source.read(atMost: 4096))) }
  }

  private func answer(from server: AsyncSocket, to client: AsyncSocket) async throws {
    try client.socket.setValue(true, for: PromptSocketPool.noDelay)
    while true {
      // The server writes the headers of a reply in one call, and the body after them.
      let bytes = try await server.read(atMost: 4096)
      switch Self.action(in: bytes) {
      case nil: try await client.write(Data(bytes))
      case .reset?:
        // With a linger time of zero, closing resets the connection instead of ending it in order.
        try client.socket.setValue(linger(l_onoff: 1, l_linger: 0), for: LingerOption())
        return
      case .stall?:
        // The headers and the body are written separately, but may arrive together.
        let end = Data(bytes).firstRange(of: Data("\r\n\r\n".utf8))?.upperBound ?? bytes.count
        let body = end < bytes.count ? Array(bytes[end...]) : try await server.read(atMost: 4096)
        try await client.write(Data(bytes[..<end] + body.prefix(body.count / 2)))
        try await drain(server)
      case .hang?: try await drain(server)
      }
    }
  }

  /// Keeps the connection open without sending anything, until the client gives up.
  private func drain(_ server: AsyncSocket) async throws {
    while true { _ = try await server.read(atMost: 4096) }
  }

  private static func action(in bytes: [UInt8]) -> RelayAction? {
    guard bytes.starts(with: Array("HTTP/".utf8)) else { return nil }
    let text = String(decoding: bytes, as: UTF8.self)
    let head = text.range(of: "\r\n\r\n").map { text[..<$0.lowerBound] } ?? text[...]
    for line in head.split(separator: "\r\n") where line.lowercased().hasPrefix(RelayAction.header.lowercased() + ":") {
      return RelayAction(rawValue: line.dropFirst(RelayAction.header.count + 1).trimmingCharacters(in: .whitespaces))
    }
    return nil
  }
}

/// How a connection ends when it is closed.
private struct LingerOption: SocketOption {
  let name = SO_LINGER
  func makeValue(from socketValue: linger) -> linger { socketValue }
  func makeSocketValue(from value: linger) -> linger { value }
}
