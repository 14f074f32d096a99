/// A file the service keeps: an uploaded image or a result.
public struct Asset: Sendable, Equatable {
  /// Whether the file is there.
  public enum Status: Hashable, Sendable {
    /// Not yet.
    case pending
    /// Yes.
    case success
    /// It never will be.
    case error
    /// Something new, in the service's spelling.
    case unknown(String)
  }

  /// What the service calls the asset.
  public let id: AssetID
  /// Where the file can be fetched without credentials, for some days; nil where the service gives no address.
  public let url: SignedURL?
  /// The file's media type; it may differ from what was asked for. Empty where the service gives none.
  public let mimeType: String
  /// Whether the file is there.
  public let status: Status
  /// Width in pixels, if known.
  public let width: Int?
  /// Height in pixels, if known.
  public let height: Int?
  /// The seed this result was made with, if known. The service writes it as text or as a number.
  public let seed: String?
  /// The prompt this result was made with, if known.
  public let prompt: String?
  /// The image this result was made from, if known.
  public let parentID: AssetID?
}

extension Asset: Decodable {
  private enum Key: String, CodingKey { case id, url, mimeType, status, metadata, properties }
  private enum SizeKey: String, CodingKey { case width, height }
  private enum MetadataKey: String, CodingKey { case seed, prompt, parentId }

  /// Reads an asset. Only its id is needed: a field of another type counts as absent, and unknown fields are ignored.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Key.self)
    let size = try? fields.nestedContainer(keyedBy: SizeKey.self, forKey: .properties)
    let metadata = try? fields.nestedContainer(keyedBy: MetadataKey.self, forKey: .metadata)
    id = try fields.decode(AssetID.self, forKey: .id)
    url = fields.lenient(forKey: .url)
    mimeType = fields.lenient(forKey: .mimeType) ?? ""
    status =
      switch fields.lenient(String.self, forKey: .status) {
      case nil, "success": .success
      case "pending": .pending
      case "error": .error
      case let other?: .unknown(other)
      }
    width = size?.lenient(Double.self, forKey: .width).flatMap { Int(exactly: $0) }
    height = size?.lenient(Double.self, forKey: .height).flatMap { Int(exactly: $0) }
    seed =
      metadata?.lenient(String.self, forKey: .seed) ?? metadata?.lenient(Int64.self, forKey: .seed).map(String.init)
    prompt = metadata?.lenient(forKey: .prompt)
    parentID = metadata?.lenient(forKey: .parentId)
  }
}

/// The envelope of everything that answers with an asset.
struct AssetReply: Decodable { let asset: Asset }

/// The envelope of everything that answers with several, without those that have no id.
struct AssetsReply: Decodable {
  let assets: [Asset]

  private enum Key: String, CodingKey { case assets }

  init(from decoder: any Decoder) throws {
    assets = try decoder.container(keyedBy: Key.self).decode(LossyArray<Asset>.self, forKey: .assets).elements
  }
}
