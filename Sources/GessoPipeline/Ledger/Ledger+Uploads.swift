internal import Digests
internal import Foundation
internal import GRDB
internal import ImagePreparation
package import ScenarioAPI

/// The record of uploads: bytes that the service has are not sent again.
extension Ledger {
  /// The exclusive right to upload these bytes; nil when another task or process is uploading them.
  package func lockUpload(of sha256: String, account: Account) throws(PipelineError) -> LedgerLock? {
    let name = ContentDigest.sha256(of: [UInt8]("\(sha256) \(account.id)".utf8))
    return try lock(named: "upload-\(name)")
  }

  /// Records the asset that the service made of these bytes.
  package func recordUpload(
    of sha256: String, account: Account, asset: AssetID
  ) throws(PipelineError) {
    try write("stored") { database in
      try database.execute(
        sql: "INSERT OR REPLACE INTO upload (account, sha256, assetID, createdAt) VALUES (?, ?, ?, ?)",
        arguments: [account.id, sha256, asset.rawValue, Self.now])
      try database.execute(
        sql: "DELETE FROM partialUpload WHERE account = ? AND sha256 = ?", arguments: [account.id, sha256])
    }
  }

  /// Records the parts of an upload that the service has.
  package func recordPartialUpload(
    of sha256: String, account: Account, _ partial: PartialUpload
  ) throws(PipelineError) {
    try write("part") { database in
      try database.execute(
        sql: "INSERT OR REPLACE INTO partialUpload (account, sha256, progress, updatedAt) VALUES (?, ?, ?, ?)",
        arguments: [account.id, sha256, try JSONEncoder().encode(partial), Self.now])
    }
  }

  /// The asset that the service made of these bytes earlier.
  package func upload(of sha256: String, account: Account) throws(PipelineError) -> AssetID? {
    try read { database in
      try String.fetchOne(
        database, sql: "SELECT assetID FROM upload WHERE account = ? AND sha256 = ?", arguments: [account.id, sha256]
      ).map(AssetID.init(rawValue:))
    }
  }

  /// The progress of an unfinished upload of these bytes.
  package func partialUpload(
    of sha256: String, account: Account
  ) throws(PipelineError) -> PartialUpload? {
    try read { database in
      let progress = try Data.fetchOne(
        database, sql: "SELECT progress FROM partialUpload WHERE account = ? AND sha256 = ?",
        arguments: [account.id, sha256])
      // Progress in another version's format is ignored, and the upload begins again.
      return progress.flatMap { try? JSONDecoder().decode(PartialUpload.self, from: $0) }
    }
  }
}
