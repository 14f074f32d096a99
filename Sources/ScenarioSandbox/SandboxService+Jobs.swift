internal import FlyingFox
internal import Foundation
internal import Synchronization

/// The body of `POST /jobs/{jobId}/action`.
private struct JobAction: Decodable {
  enum Action: String, Decodable { case cancel }
  let action: Action
}

extension SandboxService {
  /// `GET /jobs/{jobId}`.
  func getJob(_ call: RequestContext) throws(ServiceError) -> HTTPResponse {
    let job = try job(call)
    try refuseFirstLooks(job)
    return answer(Wire.JobEnvelope(job: wire(job, at: now)), about: job)
  }

  /// `POST /jobs/{jobId}/action`: cancels a job that has not ended; 400 for one that has (ASSUMED).
  func actOnJob(_ call: RequestContext) throws(ServiceError) -> HTTPResponse {
    _ = try call.json(JobAction.self)
    let job = try job(call)
    guard !job.isCustom else { throw .badRequest("Cannot cancel this type of job. Action not permitted.") }
    let now = now
    let canceled = state.withLock { state in
      guard state.jobs.cancel(job.id, at: now) else { return false }
      state.assets.discard(job.resultIDs)
      return true
    }
    guard canceled else { throw .badRequest("Cannot cancel a job that has ended. Action not permitted.") }
    let ended = try self.job(call)
    return answer(Wire.JobEnvelope(job: wire(ended, at: now)), about: ended)
  }

  /// `GET /jobs`: one page, newest first.
  func listJobs(_ call: RequestContext) throws(ServiceError) -> HTTPResponse {
    let query = call.query
    let status = try query.choice("status", of: JobStatus.self)
    let types = query.list("types") ?? query["type"].map { [$0] }
    let (after, updatedAfter) = (try moment("createdAfter", of: query), try moment("updatedAfter", of: query))
    let isFiltered = status != nil || types != nil
    guard after == nil || !isFiltered else {
      throw .badRequest("createdAfter cannot be combined with status, type or types", parameter: "createdAfter")
    }
    guard updatedAfter == nil || isFiltered else {
      throw .badRequest("updatedAfter needs status, type or types", parameter: "updatedAfter")
    }
    let leavesHiddenOut = try query.bool("hideResults") == false
    let now = now
    let isAuthors = query["authorId"].map { $0 == authorID } ?? true
    let jobs = state.withLock(\.jobs.all).filter { job in
      isAuthors && job.created > after ?? .distantPast
        && types?.contains(job.type) ?? true
        && !(leavesHiddenOut && job.input.hideResults)
        && status.map { $0 == job.snapshot(at: now).status } ?? true
        && updatedAfter.map { job.snapshot(at: now).updated > $0 } ?? true
    }
    let page = try Page(of: jobs, query: query) { ListPosition(date: $0.created, sequence: $0.sequence) }
    return .json(
      Wire.JobList(
        jobs: page.elements.flatMap { listed($0, at: now) }, nextPaginationToken: page.nextToken))
  }

  private func job(_ call: RequestContext) throws(ServiceError) -> Job {
    let id = call.parameters["jobId"] ?? ""
    guard let job = state.withLock({ $0.jobs[id] }) else { throw .notFound("Job", id) }
    return job
  }

  /// A job as replies show it at `now`.
  func wire(_ job: Job, at now: Date) -> Wire.Job {
    let snapshot = job.snapshot(at: now)
    var metadata = Wire.Job.Metadata(assetIds: snapshot.status == .success ? job.resultIDs : [])
    if configuration.echoesInput {
      metadata.input =
        job.customInput.map { .custom($0.fields, modelID: job.input.modelId) }
        ?? .legacy(job.input, type: job.endpoint.rawValue)
    }
    if snapshot.status == .failure, case .failure(let error, let hint) = job.outcome {
      (metadata.error, metadata.hint) = (error, hint)
    }
    return Wire.Job(
      jobId: job.id, jobType: job.type, status: snapshot.status, progress: snapshot.progress, authorId: authorID,
      ownerId: ownerID,
      metadata: metadata,
      statusHistory: snapshot.history.map { Wire.Job.State(status: $0.status, date: shown($0.date)) },
      billing: Wire.Job.Billing(cuCost: job.cost), createdAt: shown(job.created), updatedAt: shown(snapshot.updated))
  }
}
