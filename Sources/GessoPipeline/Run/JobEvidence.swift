/// The evidence for or against a job being the one that a submit without a reply started.
package enum JobEvidence: Sendable, Equatable {
  /// The job is of another model, kind or image.
  case against
  /// Undecided: the job repeats too little of its request, or some values differ from those that were sent.
  case weak
  /// The job has the image that was sent; if it repeats no image, it has the model and the seed.
  case positive
}

/// The conclusion from the evidence of all jobs that no run has claimed.
package enum Reconciliation<Value: Sendable & Equatable>: Sendable, Equatable {
  /// This is the job of the submit.
  case adopt(Value)
  /// A person has to decide. The likeliest jobs come first. `others` is the number of jobs of that time that certainly belong to
  /// other orders.
  case undecided([Value], others: Int)

  /// Decides between the jobs. If `hasRival` is true, another run also waits for its job, so that a job that fits may belong to that run.
  package init(_ jobs: [(job: Value, evidence: JobEvidence)], hasRival: Bool) {
    let likely = jobs.filter { $0.evidence == .positive }.map(\.job)
    let possible = jobs.filter { $0.evidence == .weak }.map(\.job)
    self =
      likely.count == 1 && !hasRival
      ? .adopt(likely[0]) : .undecided(likely + possible, others: jobs.count - likely.count - possible.count)
  }
}
