#if Client
import Foundation
import TestSupport
import Testing

@Suite("Being interrupted")
struct InterruptionTests {
  let gesso: GessoExecutable
  private static let small = Fixtures.path("jpeg/small-420.jpg")

  init() throws { gesso = try GessoExecutable() }

  @Test("the process cleans up and ends by the signal itself", arguments: [SIGINT, SIGTERM, SIGHUP])
  func signals(number: Int32) async throws {
    // Standard input never ends here, so that the second input is being read when the signal comes.
    let run = try RunningProcess(gesso, ["prepare", Self.small, "-", "--out-dir", "out", "-q"])
    var lines = run.output.makeAsyncIterator()
    #expect(await lines.line() == "out/small-420.prepared.jpg")
    run.send(number)
    #expect(await run.status() == -number)
    #expect(try gesso.names(in: "out") == ["small-420.prepared.jpg"], "only whole files are left")
  }

  @Test("a hang-up that nohup has turned off stays off")
  func hangUp() async throws {
    let run = try RunningProcess(
      gesso, [GessoExecutable.url.path, "prepare", Self.small, "-", "--out-dir", "out", "-q"],
      executable: URL(filePath: "/usr/bin/nohup"))
    var lines = run.output.makeAsyncIterator()
    #expect(await lines.line() == "out/small-420.prepared.jpg")
    run.send(SIGHUP)
    run.send(SIGTERM)
    #expect(await run.status() == -SIGTERM)
  }
}
#endif
