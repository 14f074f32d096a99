extension ScenarioClient {
  /// Bytes of a part; all but the last need 5 MB (contract, section 4.2).
  static let uploadPartSize = 8 << 20
  /// Parts that are sent at once.
  private static let parallelParts = 4
  /// How often an upload whose URLs have expired is begun again.
  private static let uploadRestarts = 2
  /// How long, and how often, the service is asked what became of a complete upload.
  private static let importDeadline = Duration.seconds(300)
  private static let importInterval = Duration.seconds(2)

  /// Uploads an image of any size: up to ``directUploadLimit`` in one request, above it in parts.
  ///
  /// Parts go in parallel, each repeated on its own after a fault that passes; when their addresses expire, the upload is
  /// begun again.
  ///
  /// - Parameters:
  ///   - name: A file name with its extension.
  ///   - bytes: The encoded image.
  ///   - mimeType: The image's media type.
  ///   - onProgress: Told how many bytes have arrived so far.
  /// - Returns: The stored asset's id.
  /// - Throws: A ``ScenarioError`` of the stage `upload`.
  public func upload(
    name: String, bytes: [UInt8], mimeType: String, onProgress: @Sendable (Int) -> Void = { _ in }
  ) async throws(ScenarioError) -> AssetID {
    guard bytes.count > Self.directUploadLimit else {
      let id = try await uploadAsset(name: name, bytes: bytes, mimeType: mimeType).id
      onProgress(bytes.count)
      return id
    }
    return try await uploadInParts(name: name, size: bytes.count, mimeType: mimeType, onProgress) {
      .bytes([UInt8](bytes[$0]))
    }
  }

  /// Uploads the file at `path` in parts, read while they are sent.
  ///
  /// - Throws: A ``ScenarioError`` of the stage `upload`.
  public func upload(
    name: String, file path: String, size: Int, mimeType: String, onProgress: @Sendable (Int) -> Void = { _ in }
  ) async throws(ScenarioError) -> AssetID {
    try await uploadInParts(name: name, size: size, mimeType: mimeType, onProgress) {
      .file(path: path, offset: $0.lowerBound, count: $0.count)
    }
  }

  private func uploadInParts(
    name: String, size: Int, mimeType: String, _ onProgress: @Sendable (Int) -> Void,
    body: @Sendable (Range<Int>) -> HTTPRequest.Body
  ) async throws(ScenarioError) -> AssetID {
    guard size > 0, !name.isEmpty else {
      throw ScenarioError(
        .invalidRequest, .notSent, stage: .upload, "the upload has no bytes or no name", remedy: "upload an image file")
    }
    let count = (size + Self.uploadPartSize - 1) / Self.uploadPartSize
    var restarts = Self.uploadRestarts
    while true {
      var request = try apiRequest(.post, ["uploads"], stage: .upload)
      request.fields.append(HTTPField("Content-Type", "application/json"))
      request.body = .bytes(
        try Self.json(
          UploadCreation(fileName: name, fileSize: size, contentType: mimeType, parts: count), stage: .upload))
      request.isRepeatable = true
      let upload = try await reply(UploadReply.self, to: request, as: .upload).upload
      let parts = (upload.parts ?? []).sorted { $0.number < $1.number }
      guard parts.map(\.number) == Array(1...count) else {
        throw Self.uploadFailed("the service gave addresses for \(parts.count) parts of \(count)")
      }
      do throws(ScenarioError) {
        try await send(parts, size: size, onProgress, body)
      } catch {
        // The signature of a part's address has expired: there is no way but from the start.
        guard error.httpStatus == 403, restarts > 0 else { throw error }
        restarts -= 1
        continue
      }
      return try await complete(upload.id)
    }
  }

  private func send(
    _ parts: [Upload.Part], size: Int, _ onProgress: @Sendable (Int) -> Void,
    _ body: @Sendable (Range<Int>) -> HTTPRequest.Body
  ) async throws(ScenarioError) {
    let result = await withTaskGroup(of: Result<Int, ScenarioError>.self) { group in
      var (next, arrived) = (0, 0)
      func begin() {
        guard next < parts.count else { return }
        let start = next * Self.uploadPartSize
        let (part, range) = (parts[next], start..<min(start + Self.uploadPartSize, size))
        let content = body(range)
        next += 1
        group.addTask {
          do throws(ScenarioError) {
            try await send(part, content)
            return .success(range.count)
          } catch {
            return .failure(error)
          }
        }
      }
      for _ in 0..<Self.parallelParts { begin() }
      while let result = await group.next() {
        guard case .success(let count) = result else {
          group.cancelAll()
          return result
        }
        arrived += count
        onProgress(arrived)
        begin()
      }
      return .success(arrived)
    }
    _ = try result.get()
  }

  /// Sends one part, without credentials.
  private func send(_ part: Upload.Part, _ body: HTTPRequest.Body) async throws(ScenarioError) {
    guard let origin = ServiceURL.origin(of: part.url.rawValue), origin.isSecure || origin.isLoopback else {
      throw ScenarioError(
        .insecureURL, .refused, stage: .upload, "the service gave an upload URL that is not https",
        remedy: "check the base URL")
    }
    var request = HTTPRequest(.put, part.url.rawValue, stage: .upload)
    request.body = body
    var policy = retry
    while true {
      do throws(ScenarioError) {
        _ = try await answer(to: request)
        return
      } catch {
        try await pause(after: error, of: .upload, &policy)
      }
    }
  }

  private func complete(_ id: String) async throws(ScenarioError) -> AssetID {
    var request = try apiRequest(.post, ["uploads", id, "action"], stage: .upload)
    request.fields.append(HTTPField("Content-Type", "application/json"))
    request.body = .bytes([UInt8](#"{"action":"complete"}"#.utf8))
    request.isRepeatable = true
    var upload = try await reply(UploadReply.self, to: request, as: .upload).upload
    var waited = Duration.zero
    while !upload.isFinal {
      guard waited < Self.importDeadline else {
        var error = Self.uploadFailed("the service has not taken the image in after \(Self.importDeadline)")
        error.isRetryable = true
        throw error
      }
      try await sleep(Self.importInterval, stage: .upload)
      waited += Self.importInterval
      upload = try await reply(
        UploadReply.self, to: try apiRequest(.get, ["uploads", id], stage: .upload), as: .read
      ).upload
    }
    guard let asset = upload.entityId else {
      throw Self.uploadFailed("the service did not take the image: \(printable(upload.errorMessage ?? upload.status))")
    }
    return asset
  }

  private static func uploadFailed(_ message: String) -> ScenarioError {
    ScenarioError(.uploadFailed, .unusable, stage: .upload, message, remedy: "check the image, or try again")
  }
}
