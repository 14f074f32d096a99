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
  /// Where the file can be fetched without credentials, for some days.
  public let url: SignedURL
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
  private struct Size: Decodable {
    var width: Double?
    var height: Double?
  }
  private struct Metadata: Decodable {
    enum Key: String, CodingKey { case seed, prompt, parentId }
    var seed: String?
    var prompt: String?
    var parentID: AssetID?
    init(from decoder: any Decoder) throws {
      let fields = try decoder.container(keyedBy: Key.self)
      seed =
        (try? fields.decode(String.self, forKey: .seed))
        ?? (try? fields.decode(Int64.self, forKey: .seed)).map(String.init)
      prompt = try? fields.decode(String.self, forKey: .prompt)
      parentID = try? fields.decode(AssetID.self, forKey: .parentId)
    }
  }

  /// Reads an asset, ignoring fields it does not know.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Key.self)
    let size = try fields.decodeIfPresent(Size.self, forKey: .properties)
    id = try fields.decode(AssetID.self, forKey: .id)
    url = try fields.decode(SignedURL.self, forKey: .url)
    mimeType = try fields.decodeIfPresent(String.self, forKey: .mimeType) ?? ""
    status =
      switch try fields.decodeIfPresent(String.self, forKey: .status) {
      case nil, "success": .success
      case "pending": .pending
      case "error": .error
      case let other?: .unknown(other)
      }
    width = size?.width.flatMap { Int(exactly: $0) }
    height = size?.height.flatMap { Int(exactly: $0) }
    let metadata = try fields.decodeIfPresent(Metadata.self, forKey: .metadata)
    seed = metadata?.seed
    prompt = metadata?.prompt
    parentID = metadata?.parentID
  }
}

/// The envelope of everything that answers with an asset.
struct AssetReply: Decodable { let asset: Asset }

/// The envelope of everything that answers with several.
struct AssetsReply: Decodable { let assets: [Asset] }
