import Digests
import Foundation
import GessoPipeline
import ImagePreparation
import ScenarioAPI
import ScenarioSandbox
import Synchronization
import TestSupport
import Testing

@Suite("gesso upload")
struct UploadTests {
  private let gesso: GessoExecutable
  init() throws { gesso = try GessoExecutable() }

  @Test("the next process continues the upload of a killed one, part by part")
  func killed() async throws {
    // A picture with many bytes after its end, so that it takes five parts of 8 MiB. The service accepts such files.
    var bytes = try Fixtures.bytes("png/small-rgb8.png")
    bytes += [UInt8](repeating: 7, count: (33 << 20) - bytes.count)
    let path = gesso.folder.appending(path: "big.png")
    try Data(bytes).write(to: path)

    // At most four parts are sent at once. When the fifth part is requested, another one has therefore arrived and is on record.
    let process = Mutex<Int32?>(nil)
    let parts = Mutex(0)
    let credential = SandboxCredential.random()
    var configuration = SandboxConfiguration(credentials: [credential])
    configuration.onRequest = { _, operation in
      guard operation == "part" else { return }
      let count = parts.withLock {
        $0 += 1
        return $0
      }
      if count == 5, let process = process.withLock(\.self) { kill(process, SIGKILL) }
    }
    let sandbox = ScenarioSandbox(configuration: configuration)
    let environment = [
      "SCENARIO_API_KEY": credential.key, "SCENARIO_API_SECRET": credential.secret,
      "SCENARIO_BASE_URL": try await sandbox.start().absoluteString,
    ]
    let first = process.withLock { process in
      let run = try? RunningProcess(gesso, ["upload", "--as-is", "big.png"], environment: environment)
      process = run?.id
      return run
    }
    #expect(try await #require(first).status() == -SIGKILL)

    let ledger = gesso.folder.appending(path: "ledger.sqlite").path
    let digest = ContentDigest.sha256(of: bytes)
    let account = Account(
      try ScenarioConfiguration(
        baseURL: try #require(environment["SCENARIO_BASE_URL"]),
        credential: ScenarioCredential(key: credential.key, secret: credential.secret)))
    let partial = try #require(try Ledger(path: ledger).partialUpload(of: digest, account: account))
    #expect((1...4).contains(partial.finishedParts.count))
    for name in [ledger, ledger + "-wal"] {
      let text = String(decoding: (try? Data(contentsOf: URL(filePath: name))) ?? Data(), as: UTF8.self)
      #expect(!text.contains("X-Signature") && !text.contains("upload-parts"), "no signed address in \(name)")
    }

    let before = parts.withLock(\.self)
    let second = try await gesso.run(["upload", "--as-is", "big.png"], environment: environment)
    #expect(second.status == 0, "\(second.errors)")
    #expect(parts.withLock(\.self) - before == 5 - partial.finishedParts.count)
    #expect(sandbox.statistics.requests["createUpload"] == 1)
    #expect(try Ledger(path: ledger).partialUpload(of: digest, account: account) == nil)

    // The same bytes are the same asset, and no request is sent for them.
    let third = try await gesso.run(["upload", "--as-is", "big.png"], environment: environment)
    #expect(third.text == second.text && sandbox.statistics.requests["createUpload"] == 1)
    await sandbox.stop()
  }
}
