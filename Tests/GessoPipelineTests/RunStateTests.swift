import Foundation
import GessoPipeline
import ImagePreparation
import ScenarioAPI
import Testing

@Suite("Run state")
struct RunStateTests {
  typealias Event = RunState.Event
  typealias Action = RunState.Action
  typealias Phase = RunState.Phase

  private static let job = JobID(rawValue: "job_1")
  private static let ended: Job = job("success")
  private static func job(_ status: String) -> Job {
    let text = #"{"jobId":"job_1","status":"\#(status)","metadata":{"assetIds":["asset_1"],"error":"no luck"}}"#
    // Decoding is the only way to make a job.
    return try! JSONDecoder().decode(Job.self, from: Data(text.utf8))
  }

  private static func error(
    _ code: ScenarioError.Code, _ outcome: ScenarioError.Outcome, _ stage: Stage = .submit,
    isRetryable: Bool = false
  ) -> ScenarioError {
    var error = ScenarioError(code, outcome, stage: stage, "no", remedy: "")
    error.isRetryable = isRetryable
    return error
  }
  private static let lost = error(.connectionLost, .unknownOutcome)
  private static let gone = error(.endpointGone, .refused)
  private static let refused = error(.rejected, .refused)
  private static let cooling = error(.coolingDown, .refused, isRetryable: true)
  private static let crowded = error(.concurrencyLimit, .refused, isRetryable: true)
  private static let canceled = error(.canceled, .notSent)
  private static let down = error(.serviceFailed, .unknownOutcome, .wait, isRetryable: true)
  private static let badImage = PreparationError(.truncated, stage: .decode, "it ends early", remedy: "")
  private static let noLedger = PipelineError(.ledgerUnavailable, stage: .write, "disk full", remedy: "")

  private static func failed(_ error: any Error) -> Event { .failed(RunFailure(error)) }
  private static func giveUp(_ error: any Error, record: String? = nil) -> Action {
    .giveUp(RunFailure(error), record: record)
  }

  // MARK: Where a run begins

  struct Beginning: CustomTestStringConvertible, Sendable {
    let state: LedgerEntry.State
    var job: JobID?
    var goal = RunState.Goal.results
    let first: Action
    var testDescription: String { "\(state.rawValue)\(job == nil ? "" : " with a job"), for \(goal)" }
  }

  /// The first action for each state on record, which must also hold after a crash.
  static let beginnings: [Beginning] =
    [
      Beginning(state: .planned, first: .prepare(reusing: false)),
      Beginning(state: .prepared, first: .prepare(reusing: true)),
      Beginning(state: .uploaded, first: .checkUpload),
      Beginning(state: .submitting, first: .takePlace(after: nil)),
      Beginning(state: .needsDecision, first: .takePlace(after: nil)),
      Beginning(state: .submitted, job: job, first: .follow(job)),
      Beginning(state: .succeeded, job: job, first: .follow(job)),
      Beginning(state: .failed, job: job, first: .follow(job)),
      Beginning(state: .downloaded, job: job, first: .lookForResults),
      Beginning(state: .planned, goal: .price, first: .prepare(reusing: false)),
      Beginning(state: .prepared, goal: .price, first: .prepare(reusing: true)),
      Beginning(state: .uploaded, goal: .price, first: .checkUpload),
      Beginning(state: .submitting, goal: .price, first: .reconcile),
      Beginning(state: .needsDecision, goal: .price, first: .reconcile),
      Beginning(state: .submitted, job: job, goal: .price, first: .finish),
      Beginning(state: .succeeded, job: job, goal: .price, first: .finish),
      Beginning(state: .downloaded, job: job, goal: .price, first: .finish),
      Beginning(state: .failed, job: job, goal: .price, first: .finish),
      Beginning(state: .submitted, job: job, goal: .job, first: .finish),
      Beginning(state: .downloaded, job: job, goal: .job, first: .lookForResults),
    ]

  @Test("a run begins where the ledger has it", arguments: beginnings)
  func begins(_ row: Beginning) {
    var state = RunState(goal: row.goal)
    #expect(state.next(.claimed(row.state, job: row.job)) == row.first)
  }

  @Test("the beginnings cover every state on record")
  func coversStates() {
    for goal in [RunState.Goal.price, .results] {
      #expect(Set(Self.beginnings.filter { $0.goal == goal }.map(\.state)) == Set(LedgerEntry.State.allCases))
    }
  }

  @Test(
    "once a run of unknown outcome has a place, its job is looked for",
    arguments: [LedgerEntry.State.submitting, .needsDecision])
  func proceeds(from state: LedgerEntry.State) {
    var run = RunState(goal: .results)
    _ = run.next(.claimed(state, job: nil))
    #expect(run.next(.placeTaken) == .reconcile)
  }

