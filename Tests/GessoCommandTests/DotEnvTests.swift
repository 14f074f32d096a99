import Foundation
import GessoCommand
import Testing

@Suite("Reading .env")
struct DotEnvTests {
  static let lines: [(line: String, value: String?)] = [
    ("KEY=value", "value"), (" export KEY = value ", "value"), ("KEY=\"a b\"", "a b"), ("KEY='a#b'", "a#b"),
    ("KEY=a#b", "a#b"), ("KEY=a # b", "a"), ("KEY=", ""), ("KEY=a=b", "a=b"), ("# KEY=value", nil), ("KEY", nil),
    ("KEY=\"open", "\"open"), ("OTHER=value", nil), ("KEY=$HOME", "$HOME"), ("KEY=value\r", "value"),
  ]

  @Test("a line sets a variable, or is skipped", arguments: lines)
  func line(line: String, value: String?) { #expect(DotEnv.parse("A=1\n\(line)\nZ=2\n")["KEY"] == value) }

  /// A file is trusted only if it belongs to the user and is closed to others. Trust is checked only if the file sets a variable of this
  /// program.
  @Test(
    "only a file that is closed to others is trusted",
    arguments: [
      (0o600, "KEY=v", true), (0o400, "KEY=v", true), (0o644, "KEY=v", false), (0o620, "KEY=v", false),
      (0o604, "KEY=v", false), (0o644, "OTHER=v", true),
    ])
  func permissions(mode: Int, text: String, isTrusted: Bool) throws {
    let gesso = try GessoExecutable()
    try gesso.write(text, to: ".env", mode: mode)
    let file = DotEnv(folder: gesso.folder.path) { $0 == "KEY" }
    #expect((file.distrust == nil) == isTrusted)
    #expect(file.distrust.map(\.status) == (isTrusted ? nil : .credentials))
    #expect(file.values == (text == "KEY=v" ? ["KEY": "v"] : [:]))
  }

  @Test("a pipe with that name neither hangs the command nor counts as a file")
  func pipe() throws {
    let gesso = try GessoExecutable()
    #expect(unsafe mkfifo(gesso.folder.path + "/.env", 0o600) == 0)
    let file = DotEnv(folder: gesso.folder.path) { _ in true }
    #expect(file.values.isEmpty && file.distrust == nil)
  }
}
