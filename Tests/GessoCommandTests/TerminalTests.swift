import Foundation
import GessoCommand
import TestSupport
import Testing

@Suite("On a terminal")
struct TerminalTests {
  let gesso: GessoExecutable
  private static let small = Fixtures.path("jpeg/small-420.jpg")
  /// A name that is longer than a line in every window.
  private static let long = "a-portrait-of-a-knight" + String(repeating: "-a-portrait-of-a-knight", count: 8)
  /// Windows and kinds of terminals. A terminal that cannot erase a line gets a new line for every stage.
  static let terminals: [(columns: Int, kind: String, isLive: Bool)] = [
    (40, "xterm-256color", true), (60, "tmux-256color", true), (120, "screen", true), (1, "xterm", true),
    (40, "dumb", false), (40, "", false),
  ]

  init() throws { gesso = try GessoExecutable() }

  private func screen(
    _ columns: Int, _ kind: String, _ arguments: [String]
  ) async throws -> (lines: [String], status: Int32) {
    let environment = kind.isEmpty ? [:] : ["TERM": kind]
    return try await PseudoTerminal(columns: columns).run(gesso.process(arguments, environment: environment))
  }

  @Test("progress is one line that is never glued to what is printed, and is gone at the end", arguments: terminals)
  func prepares(columns: Int, kind: String, isLive _: Bool) async throws {
    try gesso.copy(Self.small, as: "\(Self.long).jpg")
    let (lines, status) = try await screen(
      columns, kind, ["prepare", "\(Self.long).jpg", "none.jpg", Self.small, "--out-dir", "out"])
    #expect(status == 1)
    let printed = lines.filter { !$0.contains("227x149") }
    #expect(
      printed == [
        "out/\(Self.long).prepared.jpg", "gesso: none.jpg: there is no such file: check the path",
        "out/small-420.prepared.jpg", "gesso: 2 of 3 done, 1 failed: none.jpg",
      ])
    #expect(lines.filter { $0.contains(": 227x149 jpeg → 227x149 jpeg, ") }.count == 2)
  }

  @Test("a long name does not make the live line wrap", arguments: [terminals[0], terminals[2], terminals[4]])
  func orders(columns: Int, kind: String, isLive: Bool) async throws {
    try gesso.copy(Self.small, as: "\(Self.long).jpg")
    let (lines, status) = try await screen(
      columns, kind,
      ["img2img", "\(Self.long).jpg", "--prompt", "p", "--seed", "7", "--name", "{seed}", "--sandbox", "-o", "out"])
    #expect(status == 0)
    #expect(lines.last == "out/7.png")
    let stages = lines.filter { $0.hasPrefix("preparing") || $0.hasPrefix("uploading") }
    #expect(isLive ? stages.isEmpty : stages.first == "preparing", "\(lines)")
  }

  @Test(
    "text is cut in the middle to the columns that it takes",
    arguments: [
      ("preparing a.jpg", 15, "preparing a.jpg"), ("preparing a.jpg", 14, "prepari… a.jpg"),
      ("preparing a.jpg", 2, "p…"), ("preparing a.jpg", 1, "…"), ("", 1, ""),
      ("日本語の写真.jpg", 16, "日本語の写真.jpg"), ("日本語の写真.jpg", 15, "日本語…写真.jpg"), ("日本語", 2, "…"),
      ("cafe\u{301}", 4, "cafe\u{301}"), ("cafe\u{301}s", 4, "ca…s"),
    ])
  func shortens(text: String, columns: Int, expected: String) {
    #expect(TerminalText.shortened(text, to: columns) == expected)
    #expect(TerminalText.columns(of: expected) <= columns)
  }

  /// `perl` sets the signal handling that a command has in a terminal, because the tests may run under another one. The reader has ended
  /// before the command begins.
  @Test(
    "a reader that has ended ends the command quietly, as it ends cat",
    arguments: [
      ("DEFAULT", "prepare SMALL -o -", 141, ""), ("DEFAULT", "prepare SMALL --out-dir out", 141, ""),
      ("DEFAULT", "inspect SMALL", 141, ""), ("DEFAULT", "inspect SMALL --json", 141, ""),
      ("DEFAULT", "models --help", 0, ""),
      ("IGNORE", "inspect SMALL", 10, "gesso: cannot write standard output: Broken pipe: "),
    ] as [(String, String, Int, String)])
  func closedPipe(handler: String, line: String, status: Int, error: String) async throws {
    let script = """
      exec 3> >(:); wait $!
      perl -e '$SIG{PIPE} = shift; exec @ARGV' \(handler) '\(GessoExecutable.url.path)' \
      \(line.replacing("SMALL", with: "'\(Self.small)'")) 2> errors >&3
      echo $?
      """
    let outcome = try await gesso.run(["-c", script], executable: URL(filePath: "/bin/bash"))
    #expect(outcome.text == "\(status)\n", "\(outcome.errors)")
    let errors = try String(contentsOf: gesso.folder.appending(path: "errors"), encoding: .utf8)
    let lines = errors.split(separator: "\n").filter { !$0.contains("227x149 jpeg") }
    #expect(error.isEmpty ? lines.isEmpty : lines.count == 1 && lines[0].hasPrefix(error), "\(errors)")
  }

  @Test(
    "-o /dev/stdout is standard output, wherever that goes",
    arguments: ["/dev/stdout", "/dev/fd/1", "-"], [">", ">>", "| cat >"])
  func standardOutput(name: String, way: String) async throws {
    let line = """
      '\(GessoExecutable.url.path)' prepare '\(Self.small)' -o whole.jpg
      printf before > all; printf before > expected
      { '\(GessoExecutable.url.path)' prepare '\(Self.small)' -o \(name) -q --no-clobber; printf after; } \(way) all
      { cat whole.jpg; printf after; } \(way) expected
      cmp all expected
      """
    let outcome = try await gesso.run(["-c", line], executable: URL(filePath: "/bin/bash"))
    #expect(outcome.status == 0, "\(outcome.text)\(outcome.errors)")
    #expect(try gesso.names() == ["all", "expected", "whole.jpg"])
  }
}
