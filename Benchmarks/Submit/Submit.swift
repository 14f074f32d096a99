// Measures the CPU time of a job in the client, and of the same requests in curl. The sandbox runs in a process of its own.
//
//   swift run -c release Submit
//
// CPU time is the user and system time of the whole process. That of curl is the time of the processes that make the same requests over one
// connection. Bodies are made by the client, and curl reads them from files.
import Foundation
import Ground
import ScenarioAPI
import ScenarioSandbox

/// User and system time in milliseconds, of this process or of its children that have ended.
func cpu(ofChildren: Bool = false) -> Double {
  var usage = rusage()
  // These are the values of RUSAGE_CHILDREN and RUSAGE_SELF. The constants themselves have different types on different systems.
  getrusage(ofChildren ? -1 : 0, &usage)
  func milliseconds(_ time: timeval) -> Double { Double(time.tv_sec) * 1000 + Double(time.tv_usec) / 1000 }
  return milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime)
}

/// A figure of `/proc/self/status` in KiB; nil if there is no such file.
func status(_ name: String) -> Int? {
  guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return nil }
  return text.split(separator: "\n").first { $0.hasPrefix(name + ":") }.flatMap {
    Int($0.drop { !$0.isNumber }.prefix { $0.isNumber })
  }
}

/// Connections to a port of this machine, as the kernel counts them.
func connections(to port: Int) -> Int {
  let hex = String(port, radix: 16, uppercase: true)
  let table = (try? String(contentsOfFile: "/proc/self/net/tcp", encoding: .utf8)) ?? ""
  return table.split(separator: "\n").count { line in
    let fields = line.split(separator: " ")
    // The remote address, and the state ESTABLISHED.
    return fields.count > 3 && fields[2].hasSuffix(":" + String(repeating: "0", count: 4 - hex.count) + hex)
      && fields[3] == "01"
  }
}

/// Answers every request with the same asset and sends nothing, so that only the time for making bodies is measured.
struct NullTransport: HTTPTransport {
  func send(_ request: HTTPRequest) async throws(ScenarioError) -> HTTPResponse {
    HTTPResponse(
      status: 200, body: [UInt8](#"{"asset":{"id":"asset_1","url":"https://x.example/1","status":"success"}}"#.utf8))
  }
}

func row(_ name: String, _ gesso: String, _ other: String = "") {
  func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(width - text.count, 1))
  }
  print("| " + padded(name, 46) + "| " + padded(gesso, 22) + "| " + padded(other, 34) + "|")
}

func figure(_ value: Double, _ unit: String) -> String { "\((value * 100).rounded() / 100) \(unit)" }

struct Comparison {
  let client: ScenarioClient
  let base: String
  let key: String
  let secret: String
  let folder: String

