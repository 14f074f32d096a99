import ArgumentParser
import Foundation
import GessoCommand
import GessoPipeline
import ImagePreparation
import TestSupport
import Testing

/// Every verb's help begins with three examples, which do what they show.
@Suite("Help")
struct HelpTests {
  static let verbs = Gesso.configuration.subcommands.map { $0.configuration.commandName ?? "" }

  let gesso: GessoExecutable
  init() throws { gesso = try GessoExecutable() }

  /// The lines between the abstract and the usage that are commands.
  private func examples(of verb: String) async throws -> [String] {
    let help = try await gesso.run([verb, "--help"]).text
    let overview = try #require(help.range(of: "\nUSAGE:").map { help[..<$0.lowerBound] })
    return overview.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.filter {
      $0.contains("gesso ")
    }
  }

  /// The batch that the examples name, in the ledger of the user and in those of two shards.
  private func makeBatch() throws -> String {
    for ledger in ["ledger", "a", "b"] {
      _ = try Ledger(path: gesso.folder.appending(path: "\(ledger).sqlite").path).beginBatch(
        named: "photos-1a2b3c", input: "/photos", folder: "/out", command: "gesso batch photos -o out", rowCount: 1)
    }
    return "photos-1a2b3c"
  }

  /// The files that the examples name, and a job.
  private func makeFiles(_ environment: [String: String]) async throws -> String {
    let files = FileManager.default
    for folder in ["photos", "out"] {
      try files.createDirectory(at: gesso.folder.appending(path: folder), withIntermediateDirectories: true)
    }
    for (source, name) in [
      ("jpeg/phone.jpg", "photo.jpg"), ("jpeg/small-420.jpg", "photos/a.jpg"), ("jpeg/small-444.jpg", "photos/b.jpg"),
      ("png/small-rgb8.png", "drawing.png"),
    ] {
      try files.copyItem(atPath: Fixtures.path(source), toPath: gesso.folder.appending(path: name).path)
    }
    try gesso.write("the same scene in autumn", to: "prompt.txt")
    let prepared = try await gesso.run(["prepare", "photo.jpg", "-o", "result.png", "--json", "-q"])
    for record in ["prepared.json", "out/result.png.json"] { try gesso.write(prepared.text, to: record) }
    try files.copyItem(
      at: gesso.folder.appending(path: "result.png"), to: gesso.folder.appending(path: "out/result.png"))
    let job = try await gesso.run(
      ["img2img", "photo.jpg", "--prompt", "x", "--no-wait", "-o", "out"], environment: environment)
    return try #require(job.text.firstMatch(of: /job_[A-Za-z0-9]+/).map { String($0.0) }, "\(job.errors)")
  }

  @Test("begins with three examples, and each of them runs", arguments: verbs)
  func examples(verb: String) async throws {
    let lines = try await examples(of: verb)
    #expect(lines.count == 3 && lines.allSatisfy { $0.count < 78 }, "each on one line of a terminal: \(lines)")
    // The examples of `sandbox` are only parsed: a sandbox runs until it is interrupted, and its port may be in use.
    guard verb != "sandbox" else {
      for line in lines {
        let words = line.split(separator: " ").map(String.init).drop { $0 != "gesso" }.dropFirst()
        #expect(throws: Never.self, "\(line)") { try Gesso.parseAsRoot(Array(words)) }
      }
      return
    }
    let pair = ["SCENARIO_API_KEY": "key", "SCENARIO_API_SECRET": "secret"]
    let sandbox = try await HeldSandbox(pair, holding: false)
    let path = "\(GessoExecutable.url.deletingLastPathComponent().path):/usr/bin:/bin"
    let environment = sandbox.environment.merging(["PATH": path]) { $1 }
    let (job, batch) = (try await makeFiles(environment), try makeBatch())
    for line in lines {
      let command = line.replacing("JOB", with: job).replacing("BATCH", with: batch)
      let outcome = try await gesso.run(
        ["-c", command], environment: environment, executable: URL(filePath: "/bin/sh"))
      #expect(outcome.status == 0, "\(line): \(outcome.errors)")
    }
    await sandbox.stop()
  }
}
