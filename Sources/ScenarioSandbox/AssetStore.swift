internal import Foundation
internal import ImagePreparation

/// A file that the sandbox has: an upload, or a result that is rendered when it is requested.
struct Asset: Sendable {
  /// The source of the bytes. A result may be the source of another result.
  indirect enum Content: Sendable {
    case stored(StoredImage)
    case rendered(Rendering)
  }

  /// The metadata of a result that describe its generation.
  struct Origin: Sendable {
    let jobID: String
    let input: Img2ImgParameters
    let sourceID: String
    let index: Int
    /// The type the service gives in `metadata.type`.
    let type: String
    let isCustom: Bool
  }

  let id: String
  let created: Date
  let name: String?
  let mimeType: String
  let size: ImageSize
  let content: Content
  var parentID: String?
  var collectionIDs: [String] = []
  var isHidden = false
  var origin: Origin?
  /// Distinguishes assets that were made in the same millisecond.
  fileprivate(set) var sequence = 0

  /// The type the service gives in `metadata.type`.
  var type: String { origin?.type ?? "uploaded" }
}

/// An uploaded file and its digest. Copies share the bytes.
struct StoredImage: Sendable {
  let bytes: [UInt8]
  let digest: String
}

/// All assets of a sandbox. Uploading the same bytes twice makes two assets; the bytes are kept once.
struct AssetStore: Sendable {
  private var assets: [String: Asset] = [:]
  private var images: [String: StoredImage] = [:]
  private var storedBytes = 0
  private var nextSequence = 0
  private let limit: Int

  /// Makes an empty store for at most `limit` bytes of uploads.
  init(limit: Int) { self.limit = limit }

  /// The asset with this id, if it exists at `now`: a result exists from the moment its job ends.
  func asset(_ id: String, at now: Date) -> Asset? {
    assets[id].flatMap { $0.created <= now ? $0 : nil }
  }

  /// Every asset that exists at `now`, in no order.
  func all(at now: Date) -> [Asset] { assets.values.filter { $0.created <= now } }

  /// Adds a new asset; false when its bytes would exceed the limit.
  mutating func add(_ asset: Asset) -> Bool {
    if case .stored(let image) = asset.content, images[image.digest] == nil {
      guard storedBytes + image.bytes.count <= limit else { return false }
      storedBytes += image.bytes.count
      images[image.digest] = image
    }
    var asset = asset
    asset.sequence = nextSequence
    nextSequence += 1
    assets[asset.id] = asset
    return true
  }

  /// The image already kept under this digest, so that copies share its bytes.
  func image(digest: String) -> StoredImage? { images[digest] }

  /// Removes the results of a canceled job, which will never exist.
  mutating func discard(_ ids: [String]) {
    for id in ids { assets[id] = nil }
  }
}
