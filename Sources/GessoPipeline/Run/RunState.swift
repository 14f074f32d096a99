package import Foundation
internal import Ground
package import ScenarioAPI

/// Decides on the next action of a run: a value that receives an event and returns an action.
///
/// It uses no file, clock or server, so that a table of tests can cover every path of a paid job. ``ActiveRun`` carries the actions out. A
/// run begins with the state that the ledger has on record, also after an interruption:
///
/// | On record | First action of the run |
/// |---|---|
/// | `planned` | prepares the image |
/// | `prepared` | uses the prepared file if its bytes are unchanged, otherwise prepares the image |
/// | `uploaded` | asks whether the service still has the image |
/// | `submitting`, `needs-decision` | waits for a place, asks the service which job the submit started, and submits nothing |
/// | `submitted`, `succeeded`, `failed` after a job | follows the job, and downloads |
/// | `downloaded` | checks the files; follows the job if one of them is missing |
///
/// If only the price is asked for, a run that has a job on record ends at once, with the price on record.
///
/// A place among the account's parallel jobs is taken after the upload, so that images are prepared while others' jobs run.
package struct RunState: Sendable, Equatable {
  /// The purpose of a run.
  package enum Goal: Sendable {
    /// The price. Nothing is submitted.
    case price
    /// A job on record.
    case job
    /// The job's results on disk.
    case results
  }

  /// The action whose outcome is awaited.
  package enum Phase: Sendable, CaseIterable {
    case claiming, lookingForResults, takingPlace, preparing, checkingUpload, uploading, pricing, submitting, pausing
    case switching, reconciling, following, downloading, ended
  }

  /// The outcome of an action.
  package enum Event: Sendable, Equatable {
    /// The run is claimed, with this state and job on record.
    case claimed(LedgerEntry.State, job: JobID?)
    /// A job on record is to be followed, whatever the state on record.
    case resumed(JobID)
    /// Every result is on disk and unchanged.
    case resultsFound
    /// A result is missing, was changed, or belongs in another folder.
    case resultsMissing
    /// The plan's ceiling for parallel jobs leaves room for one more.
    case placeTaken
    /// The prepared image is on disk and on record.
    case prepared
    /// The service still has the image.
    case uploadFound
    /// The service does not have the image any more.
    case uploadMissing
    /// The service has the image, and that is on record.
    case uploaded
    /// The price of the job in creative units.
    case priced(Decimal)
    /// The request is now one of the custom model.
    case switched
    /// The service accepted the job, reconciling found it, or the dry run started it; it is on record.
    case submitted(JobID)
    /// The submit failed. `pause` is set only when the submit certainly started no job and is to be repeated after that pause.
    case notSubmitted(ScenarioError, pause: Duration?)
    /// The pause is over.
    case pauseEnded
    /// The job is final.
    case jobEnded(Job)
    /// Every result is on disk and on record.
    case downloaded
    /// The action failed.
    case failed(RunFailure)
  }

  /// The next step of a run.
  package enum Action: Sendable, Equatable {
    /// Check whether every result is on disk.
    case lookForResults
    /// Wait until the plan's ceiling for parallel jobs leaves room. `after` is the refusal that showed the ceiling.
    case takePlace(after: ScenarioError?)
    /// Prepare the image. `reusing` is true to use the file of an earlier attempt if its bytes are unchanged.
    case prepare(reusing: Bool)
    /// Ask whether the service still has the image.
    case checkUpload
    /// Upload the image.
    case upload
    /// Change the request to the custom model, after this refusal by the legacy endpoint.
    case switchToCustom(after: ScenarioError)
    /// Ask for the price.
    case askPrice
    /// Submit the job: the only action that costs anything.
    case submit
    /// Wait this long before the next submit; the service refused the last one for now.
    case pause(Duration, ScenarioError)
    /// Find the job that the submit started.
    case reconcile
    /// Wait until the job ends.
    case follow(JobID)
    /// Download the results that are not on disk.
    case download(Job)
    /// The goal is reached.
    case finish
    /// Report the failure. `record` is the reason to put on record if the same order would fail again. If it is nil, the run keeps its
    /// state, and the same order continues from that state.
    case giveUp(RunFailure, record: String?)
  }

  /// The action whose outcome is awaited.
  package private(set) var phase = Phase.claiming
  /// The purpose of the run.
  package let goal: Goal
  /// True when the price has to be known before the submit.
  private let asksPrice: Bool
  /// True while the custom model may still take the place of the legacy endpoint.
  private var maySwitch: Bool
  /// The run's state in the ledger.
  private var reached = LedgerEntry.State.planned
  private var jobID: JobID?
  /// True while a place among the account's parallel jobs is held.
  private var hasPlace = false
  /// True while the run waits for a place after a submit was refused for lack of one.
  private var wasRefused = false
  private var isPriced = false
  /// The failure of the submit that is being reconciled; nil when an earlier process sent it.
  private var submitFailure: ScenarioError?

  /// Makes a run that has not begun.
  ///
  /// - Parameters:
  ///   - goal: The purpose of the run.
  ///   - asksPrice: True when the price has to be known before the submit.
  ///   - maySwitch: True when the custom model may make the results if the service no longer has the legacy endpoint.
  package init(goal: Goal, asksPrice: Bool = false, maySwitch: Bool = false) {
    self.goal = goal
    self.asksPrice = asksPrice || goal == .price
    self.maySwitch = maySwitch
  }

  /// Decides on the action after `event`.
  ///
  /// An event that cannot follow the last action ends the run with the code `unexpected-event` and leaves the ledger as
  /// it is.
  package mutating func next(_ event: Event) -> Action {
    switch (phase, event) {
    case (.claiming, .claimed(let state, let job)): begin(state, job)
    case (.claiming, .resumed(let job)): enter(.following, .follow(job))
    case (.lookingForResults, .resultsFound): enter(.ended, .finish)
    case (.lookingForResults, .resultsMissing): afterSubmit(jobID)
    case (.takingPlace, .placeTaken): afterPlace()
    case (.preparing, .prepared): enter(.uploading, .upload, reached: .prepared)
    case (.checkingUpload, .uploadFound): afterUpload()
    case (.checkingUpload, .uploadMissing): enter(.preparing, .prepare(reusing: true))
    case (.uploading, .uploaded): afterUpload()
    case (.pricing, .priced): afterPrice()
    case (.pricing, .submitted(let job)): afterDryRunJob(job)
    case (.switching, .switched): enter(.pricing, .askPrice)
    case (.submitting, .submitted(let job)), (.reconciling, .submitted(let job)): afterSubmit(job)
    case (.submitting, .notSubmitted(let error, let pause)): afterRefusal(error, pause)
    case (.pausing, .pauseEnded): enter(.submitting, .submit)
    case (.following, .jobEnded(let job)): afterJob(job)
    case (.downloading, .downloaded): enter(.ended, .finish)
    case (.claiming, _), (.ended, _): unexpected("\(event)")
    case (_, .failed(let failure)): afterFailure(failure)
    default: unexpected("\(event)")
    }
  }

  private mutating func begin(_ state: LedgerEntry.State, _ job: JobID?) -> Action {
    (reached, jobID) = (state, job)
    // If a submit is on record, a dry run is not sent: it might start another job.
    if goal == .price { return job == nil ? proceed() : enter(.ended, .finish) }
    if job != nil, state == .downloaded { return enter(.lookingForResults, .lookForResults) }
    // A job on record is paid for, whatever the run's state.
    if let job { return afterSubmit(job) }
    switch state {
    case .planned, .prepared, .uploaded: return proceed()
    case .submitting, .needsDecision: return enter(.takingPlace, .takePlace(after: nil))
    case .submitted, .succeeded, .downloaded, .failed: return unexpected("\(state.rawValue) without a job")
    }
  }

  /// The first action towards a job, from the run's present state.
  private mutating func proceed() -> Action {
    switch reached {
    case .planned: enter(.preparing, .prepare(reusing: false))
    case .prepared: enter(.preparing, .prepare(reusing: true))
    case .uploaded: enter(.checkingUpload, .checkUpload)
    case .submitting, .needsDecision: enter(.reconciling, .reconcile)
    case .submitted, .succeeded, .downloaded, .failed: unexpected("\(reached.rawValue) without a job")
    }
  }

  private mutating func afterUpload() -> Action {
    reached = .uploaded
    return goal == .price || hasPlace ? towardsJob() : enter(.takingPlace, .takePlace(after: nil))
  }

  private mutating func afterPlace() -> Action {
    hasPlace = true
    // The wait after a refusal may have been long, so the upload is checked again.
    defer { wasRefused = false }
    return reached == .uploaded && !wasRefused ? towardsJob() : proceed()
  }

  private mutating func towardsJob() -> Action {
    asksPrice && !isPriced ? enter(.pricing, .askPrice) : enter(.submitting, .submit)
  }

  private mutating func afterPrice() -> Action {
    isPriced = true
    return goal == .price ? enter(.ended, .finish) : enter(.submitting, .submit)
  }

  private mutating func afterRefusal(_ error: ScenarioError, _ pause: Duration?) -> Action {
    if error.mayHaveStartedJob {
      submitFailure = error
      return enter(.reconciling, .reconcile)
    }
    if let pause { return enter(.pausing, .pause(pause, error)) }
    return afterFailure(RunFailure(error))
  }

  /// A job that a dry run started is paid for. An order gets its results; a request for the price fails, so that the job is noticed.
  private mutating func afterDryRunJob(_ job: JobID) -> Action {
    goal == .price ? giveUp(PriceStep.startedJob(job, isEarlier: false)) : afterSubmit(job)
  }

  private mutating func afterSubmit(_ job: JobID?) -> Action {
    guard let job else { return unexpected("results without a job") }
    return goal == .results ? enter(.following, .follow(job)) : enter(.ended, .finish)
  }

  private mutating func afterJob(_ job: Job) -> Action {
    if job.status == .success { return enter(.downloading, .download(job)) }
    let reason = [job.failureReason, job.hint].compactMap(\.self).joined(separator: "; ")
    let text = "job \(job.id) ended \(job.status)" + (reason.isEmpty ? "" : " (\(reason))")
    let remedy: Remedy =
      job.billing?.disableRefund == true
      ? "it was paid for: ask the service's support" : "change the order and try again"
    return giveUp(
      PipelineError(
        job.status == .canceled ? .jobCanceled : .jobFailed, stage: .wait, text, remedy: remedy, jobID: job.id),
      record: text)
  }

  private mutating func afterFailure(_ failure: RunFailure) -> Action {
    switch phase {
    case .preparing, .checkingUpload, .uploading, .pricing, .submitting, .switching:
      if let error = failure.service, error.code == .concurrencyLimit, hasPlace {
        (hasPlace, wasRefused) = (false, true)
        return enter(.takingPlace, .takePlace(after: error))
      }
      if let error = failure.service, maySwitch, [.pricing, .submitting].contains(phase), error.showsLegacyIsGone {
        maySwitch = false
        return enter(.switching, .switchToCustom(after: error))
      }
      return giveUp(failure.error, record: failure.isLasting ? reason(of: failure.error) : nil)
    case .reconciling:
      // The service cannot be asked now; the same order asks it later. The error to report is that of the submit.
      if let submitFailure, failure.service != nil, !failure.isCancellation { return giveUp(submitFailure) }
      return giveUp(withSubstitute(failure.error))
    case .claiming, .lookingForResults, .takingPlace, .pausing, .following, .downloading, .ended:
      return giveUp(failure.error)
    }
  }

  /// The failure after a bare 500, the service's reply for models that the legacy endpoint no longer runs (contract,
  /// section 10). A job may exist all the same: a decision is needed, and only a new order can use the other model.
  private func withSubstitute(_ error: any Error) -> any Error {
    guard let decision = error as? PipelineError, decision.code == .needsDecision,
      case .both(_, and: let other)? = submitFailure?.remedy, case .useCustomModel = other
    else { return error }
    return decision.adding(other)
  }

  private mutating func enter(_ phase: Phase, _ action: Action, reached state: LedgerEntry.State? = nil) -> Action {
    self.phase = phase
    reached = state ?? reached
    return action
  }

  private mutating func giveUp(_ error: any Error, record: String? = nil) -> Action {
    enter(.ended, .giveUp(RunFailure(error), record: record))
  }

  private mutating func unexpected(_ event: String) -> Action {
    giveUp(PipelineError(unexpected: "the run cannot go on from \(phase) after \(event)"))
  }
}

extension ScenarioError {
  /// True for a refusal which shows that the service no longer has the legacy endpoint, or its model there. No job was started.
  package var showsLegacyIsGone: Bool {
    outcome == .refused && [.endpointGone, .modelRefused].contains(code)
  }
}
