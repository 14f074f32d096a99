import Dispatch
import Ground
import Testing

@Suite("Blocking work")
struct BlockingWorkTests {
  struct Refusal: Error, Equatable { let number: Int }

  @Test("work that blocks holds no thread of the pool")
  func blocksNoTask() async {
    let count = 16
    let gate = Gate()
    await withTaskGroup(of: Int.self) { group in
      for number in 0..<count {
        group.addTask {
          await BlockingWork.run {
            gate.wait(); return number
          }
        }
      }
      // A task opens the gate, which needs a free thread of the pool.
      group.addTask {
        gate.open(); return count
      }
      #expect(await group.reduce(into: Set<Int>()) { $0.insert($1) } == Set(0...count))
    }
  }

  @Test("the call throws the error of the work, with its type")
  func throwsTyped() async {
    do throws(Refusal) {
      try await BlockingWork.run { () throws(Refusal) in throw Refusal(number: 7) }
      Issue.record("nothing was thrown")
    } catch {
      #expect(error == Refusal(number: 7))
    }
  }

  @Test("a canceled task calls the handler, and still waits for the work")
  func cancels() async {
    let (gate, begun) = (Gate(), Gate())
    let task = Task {
      await BlockingWork.run(onCancel: { gate.open() }) {
        begun.open()
        gate.wait()
        return 5
      }
    }
    await BlockingWork.run { begun.wait() }
    task.cancel()
    #expect(await task.value == 5)
  }

  /// Blocks the threads that wait for it, until it is opened.
  private struct Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    func open() { semaphore.signal() }
    func wait() {
      semaphore.wait()
      semaphore.signal()
    }
  }
}
