public import Foundation
internal import Synchronization

/// exiftool, which decides whether metadata are right. One process serves all calls, because Perl takes a quarter of a second to start.
public enum ExifTool {
  /// The paths on Debian, with MacPorts and with Homebrew. Scripts/setup installs exiftool.
  private static let path = ["/usr/bin/exiftool", "/opt/local/bin/exiftool", "/opt/homebrew/bin/exiftool"]
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  /// True if tests can call it.
  public static var isInstalled: Bool { path != nil }

  /// A call that exiftool ended with an error.
  public struct Failure: Error {
    /// The text that it printed.
    public let output: String
  }

  /// A process that reads arguments, one on each line, and carries out a call at each `-execute` (exiftool's `-stay_open`). A shell ends
  /// the process when the process of the tests ends for any reason, because exiftool itself continues to wait when its input is closed.
  private struct Server {
    let process = Process()
    let input = Pipe()
    let output = Pipe()

    init() throws {
      process.executableURL = URL(filePath: "/bin/sh")
      process.arguments = [
        "-c", #"{ cat; printf '%s\n' -stay_open False; } | "$0" -stay_open True -@ -"#, path ?? "exiftool",
      ]
      (process.standardInput, process.standardOutput) = (input, output)
      try process.run()
    }

    /// `-echo3` prints the status last. `-execute` has a number, because exiftool then marks the end of a quiet call too, and the mark
    /// differs from that of a call in a file of arguments.
    func run(_ arguments: [String]) throws -> Data {
      let lines = arguments + ["-echo3", "status ${status}", "-execute1", ""]
      try input.fileHandleForWriting.write(contentsOf: Data(lines.joined(separator: "\n").utf8))
      var data = Data()
      let end = Data("{ready1}\n".utf8)
      while !data.suffix(end.count).elementsEqual(end) {
        let part = output.fileHandleForReading.availableData
        if part.isEmpty { throw Failure(output: String(decoding: data, as: UTF8.self)) }
        data += part
      }
      let done = Data("status 0\n".utf8) + end
      guard data.suffix(done.count).elementsEqual(done) else {
        throw Failure(output: String(decoding: data, as: UTF8.self))
      }
      return Data(data.dropLast(done.count))
    }
  }

  private static let server = Mutex<Server?>(nil)

  /// Runs exiftool.
  ///
  /// - Parameter arguments: The arguments of its command line, none of them with a line break.
  /// - Returns: Its standard output.
  /// - Throws: ``Failure`` if it ended with an error.
  public static func run(_ arguments: [String]) throws -> Data {
    try server.withLock { server in
      if server == nil { server = try Server() }
      return try server!.run(arguments)
    }
  }
}