  @Test("a place is taken after the upload and before the price")
  func takesPlace() {
    for (asksPrice, next) in [(false, Action.submit), (true, .askPrice)] {
      var run = RunState(goal: .results, asksPrice: asksPrice)
      for event in [Event.claimed(.planned, job: nil), .prepared] { _ = run.next(event) }
      #expect(run.next(.uploaded) == .takePlace(after: nil))
      #expect(run.next(.placeTaken) == next)
    }
  }

  @Test(
    "a job on record is never submitted again, whatever the run's state",
    arguments: LedgerEntry.State.allCases)
  func neverTwice(state: LedgerEntry.State) {
    var run = RunState(goal: .results)
    let first = run.next(.claimed(state, job: Self.job))
    #expect(first == (state == .downloaded ? .lookForResults : .follow(Self.job)))
  }

  @Test(
    "a state that needs a job is refused without one",
    arguments: [LedgerEntry.State.submitted, .succeeded, .downloaded, .failed])
  func noJob(state: LedgerEntry.State) {
    var run = RunState(goal: .results)
    #expect(Self.code(run.next(.claimed(state, job: nil))) == .unexpectedEvent)
    #expect(run.phase == .ended)
  }

  // MARK: Every phase, every event

  /// A run that reached the phase by the fewest events.
  private static func run(
    in phase: Phase, goal: RunState.Goal = .results, maySwitch: Bool = false
  ) -> RunState {
    let begin = Event.claimed(.planned, job: nil)
    let uploaded: [Event] =
      goal == .price ? [begin, .prepared, .uploaded] : [begin, .prepared, .uploaded, .placeTaken]
    let events: [Event] =
      switch phase {
      case .claiming: []
      case .lookingForResults: [.claimed(.downloaded, job: job)]
      case .takingPlace: [begin, .prepared, .uploaded]
      case .preparing: [begin]
      case .checkingUpload: [.claimed(.uploaded, job: nil)]
      case .uploading: [begin, .prepared]
      case .pricing, .submitting: uploaded
      case .switching: uploaded + [failed(gone)]
      case .pausing: uploaded + [.notSubmitted(cooling, pause: .seconds(6))]
      case .reconciling: uploaded + [.notSubmitted(lost, pause: nil)]
      case .following: [.resumed(job)]
      case .downloading: [.resumed(job), .jobEnded(ended)]
      case .ended: [.resumed(job), .jobEnded(ended), .downloaded]
      }
    var state = RunState(
      goal: goal, asksPrice: phase == .pricing, maySwitch: phase == .switching || maySwitch)
    for event in events { _ = state.next(event) }
    return state
  }

  /// One event of each kind.
  private static let events: [(name: String, event: Event)] = [
    ("claimed", .claimed(.planned, job: nil)), ("resumed", .resumed(job)), ("resultsFound", .resultsFound),
    ("resultsMissing", .resultsMissing), ("placeTaken", .placeTaken), ("prepared", .prepared),
    ("uploadFound", .uploadFound), ("uploadMissing", .uploadMissing), ("uploaded", .uploaded), ("priced", .priced(3)),
    ("switched", .switched),
    ("submitted", .submitted(job)), ("notSubmitted", .notSubmitted(lost, pause: nil)), ("pauseEnded", .pauseEnded),
    ("jobEnded", .jobEnded(ended)), ("downloaded", .downloaded), ("failed", failed(down)),
  ]

  /// The action after each event that may come in a phase; all other pairs are refused.
  private static let table: [Phase: [String: Action]] = [
    .claiming: ["claimed": .prepare(reusing: false), "resumed": .follow(job)],
    .lookingForResults: ["resultsFound": .finish, "resultsMissing": .follow(job), "failed": giveUp(down)],
    .takingPlace: ["placeTaken": .submit, "failed": giveUp(down)],
    .preparing: ["prepared": .upload, "failed": giveUp(down)],
    .checkingUpload: [
      "uploadFound": .takePlace(after: nil), "uploadMissing": .prepare(reusing: true), "failed": giveUp(down),
    ],
    .uploading: ["uploaded": .takePlace(after: nil), "failed": giveUp(down)],
    // If the service ignores the dry run, it starts the job.
    .pricing: ["priced": .submit, "submitted": .follow(job), "failed": giveUp(down)],
    .switching: ["switched": .askPrice, "failed": giveUp(down)],
    .submitting: ["submitted": .follow(job), "notSubmitted": .reconcile, "failed": giveUp(down)],
    .pausing: ["pauseEnded": .submit, "failed": giveUp(down)],
    // If the service cannot be asked, the reported error is that of the submit.
    .reconciling: ["submitted": .follow(job), "failed": giveUp(lost)],
    .following: ["jobEnded": .download(ended), "failed": giveUp(down)],
    .downloading: ["downloaded": .finish, "failed": giveUp(down)],
    .ended: [:],
  ]

