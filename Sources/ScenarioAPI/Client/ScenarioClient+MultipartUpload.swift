internal import Ground
internal import Synchronization

/// The progress of an upload in parts, to continue it later. It contains no addresses and no secrets.
public struct PartialUpload: Sendable, Codable, Equatable {
  /// The service's id of the upload.
  public let id: String
  /// The size in bytes of every part but the last.
  public let partSize: Int
  /// The parts that have arrived, from 1.
  public internal(set) var finishedParts: Set<Int> = []
}

extension ScenarioClient {
  /// The size in bytes of a part; all but the last need at least 5 MB (contract, section 4.2).
  static let uploadPartSize = 8 << 20
  /// The number of parts that are sent at a time.
  private static let parallelParts = 4
  /// How often an upload begins again after its URLs have expired.
  private static let uploadRestarts = 2
  /// How long, and at which interval, the state of a complete upload is read.
  private static let importDeadline = Duration.seconds(300)
  private static let importInterval = Duration.seconds(2)

  func uploadInParts(
    _ content: UploadContent, name: String, mimeType: String, resuming partial: PartialUpload?,
    _ onPart: @Sendable (PartialUpload) throws -> Void, onProgress: @escaping @Sendable (Int) -> Void
  ) async throws(ScenarioError) -> AssetID {
    guard !name.isEmpty else {
      throw ScenarioError(
        .invalidRequest, .notSent, stage: .upload, "the upload has no name", remedy: "name it like a file")
    }
    var earlier = partial
    var restarts = Self.uploadRestarts
    while true {
      var opened: OpenUpload?
      if let partial = earlier { opened = try await reopened(partial, size: content.count) }
      let wasResumed = opened != nil
      var upload: OpenUpload
      if let opened {
        upload = opened
      } else {
        upload = try await created(name: name, size: content.count, mimeType: mimeType)
        try Self.keep(upload.partial, onPart)
      }
      earlier = nil
      do throws(ScenarioError) {
        try await send(&upload, of: content, onPart, onProgress)
        return try await finished(upload)
      } catch {
        // The signature of a part's address has expired, or an upload of an earlier process cannot be completed. The
        // upload has to begin again.
        let isStale = error.httpStatus == 403 || (wasResumed && (error.code == .uploadFailed || error.concernsRequest))
        guard isStale, restarts > 0 else { throw error }
        restarts -= 1
      }
    }
  }

  /// An upload that takes parts, or has been completed.
  private struct OpenUpload {
    var partial: PartialUpload
    /// The addresses of the missing parts, in order.
    var missing: [Upload.Part]
    var isComplete = false
  }

  private func created(name: String, size: Int, mimeType: String) async throws(ScenarioError) -> OpenUpload {
    let count = Self.partCount(size, Self.uploadPartSize)
    var request = try apiRequest(.post, ["uploads"], stage: .upload)
    request.fields.append(HTTPField("Content-Type", "application/json"))
    request.body = .bytes(
      try Self.json(UploadCreation(fileName: name, fileSize: size, contentType: mimeType, parts: count), stage: .upload)
    )
    request.isRepeatable = true
    let upload = try await reply(UploadReply.self, to: request, as: .upload).upload
    let parts = upload.parts.sorted { $0.number < $1.number }
    guard parts.map(\.number) == Array(1...count) else {
      throw Self.uploadFailed("the service gave addresses for \(parts.count) parts of \(count)")
    }
    return OpenUpload(partial: PartialUpload(id: upload.id, partSize: Self.uploadPartSize), missing: parts)
  }

  /// The state of an upload that an earlier process began; nil when it cannot be continued.
  private func reopened(_ partial: PartialUpload, size: Int) async throws(ScenarioError) -> OpenUpload? {
    let upload: Upload
    do throws(ScenarioError) {
      upload = try await reply(
        UploadReply.self, to: try apiRequest(.get, ["uploads", partial.id], stage: .upload), as: .read
      ).upload
    } catch {
      guard error.concernsRequest else { throw error }
      return nil
    }
    if upload.status != "pending" {
      return upload.status == "failed" ? nil : OpenUpload(partial: partial, missing: [], isComplete: true)
    }
    let count = Self.partCount(size, partial.partSize)
    let numbers = Set(1...count).subtracting(partial.finishedParts)
    let missing = upload.parts.filter { numbers.contains($0.number) }.sorted { $0.number < $1.number }
    guard missing.map(\.number) == numbers.sorted() else { return nil }
    return OpenUpload(partial: partial, missing: missing)
  }

