internal import Foundation
internal import GRDB
package import ScenarioAPI

/// The record of a run's steps: each is on the disk before the next one begins.
extension Ledger {
  /// Records that the order was given again. The new name of the source and the new folder and names of the results
  /// replace the old ones.
  package func recordRepeat(_ id: Int64, of intent: LedgerIntent) throws(PipelineError) {
    try update(
      id, step: "repeat",
      [
        "source": intent.source, "folder": intent.folder, "nameTemplate": intent.nameTemplate, "stem": intent.stem,
      ])
  }

  /// Records that the prepared image is on disk and that only the uploads are missing from the request.
  package func recordPrepared(
    _ id: Int64, sha256: String?, path: String?, geometry: String?, parameters: String
  ) throws(PipelineError) {
    try update(
      id, to: .prepared,
      ["preparedSHA256": sha256, "preparedPath": path, "geometry": geometry, "parameters": parameters])
  }

  /// Records an image that was prepared without an account. Any later order finds it by the digests of the source and of the recipe.
  package func recordPreparation(_ intent: LedgerIntent) throws(PipelineError) {
    try write(LedgerEntry.State.prepared.rawValue) { try Self.replacePreparation(intent, in: $0) }
  }

  /// Records that the service has the image, and the mask or control image if there is one.
  package func recordUpload(_ id: Int64, asset: AssetID, parameters: String) throws(PipelineError) {
    try update(id, to: .uploaded, ["assetID": asset.rawValue, "parameters": parameters])
  }

  /// Records the cost of the run's job if the reply to the submit did not contain it.
  package func recordCost(_ id: Int64, _ cost: String) throws(PipelineError) {
    try update(id, step: "cost", ["cost": cost])
  }

  /// Records that the job succeeded. `failure` is the reason why its results can never be downloaded; nil if they can.
  package func recordSuccess(_ id: Int64, failure: String? = nil) throws(PipelineError) {
    try update(id, to: .succeeded, ["failure": failure])
  }

  /// Records that the run ended without results. `reason` is one line for people.
  package func recordFailure(_ id: Int64, reason: String) throws(PipelineError) {
    try update(id, to: .failed, ["failure": reason])
  }

  /// Records that all results are on disk.
  package func recordDownloads(_ id: Int64) throws(PipelineError) {
    try update(id, to: .downloaded, ["failure": nil])
  }
}
