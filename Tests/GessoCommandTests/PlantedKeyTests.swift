import Foundation
import TestSupport
import Testing

@Suite("A planted key")
struct PlantedKeyTests {
  private static let key = "planted-key-7d1f"
  private static let secret = "planted-secret-c04e"
  private static let pair = ["SCENARIO_API_KEY": key, "SCENARIO_API_SECRET": secret]
  /// Texts that must not be found: the key, the secret, the base64 of both as in a header, and parts of signed addresses.
  private static let needles =
    [key, secret, Data("\(key):\(secret)".utf8).base64EncodedString(), "Signature=", "X-Signature"]

  private let gesso: GessoExecutable
  init() throws { gesso = try GessoExecutable() }

  private func check(_ text: String, _ place: String) {
    for needle in Self.needles { #expect(!text.contains(needle), "\(needle) in \(place)") }
  }

  /// Every file that was written, as text.
  private func checkFiles() throws {
    let files = FileManager.default.enumerator(at: gesso.folder, includingPropertiesForKeys: [.isRegularFileKey])
    var count = 0
    while let file = files?.nextObject() as? URL {
      guard try file.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true else { continue }
      count += 1
      check(String(decoding: try Data(contentsOf: file), as: UTF8.self), file.lastPathComponent)
    }
    #expect(count > 3, "the search looks at the right folder")
  }

  @Test(
    "the key is not in the log at trace, the output, the records, the ledger, the argument list, or the sandbox's log")
  func run() async throws {
    let sandbox = try RunningProcess(gesso, ["sandbox", "-v"], environment: Self.pair)
    var lines = sandbox.output.makeAsyncIterator()
    let address = try #require(await lines.line())
    let environment = Self.pair.merging(["SCENARIO_BASE_URL": address]) { $1 }
    let source = Fixtures.path("jpeg/small-420.jpg")
    let run = try RunningProcess(
      gesso, ["img2img", source, "--prompt", "p", "-v", "-o", "out"], environment: environment)
    var errors = run.errors.makeAsyncIterator()
    #if os(Linux)
    // The first line of the program proves that the program runs. Before that line, the process may have no argument list yet.
    _ = try #require(await errors.line())
    let arguments = try Data(contentsOf: URL(filePath: "/proc/\(run.id)/cmdline"))
    #expect(arguments.count > 10)
    check(String(decoding: arguments, as: UTF8.self), "the argument list")
    #endif
    let job = try #require(await errors.line("job: ")).dropFirst("job: ".count)
    var log = ""
    while let line = await errors.line() { log += line + "\n" }
    #expect(await run.status() == 0)
    #expect(log.contains("GET \(address)/jobs/\(job)"), "it is the log at trace")
    check(log, "the log")
    for arguments in [["jobs", "show", String(job)], ["doctor", "--json"], ["jobs", "watch", "job_unknown", "-v"]] {
      let outcome = try await gesso.run(arguments, environment: environment)
      check(outcome.text + outcome.errors, arguments.joined(separator: " "))
    }
    sandbox.terminate()
    #expect(await sandbox.status() == 0)
    check(await sandbox.errors.reduce(into: "") { $0 += $1 }, "the sandbox's log")
    // The sandbox has ended, so no server listens at this address.
    let lost = try await gesso.run(
      ["img2img", source, "--prompt", "q", "-v", "-o", "out"], environment: environment)
    #expect(lost.status == 7)
    check(lost.text + lost.errors, "an error")
    try checkFiles()
  }

  @Test("the key is not in the files that a crash leaves behind")
  func crash() async throws {
    let sandbox = try await HeldSandbox(Self.pair)
    let run = try RunningProcess(
      gesso, ["img2img", Fixtures.path("jpeg/small-420.jpg"), "--prompt", "p", "-v", "-o", "out"],
      environment: sandbox.environment)
    var errors = run.errors.makeAsyncIterator()
    _ = try #require(await errors.line("job: "))
    #if os(Linux)
    let limits = try String(contentsOfFile: "/proc/\(run.id)/limits", encoding: .utf8)
    let core = limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") }
    #expect(core?.split(separator: " ").dropFirst(4).first == "0", "no core file")
    #endif
    kill(run.id, SIGABRT)
    // The signal came from another process, so the process continues after its backtrace was written.
    sandbox.release()
    var log = ""
    while let line = await errors.line() { log += line + "\n" }
    let status = await run.status()
    // If a backtrace was written, the exit status is that of the program that wrote it.
    #expect(status == -SIGABRT || log.contains("Program crashed"), "\(status): \(log)")
    check(log, "the crash")
    await sandbox.stop()
    try checkFiles()
  }
}
