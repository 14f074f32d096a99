internal import Foundation
internal import ImagePreparation
internal import ScenarioAPI

/// The JSON beside a result: everything needed to know where it came from, and to make it again.
enum ResultRecord {
  /// Where the record of a result is.
  static func path(beside result: String) -> String { result + ".json" }

  static func document(of file: Img2ImgResult.File, run: LedgerEntry) -> String {
    let intent = run.intent
    return OrderedJSON.object([
      ("result", .string(lastPart(of: file.path))),
      ("index", .integer(file.index)), ("assetId", .string(file.assetID.rawValue)),
      ("mimeType", .string(file.mimeType)),
      ("bytes", .integer(file.byteCount)), ("sha256", .string(file.sha256)), ("width", .optional(file.size?.width)),
      ("height", .optional(file.size?.height)), ("prompt", .string(intent.prompt)), ("seed", .string(intent.seed)),
      ("model", .string(intent.model)), ("parameters", .verbatim(intent.parameters)),
      ("job", .optional(run.jobID?.rawValue)), ("cost", run.cost.map(OrderedJSON.verbatim) ?? .null),
      ("service", .string(intent.baseURL)), ("project", .optional(intent.projectID)),
      ("source", .string(intent.source)),
      ("sourceSha256", .optional(intent.sourceSHA256)), ("sourceAssetId", .optional(run.assetID?.rawValue)),
      ("prepared", .optional(intent.preparedPath.map(lastPart))), ("preparedSha256", .optional(intent.preparedSHA256)),
      ("geometry", intent.geometry.map(OrderedJSON.verbatim) ?? .null), ("created", .string(run.createdAt)),
    ]).document
  }

  /// Which result a record belongs to.
  struct Claim: Decodable {
    var result: String
    var assetId: String
    var service: String
    var sha256: String
    var job: String?
  }

  /// Which result the record beside a file belongs to; nil where there is no record of a result of that name.
  static func claim(beside result: String) -> Claim? {
    let path = path(beside: result)
    // A pipe of that name would never end, and a record is small.
    guard Occupant(path) == .file, let handle = FileHandle(forReadingAtPath: path),
      let data = try? handle.read(upToCount: 1 << 20),
      let claim = try? JSONDecoder().decode(Claim.self, from: data), claim.result == lastPart(of: result)
    else { return nil }
    return claim
  }

  /// Files lie beside the record, so their names say enough, and stay true when the folder is moved.
  private static func lastPart(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
}
