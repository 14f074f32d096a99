import Foundation
import TestSupport
import Testing

@testable import ImagePreparation

/// The methods for asynchronous code.
@Suite("Asynchronous methods", .timeLimit(.minutes(2)))
struct AsynchronousTests {
  enum Verb: CaseIterable, Sendable {
    case prepare, pixels, tensor, plan, inspect, restore, composite, stripped

    /// False for the methods that read a source twice: they refuse a pipe.
    var readsPipes: Bool { ![.composite, .stripped].contains(self) }

    /// Calls the method and drops the result.
    func call(_ source: ImageSource) async throws {
      let preparer = ImagePreparer()
      switch self {
      case .prepare: _ = try await preparer.prepare(source)
      case .pixels: _ = try await preparer.pixels(of: source)
      case .tensor: _ = try await preparer.tensor(of: source)
      case .plan: _ = try await preparer.plan(of: source)
      case .inspect: _ = try await preparer.inspect(source)
      case .restore: _ = try await preparer.restore(source, onto: RecipeCodingTests.record)
      case .composite: _ = try await preparer.composite(source, onto: source, by: RecipeCodingTests.record)
      case .stripped: _ = try await preparer.stripped(source)
      }
    }
  }

  @Test("asynchronous methods give the results of the blocking ones")
  func same() async throws {
    let preparer = ImagePreparer()
    let source = ImageSource.file(Fixtures.path("jpeg/small-420.jpg"))
    let recipe = Recipe(size: .longestSide(40))
    let prepared = try await preparer.prepare(source, as: recipe, tensor: .diffusers)
    let expected = try preparer.prepareBlocking(source, as: recipe, tensor: .diffusers)
    #expect(prepared.bytes == expected.bytes && prepared.tensor == expected.tensor)
    let pixels = try await preparer.pixels(of: source, as: recipe)
    #expect(try pixels == preparer.pixelsBlocking(of: source, as: recipe))
    #expect(try await preparer.tensor(of: source, as: recipe, .diffusers) == expected.tensor)
    #expect(try await preparer.plan(of: source, as: recipe).plan.geometry == expected.geometry)
    #expect(try await preparer.inspect(source) == expected.source)
    let canvas = try await preparer.restore(.memory(prepared.bytes), onto: prepared.geometry)
    #expect(try canvas == preparer.restoreBlocking(.memory(prepared.bytes), onto: prepared.geometry))
    #expect(try await preparer.encodePNG(pixels) == preparer.encodePNGBlocking(pixels))
    #expect(try await preparer.encodeJPEG(pixels) == preparer.encodeJPEGBlocking(pixels))
  }

  @Test("asynchronous methods throw the errors of the blocking ones", arguments: Verb.allCases)
  func failure(_ verb: Verb) async {
    let error = await #expect(throws: PreparationError.self) { try await verb.call(.file("/nothing/there.png")) }
    #expect(error?.code == .notFound)
  }

  @Test("a task that is already canceled reads nothing", arguments: Verb.allCases)
  func canceledBefore(_ verb: Verb) async {
    let task = Task {
      // The task waits until it is canceled. The test cancels the task before it asks for the result.
      while !Task.isCancelled { await Task.yield() }
      try await verb.call(.file("/nothing/there.png"))
    }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
  }

  @Test("canceling the task ends work that has begun", arguments: Verb.allCases.filter(\.readsPipes))
  func canceledMidway(_ verb: Verb) async throws {
    let pipe = Pipe()
    let task = Task { try await verb.call(.descriptor(pipe.fileHandleForReading.fileDescriptor)) }
    // The chunk of metadata is larger than the pipe's buffer, so writing it ends only after the method has begun to read. The rest of the
    // file never comes.
    let header: [UInt8] = Array(try Fixtures.bytes("png/small-rgb8.png").prefix(33))
    let text = PNGFile.bigEndian(1 << 20) + Array("tEXtComment\0".utf8) + [UInt8](repeating: 65, count: 200_000)
    // This write blocks, so it must not run on a thread of the pool.
    let (writing, data) = (pipe.fileHandleForWriting, Data(header + text))
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread { continuation.resume(with: Result { try writing.write(contentsOf: data) }) }
    }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    withExtendedLifetime(pipe) {}
  }

  @Test("work that waits holds no thread of the cooperative pool")
  func offThePool() async throws {
    let pipes = (0..<2 * ProcessInfo.processInfo.activeProcessorCount + 2).map { _ in Pipe() }
    let tasks = pipes.map { pipe in
      Task { try await Verb.prepare.call(.descriptor(pipe.fileHandleForReading.fileDescriptor)) }
    }
    // Meanwhile other tasks continue, even if there are more of them than threads.
    let sum = await withTaskGroup(of: Int.self) { group in
      for i in 0..<100 {
        group.addTask {
          await Task.yield()
          return i
        }
      }
      return await group.reduce(0, +)
    }
    #expect(sum == 4950)
    for task in tasks { task.cancel() }
    for task in tasks { await #expect(throws: CancellationError.self) { try await task.value } }
    withExtendedLifetime(pipes) {}
  }
}
