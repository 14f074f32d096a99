import Foundation

/// Debian's nghttpx, which adds TLS and HTTP/2 to a server on loopback. Its certificate is from a CA that is made for the run.
final class TLSProxy {
  let port: UInt16
  /// The certificate to trust.
  var caBundle: String { folder + "/ca.pem" }
  var baseURL: String { "https://localhost:\(port)" }

  private let folder: String
  private let process: Process

  struct Failed: Error { var text: String }

  /// The reason why the tests that need the proxy cannot run here; nil if they can.
  static let missing: String? = {
    let missing = ["nghttpx", "openssl"].filter { executable($0) == nil }
    return missing.isEmpty ? nil : "not installed: \(missing.joined(separator: ", ")) (Debian: nghttp2-proxy, openssl)"
  }()

  /// Starts the proxy for a server that listens on `backend`. The proxy is ready when this returns.
  init(backend: UInt16) throws {
    folder = NSTemporaryDirectory() + "gesso-tls-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    try Self.makeCertificates(in: folder)
    for _ in 0..<10 {
      // Another process may take the port after it was chosen. Then another port is chosen.
      let port = RawServer.closedPort()
      if let process = try Self.start(port, backend: backend, folder) {
        self.port = port
        self.process = process
        return
      }
    }
    throw Failed(text: "nghttpx found no port")
  }

  func stop() {
    process.terminate()
    process.waitUntilExit()
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// Runs nghttpx; nil if it ends before it listens.
  private static func start(_ port: UInt16, backend: UInt16, _ folder: String) throws -> Process? {
    let process = Process()
    process.executableURL = executable("nghttpx")
    process.arguments = [
      "--frontend=127.0.0.1,\(port)", "--backend=127.0.0.1,\(backend)", "--single-process", "--workers=1",
      "--log-level=NOTICE", "--conf=/dev/null", folder + "/server.key", folder + "/server.pem",
    ]
    let log = Pipe()
    process.standardError = log
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    var text = ""
    while case let data = log.fileHandleForReading.availableData, !data.isEmpty {
      text += String(decoding: data, as: UTF8.self)
      guard text.contains("Listening on") else { continue }
      // Further output is read and dropped. Otherwise the process could wait for a reader.
      log.fileHandleForReading.readabilityHandler = { if $0.availableData.isEmpty { $0.readabilityHandler = nil } }
      return process
    }
    process.waitUntilExit()
    if !text.contains("in use") { throw Failed(text: text) }
    return nil
  }

  private static func makeCertificates(in folder: String) throws {
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    try Data("subjectAltName=DNS:localhost\n".utf8).write(to: URL(filePath: folder + "/names"))
    try openssl(
      ["req", "-x509", "-subj", "/CN=Gesso test CA", "-days", "2", "-keyout", "ca.key", "-out", "ca.pem"] + curve,
      folder)
    try openssl(["req", "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr"] + curve, folder)
    try openssl(
      [
        "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
        "-extfile", "names", "-out", "server.pem",
      ], folder)
  }

  private static func openssl(_ arguments: [String], _ folder: String) throws {
    let process = Process()
    process.executableURL = executable("openssl")
    process.arguments = arguments
    process.currentDirectoryURL = URL(filePath: folder)
    let log = Pipe()
    process.standardError = log
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: log.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failed(text: "openssl \(arguments[0]): \(text)") }
  }

  private static func executable(_ name: String) -> URL? {
    let path = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
    return (path + ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"]).lazy.map { URL(filePath: $0 + "/" + name) }
      .first { FileManager.default.isExecutableFile(atPath: $0.path) }
  }
}
