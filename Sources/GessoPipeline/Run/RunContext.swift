internal import ImagePreparation
internal import ScenarioAPI

/// What the steps of a run work with.
struct RunContext: Sendable {
  let client: ScenarioClient
  let ledger: Ledger
  let preparer: ImagePreparer
  /// When to look at the job, and for how long.
  let polling: JobPolling
  /// Takes what happens, for whoever follows the run.
  let report: @Sendable (Img2ImgEvent) -> Void

  /// Who pays: the project, else whoever has the key.
  var account: String { client.configuration.projectID ?? client.configuration.credential.accountDigest }
}