  @Test(
    "every event in every phase has one action, and an event that cannot come is a named error",
    arguments: Phase.allCases
  )
  func answers(phase: Phase) throws {
    let expected = try #require(Self.table[phase])
    for (name, event) in Self.events {
      var state = Self.run(in: phase)
      try #require(state.phase == phase)
      let action = state.next(event)
      if let wanted = expected[name] {
        #expect(action == wanted, "\(name)")
      } else {
        #expect(Self.code(action) == .unexpectedEvent, "\(name): \(action)")
        guard case .giveUp(_, let record) = action else { continue }
        #expect(record == nil, "\(name): the ledger stays as it is")
      }
    }
  }

  @Test("the events above are all that there are")
  func coversEvents() {
    // A new case of `Event` is a compiler error here until it is added to the list.
    for (name, event) in Self.events {
      let kind =
        switch event {
        case .claimed: "claimed"
        case .resumed: "resumed"
        case .resultsFound: "resultsFound"
        case .resultsMissing: "resultsMissing"
        case .placeTaken: "placeTaken"
        case .prepared: "prepared"
        case .uploadFound: "uploadFound"
        case .uploadMissing: "uploadMissing"
        case .uploaded: "uploaded"
        case .priced: "priced"
        case .switched: "switched"
        case .submitted: "submitted"
        case .notSubmitted: "notSubmitted"
        case .pauseEnded: "pauseEnded"
        case .jobEnded: "jobEnded"
        case .downloaded: "downloaded"
        case .failed: "failed"
        }
      #expect(kind == name)
    }
    #expect(Set(Self.events.map(\.name)).count == 17)
  }

  private static func code(_ action: Action) -> PipelineError.Code? {
    guard case .giveUp(let failure, _) = action else { return nil }
    return (failure.error as? PipelineError)?.code
  }

  // MARK: Money

  @Test("after its price an order is submitted, and a request for the price ends")
  func prices() {
    var ordered = Self.run(in: .pricing)
    #expect(ordered.next(.priced(10)) == .submit)
    var wanted = Self.run(in: .pricing, goal: .price)
    #expect(wanted.next(.priced(11)) == .finish)
  }

  @Test("a submit whose reply is lost is reconciled, and never sent again")
  func lost() {
    var state = Self.run(in: .submitting)
    #expect(state.next(.notSubmitted(Self.lost, pause: nil)) == .reconcile)
    var canceled = state
    #expect(canceled.next(Self.failed(Self.canceled)) == Self.giveUp(Self.canceled), "the run stays `submitting`")
    #expect(state.next(.submitted(Self.job)) == .follow(Self.job))
  }

  @Test(
    "a job that a dry run started is an error where only the price was asked for, and the job of an order"
  )
  func dryRunStarts() {
    var asked = Self.run(in: .pricing, goal: .price)
    let action = asked.next(.submitted(Self.job))
    guard case .giveUp(let failure, let record) = action else {
      Issue.record("\(action)")
      return
    }
    #expect(failure.service?.code == .dryRunStartedJob && failure.service?.jobID == Self.job && record == nil)
    var ordered = Self.run(in: .pricing)
    #expect(ordered.next(.submitted(Self.job)) == .follow(Self.job))
  }

  // MARK: Where the legacy endpoint is gone

  private static let goneEvents: [(Phase, Event)] = [
    (.pricing, failed(gone)), (.pricing, failed(error(.modelRefused, .refused, .price))), (.submitting, failed(gone)),
    (.submitting, .notSubmitted(gone, pause: nil)),
    (.submitting, .notSubmitted(error(.modelRefused, .refused), pause: nil)),
  ]

  @Test(
    "a refusal which shows that the legacy endpoint is gone leads to the custom model once, and its price is asked for")
  func switches() {
    for (phase, event) in Self.goneEvents {
      var state = Self.run(in: phase, maySwitch: true)
      guard case .switchToCustom = state.next(event) else {
        Issue.record("\(event) in \(phase)")
        continue
      }
      #expect(state.next(.switched) == .askPrice)
      #expect(state.next(.priced(3)) == .submit)
      #expect(state.next(.notSubmitted(Self.gone, pause: nil)) == Self.giveUp(Self.gone, record: "no"), "only once")
    }
  }

