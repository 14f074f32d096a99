import Foundation
import TestSupport

/// A terminal whose window size the test chooses. It interprets the output of programs as a terminal does: carriage return, line feed,
/// erasing to the end of the line, colors (they are left out), and wrapping at the last column.
final class PseudoTerminal: Sendable {
  private let columns: Int
  private let main: Int32
  /// The end that programs write to.
  private let side: Int32

  /// Makes a terminal.
  init(columns: Int) throws {
    self.columns = columns
    var (main, side) = (Int32(-1), Int32(-1))
    var size = winsize(ws_row: 24, ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
    guard unsafe openpty(&main, &side, nil, nil, &size) == 0 else { throw CocoaError(.featureUnsupported) }
    for descriptor in [main, side] { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    (self.main, self.side) = (main, side)
  }

  deinit { close(main) }

  /// Runs a process to its end, with its output and its errors on this terminal. Each terminal can run only one process.
  ///
  /// - Returns: The lines that the screen shows at the end, without the breaks of its window, and the exit status.
  func run(_ process: Process) async throws -> (lines: [String], status: Int32) {
    let side = FileHandle(fileDescriptor: side, closeOnDealloc: false)
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = side
    process.standardError = side
    let (ends, end) = AsyncStream.makeStream(of: Int32.self)
    process.terminationHandler = {
      end.yield($0.terminationStatus)
      end.finish()
    }
    try process.run()
    process.killWhenLate()
    // The read of the terminal's output ends once no process has the terminal open.
    try side.close()
    async let printed = bytes()
    let status = await ends.first { _ in true } ?? -1
    return (screen(await printed), status)
  }

  private func bytes() async -> [UInt8] {
    await withCheckedContinuation { continuation in
      let main = main
      Thread {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case let count = unsafe read(main, &buffer, buffer.count), count > 0 { bytes += buffer[..<count] }
        continuation.resume(returning: bytes)
      }.start()
    }
  }

  /// The lines of the screen. Characters take one column each: the tests print no others.
  private func screen(_ bytes: [UInt8]) -> [String] {
    var rows: [(text: [Unicode.Scalar], continues: Bool)] = [([], false)]
    var (row, column) = (0, 0)
    func below(continues: Bool) {
      rows[row].continues = continues
      row += 1
      if row == rows.count { rows.append(([], false)) }
    }
    var rest = Array(String(decoding: bytes, as: UTF8.self).unicodeScalars)[...]
    while let scalar = rest.popFirst() {
      switch scalar {
      case "\r": column = 0
      case "\n": below(continues: false)
      case "\u{1B}":
        let length = rest.firstIndex { $0.properties.isAlphabetic }.map { $0 + 1 - rest.startIndex } ?? rest.count
        let sequence = rest.prefix(length)
        rest = rest.dropFirst(length)
        if sequence.last == "K" { rows[row].text = Array(rows[row].text.prefix(column)) }
      default:
        if column == columns {
          below(continues: true)
          column = 0
        }
        while rows[row].text.count <= column { rows[row].text.append(" ") }
        rows[row].text[column] = scalar
        column += 1
      }
    }
    var lines: [String] = []
    var isContinued = false
    for row in rows {
      let text = String(String.UnicodeScalarView(row.text))
      if isContinued { lines[lines.count - 1] += text } else { lines.append(text) }
      isContinued = row.continues
    }
    if lines.last == "" { lines.removeLast() }
    return lines
  }
}
