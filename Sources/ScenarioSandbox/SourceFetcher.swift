internal import FlyingSocks
internal import Foundation

/// Fetches the image an `imageUrl` names, from this machine only.
///
/// It uses HTTP/1.0 over a plain socket. The body then has no chunks and ends with the connection, so that only the status line and the end
/// of the headers have to be parsed. Redirects are not followed.
struct SourceFetcher: Sendable {
  /// Largest body in bytes.
  let limit: Int
  /// The longest time for connecting, sending and receiving together.
  let timeout: Duration

  /// The bytes at `text`.
  ///
  /// - Throws: 400 if the address is not `http` on loopback, and for a reply other than 200, a body over the limit, and a server that does
  ///   not reply.
  func bytes(at text: String) async throws(ServiceError) -> [UInt8] {
    guard let url = URLComponents(string: text), url.scheme?.lowercased() == "http", let host = url.host,
      url.user == nil, let addresses = Self.addresses(host: host, port: url.port ?? 80)
    else {
      throw .badRequest("The sandbox fetches imageUrl from http on loopback only", parameter: "imageUrl")
    }
    let path = url.percentEncodedPath.isEmpty ? "/" : url.percentEncodedPath
    let target = path + (url.percentEncodedQuery.map { "?" + $0 } ?? "")
    let authority = url.port.map { "\(host):\($0)" } ?? host
    let request = "GET \(target) HTTP/1.0\r\nHost: \(authority)\r\nAccept: image/*\r\n\r\n"
    for address in addresses {
      if let reply = try? await reply(to: request, from: address) { return try body(of: reply) }
    }
    throw .badRequest("Input image could not be fetched", parameter: "imageUrl")
  }

  /// The addresses a loopback host stands for; nil for other hosts. Names are not looked up.
  private static func addresses(host: String, port: Int) -> [any SocketAddress & Sendable]? {
    guard let port = UInt16(exactly: port) else { return nil }
    let name = host.lowercased().trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
    func ip4(_ text: String) -> [any SocketAddress & Sendable] {
      (try? sockaddr_in.inet(ip4: text, port: port)).map { [$0] } ?? []
    }
    func ip6() -> [any SocketAddress & Sendable] {
      (try? sockaddr_in6.inet6(ip6: "::1", port: port)).map { [$0] } ?? []
    }
    switch name {
    case "localhost": return ip4("127.0.0.1") + ip6()
    case "::1": return ip6()
    default:
      let octets = name.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
      return octets.count == 4 && octets[0] == 127 && !octets.contains(nil) ? ip4(name) : nil
    }
  }

  private func reply(to request: String, from address: any SocketAddress & Sendable) async throws -> Data {
    let limit = self.limit
    return try await withThrowingTaskGroup(of: Data.self) { group in
      group.addTask { try await Self.exchange(request, with: address, limit: limit) }
      group.addTask { [timeout] in
        try await Task.sleep(for: timeout)
        throw SocketError.disconnected
      }
      defer { group.cancelAll() }
      return try await group.next() ?? Data()
    }
  }

  private static func exchange(
    _ request: String, with address: some SocketAddress & Sendable, limit: Int
  ) async throws -> Data {
    let socket = try await AsyncSocket.connected(to: address)
    defer { try? socket.close() }
    try await socket.write(Data(request.utf8))
    var reply = Data()
    do {
      // The headers may take 64 KiB more. A longer reply is cut here, and is refused later because of its length.
      while reply.count <= limit + 65_536 { reply.append(contentsOf: try await socket.read(atMost: 65_536)) }
    } catch SocketError.disconnected {
    }
    return reply
  }

  private func body(of reply: Data) throws(ServiceError) -> [UInt8] {
    guard let end = reply.range(of: Data("\r\n\r\n".utf8)), reply.starts(with: Data("HTTP/1.".utf8)),
      String(decoding: reply.prefix(12), as: UTF8.self).hasSuffix(" 200")
    else {
      throw .badRequest("Input image could not be fetched", parameter: "imageUrl")
    }
    let body = reply[end.upperBound...]
    guard body.count <= limit else { throw .badRequest("Input image is too large", parameter: "imageUrl") }
    return [UInt8](body)
  }
}