  /// CPU time of curl with these lines of configuration.
  func curl(_ lines: [String]) throws -> Double {
    let path = folder + "/curl.conf"
    // A "next" is needed only between requests.
    let lines = lines.last == "next" ? lines.dropLast() : lines[...]
    try lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
    let before = cpu(ofChildren: true)
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["curl", "--silent", "--show-error", "--fail", "--config", path]
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failure.curl(process.terminationStatus) }
    return cpu(ofChildren: true) - before
  }

  enum Failure: Error { case curl(Int32) }

  func job(_ image: AssetID) async throws -> JobID {
    var request = Img2ImgRequest(prompt: "p", image: .asset(image))
    (request.width, request.height, request.seed, request.numInferenceSteps) = (64, 64, "1", 1)
    return try await client.submitImg2Img(request).job.id
  }

  func polls(_ id: JobID, count: Int) async throws {
    for _ in 0..<100 { _ = try await client.job(id) }
    let before = cpu()
    for _ in 0..<count { _ = try await client.job(id) }
    let own = (cpu() - before) / Double(count) * 1000
    func lines(_ count: Int) -> [String] {
      ["user = \"\(key):\(secret)\""]
        + (0..<count).flatMap { _ in ["url = \"\(base)/jobs/\(id)\"", "output = /dev/null"] }
    }
    let start = try curl(lines(1))
    let one = (try curl(lines(count)) - start) / Double(count - 1) * 1000
    row(
      "CPU time per poll", figure(own, "µs"), "\(figure(one, "µs")); \(figure(start, "ms")) a process of its own")
  }

  func uploads(_ image: [UInt8], count: Int) async throws {
    let megabytes = Double(image.count * count) / 1e6
    let before = cpu()
    for _ in 0..<count { _ = try await client.uploadAsset(name: "a.png", bytes: image, mimeType: "image/png") }
    let own = (cpu() - before) / megabytes
    let body = folder + "/body.json"
    try #"{"name":"a.png","image":"data:image/png;base64,\#(Data(image).base64EncodedString())"}"#.write(
      toFile: body, atomically: true, encoding: .utf8)
    let lines = (0..<count).flatMap { _ in
      [
        "url = \"\(base)/assets\"", "user = \"\(key):\(secret)\"", "data-binary = \"@\(body)\"", "output = /dev/null",
        "header = \"Content-Type: application/json\"", "header = \"Expect:\"", "next",
      ]
    }
    row(
      "CPU time per MB, direct upload (base64 included)", figure(own, "ms"),
      figure(try curl(lines) / megabytes, "ms (body made before)"))
  }

  func parts(_ image: [UInt8]) async throws {
    let path = folder + "/big.png"
    try Data(image).write(to: URL(filePath: path))
    let before = cpu()
    _ = try await client.upload(.file(path: path, size: image.count), name: "big.png", mimeType: "image/png").result
    let own = (cpu() - before) / Double(image.count) * 1e6
    // The signed addresses are requested as the client does it. Only the bytes of the parts are sent by curl.
    let (count, size) = ((image.count + (8 << 20) - 1) / (8 << 20), 8 << 20)
    var request = HTTPRequest(.post, base + "/uploads", stage: .upload)
    request.authorization = client.configuration.credential
    request.fields = [HTTPField("Content-Type", "application/json")]
    request.body = .bytes(
      [UInt8](
        #"{"fileName":"a.png","fileSize":\#(image.count),"contentType":"image/png","kind":"image","parts":\#(count)}"#
          .utf8))
    struct Reply: Decodable {
      struct Upload: Decodable {
        struct Part: Decodable { let url: String }
        let parts: [Part]
      }
      let upload: Upload
    }
    let answer = try await CurlTransport().send(request)
    let urls = try JSONDecoder().decode(Reply.self, from: Data(answer.body)).upload.parts.map(\.url)
    var lines: [String] = []
    for (index, url) in urls.enumerated() {
      let part = "\(folder)/part\(index)"
      try Data(image[index * size..<min((index + 1) * size, image.count)]).write(to: URL(filePath: part))
      lines += ["url = \"\(url)\"", "upload-file = \"\(part)\"", "output = /dev/null", "header = \"Expect:\"", "next"]
    }
    row(
      "CPU time per MB, upload in parts", figure(own, "ms"), figure(try curl(lines) / Double(image.count) * 1e6, "ms"))
  }

  /// Compares making the body of an upload with copying as many bytes into fresh memory and into memory that is warm.
  func bodies(_ image: [UInt8]) async throws {
    let silent = ScenarioClient(configuration: client.configuration, transport: NullTransport())
    let rounds = 100
    func best(_ work: () async throws -> Void) async throws -> Double {
      var best = Double.infinity
      for _ in 0..<rounds {
        let before = ContinuousClock.now
        try await work()
        best = min(best, (ContinuousClock.now - before) / .milliseconds(1))
      }
      return best
    }
    let count = image.count / 3 * 4
    let own = try await best { _ = try await silent.uploadAsset(name: "a.png", bytes: image, mimeType: "image/png") }
    let source = [UInt8](repeating: 7, count: count)
    let fresh = try await best {
      let copy = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 64)
      source.withUnsafeBytes { copy.copyMemory(from: $0.baseAddress!, byteCount: count) }
      blackHole(copy)
      copy.deallocate()
    }
    let warm = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 64)
    let copied = try await best {
      source.withUnsafeBytes { warm.copyMemory(from: $0.baseAddress!, byteCount: count) }
      blackHole(warm)
    }
    warm.deallocate()
    func speed(_ milliseconds: Double) -> String { figure(Double(count) / milliseconds / 1e6, "GB/s") }
    row(
      "upload body, base64 (characters written)", speed(own),
      "memcpy \(speed(fresh)) fresh, \(speed(copied)) warm")
  }

  /// Follows `count` jobs at once, from the first read to the end of the last job.
  func watch(_ image: AssetID, count: Int) async throws {
    var ids: [JobID] = []
    for _ in 0..<count { ids.append(try await job(image)) }
    let jobs = ids
    let (memory, before) = (status("VmRSS") ?? 0, cpu())
    let polling = JobPolling(initialInterval: .seconds(1), longestInterval: .seconds(2))
    var sockets = 0
    let port = URL(string: base)?.port ?? 0
    try await withThrowingTaskGroup(of: Int.self) { group in
      for id in jobs {
        group.addTask { [client] in
          var polls = 0
          for try await _ in client.updates(of: id, polling: polling) { polls += 1 }
          return polls
        }
      }
      var polls = 0
      var ended = 0
      for try await count in group {
        polls += count
        ended += 1
        // Reading the kernel's table costs more than a poll.
        if ended % 200 == 1 { sockets = max(sockets, connections(to: port)) }
      }
      let grown = max((status("VmHWM") ?? 0) - memory, 0)
      row(
        "\(count) jobs watched at once",
        "\(sockets) connections, \(status("Threads") ?? 0) threads",
        "\(polls) polls, \(figure((cpu() - before) / Double(polls) * 1000, "µs")) each, +\(grown / 1024) MiB")
    }
  }
}

