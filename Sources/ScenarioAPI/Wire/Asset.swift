/// A file that the service stores: an uploaded image or a result.
public struct Asset: Sendable, Equatable {
  /// Whether the file is there.
  public enum Status: Hashable, Sendable {
    /// The file is not there yet.
    case pending
    /// The file is there.
    case success
    /// There will be no file.
    case error
    /// A status that this client does not know, in the service's spelling.
    case unknown(String)
  }

  /// The service's name of the asset.
  public let id: AssetID
  /// The address to fetch the file from without credentials, valid for some days; nil if the service gives none.
  public let url: SignedURL?
  /// The file's media type, which may differ from the requested one; empty if the service gives none.
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

  /// Decodes an asset. Only its id is required: a field of another type counts as absent, and unknown fields are ignored.
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

/// The envelope of replies that contain an asset.
struct AssetReply: Decodable { let asset: Asset }

/// The envelope of replies that contain several assets. Assets without an id are left out.
struct AssetsReply: Decodable {
  let assets: [Asset]

  private enum Key: String, CodingKey { case assets }

  init(from decoder: any Decoder) throws {
    assets = try decoder.container(keyedBy: Key.self).decode(LossyArray<Asset>.self, forKey: .assets).elements
  }
}
