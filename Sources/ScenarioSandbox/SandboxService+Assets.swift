internal import Digests
internal import FlyingFox
internal import Foundation
internal import ImagePreparation
internal import Synchronization

/// The body of `POST /assets`.
private struct AssetUpload: Decodable {
  var name: String
  var image: String?
  var canvas: String?
  var thumbnail: String?
  var hide: Bool?
  var parentId: String?
  var collectionIds: [String]?

  enum CodingKeys: String, CodingKey { case name, image, canvas, thumbnail, hide, parentId, collectionIds }

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    name = try fields.required(.name)
    image = try fields.given(String.self, .image)
    canvas = try fields.given(String.self, .canvas)
    thumbnail = try fields.given(String.self, .thumbnail)
    hide = try fields.given(Bool.self, .hide)
    parentId = try fields.given(String.self, .parentId)
    collectionIds = try fields.given([String].self, .collectionIds)
    guard image != nil || canvas != nil else {
      throw ServiceError.badRequest("Either 'image' or 'canvas' must be provided")
    }
  }
}

/// The body of `POST /assets/get-bulk`.
private struct AssetSelection: Decodable {
  var assetIds: [String]

  enum CodingKeys: String, CodingKey { case assetIds }

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    assetIds = try fields.decode([String].self, forKey: .assetIds)
    guard assetIds.count <= 200 else {
      throw ServiceError.badRequest("Input assetIds must have at most 200 items", parameter: "assetIds")
    }
    guard assetIds.allSatisfy(Identifier.isWellFormed) else {
      throw ServiceError.badRequest("Input assetIds holds a malformed id", parameter: "assetIds")
    }
  }
}

extension SandboxService {
  /// `POST /assets`: stores one image.
  func uploadAsset(_ call: RequestContext) async throws(ServiceError) -> HTTPResponse {
    let upload = try call.json(AssetUpload.self)
    guard let text = upload.image else {
      throw .badRequest("The sandbox stores images only, no canvas documents", parameter: "canvas")
    }
    guard let bytes = Self.imageBytes(base64: text) else { throw .unhandledImageFormat }
    let asset = try store(bytes, name: upload.name, parentID: upload.parentId, isHidden: upload.hide ?? false) {
      asset in
      asset.collectionIDs = upload.collectionIds ?? []
    }
    return .json(Wire.AssetEnvelope(asset: try await wire(asset, delivery: call.delivery)))
  }

  /// `GET /assets/{assetId}`.
  func getAsset(_ call: RequestContext) async throws(ServiceError) -> HTTPResponse {
    let id = call.parameters["assetId"] ?? ""
    guard let asset = state.withLock({ $0.assets.asset(id, at: now) }) else { throw .notFound("Asset", id) }
    return .json(Wire.AssetEnvelope(asset: try await wire(asset, delivery: call.delivery)))
  }

  /// `POST /assets/get-bulk`: the assets in the order asked for; unknown ones are left out (ASSUMED).
  func getAssetsBulk(_ call: RequestContext) async throws(ServiceError) -> HTTPResponse {
    let ids = try call.json(AssetSelection.self).assetIds
    let found = state.withLock { state in ids.compactMap { state.assets.asset($0, at: now) } }
    try refuseBulk(found)
    return .json(Wire.AssetList(assets: try await wire(found, delivery: call.delivery)))
  }

  /// `GET /assets`: one page, newest first by default.
  func listAssets(_ call: RequestContext) async throws(ServiceError) -> HTTPResponse {
    let query = call.query
    let sortBy = try query.choice("sortBy", of: SortKey.self)
    let direction = try query.choice("sortDirection", of: SortDirection.self) ?? .desc
    let (after, before) = (try moment("createdAfter", of: query), try moment("createdBefore", of: query))
    guard after == nil && before == nil || sortBy == .createdAt else {
      throw .badRequest("createdAfter and createdBefore need sortBy=createdAt", parameter: "sortBy")
    }
    let types = query.list("types")
    guard types == nil || query["type"] == nil else {
      throw .badRequest("type and types cannot be used together", parameter: "types")
    }
    let wanted = types ?? query["type"].map { [$0] }
    // Assets never change, so both sort keys give the same order.
    let assets = state.withLock { $0.assets.all(at: now) }.filter { asset in
      asset.created > after ?? .distantPast && asset.created < before ?? .distantFuture
        && wanted?.contains(asset.type) ?? true
        && query["modelId"].map { $0 == asset.origin?.input.modelId } ?? true
        && query["parentAssetId"].map { $0 == asset.parentID } ?? true
        && query["rootAssetId"].map { $0 == asset.parentID } ?? true
        && query["collectionId"].map { asset.collectionIDs.contains($0) } ?? true
        && query["authorId"].map { $0 == authorID } ?? true
        // The sandbox has no inference ids, so no asset matches one.
        && query["inferenceId"] == nil
    }
    let page = try Page(of: assets, ascending: direction == .asc, query: query) {
      ListPosition(date: $0.created, sequence: $0.sequence)
    }
    return .json(
      Wire.AssetList(
        assets: try await wire(page.elements, delivery: call.delivery), nextPaginationToken: page.nextToken))
  }

