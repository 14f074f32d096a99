import Foundation
import GessoCommand
import ImagePreparation
import ScenarioSandbox
import TestSupport
import Testing

@Suite("Inputs that can be read only once")
struct PipedInputTests {
  let gesso: GessoExecutable
  private static let small = Fixtures.path("jpeg/small-420.jpg")

  init() throws { gesso = try GessoExecutable() }

  /// Runs a line of bash, in which `gesso` is the command and `FIFO` a named pipe.
  private func shell(_ line: String, environment: [String: String] = [:]) async throws -> GessoExecutable.Outcome {
    try await gesso.run(
      ["-c", "gesso() { '\(GessoExecutable.url.path)' \"$@\"; }\n\(line)"], environment: environment,
      executable: URL(filePath: "/bin/bash"))
  }

  private func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: gesso.folder.appending(path: name)))
  }

  /// Recipes. All but the first read their source twice.
  static let flags = [
    "--max-side 64", "--trim", "--max-bytes 100000 --min-side 16", "--size 50x90 --fit cover --gravity attention",
  ]
  /// Ways to read `image` without a file.
  static let ways = [
    "gesso prepare <(cat image) FLAGS", "cat image | gesso prepare - FLAGS",
    "cat image | gesso prepare /dev/stdin FLAGS",
    "cat image | gesso prepare /dev/fd/0 FLAGS", "mkfifo FIFO; cat image > FIFO & gesso prepare FIFO FLAGS; wait",
    "gesso prepare - FLAGS < image",
  ]

  @Test("whatever can be read only once gives what the file gives", arguments: ways, flags)
  func sameBytes(way: String, flags: String) async throws {
    try gesso.copy(Fixtures.path(flags == "--trim" ? "png/soft-alpha-rgba8.png" : "jpeg/forest.jpg"), as: "image")
    let whole = try await shell("gesso prepare image \(flags) -q -o whole.png")
    #expect(whole.status == 0, "\(whole.errors)")
    let piped = try await shell(way.replacing("FLAGS", with: flags + " -q -o piped.png"))
    #expect(piped.status == 0 && piped.errors.isEmpty, "\(piped.errors)")
    #expect(try bytes("piped.png") == bytes("whole.png"))
  }

  @Test("the plan, inspect and restore take pipes, for a record as well")
  func otherVerbs() async throws {
    try gesso.copy(Fixtures.path("jpeg/forest.jpg"), as: "image")
    try gesso.copy(Fixtures.path("png/gps-xmp.png"), as: "after-pixels.png")
    let plan = try await shell("cat image | gesso prepare - --explain --size 50x90 --fit cover --gravity attention")
    #expect(plan.status == 0 && plan.text.contains(#""geometry""#), "\(plan.errors)")
    let inspected = try await shell("gesso inspect <(cat after-pixels.png)")
    #expect(inspected.status == 0 && inspected.text.contains("GPS position"), "\(inspected.text)\(inspected.errors)")
    let line = "gesso prepare image -o p.png --json > r.json; gesso restore p.png --record r.json -o whole.png -q"
    #expect(try await shell(line).status == 0)
    for restore in ["p.png --record <(cat r.json)", "<(cat p.png) --record - < r.json", "- --record r.json < p.png"] {
      let outcome = try await shell("rm -f back.png; gesso restore -o back.png -q \(restore)")
      #expect(outcome.status == 0, "\(restore): \(outcome.errors)")
      #expect(try bytes("back.png") == bytes("whole.png"))
    }
  }

  @Test("an order may take its image, its mask and its prompt from pipes, and is the order of the file")
  func order() async throws {
    try gesso.copy(Self.small, as: "photo.jpg")
    let size = ImageSize(width: 227, height: 149)
    let samples = (0..<size.pixelCount).map { pixel -> UInt8 in pixel % size.width < 99 ? 0 : 255 }
    let mask = try ImagePreparer().encodePNGBlocking(PixelImage(size: size, channels: 1, samples: samples))
    try Data(mask).write(to: gesso.folder.appending(path: "mask.png"))
    let sandbox = try await HeldSandbox(Img2ImgTests.pair, holding: false)
    let rest = "--json --seed 7 --timeout 60 -q"
    let piped = try await shell(
      "gesso img2img <(cat photo.jpg) --mask <(cat mask.png) --prompt-file <(echo a forest) -o piped \(rest)",
      environment: sandbox.environment)
    #expect(piped.status == 0, "\(piped.errors)\(piped.text)")
    let files = try await shell(
      "gesso img2img photo.jpg --mask mask.png --prompt 'a forest' -o whole \(rest)", environment: sandbox.environment)
    await sandbox.stop()
    let object = try #require(try files.objects().first)
    #expect(object["reused"] as? Bool == true, "the same order is not paid for twice: \(files.text)")
    #expect(try piped.objects().first?["job"] as? String == object["job"] as? String)
  }

  @Test(
    "an input that is too long for a pipe is refused by its limit",
    arguments: [
      (
        "head -c 2000000 /dev/zero | gesso inspect - --max-download 1", 4,
        "more than 1 MB in this pipe: raise --max-download"
      ),
      (
        "gesso prepare <(head -c 2000000 /dev/zero) --trim --max-download 1 -o a.jpg", 4,
        "more than 1 MB in this pipe: raise --max-download"
      ),
      (
        "gesso img2img small.jpg --sandbox --prompt-file <(head -c 70000 /dev/zero)", 2,
        "cannot be read as a text file of at most 64 KB: check --prompt-file"
      ),
      ("gesso inspect - < /dev/null", 3, "-: the source is empty: check how the file was made or copied"),
    ])
  func limits(line: String, status: Int32, end: String) async throws {
    try gesso.copy(Self.small, as: "small.jpg")
    let outcome = try await shell(line)
    #expect(outcome.status == status && outcome.errorLines.last?.hasSuffix(end) == true, "\(outcome.errors)")
  }

  /// Bytes that do not fit into the memory limit go to a temporary file, which has no name in any folder.
  @Test("bytes of a pipe can be read again, from memory and from the temporary file", arguments: [0, 100_000, 1 << 20])
  func spool(memory: Int) async throws {
    let bytes = try Fixtures.bytes("jpeg/forest.jpg")
    let path = gesso.folder.appending(path: "pipe").path
    let made = unsafe mkfifo(path, 0o600)
    #expect(made == 0)
    let writer = Thread { try? FileHandle(forWritingAtPath: path)?.write(contentsOf: Data(bytes)) }
    writer.start()
    let pipe = try #require(try PipedInput(path))
    let source = try await pipe.spooled(limit: bytes.count, memory: memory)
    switch source {
    case .memory(let kept): #expect(kept == bytes && bytes.count <= memory)
    case .descriptor(let descriptor, _):
      var status = stat()
      let found = unsafe fstat(descriptor, &status)
      #expect(found == 0 && status.st_nlink == 0 && status.st_size == bytes.count && bytes.count > memory)
    case .file: Issue.record("the temporary file has a name")
    }
    let recipe = Recipe(size: .box(100, 100, .cover, gravity: .attention))
    let expected = try await ImagePreparer().prepare(.memory(bytes), as: recipe).bytes
    for _ in 1...2 { #expect(try await ImagePreparer().prepare(source, as: recipe).bytes == expected) }
  }

  @Test("a spooled stream is uploaded as it is")
  func upload() async throws {
    let sandbox = try await HeldSandbox(Img2ImgTests.pair, holding: false)
    // The stream is longer than the part that is kept in memory. It is a picture with many bytes after its end.
    let line = "(cat '\(Fixtures.path("png/small-rgb8.png"))'; head -c 34000000 /dev/zero) | gesso upload - --as-is -q"
    let outcome = try await shell(line, environment: sandbox.environment)
    await sandbox.stop()
    #expect(outcome.status == 0 && outcome.text.hasPrefix("asset_"), "\(outcome.errors)")
  }

  /// At the end each command waits for a writer. The line that it prints before shows that this wait is next.
  @Test("Ctrl-C ends the wait for a named pipe that nobody writes to", arguments: ["prepare", "upload"])
  func interrupted(verb: String) async throws {
    let made = unsafe mkfifo(gesso.folder.appending(path: "pipe").path, 0o600)
    #expect(made == 0)
    let sandbox = try await HeldSandbox(Img2ImgTests.pair, holding: false)
    let more = verb == "prepare" ? ["--trim", "--out-dir", "out"] : []
    let run = try RunningProcess(
      gesso, [verb, Self.small, "pipe", "-q"] + more, environment: sandbox.environment)
    var lines = run.output.makeAsyncIterator()
    #expect(await lines.line() != nil)
    run.interrupt()
    #expect(await run.status() == -SIGINT)
    await sandbox.stop()
  }

  /// If there is a limit, all orders are made before the first one begins.
  @Test("Ctrl-C while an order is made for the sum of a limit is an interruption, and the message names it")
  func interruptedBeforeOrders() async throws {
    let made = unsafe mkfifo(gesso.folder.appending(path: "pipe").path, 0o600)
    #expect(made == 0)
    let run = try RunningProcess(
      gesso, ["img2img", "pipe", "--prompt", "p", "--sandbox", "--max-cost", "5", "-o", "out"])
    var errors = run.errors.makeAsyncIterator()
    #expect(await errors.line("gesso: the sandbox") != nil)
    run.interrupt()
    let end = try #require(await errors.line())
    #expect(end.hasSuffix("interrupted: no job was submitted: the same command starts again"), "\(end)")
    #expect(await run.status() == -SIGINT)
  }
}
