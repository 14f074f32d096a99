import GessoPipeline
import ScenarioAPI
import Synchronization
import Testing

@Suite("A list of jobs for all runs that look for theirs")
struct SharedJobListTests {
  /// Reads the list of jobs. The first read waits until the test releases it.
  private final class Service: Sendable {
    let begins = Mutex<[Double]>([])
    let gate = AsyncStream.makeStream(of: Void.self)

    let list = SharedJobList()

    /// Requests the list. `ending` determines the outcome of the read with the given number.
    func jobs(
      _ createdAfter: Double, _ ending: @escaping @Sendable (_ number: Int) throws -> [Job] = { _ in [] }
    ) async throws -> [Job] {
      try await list.jobs(createdAfter: createdAfter) { createdAfter in
        let number = self.begins.withLock { begins in
          begins.append(createdAfter)
          return begins.count
        }
        if number == 1 { for await _ in self.gate.stream { break } }
        try Task.checkCancellation()
        return try ending(number)
      }
    }

    func begun(_ count: Int) async { while begins.withLock({ $0.count }) < count { await Task.yield() } }
    func goOn() { gate.continuation.yield() }
  }

  @Test("runs that ask during a reading share the next one, from the earliest moment of all")
  func shared() async throws {
    let service = Service()
    let first = Task { try await service.jobs(100) }
    await service.begun(1)
    let others = [30.0, 10, 20].map { moment in Task { try await service.jobs(moment) } }
    while await service.list.waiting < 3 { await Task.yield() }
    service.goOn()
    for task in [first] + others { #expect(try await task.value.isEmpty) }
    #expect(service.begins.withLock { $0 } == [100, 10])
    #expect(try await service.jobs(5).isEmpty)
    #expect(service.begins.withLock { $0 } == [100, 10, 5], "a later run reads anew")
  }

  @Test("an error of a reading is that of all runs that share the reading")
  func failure() async throws {
    struct Refusal: Error {}
    let service = Service()
    let first = Task { try await service.jobs(1) }
    await service.begun(1)
    let others = (0..<3).map { _ in
      Task { try await service.jobs(1) { if $0 == 2 { throw Refusal() } else { return [] } } }
    }
    while await service.list.waiting < 3 { await Task.yield() }
    service.goOn()
    _ = try await first.value
    for task in others { await #expect(throws: Refusal.self) { try await task.value } }
  }

  @Test("if the run that reads is canceled, the others read again")
  func cancellation() async throws {
    let service = Service()
    let first = Task { try await service.jobs(1) }
    await service.begun(1)
    let second = Task { try await service.jobs(1) }
    while await service.list.waiting < 1 { await Task.yield() }
    let others = (0..<3).map { _ in Task { try await service.jobs(1) } }
    while await service.list.waiting < 4 { await Task.yield() }
    second.cancel()
    service.goOn()
    #expect(try await first.value.isEmpty)
    await #expect(throws: CancellationError.self) { try await second.value }
    for task in others { #expect(try await task.value.isEmpty) }
    #expect((3...5).contains(service.begins.withLock { $0.count }), "one for all, or more where that one had ended")
  }
}
