import Foundation
import Ground
import TestSupport
import Testing

@testable import ImagePreparation

#if os(Linux)
private struct Coder: IsolationCoder {
  func bytes(of value: some Encodable) -> [UInt8]? { (try? JSONEncoder().encode(value)).map { [UInt8]($0) } }
  func value<Value: Decodable>(_ type: Value.Type, in bytes: [UInt8]) -> Value? {
    try? JSONDecoder().decode(type, from: Data(bytes))
  }
}

/// The protections around a decoder that an image has taken over. That decoder is Tests/MisbehavingDecoder, and the tests observe its
/// process from outside.
@Suite(
  "Isolation",
  // The tests run one after another, because each looks for the processes of its own worker.
  .serialized, .enabled(if: LibpngTextTests.canLimitAddressSpace, "memory cannot be limited under a sanitizer"))
struct IsolationTests {
  /// A preparer that decodes in separate processes.
  private static func preparer(seconds: Int = 60, maxSeconds: Int = .max) -> ImagePreparer {
    let folder = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    let workers = WorkerPool(Coder(), program: folder.appending(path: "MisbehavingDecoder").path)
    var preparer = ImagePreparer(
      limits: Limits(maxMemory: 64 << 20, threads: 2, maxHelperSeconds: seconds, maxSeconds: maxSeconds))
    preparer.isolation = Isolation(.all, by: workers)
    return preparer
  }

  private static let forbidden = "tried what no decoder needs, and was ended"
  private static let invalid = "the answer of the isolated process is not valid"

  /// The attempts of the decoder, and the error of its image.
  static let attempts: [(attempt: String, message: String)] = [
    ("open a file", "was denied"), ("write a file", "was denied"), ("list a folder", "was denied"),
    ("look at a file", "was denied"), ("open a socket", forbidden), ("start a program", forbidden),
    ("signal its parent", forbidden), ("map code", forbidden), ("take memory", "was denied"),
    ("loop", "was not done within 1 s, and was ended"), ("wait", "was not done within 1 s, and was ended"),
    ("reply and stay", "was not done within 1 s, and was ended"), ("crash", "was ended by signal 6"),
    ("say nothing", "ended while it worked on the image"), ("half a reply", "ended while it worked on the image"),
    ("garbage", invalid), ("a gigantic reply", invalid), ("a large reply", invalid), ("an unknown kind", invalid),
    ("an empty result", invalid), ("deep JSON", invalid), ("pretend to be canceled", invalid),
  ]

