internal import Foundation
internal import ImagePreparation
internal import ScenarioAPI

/// The JSON beside a result: its origin, and all settings needed to make it again.
enum ResultRecord {
  /// The path of a result's record.
  static func path(beside result: String) -> String { result + ".json" }

  /// The record of a result, as the bytes of its file.
  static func bytes(of file: Img2ImgResult.File, run: LedgerEntry) throws -> [UInt8] {
    let intent = run.intent
    let record: JSONObject = [
      "result": lastPart(of: file.path), "index": file.index, "assetId": file.assetID, "mimeType": file.mimeType,
      "bytes": file.byteCount, "sha256": file.sha256, "width": file.size?.width, "height": file.size?.height,
      "prompt": intent.prompt, "seed": intent.seed, "model": intent.model,
      "parameters": try JSONText.value(JSONValue.self, of: intent.parameters),
      "job": run.jobID, "cost": run.cost.flatMap { Decimal(string: $0) },
      "service": intent.baseURL, "project": intent.projectID, "source": intent.source,
      "sourceSha256": intent.sourceSHA256, "sourceAssetId": run.assetID,
      "prepared": intent.preparedPath.map(lastPart), "preparedSha256": intent.preparedSHA256,
      "geometry": try intent.geometry.map { try JSONText.value(JSONValue.self, of: $0) }, "created": run.createdAt,
    ]
    return [UInt8](try JSONText.document(record).utf8)
  }

  /// The fields of a record that identify its result.
  struct Claim: Decodable {
    var result: String
    var assetId: String
    var service: String
    var sha256: String
    var job: String?
  }

  /// The result that the record beside a file belongs to; nil if there is no record of a result with that name.
  static func claim(beside result: String) -> Claim? {
    let path = path(beside: result)
    // Only a regular file is read: a pipe with that name could block forever.
    guard Occupant(path) == .file, let handle = FileHandle(forReadingAtPath: path),
      let data = try? handle.read(upToCount: 1 << 20),
      let claim = try? JSONText.value(Claim.self, of: [UInt8](data)), claim.result == lastPart(of: result)
    else { return nil }
    return claim
  }

  /// The name of a file. A record names files without their folder, so that it remains valid when the folder is moved.
  private static func lastPart(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
}
