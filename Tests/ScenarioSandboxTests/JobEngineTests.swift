import Foundation
import Testing

@testable import ScenarioSandbox

@Suite("The life of a job")
struct JobEngineTests {
  private static let created = Date(timeIntervalSince1970: 1_790_000_000)
  private static let timings = JobTimings(
    queued: .seconds(1), warmingUp: .seconds(2), inProgress: .seconds(10), finalizing: .seconds(1))

  private func job(_ outcome: Job.Outcome = .success, canceledAfter: Double? = nil) throws -> Job {
    let body = Data(#"{"modelId":"flux.1-dev","prompt":"a wall","image":"asset_1"}"#.utf8)
    return Job(
      id: "job_1", created: Self.created, timings: Self.timings, outcome: outcome,
      input: try RequestBody.decode(Img2ImgParameters.self, from: body), resultIDs: ["asset_2"], cost: 5,
      canceled: canceledAfter.map { Self.created.addingTimeInterval($0) })
  }

  @Test(
    "states follow from the time",
    arguments: [
      (-5, JobStatus.queued, 0.0), (0, .queued, 0), (0.999, .queued, 0), (1, .warmingUp, 0), (2.999, .warmingUp, 0),
      (3, .inProgress, 0.05), (8, .inProgress, 0.475), (12.999, .inProgress, 0.9), (13, .finalizing, 0.95),
      (13.999, .finalizing, 0.95), (14, .success, 1), (1e6, .success, 1),
    ])
  func states(seconds: Double, status: JobStatus, progress: Double) throws {
    let snapshot = try job().snapshot(at: Self.created.addingTimeInterval(seconds))
    #expect(snapshot.status == status)
    #expect(abs(snapshot.progress - progress) < 1e-3)
  }

  @Test("progress never falls, and the history only grows")
  func monotone() throws {
    let job = try job()
    let snapshots = stride(from: 0.0, through: 15, by: 0.1).map {
      job.snapshot(at: Self.created.addingTimeInterval($0))
    }
    for (earlier, later) in zip(snapshots, snapshots.dropFirst()) {
      #expect(earlier.progress <= later.progress)
      #expect(later.history.starts(with: earlier.history, by: ==))
    }
    let last = try #require(snapshots.last)
    #expect(last.history.map(\.status) == [.queued, .warmingUp, .inProgress, .finalizing, .success])
    #expect(last.history.map { $0.date.timeIntervalSince(Self.created) } == [0, 1, 3, 13, 14])
  }

  @Test("a source that cannot be decoded ends the job when work would begin")
  func failure() throws {
    let job = try job(.failure(error: "Input image could not be decoded", hint: ""))
    #expect(job.snapshot(at: Self.created.addingTimeInterval(2.9)).status == .warmingUp)
    #expect(job.snapshot(at: Self.created.addingTimeInterval(3)).status == .failure)
    #expect(job.end == Self.created.addingTimeInterval(3))
  }

  @Test("instant jobs have passed every state when they are made")
  func instant() throws {
    var instant = try job()
    instant = Job(
      id: instant.id, created: instant.created, timings: .instant, outcome: .success, input: instant.input,
      resultIDs: [], cost: 0)
    let snapshot = instant.snapshot(at: Self.created)
    #expect(snapshot.status == .success)
    #expect(snapshot.history.count == 5)
  }

  @Test("canceling stops a job where it stands, once", arguments: [(0.5, true), (8, true), (14, false), (20, false)])
  func cancel(seconds: Double, works: Bool) throws {
    let moment = Self.created.addingTimeInterval(seconds)
    var engine = JobEngine()
    engine.add(try job())
    #expect(engine.running(at: moment) == (works ? 1 : 0))
    let answers = ["job_1", "job_1", "job_2"].map { engine.cancel($0, at: moment) }
    #expect(answers == [works, false, false])
    let later = try #require(engine["job_1"]).snapshot(at: Self.created.addingTimeInterval(100))
    #expect(later.status == (works ? .canceled : .success))
    #expect(later.updated == Self.created.addingTimeInterval(works ? seconds : 14))
    #expect(engine.running(at: moment) == 0)
  }
}
