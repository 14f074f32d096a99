// Serves tasks as `gesso` does, under the same protections. Its decoder behaves as if an image had taken it over: the bytes of the image
// name the action that it tries. If an action fails, that is reported as an error of the image. An image that names no action is decoded.
import Foundation
import Ground
import ImagePreparation

struct Coder: IsolationCoder {
  func bytes(of value: some Encodable) -> [UInt8]? { (try? JSONEncoder().encode(value)).map { [UInt8]($0) } }
  func value<Value: Decodable>(_ type: Value.Type, in bytes: [UInt8]) -> Value? {
    try? JSONDecoder().decode(type, from: Data(bytes))
  }
}

func report(_ what: String, _ worked: Bool) throws(PreparationError) -> Never {
  throw PreparationError(
    .corrupt, stage: .decode, worked ? "\(what) worked" : "\(what) was denied", remedy: "look at the wall")
}

/// Writes to every descriptor that may exist, as an attacker can who has taken over the process.
func writeEverywhere(_ bytes: [UInt8]) {
  // Nothing is written to files, because RLIMIT_FSIZE would end the process at once.
  for descriptor in Int32(0)..<64 where lseek(descriptor, 0, SEEK_CUR) < 0 {
    _ = write(descriptor, bytes, bytes.count)
  }
}

/// The head of a reply, as worker_protocol.h defines it.
func head(kind: UInt32, record: UInt64, parts: [UInt64]) -> [UInt8] {
  var bytes: [UInt8] = []
  for value in [0x5753_4547 as UInt32, kind] { withUnsafeBytes(of: value.littleEndian) { bytes += $0 } }
  for value in [record] + parts { withUnsafeBytes(of: value.littleEndian) { bytes += $0 } }
  return bytes
}

func misbehave(_ what: String) throws(PreparationError) {
  switch what {
  case "open a file": try report(what, open("/etc/passwd", O_RDONLY) >= 0)
  case "write a file": try report(what, open("/tmp/gesso-misbehaving", O_WRONLY | O_CREAT, 0o600) >= 0)
  case "list a folder": try report(what, opendir("/") != nil)
  case "look at a file":
    var status = stat()
    try report(what, stat("/etc/passwd", &status) == 0)
  case "open a socket": try report(what, socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) >= 0)
  case "start a program":
    var process: pid_t = 0
    try report(what, posix_spawn(&process, "/bin/true", nil, nil, [nil], nil) == 0)
  case "signal its parent": try report(what, kill(getppid(), 0) == 0)
  case "map code":
    try report(what, mmap(nil, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
  case "take memory":
    // This is beyond the limits of the test, which are 64 MiB.
    try report(
      what, mmap(nil, 2 << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
  case "loop":
    var number = 0
    while true { number &+= Int(getpid()) }
  case "wait": while true { usleep(1_000_000) }
  case "crash": abort()
  case "say nothing": _exit(0)
  case "garbage":
    writeEverywhere([UInt8](repeating: 0xA5, count: 1 << 16))
    _exit(0)
  case "half a reply":
    writeEverywhere(head(kind: 0, record: 100, parts: [0, 0, 0]) + [1, 2, 3])
    _exit(0)
  case "a gigantic reply":
    writeEverywhere(head(kind: 0, record: 1 << 62, parts: [.max, .max, .max]))
    _exit(0)
  case "a large reply":
    writeEverywhere(head(kind: 0, record: 2, parts: [1 << 30, 0, 0]) + Array("{}".utf8))
    _exit(0)
  case "an unknown kind":
    writeEverywhere(head(kind: 7, record: 0, parts: [0, 0, 0]))
    _exit(0)
  case "an empty result":
    writeEverywhere(head(kind: 0, record: 2, parts: [0, 0, 0]) + Array("{}".utf8))
    _exit(0)
  case "deep JSON":
    let record = [UInt8](repeating: UInt8(ascii: "["), count: 1 << 20)
    writeEverywhere(head(kind: 0, record: UInt64(record.count), parts: [0, 0, 0]) + record)
    _exit(0)
  case "pretend to be canceled":
    let record = Array(#"{"code":"canceled","stage":"open","message":"","remedy":""}"#.utf8)
    writeEverywhere(head(kind: 1, record: UInt64(record.count), parts: [0, 0, 0]) + record)
    _exit(0)
  case "reply and stay":
    let record = Array(#"{"code":"corrupt","stage":"open","message":"","remedy":""}"#.utf8)
    writeEverywhere(head(kind: 1, record: UInt64(record.count), parts: [0, 0, 0]) + record)
    while true { usleep(1_000_000) }
  default: return
  }
}

guard IsolatedWorker.isWanted else {
  FileHandle.standardError.write(Data("MisbehavingDecoder is started by tests\n".utf8))
  exit(2)
}
IsolatedWorker.serve(Coder(), words: \.description) { task, source throws(PreparationError) in
  if case .descriptor(let descriptor, _) = source {
    var buffer = [UInt8](repeating: 0, count: 64)
    let count = max(0, pread(descriptor, &buffer, buffer.count, 0))
    try misbehave(String(decoding: buffer[..<count], as: UTF8.self))
  }
  return try ImagePreparer(instructionSet: task.instructionSet, limits: task.limits).result(of: task.product, source)
}
