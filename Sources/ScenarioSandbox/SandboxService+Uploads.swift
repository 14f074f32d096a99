internal import Digests
internal import FlyingFox
internal import Foundation
internal import Synchronization

/// The body of `POST /uploads`, in its multipart form.
private struct UploadRequest: Decodable {
  /// The kinds of file that the service imports; the sandbox imports images.
  enum Kind: String, Decodable {
    case threeDimensional = "3d"
    case asset, audio, avatar, image, model, text, video
  }

  var fileName: String
  var fileSize: Int
  var contentType: String
  var kind: Kind
  var parts: Int
  var assetOptions: Upload.AssetOptions?

  enum CodingKeys: String, CodingKey { case fileName, fileSize, contentType, kind, parts, assetOptions }

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    fileName = try fields.required(.fileName)
    contentType = try fields.decode(String.self, forKey: .contentType)
    kind = try fields.decode(Kind.self, forKey: .kind)
    assetOptions = try fields.given(Upload.AssetOptions.self, .assetOptions)
    guard let fileSize = try fields.integer(.fileSize), let parts = try fields.integer(.parts) else {
      throw ServiceError.badRequest("Inputs fileSize and parts are required", parameter: "parts")
    }
    (self.fileSize, self.parts) = (fileSize, parts)
    try fields.check(fileSize, .fileSize, in: 1...5_497_558_138_880)
    try fields.check(parts, .parts, in: 1...10_000)
  }
}

/// The body of `POST /uploads/{uploadId}/action`.
private struct UploadAction: Decodable {
  enum Action: String, Decodable { case complete }
  let action: Action
}

extension SandboxService {
  /// The first segment of part URLs.
  static let partsFolder = "upload-parts"

  /// `POST /uploads`: one signed URL for every part.
  func createUpload(_ call: RequestContext) throws(ServiceError) -> HTTPResponse {
    let request = try call.json(UploadRequest.self)
    guard request.kind == .image else {
      throw .badRequest("The sandbox imports images only", parameter: "kind")
    }
    let upload = Upload(
      id: Identifier.make("upload", entropy: configuration.entropy), created: now, fileName: request.fileName,
      fileSize: request.fileSize, contentType: request.contentType, partsCount: request.parts,
      expiry: now.addingTimeInterval(configuration.partLifetime / .seconds(1)), options: request.assetOptions,
      updated: now)
    state.withLock { $0.uploads[upload.id] = upload }
    return .json(Wire.UploadEnvelope(upload: wire(upload)))
  }

  /// `GET /uploads/{uploadId}`: the reply about an open upload has the parts' URLs again (ASSUMED). A complete upload is `validating` at
  /// the first read, then `imported`.
  func getUpload(_ call: RequestContext) throws(ServiceError) -> HTTPResponse {
    var upload = try upload(call)
    if upload.status == .validating {
      upload.readsSinceComplete += 1
      state.withLock { $0.uploads[upload.id] = upload }
      if upload.readsSinceComplete > 1 { upload = importAsset(upload) }
    }
    return .json(Wire.UploadEnvelope(upload: wire(upload)))
  }

  /// `POST /uploads/{uploadId}/action`: the client reports that it has sent all parts. Completing an upload twice changes nothing
  /// (ASSUMED).
  func actOnUpload(_ call: RequestContext) throws(ServiceError) -> HTTPResponse {
    _ = try call.json(UploadAction.self)
    var upload = try upload(call)
    if upload.status == .pending {
      upload.errorMessage = upload.fault
      upload.status = upload.errorMessage == nil ? .validating : .failed
      upload.updated = now
      state.withLock { state in
        state.uploads[upload.id] = upload
        if upload.status == .failed { _ = state.uploads.take(upload.id) }
      }
    }
    return .json(Wire.UploadEnvelope(upload: wire(upload)))
  }

  /// `PUT` of a part's bytes on its signed URL, without credentials. The same part may come twice; the last one counts.
  func part(_ segments: [String], request: HTTPRequest, body: Data?) throws(ServiceError) -> HTTPResponse {
    guard request.method == .PUT else { throw .methodNotAllowed(allowed: ["PUT"]) }
    // The request is refused, because such a client would send its key to the storage provider too.
    guard request.headers[.authorization] == nil else {
      throw .badRequest("Part URLs are signed; credentials must not be sent to them", parameter: "Authorization")
    }
    let id = segments[0]
    guard let upload = state.withLock({ $0.uploads[id] }), let number = Int(segments[1]),
      (1...upload.partsCount).contains(number), upload.expiry > now,
      MessageAuthentication.areEqual(
        [UInt8](request.target.query().utf8), [UInt8](partQuery(upload, number: number).utf8))
    else { return .accessDenied }
    guard let body else { throw .bodyTooLarge }
    guard upload.status == .pending else { throw .badRequest("The upload was completed before") }
    guard state.withLock({ $0.uploads.keep([UInt8](body), number: number, of: id) }) else {
      throw .storageFull(limit: configuration.limits.storedBytes)
    }
    return HTTPResponse(statusCode: .ok)
  }

  private func upload(_ call: RequestContext) throws(ServiceError) -> Upload {
    let id = call.parameters["uploadId"] ?? ""
    guard let upload = state.withLock({ $0.uploads[id] }) else { throw .notFound("Upload", id) }
    return upload
  }

  private func importAsset(_ upload: Upload) -> Upload {
    var upload = upload
    let bytes = state.withLock { $0.uploads.take(upload.id) }
    do throws(ServiceError) {
      let asset = try store(
        bytes, name: upload.fileName, parentID: upload.options?.parentId, isHidden: upload.options?.hide ?? false
      ) { $0.collectionIDs = upload.options?.collectionIds ?? [] }
      (upload.status, upload.entityID) = (.imported, asset.id)
    } catch {
      (upload.status, upload.errorMessage) = (.failed, error.body.reason ?? error.body.message)
    }
    upload.parts = [:]
    upload.updated = now
    let ended = upload
    state.withLock { $0.uploads[ended.id] = ended }
    return ended
  }

  private func partQuery(_ upload: Upload, number: Int) -> String {
    "X-Signature=" + signer.tag("\(upload.id)/\(number)/\(upload.expiry.timeIntervalSince1970)")
  }

  private func wire(_ upload: Upload) -> Wire.Upload {
    let origin = state.withLock(\.origin)
    let parts = (1...upload.partsCount).map { number in
      Wire.Upload.Part(
        number: number,
        url: "\(origin)/\(Self.partsFolder)/\(upload.id)/\(number)?\(partQuery(upload, number: number))",
        expires: Wire.Timestamp(upload.expiry))
    }
    return Wire.Upload(
      id: upload.id, status: upload.status, fileName: upload.fileName, authorId: authorID, ownerId: ownerID,
      createdAt: Wire.Timestamp(upload.created), updatedAt: Wire.Timestamp(upload.updated),
      originalFileName: upload.fileName, partsCount: upload.partsCount, fileSize: upload.fileSize,
      contentType: upload.contentType, entityId: upload.entityID, errorMessage: upload.errorMessage,
      parts: upload.status == .pending ? parts : nil)
  }
}
