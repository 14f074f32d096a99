import Foundation
import TestSupport
import Testing

@testable import ScenarioAPI

@Suite("Addresses of this machine and of private networks")
struct PrivateAddressTests {
  // The first and the last address of each special network, and the addresses next to them outside. Python decides which of them are public
  // (`ipaddress` of 3.11: `is_global`, and not multicast, reserved or site-local).
  private static let publicOnes = """
    1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0 \
    172.15.255.255 172.32.0.0 192.0.1.255 192.0.3.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 \
    198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255 2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff \
    2001:200:: 2001:db7:ffff:ffff:ffff:ffff:ffff:ffff 2001:db9:: 1.1.1.1 8.8.8.8 2606:4700:4700::1111 \
    2a00:1450:4001::1 2620:4f:8000::1 2000::
    """
  private static let privateOnes = """
    0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.0 127.255.255.255 169.254.0.0 \
    169.254.255.255 172.16.0.0 172.31.255.255 192.0.2.0 192.0.2.255 192.168.0.0 192.168.255.255 198.18.0.0 \
    198.19.255.255 198.51.100.0 198.51.100.255 203.0.113.0 203.0.113.255 224.0.0.0 239.255.255.255 240.0.0.0 \
    255.255.255.255 :: ::1 ::2 ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 100:: 100::ffff:ffff:ffff:ffff 100:0:0:1:: \
    2001:: 2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff 2001:db8:: 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff \
    fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff fc00:: fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff fe00:: \
    fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff fe80:: febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff fec0:: \
    feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ff00:: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff \
    64:ff9b:0:ffff:ffff:ffff:ffff:ffff 64:ff9b:1:: 64:ff9b:1:ffff:ffff:ffff:ffff:ffff 64:ff9b:2:: 192.0.0.1 \
    192.0.0.170 4000::1
    """
  // Addresses that Python does not classify. An IPv4 address within IPv6 counts as that IPv4 address. The others follow newer versions of
  // Python, and IANA.
  private static let others: [(address: String, isPublic: Bool)] = [
    ("::ffff:8.8.8.8", true), ("::ffff:127.0.0.1", false), ("::ffff:10.0.0.1", false),
    ("::ffff:169.254.169.254", false),
    ("64:ff9b::8.8.8.8", true), ("64:ff9b::127.0.0.1", false), ("64:ff9b::192.168.0.1", false),
    ("2002:7f00:1::", false), ("2002:a00:1::", false), ("2002:808:808::", false), ("2001:0:7f00:1::", false),
    ("::127.0.0.1", false), ("192.0.0.255", false), ("3fff::1", false), ("3fff:1000::", true), ("2003::", true),
    // Spellings that the C library reads as numbers.
    ("127.1", false), ("0x7f.1", false), ("2130706433", false), ("017700000001", false), ("0", false),
    ("134744072", true),
  ]
  static let addresses =
    publicOnes.split(separator: " ").map { (String($0), true) }
    + privateOnes.split(separator: " ").map { (String($0), false) } + others.map { ($0.address, $0.isPublic) }

  @Test("the special networks of the registries are private, with both ends", arguments: addresses)
  func judgment(address: String, isPublic: Bool) {
    #expect(CurlAddressGuard.isPrivate(address) == !isPublic)
  }

  private func failure(
    of url: String, _ options: ConnectionOptions = ConnectionOptions(environment: [:])
  ) async -> ScenarioError? {
    do throws(ScenarioError) {
      _ = try await AddressReader(over: CurlTransport(options: options)).bytes(at: url, limit: 100)
      return nil
    } catch {
      return error
    }
  }

