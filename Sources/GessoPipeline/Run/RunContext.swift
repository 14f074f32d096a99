internal import Ground
internal import ImagePreparation
internal import ScenarioAPI

/// The values that the steps of a run share.
struct RunContext: Sendable {
  let client: ScenarioClient
  /// The account's list of jobs, for runs that look for their job.
  let jobList: SharedJobList
  let ledger: Ledger
  let preparer: ImagePreparer
  /// When to read the job, and for how long.
  let polling: JobPolling
  /// The limits and resources that the order shares with others.
  var terms = OrderTerms()
  /// Reports an event of the run.
  var report: @Sendable (Img2ImgEvent) -> Void
  /// The bytes that may still be written in a folder; nil if that is not known.
  var freeBytes: @Sendable (String) -> UInt64? = { FileSystem.freeBytes(holding: $0) }

  /// The same values for work on another run, without reporting its events.
  var silent: RunContext {
    var context = self
    context.report = { _ in }
    return context
  }
  /// The service's clock minus this machine's; nil if no reply has shown it.
  var clockOffset: Duration? { client.clockOffset }
  /// The account that pays.
  var account: Account { Account(client.configuration) }
}
