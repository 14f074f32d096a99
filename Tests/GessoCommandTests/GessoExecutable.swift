import Foundation
import TestSupport

/// The built command, run as a process of its own in a folder of its own.
struct GessoExecutable {
  /// The outcome of a process.
  struct Outcome {
    let status: Int32
    let output: [UInt8]
    let errors: String
    /// Standard output as text.
    var text: String { String(decoding: output, as: UTF8.self) }
    /// Standard output as JSON, one object a line.
    func objects() throws -> [[String: Any]] {
      try text.split(separator: "\n").map {
        try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] ?? [:]
      }
    }
    /// The lines of standard error.
    var errorLines: [String] { errors.split(separator: "\n").map(String.init) }
  }

  /// The working directory, empty at first; also the home.
  let folder: URL

  /// Makes a folder to run in.
  init() throws {
    folder = TestFolder.url.appending(path: "gesso-command-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  /// The executable that `GESSO_EXECUTABLE` names, or without that variable the one beside the product of the tests.
  static let url: URL = {
    if let named = ProcessInfo.processInfo.environment["GESSO_EXECUTABLE"] { return URL(filePath: named) }
    #if os(Linux)
    let products = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    #else
    let products = Bundle(for: Anchor.self).bundleURL.deletingLastPathComponent()
    #endif
    return products.appending(path: "gesso")
  }()

  private final class Anchor {}

  /// The variables of the tests that reach the command too: those that a sanitizer or a measurement of coverage needs.
  private static let shared = ProcessInfo.processInfo.environment.filter {
    ["LD_PRELOAD", "LLVM_PROFILE_FILE"].contains($0.key)
  }

  /// The environment of every run. No variable of the user reaches the command.
  func environment(_ more: [String: String] = [:]) -> [String: String] {
    ["HOME": folder.path, "PATH": "/usr/bin:/bin", "GESSO_LEDGER": folder.appending(path: "ledger.sqlite").path]
      .merging(Self.shared) { $1 }.merging(more) { $1 }
  }

  /// Runs to the end.
  func run(
    _ arguments: [String], environment: [String: String] = [:], input: URL = URL(filePath: "/dev/null"),
    executable: URL = Self.url
  ) async throws -> Outcome {
    let id = UUID().uuidString
    let output = TestFolder.url.appending(path: "gesso-output-\(id)")
    let errors = TestFolder.url.appending(path: "gesso-errors-\(id)")
    for file in [output, errors] { try Data().write(to: file) }
    defer { for file in [output, errors] { try? FileManager.default.removeItem(at: file) } }
    let process = self.process(arguments, environment: environment)
    process.executableURL = executable
    process.standardInput = try FileHandle(forReadingFrom: input)
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: errors)
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
      process.terminationHandler = { _ in continuation.resume() }
      do { try process.run() } catch { continuation.resume(throwing: error) }
      process.killWhenLate()
    }
    let outcome = Outcome(
      status: process.terminationStatus, output: [UInt8](try Data(contentsOf: output)),
      errors: String(decoding: try Data(contentsOf: errors), as: UTF8.self))
    try Self.keep(arguments, outcome, id)
    return outcome
  }

  /// Keeps the output of a run if `GESSO_OUTPUTS` names a folder, for Tests/Schemas.
  private static func keep(_ arguments: [String], _ outcome: Outcome, _ id: String) throws {
    guard let folder = ProcessInfo.processInfo.environment["GESSO_OUTPUTS"] else { return }
    let kept: [String: Any] = ["arguments": arguments, "output": outcome.text]
    try JSONSerialization.data(withJSONObject: kept).write(to: URL(filePath: folder).appending(path: id + ".json"))
  }

  /// A process that is not started yet.
  func process(_ arguments: [String], environment: [String: String] = [:]) -> Process {
    let process = Process()
    process.executableURL = Self.url
    process.arguments = arguments
    process.environment = self.environment(environment)
    process.currentDirectoryURL = folder
    return process
  }

  /// Writes a file into the folder.
  func write(_ text: String, to name: String, mode: Int = 0o644) throws {
    let url = folder.appending(path: name)
    try Data(text.utf8).write(to: url)
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: url.path)
  }

  /// Copies a fixture into the folder.
  func copy(_ path: String, as name: String) throws {
    try FileManager.default.copyItem(at: URL(filePath: path), to: folder.appending(path: name))
  }

  /// The names of the files in a folder, sorted.
  func names(in folder: String = ".") throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: self.folder.appending(path: folder).path).sorted()
  }
}