  @Test(
    "what a decoder tries that was taken over ends with one error, and the next image is decoded", arguments: attempts)
  func misbehavior(attempt: String, message: String) throws {
    let preparer = Self.preparer(seconds: ["loop", "wait", "reply and stay"].contains(attempt) ? 1 : 60)
    let error = try #require(throws: PreparationError.self) {
      try preparer.prepareBlocking(.memory(Array(attempt.utf8)))
    }
    #expect(error.message.contains(message), "\(error.message)")
    #expect(!error.remedy.isEmpty)
    let image = try preparer.prepareBlocking(.file(Fixtures.path("jpeg/small-420.jpg")))
    #expect(!image.bytes.isEmpty)
  }

  @Test("the limit of seconds holds for a decoder that does not look at the clock")
  func limitOfSeconds() throws {
    let error = try #require(throws: PreparationError.self) {
      try Self.preparer(maxSeconds: 1).inspectBlocking(.memory(Array("loop".utf8)))
    }
    #expect(error.code == .limitExceeded && error.remedy == .raise(.seconds))
  }

  /// The processes that a process has started.
  private static func children(of process: pid_t) -> [pid_t] {
    let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []
    return tasks.flatMap { task -> [pid_t] in
      let text = (try? String(contentsOfFile: "/proc/\(process)/task/\(task)/children", encoding: .utf8)) ?? ""
      return text.split(separator: " ").compactMap { pid_t($0) }
    }
  }

  private static func name(_ process: pid_t) -> String {
    ((try? String(contentsOfFile: "/proc/\(process)/comm", encoding: .utf8)) ?? "").trimmingCharacters(in: .newlines)
  }

  /// False for a process that has ended, even if its status was not read yet.
  private static func isRunning(_ process: pid_t) -> Bool {
    let status = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
    return status.map { $0.contains("gesso-worker") && !$0.contains("State:\tZ") } ?? false
  }

  /// Waits until a worker carries out a task. Returns the process of the worker and the process of the task.
  private static func busyWorker(known: Set<pid_t>) async -> (worker: pid_t, task: pid_t) {
    while true {
      for worker in children(of: getpid()) where !known.contains(worker) && name(worker) == "gesso-worker" {
        if let task = children(of: worker).first { return (worker, task) }
      }
      await Task.yield()
    }
  }

  @Test("a process that is killed in the middle ends its image alone", arguments: [true, false])
  func killed(isWorker: Bool) async throws {
    let preparer = Self.preparer()
    let known = Set(Self.children(of: getpid()))
    async let outcome = Result { try preparer.inspectBlocking(.memory(Array("wait".utf8))) }
    let (worker, task) = await Self.busyWorker(known: known)
    #expect(kill(isWorker ? worker : task, SIGKILL) == 0)
    let result = await outcome
    let error = try #require(throws: PreparationError.self) { try result.get() }
    #expect(error.code == .helperFailed, "\(error.message)")
    #expect(try preparer.inspectBlocking(.file(Fixtures.path("jpeg/small-420.jpg"))).format == .jpeg)
    // When the worker ends, the process of its task ends too.
    while Self.isRunning(task) { await Task.yield() }
  }

  @Test("a raised flag ends the process of the image")
  func canceled() async throws {
    let (preparer, flag) = (Self.preparer(), CancellationFlag())
    let known = Set(Self.children(of: getpid()))
    async let outcome = Result {
      try preparer.inspectBlocking(.memory(Array("wait".utf8)), cancellation: flag)
    }
    let (_, task) = await Self.busyWorker(known: known)
    flag.cancel()
    let result = await outcome
    let error = try #require(throws: PreparationError.self) { try result.get() }
    #expect(error.code == .canceled)
    while Self.isRunning(task) { await Task.yield() }
  }

  /// The course of an image after its plan.
  enum Course: CaseIterable { case made, madeByMoreThreads, killed, givenUp }

  @Test(
    "one process makes the plan of an image and its result, and ends before the next image",
    arguments: Course.allCases)
  func oneImage(course: Course) async throws {
    let preparer = Self.preparer()
    let source = ImageSource.file(Fixtures.path("jpeg/small-420.jpg"))
    let known = Set(Self.children(of: getpid()))
    let task: pid_t
    do {
      var one = preparer
      one.isolation = preparer.isolation?.ofOneImage
      _ = try one.planBlocking(of: source)
      let worker = try #require(
        Self.children(of: getpid()).first { !known.contains($0) && Self.name($0) == "gesso-worker" })
      let tasks = Self.children(of: worker)
      #expect(tasks.count == 1)
      task = try #require(tasks.first)
      switch course {
      case .made: #expect(try !one.prepareBlocking(source).bytes.isEmpty)
      case .madeByMoreThreads:
        one.limits.threads += 1
        #expect(try !one.prepareBlocking(source).bytes.isEmpty)
      case .killed:
        kill(task, SIGKILL)
        let error = try #require(throws: PreparationError.self) { try one.prepareBlocking(source) }
        #expect(error.message.contains("was ended by signal 9"), "\(error.message)")
      case .givenUp: break
      }
      if course != .givenUp { #expect(Self.children(of: worker).isEmpty) }
    }
    while Self.isRunning(task) { await Task.yield() }
    #expect(try preparer.inspectBlocking(source).format == .jpeg)
  }

  @Test("without a program that can be started nothing is decoded", arguments: ["/nonexistent", "/bin/true"])
  func failsClosed(program: String) throws {
    var preparer = ImagePreparer()
    preparer.isolation = Isolation(.all, by: WorkerPool(Coder(), program: program))
    let error = try #require(throws: PreparationError.self) {
      try preparer.inspectBlocking(.file(Fixtures.path("jpeg/small-420.jpg")))
    }
    #expect(error.code == .helperFailed && error.remedy == .decodeHere)
    let check = #expect(throws: PreparationError.self) { try WorkerPool(Coder(), program: program).check() }
    #expect(check?.code == .helperFailed && check?.remedy == .decodeHere)
  }

  private static let description: ImageDescription = {
    var description = ImageDescription(
      format: .jpeg, storedSize: ImageSize(width: 8, height: 8), bitDepth: 8, colorModel: .rgb)
    description.foundColorNotes = []
    return description
  }()

  /// Results that only a process that an image has taken over would send.
  private static let lies: [IsolatedResult] = {
    func lie(_ change: (inout IsolatedResult) -> Void) -> IsolatedResult {
      var result = IsolatedResult(description)
      result.record.size = ImageSize(width: 2, height: 2)
      (result.record.channels, result.record.tensorShape) = (3, [1, 3, 2, 2])
      result.parts = [[UInt8](repeating: 1, count: 12), [UInt8](repeating: 0, count: 48), []]
      change(&result)
      return result
    }
    let huge = ImageSize(width: .max, height: .max)
    return [
      lie {
        $0.record.description?.storedSize = huge; $0.record.size = huge; $0.record.tensorShape = [1, 3, .max, .max]
      },
      lie {
        $0.record.description?.storedSize.width = 0; $0.record.size?.width = -2; $0.record.tensorShape = [1, 3, -2, -2]
      },
      lie {
        $0.record.description?.foundColorNotes = nil; $0.record.channels = 9; $0.record.tensorShape = []
      },
      lie {
        $0.record.description?.restartInterval = -1; $0.parts[0] = []; $0.parts[1] = [1]
      },
      lie { $0.record = IsolatedResult.Record() },
    ]
  }()

  @Test(
    "sizes and counts that are not possible are refused before anything is computed with them", arguments: lies.indices)
  func lie(index: Int) {
    let result = Self.lies[index]
    #expect(throws: PreparationError.self) { try result.description() }
    #expect(throws: PreparationError.self) { try result.pixels() }
    #expect(throws: PreparationError.self) { try result.tensor(TensorFormat()) }
    #expect(throws: PreparationError.self) { try result.plan(Limits()) }
    #expect(throws: PreparationError.self) { try result.image(Limits(), tensor: nil) }
    #expect(throws: PreparationError.self) { try result.stripped() }
  }

  /// One value of an honest result that was changed, and the message of the refusal.
  private static let changes: [(message: String, change: @Sendable (inout IsolatedResult) -> Void)] = [
    ("its image is not whole", { $0.record.bits = nil }), ("its figures are impossible", { $0.record.quality = 101 }),
    ("its figures are impossible", { $0.record.timings?.decode = -1 }),
    ("its figures are impossible", { $0.record.timings?.total = .nan }),
    ("its geometry is impossible", { $0.record.geometry?.crop.width = -1 }),
    ("its size is impossible", { $0.record.size?.height = 0 }), ("it has no plan", { $0.record.plan = nil }),
    ("its file is no JPEG", { $0.parts[0] = Array("GIF89a".utf8) }),
    ("its file is no PNG", { $0.record.format = .png }),
    ("it describes nothing", { $0.record.description = nil }),
    ("its tensor has another size", { $0.parts[1].removeLast() }),
    ("its tensor has another size", { $0.record.tensorShape = [1, 3, .max, 2] }),
  ]

  @Test("an honest result is taken, and none of which one value was changed", arguments: changes.indices)
  func change(index: Int) throws {
    let format = TensorFormat()
    let made = try ImagePreparer().prepareBlocking(
      .file(Fixtures.path("jpeg/small-420.jpg")), as: Recipe(size: .longestSide(32), output: .jpeg()), tensor: format)
    var result = IsolatedResult(made)
    let taken = try result.image(Limits(), tensor: format)
    #expect(taken.bytes == made.bytes && taken.geometry == made.geometry && taken.tensor?.values == made.tensor?.values)
    Self.changes[index].change(&result)
    let error = #expect(throws: PreparationError.self) { try result.image(Limits(), tensor: format) }
    #expect(error?.code == .helperFailed && error?.message.contains(Self.changes[index].message) == true)
  }

  @Test("honest pixels, tensors and stripped files arrive unchanged")
  func honest() throws {
    let (source, format) = (ImageSource.file(Fixtures.path("jpeg/phone.jpg")), TensorFormat())
    let recipe = Recipe(size: .longestSide(32))
    let pixels = try ImagePreparer().pixelsBlocking(of: source, as: recipe)
    #expect(try IsolatedResult(pixels).pixels() == pixels)
    let tensor = try ImagePreparer().tensorBlocking(of: source, as: recipe, format)
    let taken = try IsolatedResult(tensor).tensor(format)
    #expect(taken.shape == tensor.shape && taken.values == tensor.values)
    let stripped = try ImagePreparer().strippedBlocking(source)
    let file = try IsolatedResult(stripped).stripped()
    #expect(file.bytes == stripped.bytes && file.removed == stripped.removed && file.hadGPS)
  }

  @Test("a file that may be written to, and bytes in memory, are copied for a worker; other files are not")
  func copies() throws {
    let path = Fixtures.path("jpeg/small-420.jpg")
    func made(_ source: ImageSource) throws -> IsolatedSource {
      try IsolatedSource(source, limits: Limits(), cancellation: nil)
    }
    let copy = TestFolder.url.appending(path: "written.jpg").path
    try? FileManager.default.removeItem(atPath: copy)
    try FileManager.default.copyItem(atPath: path, toPath: copy)
    let (reading, writing) = (try #require(FileHandle(forReadingAtPath: copy)), FileHandle(forUpdatingAtPath: copy))
    #expect(try !made(.file(path)).isCopy && !made(.descriptor(reading.fileDescriptor)).isCopy)
    #expect(try made(.descriptor(try #require(writing).fileDescriptor)).isCopy)
    #expect(try made(.memory(Fixtures.bytes("jpeg/small-420.jpg"))).isCopy)
    // The helper process decodes this file, so that no worker gets it.
    let helped = try made(.file(Fixtures.path("kinds/heic/grid.heic")))
    #expect(helped.needsHelper && helped.descriptor < 0 && !helped.isCopy)
  }

  @Test("a copy above the limit of memory, or of canceled work, is not made", arguments: [true, false])
  func refusedCopy(isCanceled: Bool) {
    let (flag, bytes) = (CancellationFlag(), [UInt8](repeating: 7, count: 3 << 20))
    if isCanceled { flag.cancel() }
    let error = failure { () throws(PreparationError) in
      try IsolatedSource(.memory(bytes), limits: Limits(maxMemory: 2 << 20), cancellation: flag)
    }
    #expect(error?.code == (isCanceled ? .canceled : .tooMuchMemory))
    if !isCanceled { #expect(error?.remedy == .raise(.memory)) }
  }
}
#endif