  @Test(
    "no spelling of this machine is connected to, and the remedy names the option",
    arguments: [
      "127.0.0.1", "localhost", "0x7f.1", "127.1", "2130706433", "017700000001", "0.0.0.0", "0", "[::1]", "[::]",
      "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "user:pass@127.0.0.1",
    ])
  func spellings(host: String) async {
    let server = RawServer.answering { connection, _ in connection.answer() }
    defer { server.stop() }
    let error = await failure(of: "http://\(host):\(server.port)/a.jpg")
    // A URL with a password is refused, wherever it leads.
    #expect(error?.code == (host.contains("@") ? .invalidRequest : .privateAddress))
    #expect(error?.outcome == .notSent && error?.isRetryable == false)
    if !host.contains("@") { #expect(error?.remedy == .allowPrivateAddresses) }
    #expect(server.connections == 0)
  }

  @Test(
    "a name is judged by every address that it resolves to at that moment",
    arguments: [
      "127.0.0.1", "10.1.2.3", "169.254.169.254", "[::1]", "[fd00::1]", "192.168.0.1,127.0.0.1",
    ])
  func rebinding(addresses: String) async {
    let server = RawServer.answering { connection, _ in connection.answer() }
    defer { server.stop() }
    var options = ConnectionOptions(environment: [:])
    options.resolving = ["rebind.test:\(server.port):\(addresses)"]
    options.noProxy = "*"
    let error = await failure(of: "http://rebind.test:\(server.port)/a.jpg", options)
    #expect(error?.code == .privateAddress && server.connections == 0)
    #expect(error?.message.hasPrefix("rebind.test leads to ") == true, "\(error?.message ?? "")")
  }

  @Test("they are reached where the options allow them", arguments: ["127.0.0.1", "localhost", "0x7f.1", "named.test"])
  func allowed(host: String) async throws {
    let server = RawServer.answering { connection, _ in connection.answer(body: "image") }
    defer { server.stop() }
    var options = ConnectionOptions(environment: [:], allowsPrivateAddresses: true)
    options.resolving = ["named.test:\(server.port):127.0.0.1"]
    options.noProxy = "*"
    let bytes = try await AddressReader(over: CurlTransport(options: options)).bytes(
      at: "http://\(host):\(server.port)/a.jpg", limit: 100)
    #expect(bytes == Array("image".utf8))
  }

  // A server on loopback takes the place of the internet. It is a proxy, and the proxy's own address is allowed.
  @Test(
    "a redirect leads to none, whether this machine or a proxy connects",
    arguments: [
      "http://169.254.169.254/latest/meta-data", "http://0x7f.1/", "http://user:pass@10.0.0.1/", "//127.0.0.1/x",
      "https://[::1]/", "http://inside.test:PORT/secret", "http://localhost.inside.test:PORT/secret",
    ])
  func redirects(location: String) async {
    let inside = RawServer.answering { connection, _ in connection.answer(body: "secret") }
    let proxy = RawServer.answering { connection, _ in
      connection.answer(
        "302 Found", fields: "Location: \(location.replacing("PORT", with: "\(inside.port)"))\r\n")
    }
    defer { inside.stop(); proxy.stop() }
    var options = ConnectionOptions(environment: [:])
    options.proxy = "http://127.0.0.1:\(proxy.port)"
    options.noProxy = "inside.test"
    options.resolving = ["inside.test", "localhost.inside.test"].map { "\($0):\(inside.port):127.0.0.1" }
    let error = await failure(of: "http://outside.test/a.jpg", options)
    #expect(error?.code == .privateAddress && error?.remedy == .allowPrivateAddresses)
    #expect(proxy.requests.map(\.line) == ["GET http://outside.test/a.jpg HTTP/1.1"] && inside.connections == 0)
  }

  @Test("a proxy in a private network is used, and follows public redirects", arguments: ["127.0.0.1", "localhost"])
  func proxy(host: String) async throws {
    let proxy = RawServer.answering { connection, request in
      if request.line.contains("/a.jpg") {
        connection.answer("302 Found", fields: "Location: http://other.test/b.jpg\r\n")
      } else {
        connection.answer(body: "image")
      }
    }
    defer { proxy.stop() }
    var options = ConnectionOptions(environment: [:])
    options.proxy = "\(host):\(proxy.port)"
    options.noProxy = ""
    let bytes = try await AddressReader(over: CurlTransport(options: options)).bytes(
      at: "http://outside.test/a.jpg", limit: 100)
    #expect(bytes == Array("image".utf8) && proxy.requests.count == 2)
  }

  @Test("an image that does not arrive within the reader's time is given up")
  func slowness() async {
    let server = RawServer { connection in
      _ = connection.readRequest()
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
      connection.waitForEnd()
    }
    defer { server.stop() }
    let reader = AddressReader(
      over: CurlTransport(options: ConnectionOptions(environment: [:], allowsPrivateAddresses: true)),
      timeout: .milliseconds(200) * TimeScale.factor)
    let error = await #expect(throws: ScenarioError.self) { try await reader.bytes(at: server.baseURL, limit: 100) }
    #expect(error?.code == .timedOut && server.connections == 1)
  }

  // MARK: The service

  @Test(
    "the service may name addresses of the network that it is in itself",
    arguments: [
      ("https://api.example.test/v1", false, false), ("https://api.example.test/v1", true, true),
      ("http://127.0.0.1:9/v1", false, true), ("http://localhost:9/v1", false, true),
      ("https://10.0.0.9/v1", false, true),
    ])
  func service(baseURL: String, connectedPrivately: Bool, isPrivate: Bool) throws {
    let network = ServiceNetwork(try Planted.configuration(baseURL))
    network.read(HTTPResponse(status: 200, connectedPrivately: connectedPrivately))
    #expect(network.isPrivate == isPrivate)
    network.read(HTTPResponse(status: 200))
    #expect(network.isPrivate == isPrivate, "a kept connection changes nothing")
  }

  @Test("a reply says whether its connection was to a private network")
  func reply() async throws {
    let server = RawServer.answering { connection, _ in connection.answer() }
    defer { server.stop() }
    let transport = CurlTransport(options: ConnectionOptions(environment: [:]))
    let answer = try await transport.send(HTTPRequest(.get, server.baseURL, stage: .wait))
    #expect(answer.connectedPrivately && answer.status == 200)
  }

  @Test("files at addresses that the public service names are fetched and sent under the refusal")
  func files() async throws {
    let folder = NSTemporaryDirectory() + "gesso-private-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let transport = ScriptedTransport([.file([1, 2, 3, 4], type: "image/png")])
    let client = ScenarioClient(configuration: try Planted.configuration(), transport: transport, clock: ManualClock())
    let asset = try JSONDecoder().decode(AssetReply.self, from: Data(Replies.asset("a").utf8)).asset
    _ = try await client.download(asset, to: folder + "/a.png") { _ in }
    #expect(transport.requests.map(\.refusesPrivateAddresses) == [true])
  }
}
