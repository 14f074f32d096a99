/// The state of a multipart upload as the service last reported it (contract, section 4.2).
struct Upload {
  /// The address for the bytes of one part, which are sent without credentials.
  struct Part {
    let number: Int
    let url: SignedURL
  }

  let id: String
  let status: String
  /// The asset that the service made of the upload.
  let entityId: AssetID?
  let errorMessage: String?
  let parts: [Part]

  /// True when the upload will not change any more.
  var isFinal: Bool { entityId != nil || ["imported", "complete", "failed"].contains(status) }
}

extension Upload: Decodable {
  private enum Key: String, CodingKey { case id, status, entityId, errorMessage, parts }

  /// Decodes an upload. Only its id is required; an upload without a status has not begun.
  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Key.self)
    id = try fields.decode(String.self, forKey: .id)
    status = fields.lenient(forKey: .status) ?? "pending"
    entityId = fields.lenient(forKey: .entityId)
    errorMessage = fields.lenient(ServiceWords.self, forKey: .errorMessage)?.text
    parts = fields.lenient(LossyArray<Part>.self, forKey: .parts)?.elements ?? []
  }
}

extension Upload.Part: Decodable {
  private enum Key: String, CodingKey { case number, url }

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Key.self)
    number = try fields.lenient(forKey: .number) ?? fields.decode(Int.self, forKey: .number)
    url = try fields.decode(SignedURL.self, forKey: .url)
  }
}

/// The envelope of replies that contain an upload.
struct UploadReply: Decodable { let upload: Upload }

/// The body of `POST /uploads`.
struct UploadCreation: Encodable {
  let fileName: String
  let fileSize: Int
  let contentType: String
  let kind = "image"
  let parts: Int
}
