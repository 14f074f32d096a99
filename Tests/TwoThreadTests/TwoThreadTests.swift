import Foundation
import ImagePreparation
import TestSupport
import Testing

/// Preparations on two threads. They are small enough to run under TSan, which looks for data races.
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

  /// Files with restart markers that are large enough for two threads. An interval has one row, two rows, a part of a row, or one MCU.
  static let intervals = [64, 128, 10, 1].map { interval in
    RestartJPEG(width: 1_024, height: 520, sampling: [[2, 2], [1, 1], [1, 1]], interval: interval).bytes()
  }

  @Test("both threads decode a JPEG with restart markers", arguments: intervals, recipes.dropLast())
  func restartMarkers(bytes: [UInt8], recipe: Recipe) throws {
    try compare(.memory(bytes), recipe)
  }

  /// The number of damaged files is 6, or `GESSO_MUTATIONS`.
  @Test("both threads find that such a file is damaged", arguments: intervals.indices)
  func damage(number: Int) throws {
    let count = ProcessInfo.processInfo.environment["GESSO_MUTATIONS"].flatMap { UInt64($0) } ?? 6
    let policies: [DamagePolicy] = [.none, .truncated, .error, .warning]
    for seed in 0..<count {
      var random = SplitMix64(seed: seed)
      var bytes = Self.intervals[number]
      for _ in 0...random.next() % 3 {
        // The change is after the tables.
        let at = Int.random(in: 500..<bytes.count, using: &random)
        switch random.next() % 5 {
        case 0: bytes[at] ^= 1 << UInt8(random.next() & 7)
        case 1: bytes.remove(at: at)
        case 2: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: at)
        case 3: bytes.insert(contentsOf: [0xFF, 0xD0 + UInt8(random.next() & 7)], at: at)
        default: if random.next() & 7 == 0 { bytes.removeSubrange(at...) }
        }
      }
      let recipe = Recipe(
        size: .longestSide(random.next() & 1 == 0 ? 100 : 500), failOn: policies[Int(random.next() % 4)])
      let results = [1, 2].map { threads in
        Result { () throws(PreparationError) in
          let image = try ImagePreparer(limits: Limits(threads: threads)).prepareBlocking(.memory(bytes), as: recipe)
          return image.notes.map { Array($0.utf8) } + [image.bytes]
        }
      }
      #expect(results[0] == results[1], "interval \(number), seed \(seed)")
    }
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