  private enum SortKey: String, CaseIterable { case createdAt, updatedAt }
  private enum SortDirection: String, CaseIterable { case asc, desc }

  /// Stores an image and returns its asset.
  ///
  /// - Throws: 400 for bytes that are not an image that the library reads, 507 when memory is full.
  func store(
    _ bytes: [UInt8], name: String?, parentID: String?, isHidden: Bool, _ configure: (inout Asset) -> Void = { _ in }
  ) throws(ServiceError) -> Asset {
    let digest = ContentDigest.sha256(of: bytes)
    let described: ImageDescription
    do {
      described = try images.describe(bytes)
    } catch {
      throw .unhandledImageFormat
    }
    let image = state.withLock { $0.assets.image(digest: digest) } ?? StoredImage(bytes: bytes, digest: digest)
    var asset = Asset(
      id: Identifier.make("asset", entropy: configuration.entropy), created: now, name: name,
      mimeType: "image/\(described.format.rawValue)", size: described.size, content: .stored(image),
      parentID: parentID, isHidden: isHidden)
    configure(&asset)
    guard state.withLock({ $0.assets.add(asset) }) else {
      throw .storageFull(limit: configuration.limits.storedBytes)
    }
    return asset
  }

  /// The bytes of an image given as base64, with or without a data URL's prefix; nil when that is not base64.
  static func imageBytes(base64 text: String) -> [UInt8]? {
    var encoded = text[...]
    if encoded.prefix(5).lowercased() == "data:" {
      guard let comma = encoded.firstIndex(of: ","), encoded[..<comma].lowercased().hasSuffix(";base64") else {
        return nil
      }
      encoded = encoded[encoded.index(after: comma)...]
    }
    return Data(base64Encoded: String(encoded)).map { [UInt8]($0) }
  }

  /// An asset as replies show it, with a fresh signed URL.
  func wire(_ asset: Asset, delivery: SignedURL.Delivery) async throws(ServiceError) -> Wire.Asset {
    let byteCount = try await byteCount(asset)
    let (width, height) = (asset.size.width, asset.size.height)
    let origin = asset.origin
    return Wire.Asset(
      id: asset.id, url: url(of: asset.id, delivery: delivery), mimeType: asset.mimeType,
      source: origin.map { $0.isCustom ? "img2img" : "inference-img" } ?? "uploaded", ownerId: ownerID,
      authorId: authorID,
      createdAt: shown(asset.created), updatedAt: shown(asset.created),
      collectionIds: asset.collectionIDs,
      metadata: Wire.Asset.Metadata(
        type: asset.type, name: asset.name, width: width, height: height, size: byteCount,
        prompt: origin?.input.prompt, modelId: origin?.input.modelId, parentId: asset.parentID,
        rootParentId: origin?.sourceID, parentJobId: origin?.jobID, strength: origin?.input.strength,
        guidance: origin?.input.guidance, numInferenceSteps: origin?.input.numInferenceSteps,
        seed: origin?.input.seed),
      properties: Wire.Asset.Properties(size: byteCount, width: width, height: height),
      description: origin.map { _ in "Sandbox output: \(SandboxNotice.text)" }, isHidden: asset.isHidden,
      outputIndex: origin?.index)
  }

  private func wire(_ assets: [Asset], delivery: SignedURL.Delivery) async throws(ServiceError) -> [Wire.Asset] {
    var wired: [Wire.Asset] = []
    for asset in assets { wired.append(try await wire(asset, delivery: delivery)) }
    return wired
  }

  /// A signed URL issued now.
  func url(of assetID: String, delivery: SignedURL.Delivery) -> String {
    state.withLock(\.origin)
      + signer.target(assetID: assetID, delivery: delivery, expiry: SignedURL.expiry(issued: now))
  }
}
