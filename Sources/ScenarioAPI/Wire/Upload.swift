/// A multipart upload as the service last reported it (contract, section 4.2).
struct Upload: Decodable {
  /// Where the bytes of one part go, without credentials.
  struct Part: Decodable {
    let number: Int
    let url: SignedURL
  }

  let id: String
  let status: String
  /// The asset it became.
  let entityId: AssetID?
  let errorMessage: String?
  let parts: [Part]?

  /// True when waiting longer makes no sense.
  var isFinal: Bool { entityId != nil || ["imported", "complete", "failed"].contains(status) }
}

/// The envelope of everything that answers with an upload.
struct UploadReply: Decodable { let upload: Upload }

/// The body of `POST /uploads`.
struct UploadCreation: Encodable {
  let fileName: String
  let fileSize: Int
  let contentType: String
  let kind = "image"
  let parts: Int
}
