import Foundation
import GessoPipeline
import ImagePreparation
import Synchronization
import TestSupport
import Testing

@Suite("Preparing many images")
struct PreparationBatchTests {
  let folder = TestFolder.url.appending(path: "gesso-batch-\(UUID().uuidString)").path

  private static let photograph = Fixtures.path("jpeg/small-420.jpg")
  private static let text = Fixtures.path("foreign/text.jpg")

  private func input(_ stem: String, _ path: String = photograph) -> PreparationBatch.Input {
    PreparationBatch.Input(stem: stem, file: path) { _ in .file(path) }
  }

  private func batch(
    _ inputs: [PreparationBatch.Input], width: Int = 2, _ recipe: Recipe = Recipe(size: .longestSide(64))
  ) throws -> PreparationBatch {
    let batch = PreparationBatch(
      preparer: ImagePreparer(), recipe: recipe, inputs: inputs, destination: .folder(folder), width: width)
    try batch.checkOutputs()
    return batch
  }

  private func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }

  /// The value kept of each input, or its error's code.
  private func outcomes(_ batch: PreparationBatch) async throws -> [String] {
    let work = batch.start { _, image, path in "\(path ?? "none") \(image.size)" }
    var outcomes: [String] = []
    for await outcome in work.events {
      #expect(outcome.index == outcomes.count, "in the order of the inputs")
      switch outcome.result {
      case .success(let text): outcomes.append(text.replacing(folder + "/", with: ""))
      case .failure(let error): outcomes.append((error as? PreparationError)?.code.rawValue ?? "\(error)")
      }
    }
    try await work.result
    return outcomes
  }

  @Test("each image gets its own file, and a failure does not stop the others", arguments: [1, 2, 8])
  func prepares(width: Int) async throws {
    let batch = try batch([input("a"), input("b", Self.text), input("a"), input("A")], width: width)
    #expect(
      try await outcomes(batch) == [
        "a.prepared.jpg 64x42", "not-an-image", "a-2.prepared.jpg 64x42", "A-3.prepared.jpg 64x42",
      ])
    #expect(try names() == ["A-3.prepared.jpg", "a-2.prepared.jpg", "a.prepared.jpg"])
  }

  @Test("no more images are worked on at a time than asked for", arguments: [1, 3])
  func width(width: Int) async throws {
    let counts = Mutex((now: 0, most: 0))
    let inputs = (0..<12).map { index in
      PreparationBatch.Input(stem: "\(index)", file: nil) { _ in
        counts.withLock { counts in
          counts.now += 1
          counts.most = max(counts.most, counts.now)
        }
        return .file(Self.photograph)
      }
    }
    let work = try batch(inputs, width: width).start { _, _, _ in counts.withLock { $0.now -= 1 } }
    try await work.result
    #expect(counts.withLock(\.most) <= width)
    #expect(try names().count == 12)
  }

  @Test(
    "an image that is read twice is requested in a form that allows it",
    arguments: [
      (Recipe(), false), (Recipe(size: .longestSide(64, trim: true)), true),
      (Recipe(output: .auto(budget: .bytes(100_000))), true),
      (Recipe(size: .box(50, 90, .cover, gravity: .attention)), true),
    ])
  func readsAgain(recipe: Recipe, expected: Bool) async throws {
    let asked = Mutex<Bool?>(nil)
    let input = PreparationBatch.Input(stem: "a", file: nil) { isReadAgain in
      asked.withLock { $0 = isReadAgain }
      return .file(Self.photograph)
    }
    _ = try await outcomes(try batch([input], recipe))
    #expect(asked.withLock(\.self) == expected)
  }

  @Test("an output that exists is replaced, or its input is refused; an input is never replaced")
  func replaces() async throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let source = folder + "/a.prepared.jpg"
    try FileManager.default.copyItem(atPath: Self.photograph, toPath: source)
    let own = try batch([input("a", source), input("b")])
    #expect(try await outcomes(own) == ["output-is-input", "b.prepared.jpg 64x42"])
    var careful = try batch([input("b"), input("c")])
    careful.replacesFiles = false
    #expect(try await outcomes(careful) == ["output-exists", "c.prepared.jpg 64x42"])
  }

  @Test("canceling begins no more images, and ends as canceled")
  func cancels() async throws {
    let (waits, wait) = AsyncStream.makeStream(of: Never.self)
    let begun = Mutex(0)
    let inputs = (0..<5).map { index in
      PreparationBatch.Input(stem: "\(index)", file: nil) { _ in
        begun.withLock { $0 += 1 }
        // Sleeps until the task is canceled.
        if index == 1 { for await _ in waits {} }
        return .file(Self.photograph)
      }
    }
    let work = try batch(inputs, width: 1).start { _, _, _ in 0 }
    for await outcome in work.events where outcome.index == 0 { break }
    work.cancel()
    await #expect(throws: CancellationError.self) { try await work.result }
    #expect(begun.withLock(\.self) <= 2)
    wait.finish()
  }
}
