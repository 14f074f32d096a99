internal import Foundation

/// The state of an upload, in the service's spelling.
enum UploadStatus: String, Encodable, Sendable { case pending, validating, imported, failed }

/// A multipart upload: its announced size and parts, and the parts received so far.
struct Upload: Sendable {
  /// The least size of every part but the last, in bytes (S3's).
  static let leastPart = 5 << 20

  let id: String
  let created: Date
  let fileName: String
  let fileSize: Int
  let contentType: String
  let partsCount: Int
  /// The time when the parts' URLs expire.
  let expiry: Date
  let options: AssetOptions?
  var parts: [Int: [UInt8]] = [:]
  var status = UploadStatus.pending
  var updated: Date
  /// The number of reads of the upload since it was completed.
  var readsSinceComplete = 0
  var entityID: String?
  var errorMessage: String?

  /// The description of the asset that an upload becomes.
  struct AssetOptions: Decodable, Sendable {
    let hide: Bool?
    let parentId: String?
    let collectionIds: [String]?

    enum CodingKeys: String, CodingKey { case hide, parentId, collectionIds }

    init(from decoder: any Decoder) throws {
      let fields = try decoder.container(keyedBy: CodingKeys.self)
      hide = try fields.given(Bool.self, .hide)
      parentId = try fields.given(String.self, .parentId)
      collectionIds = try fields.given([String].self, .collectionIds)
    }
  }

  /// The reason why these parts make no file; nil when they do.
  var fault: String? {
    for number in 1...partsCount {
      guard let part = parts[number] else { return "Part \(number) is missing" }
      if number < partsCount, part.count < Self.leastPart { return "Part \(number) is smaller than 5 MB" }
    }
    let size = parts.values.reduce(0) { $0 + $1.count }
    return size == fileSize ? nil : "The parts have \(size) bytes, announced were \(fileSize)"
  }
}

/// The uploads of a sandbox.
struct UploadStore: Sendable {
  private var uploads: [String: Upload] = [:]
  /// Bytes of parts that have not become assets.
  private var heldBytes = 0
  private let limit: Int

  /// Makes an empty store for at most `limit` bytes of parts.
  init(limit: Int) { self.limit = limit }

  /// The upload with this id.
  subscript(id: String) -> Upload? {
    get { uploads[id] }
    set { uploads[id] = newValue }
  }

  /// Stores a part, replacing an earlier one with its number; false when memory is full.
  mutating func keep(_ part: [UInt8], number: Int, of id: String) -> Bool {
    let count = part.count - (uploads[id]?.parts[number]?.count ?? 0)
    guard heldBytes + count <= limit else { return false }
    heldBytes += count
    uploads[id]?.parts[number] = part
    return true
  }

  /// Removes the parts of an ended upload, and returns them joined in order.
  mutating func take(_ id: String) -> [UInt8] {
    guard let upload = uploads[id] else { return [] }
    uploads[id]?.parts = [:]
    let bytes = upload.parts.sorted { $0.key < $1.key }.flatMap(\.value)
    heldBytes -= bytes.count
    return bytes
  }
}