  @Test(
    "without leave, or when a job may have been started, the custom model does not take the place of the legacy one")
  func keepsLegacy() {
    for (phase, event) in Self.goneEvents {
      var state = Self.run(in: phase)
      if case .switchToCustom = state.next(event) { Issue.record("\(event) in \(phase)") }
    }
    for error in [Self.lost, Self.failing, Self.error(.endpointGone, .unknownOutcome)] {
      var state = Self.run(in: .submitting, maySwitch: true)
      #expect(state.next(.notSubmitted(error, pause: nil)) == .reconcile)
    }
  }

  private static let failing = ScenarioError(
    .serviceFailed, .unknownOutcome, stage: .submit, "no",
    remedy: .both("look for it", and: .useCustomModel("model_bfl-flux-1-dev")))

  @Test(
    "after a bare failure of the legacy endpoint, the error names the custom model for the next order")
  func namesCustom() {
    let parked = PipelineError(.needsDecision, stage: .submit, "who knows", remedy: .decide(run: 1))
    for (error, isNamed) in [(Self.failing, true), (Self.lost, false)] {
      var state = Self.run(in: .submitting, maySwitch: true)
      _ = state.next(.notSubmitted(error, pause: nil))
      guard case .giveUp(let failure, nil) = state.next(Self.failed(parked)) else {
        Issue.record("the run goes on")
        continue
      }
      let remedy: Remedy =
        isNamed ? .both(.decide(run: 1), and: .useCustomModel("model_bfl-flux-1-dev")) : .decide(run: 1)
      #expect((failure.error as? PipelineError)?.remedy == remedy)
    }
  }

  @Test(
    "a refused submit is repeated or reported, depending on the refusal",
    arguments: [
      (cooling, Duration.seconds(6), Action.pause(.seconds(6), cooling)), (cooling, nil, giveUp(cooling)),
      (crowded, nil, .takePlace(after: crowded)), (canceled, nil, giveUp(canceled)),
      (refused, nil, giveUp(refused, record: "no")),
    ] as [(ScenarioError, Duration?, Action)])
  func refusals(error: ScenarioError, pause: Duration?, action: Action) {
    var state = Self.run(in: .submitting)
    #expect(state.next(.notSubmitted(error, pause: pause)) == action)
  }

  @Test("after a refusal for want of a place the upload is checked, and the same job is submitted")
  func waitsForPlace() {
    var state = Self.run(in: .submitting)
    _ = state.next(.notSubmitted(Self.crowded, pause: nil))
    #expect(state.next(.placeTaken) == .checkUpload)
    #expect(state.next(.uploadFound) == .submit)
  }

  @Test(
    "a failure before the submit is put on record when the same order would fail again",
    arguments: [Phase.preparing, .checkingUpload, .uploading, .pricing, .submitting])
  func recordsFailures(phase: Phase) {
    let failures: [(any Error, String?)] = [
      (Self.badImage, "it ends early"), (Self.refused, "no"), (Self.down, nil), (Self.canceled, nil),
      (CancellationError(), nil), (Self.noLedger, nil),
      (PreparationError(.canceled, stage: .decode, "canceled", remedy: ""), nil),
    ]
    for (error, record) in failures {
      var state = Self.run(in: phase)
      #expect(state.next(Self.failed(error)) == Self.giveUp(error, record: record), "\(error)")
    }
  }

  @Test(
    "a failure after the submit does not change the run's state",
    arguments: [Phase.reconciling, .following, .downloading, .lookingForResults])
  func keepsJobs(phase: Phase) {
    for error in [Self.badImage, Self.noLedger, CancellationError()] as [any Error] {
      var state = Self.run(in: phase)
      #expect(state.next(Self.failed(error)) == Self.giveUp(error), "\(error)")
    }
  }

  @Test("asking for the price of a run whose submit had no reply ends with its job, or leaves the run as it is")
  func priceLeavesRun() {
    var state = RunState(goal: .price)
    _ = state.next(.claimed(.submitting, job: nil))
    var failed = state
    #expect(failed.next(Self.failed(Self.refused)) == Self.giveUp(Self.refused))
    #expect(state.next(.submitted(Self.job)) == .finish)
  }

  @Test(
    "a job that ends without results is reported and put on record",
    arguments: [("failure", PipelineError.Code.jobFailed), ("canceled", .jobCanceled)])
  func jobFails(status: String, code: PipelineError.Code) {
    var state = Self.run(in: .following)
    let action = state.next(.jobEnded(Self.job(status)))
    #expect(Self.code(action) == code)
    guard case .giveUp(_, let record) = action else { return }
    #expect(record?.hasSuffix("(no luck)") == true)
  }

  @Test("an order that does not wait ends with its job")
  func doesNotWait() {
    var state = Self.run(in: .submitting, goal: .job)
    #expect(state.next(.submitted(Self.job)) == .finish)
  }
}