@inline(never) func blackHole(_ pointer: UnsafeMutableRawPointer) { _ = pointer.load(as: UInt8.self) }

@main
enum Submit {
  static func main() async throws {
    let environment = ProcessInfo.processInfo.environment
    if CommandLine.arguments.dropFirst().first == "serve" {
      let pair = SandboxCredential(
        key: environment["SCENARIO_API_KEY"] ?? "", secret: environment["SCENARIO_API_SECRET"] ?? "")
      let timings = JobTimings(
        queued: .seconds(1), warmingUp: .seconds(1), inProgress: .seconds(8), finalizing: .seconds(1))
      let sandbox = ScenarioSandbox(configuration: SandboxConfiguration(credentials: [pair], jobTimings: timings))
      print(try await sandbox.start().absoluteString)
      fflush(nil)
      _ = readLine()
      return
    }
    let pair = SandboxCredential.random()
    let folder = FileManager.default.temporaryDirectory.appending(path: "gesso-submit-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let server = Process()
    server.executableURL = URL(filePath: CommandLine.arguments[0])
    server.arguments = ["serve"]
    server.environment = environment.merging(["SCENARIO_API_KEY": pair.key, "SCENARIO_API_SECRET": pair.secret]) { $1 }
    let (output, input) = (Pipe(), Pipe())
    (server.standardOutput, server.standardInput) = (output, input)
    try server.run()
    // The sandbox ends when its input does.
    defer { try? input.fileHandleForWriting.close() }
    let base = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
      .trimmingCharacters(in: .whitespacesAndNewlines)

    let client = ScenarioClient(
      configuration: try ScenarioConfiguration(
        baseURL: base, credential: ScenarioCredential(key: pair.key, secret: pair.secret)))
    let comparison = Comparison(client: client, base: base, key: pair.key, secret: pair.secret, folder: folder)
    // A picture of one pixel. The bytes after its end make the file large.
    let pixel =
      Data(
        base64Encoded:
          "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==") ?? Data()
    func image(_ count: Int) -> [UInt8] {
      [UInt8](pixel) + (0..<count - pixel.count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    }
    row("", "gesso", "curl, or memory")
    row("---", "---", "---")
    let asset = try await client.uploadAsset(name: "a.png", bytes: [UInt8](pixel), mimeType: "image/png").id
    try await comparison.polls(try await comparison.job(asset), count: 2000)
    try await comparison.watch(asset, count: 1000)
    try await comparison.uploads(image(3_000_000), count: 20)
    try await comparison.parts(image(64 << 20))
    try await comparison.bodies(image(3_000_000))
  }
}