  private static func partCount(_ size: Int, _ partSize: Int) -> Int { (size + partSize - 1) / partSize }

  private static func keep(
    _ partial: PartialUpload, _ onPart: (PartialUpload) throws -> Void
  ) throws(ScenarioError) {
    do {
      try onPart(partial)
    } catch {
      throw ScenarioError(
        .writeFailed, .unusable, stage: .upload, "cannot keep how far the upload is: \(reason(of: error))", remedy: "",
        underlying: error)
    }
  }

  private func send(
    _ upload: inout OpenUpload, of content: UploadContent, _ onPart: @Sendable (PartialUpload) throws -> Void,
    _ onProgress: @escaping @Sendable (Int) -> Void
  ) async throws(ScenarioError) {
    let (parts, partSize, size) = (upload.missing, upload.partial.partSize, content.count)
    func range(_ number: Int) -> Range<Int> { (number - 1) * partSize..<min(number * partSize, size) }
    let progress = PartProgress(
      done: upload.partial.finishedParts.reduce(0) { $0 + range($1).count }, report: onProgress)
    let result = await withTaskGroup(of: (Int, Result<Void, ScenarioError>).self) { group in
      var rest = parts[...]
      func begin() {
        guard let part = rest.popFirst() else { return }
        let body = content.body(range(part.number))
        group.addTask {
          do throws(ScenarioError) {
            try await send(part, body) { progress.note(part.number, sent: $0) }
            return (part.number, .success(()))
          } catch {
            return (part.number, .failure(error))
          }
        }
      }
      for _ in 0..<Self.parallelParts { begin() }
      while let (number, result) = await group.next() {
        do throws(ScenarioError) {
          try result.get()
          upload.partial.finishedParts.insert(number)
          try Self.keep(upload.partial, onPart)
        } catch {
          group.cancelAll()
          return Result<Void, ScenarioError>.failure(error)
        }
        begin()
      }
      return .success(())
    }
    try result.get()
  }

  /// Sends one part, without credentials.
  private func send(
    _ part: Upload.Part, _ body: HTTPRequest.Body, _ onSent: @escaping @Sendable (Int) -> Void
  ) async throws(ScenarioError) {
    guard let origin = ServiceURL.origin(of: part.url.rawValue), origin.isSecure || origin.isLoopback else {
      throw ScenarioError(
        .insecureURL, .refused, stage: .upload, "the service gave an upload URL that is not https",
        remedy: "check the base URL")
    }
    var request = HTTPRequest(.put, part.url.rawValue, stage: .upload)
    request.body = body
    request.onSent = onSent
    request.refusesPrivateAddresses = !serviceNetwork.isPrivate
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

  /// Completes the upload, unless it is complete already, and waits for the asset.
  private func finished(_ open: OpenUpload) async throws(ScenarioError) -> AssetID {
    let id = open.partial.id
    var request = try apiRequest(.get, ["uploads", id], stage: .upload)
    if !open.isComplete {
      request = try apiRequest(.post, ["uploads", id, "action"], stage: .upload)
      request.fields.append(HTTPField("Content-Type", "application/json"))
      request.body = .bytes([UInt8](#"{"action":"complete"}"#.utf8))
      request.isRepeatable = true
    }
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

extension UploadContent {
  /// The bytes of one part.
  fileprivate func body(_ range: Range<Int>) -> HTTPRequest.Body {
    switch self {
    case .bytes(let bytes): .bytes([UInt8](bytes[range]))
    case .file(let path, _): .file(path: path, offset: range.lowerBound, count: range.count)
    }
  }
}

/// Adds up the bytes that have been sent of all parts, which are sent in any order.
private final class PartProgress: Sendable {
  private let sent: Mutex<[Int: Int]>
  private let done: Int
  private let report: @Sendable (Int) -> Void

  init(done: Int, report: @escaping @Sendable (Int) -> Void) {
    sent = Mutex([:])
    self.done = done
    self.report = report
  }

  func note(_ part: Int, sent count: Int) {
    report(
      sent.withLock { sent in
        sent[part] = count
        return sent.values.reduce(done, +)
      })
  }
}
