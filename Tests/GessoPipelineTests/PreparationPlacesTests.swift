import Dispatch
import GessoPipeline
import ImagePreparation
import Synchronization
import TestSupport
import Testing

@Suite("Room for preparations", .timeLimit(.minutes(5)))
struct PreparationPlacesTests {
  private static let photograph = ImageSource.file(Fixtures.path("jpeg/small-420.jpg"))
  /// Six images, because six is a multiple of one, two and three.
  private static let images = 6

  /// Blocks threads until a given number of them has arrived, and then releases them.
  private final class Meeting: Sendable {
    private let size: Int
    private let present = Mutex(0)
    private let semaphore = DispatchSemaphore(value: 0)

    init(of size: Int) { self.size = size }

    func arrive() {
      let isLast = present.withLock { present in
        present = (present + 1) % size
        return present == 0
      }
      guard isLast else { return semaphore.wait() }
      for _ in 1..<size { semaphore.signal() }
    }
  }

  /// The number of images in preparation, and the largest so far.
  private final class Count: Sendable {
    private let numbers = Mutex((now: 0, most: 0))

    func begin() {
      numbers.withLock { numbers in
        numbers.now += 1
        numbers.most = max(numbers.most, numbers.now)
      }
    }

    func end() { numbers.withLock { $0.now -= 1 } }
    var most: Int { numbers.withLock(\.most) }
  }

  /// The cores, the memory in units of one image's memory, and the number of images that are prepared at a time.
  static let rows: [(cores: Int, images: Double, expected: Int)] = [
    (6, 0.5, 1), (6, 1, 1), (6, 1.9, 1), (6, 2, 2), (6, 3.5, 3), (1, 6, 1), (2, 6, 2),
  ]
  /// An order has a byte budget by default, and the library's recipes have none.
  static let budgets: [Recipe.Budget?] = [nil, .bytes(60_000)]

  /// Each image waits in its place until the expected number of images has arrived. If there were fewer places, the test would never end.
  /// If there are more places, the largest count shows it.
  @Test(
    "as many images are prepared at a time as the cores and the memory of all have room for", arguments: rows, budgets)
  func memory(row: (cores: Int, images: Double, expected: Int), budget: Recipe.Budget?) async throws {
    let recipe = Recipe(size: .longestSide(64), output: .jpeg(quality: 92, budget: budget))
    let preparer = ImagePreparer()
    let need = try preparer.planBlocking(of: Self.photograph, as: recipe).1.bufferBytes
    let places = PreparationPlaces(cores: row.cores, bytes: Int(row.images * Double(need)))
    let meeting = Meeting(of: row.expected)
    let count = Count()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<Self.images {
        group.addTask {
          _ = try await places.enter(for: Self.photograph, recipe, preparer) { _, _ in
            count.begin()
            meeting.arrive()
            count.end()
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(count.most == row.expected)
  }
}
