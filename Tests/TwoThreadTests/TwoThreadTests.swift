import ImagePreparation
import TestSupport
import Testing

/// Preparations on two threads, small enough to run under TSan, which looks for data races in them.
@Suite("Two threads")
struct TwoThreadTests {
  static let files = ["jpeg/small-420.jpg", "jpeg/small-444.jpg", "jpeg/small-progressive.jpg", "png/small-rgb8.png"]
  static let recipes = [
    Recipe(size: .original), Recipe(size: .longestSide(100)), Recipe(size: .longestSide(100), output: .png()),
    Recipe(size: .longestSide(300, enlarge: true), resamplingFilter: .mitchell),
  ]

  @Test("two threads prepare the bytes that one does", arguments: files, recipes)
  func prepared(file: String, recipe: Recipe) throws {
    try compare(.file(Fixtures.path(file)), recipe)
  }

  @Test("an image of many strips is cropped to the same pixels", arguments: Gravity.allCases)
  func cropped(gravity: Gravity) throws {
    let image = TestPattern.ramps.image(ImageSize(width: 300, height: 1_700), channels: 3)
    let file = try ImagePreparer().encodePNGBlocking(image)
    try compare(.memory(file), Recipe(size: .box(300, 40, .cover, gravity: gravity), output: .png()))
  }

  @Test("preparations at the same time do not disturb each other")
  func together() async throws {
    let source = ImageSource.file(Fixtures.path("jpeg/small-420.jpg"))
    let expected = try ImagePreparer().prepareBlocking(source).bytes
    try await withThrowingTaskGroup(of: [UInt8].self) { group in
      for _ in 0..<8 { group.addTask { try await ImagePreparer(limits: Limits(threads: 2)).prepare(source).bytes } }
      for try await bytes in group { #expect(bytes == expected) }
    }
  }

  private func compare(_ source: ImageSource, _ recipe: Recipe) throws {
    let results = try [1, 2].map { threads in
      try ImagePreparer(limits: Limits(threads: threads)).prepareBlocking(source, as: recipe).bytes
    }
    #expect(results[0] == results[1])
  }
}
