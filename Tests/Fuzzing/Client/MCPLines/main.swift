import Driver
import Foundation
import Synchronization

@testable import GessoPipeline
@testable import Ground
@testable import ScenarioAPI

/// Reads the lines that a client sends to the server for assistants. Traps if a line is split elsewhere than at a line feed, or if the
/// answer to a message cannot be written as one line.
func read(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // A pipe takes about this many bytes at once.
  guard let start, count > 0, count <= 60_000 else { return 0 }
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  var expected = bytes.split(separator: 10, omittingEmptySubsequences: false).map {
    ProtocolStreams.Line.bytes(Array($0))
  }
  if expected.last == .bytes([]) { expected.removeLast() }
  let lines = readLines(bytes)
  precondition(lines == expected, "\(lines), not \(expected)")
  for case .bytes(let line) in lines {
    guard let value = try? JSONText.value(JSONValue.self, of: line) else { continue }
    for message in value.list ?? [value] { check(MCPMessage(message)) }
  }
  return 0
}

func readLines(_ bytes: [UInt8]) -> [ProtocolStreams.Line] {
  var ends: [Int32] = [0, 0]
  guard pipe(&ends) == 0 else { fatalError("no pipe") }
  precondition(write(ends[1], bytes, bytes.count) == bytes.count)
  close(ends[1])
  let streams = ProtocolStreams(input: ends[0], output: open("/dev/null", O_WRONLY))
  let lines = Mutex<[ProtocolStreams.Line]>([])
  let done = DispatchSemaphore(value: 0)
  Task.detached {
    while let line = await streams.next() { lines.withLock { $0.append(line) } }
    done.signal()
  }
  done.wait()
  return lines.withLock { $0 }
}

func check(_ message: MCPMessage) {
  let response: JSONObject
  switch message {
  case .request(let id, let method, _): response = MCPError.unknownMethod(method).response(to: id)
  case .invalid(let id, let error): response = error.response(to: id)
  case .notification, .response: return
  }
  guard let text = try? JSONText.line(response) else { fatalError("cannot be written: \(message)") }
  precondition(!text.utf8.contains(10))
}

fuzz(read)
