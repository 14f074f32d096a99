package import Ground

/// A result on disk.
public struct DownloadedFile: Sendable, Equatable {
  /// The path of the file. While the file is being verified, this is the path of a temporary file in the same folder.
  public let path: String
  /// The size of the file in bytes.
  public let byteCount: Int
  /// The media type from the server's reply, without parameters; the asset's media type if the reply has none.
  public let mimeType: String
}

/// A downloaded file that is complete, checked and synced, and has no name yet.
///
/// It is a temporary file in its final folder, and is deleted with this value unless it was given a name.
package struct UnnamedDownload: ~Copyable {
  /// The temporary file.
  package let file: DownloadedFile
  fileprivate let temporary: DurableFile

  /// Gives the file its name, as `DurableFile` does.
  package func move(to path: String, replacing: Bool) throws(FileFailure) {
    try temporary.move(to: path, replacing: replacing)
  }
}

extension ScenarioClient {
  /// The number of times that an asset that is not ready is read, and the pause between reads (ASSUMED: the contract
  /// only states that an asset may not be ready).
  private static let pendingAssetReads = 10
  private static let pendingAssetInterval = Duration.seconds(2)

  /// Reads an asset, with a fresh URL of the file as it was stored.
  ///
  /// - Throws: `CancellationError`, or a ``ScenarioError`` of the stage `download`, after the retries.
  @concurrent public func asset(_ id: AssetID) async throws -> Asset {
    try await verb { () throws(ScenarioError) in try await read(id) }
  }

  private func read(_ id: AssetID) async throws(ScenarioError) -> Asset {
    let request = try apiRequest(.get, ["assets", id.rawValue], query: [("originalAssets", "true")], stage: .download)
    return try await reply(AssetReply.self, to: request, as: .read).asset
  }

  /// Reads several assets, in the order asked for. Assets that the service does not have are left out.
  ///
  /// If the service refuses to list them together, they are read one by one.
  ///
  /// - Throws: `CancellationError`, or a ``ScenarioError`` of the stage `download`, after the retries.
  @concurrent public func assets(_ ids: [AssetID]) async throws -> [Asset] {
    try await verb { () throws(ScenarioError) in try await read(ids) }
  }

  private func read(_ ids: [AssetID]) async throws(ScenarioError) -> [Asset] {
    var assets: [AssetID: Asset] = [:]
    for start in stride(from: 0, to: ids.count, by: Self.bulkLimit) {
      let some = ids[start..<min(start + Self.bulkLimit, ids.count)]
      let found: [Asset]
      do throws(ScenarioError) {
        found = try await readTogether(some)
      } catch {
        guard error.concernsRequest else { throw error }
        found = try await readSingly(some)
      }
      for asset in found { assets[asset.id] = asset }
    }
    return ids.compactMap { assets[$0] }
  }

  /// Requests an empty list of assets: the reply shows whether several results can be read with one request.
  ///
  /// - Throws: `CancellationError`, or a ``ScenarioError`` of the stage `download`, after the retries.
  @concurrent package func bulkRead() async throws {
    try await verb { () throws(ScenarioError) in _ = try await readTogether([]) }
  }

  private func readTogether(_ ids: ArraySlice<AssetID>) async throws(ScenarioError) -> [Asset] {
    var request = try apiRequest(.post, ["assets", "get-bulk"], query: [("originalAssets", "true")], stage: .download)
    request.fields.append(HTTPField("Content-Type", "application/json"))
    request.body = .bytes(try Self.json(["assetIds": ids.map(\.rawValue)], stage: .download))
    request.isRepeatable = true
    return try await reply(AssetsReply.self, to: request, as: .read).assets
  }

  private func readSingly(_ ids: ArraySlice<AssetID>) async throws(ScenarioError) -> [Asset] {
    var assets: [Asset] = []
    for id in ids {
      do throws(ScenarioError) {
        assets.append(try await read(id))
      } catch {
        guard error.code == .notFound else { throw error }
      }
    }
    return assets
  }

  /// The most assets in one request (contract, section 9).
  private static let bulkLimit = 200

  /// Downloads the file of an asset.
  ///
  /// The bytes go to a temporary file in the folder of `path`. Once the file is complete, checked by `verify` and synced to the disk, it
  /// replaces the file at `path` in one step. No credential is sent. If the URL has expired (403), a new URL is requested, once. After a
  /// failure, the temporary file is removed and the file at `path` is as it was before.
  ///
  /// - Parameters:
  ///   - asset: The asset, as ``asset(_:)`` gave it. If it is pending, the call waits for it, for 20 seconds.
  ///   - path: The path of the result; its folder exists.
  ///   - verify: Checks the complete temporary file, and throws if it is not the expected one.
  /// - Returns: The file in its place.
  /// - Throws: `CancellationError`, or a ``ScenarioError`` of the stage `download`: `download-invalid` when the length is wrong or `verify`
  ///   threw, `write-failed`, `asset-unavailable`, or the code of a failed request.
  @concurrent public func download(
    _ asset: Asset, to path: String, verify: @Sendable (DownloadedFile) throws -> Void = { _ in }
  ) async throws -> DownloadedFile {
    try await verb { () throws(ScenarioError) in try await downloaded(asset, to: path, verify) }
  }

  private func downloaded(
    _ asset: Asset, to path: String, _ verify: (DownloadedFile) throws -> Void
  ) async throws(ScenarioError) -> DownloadedFile {
    let download = try await download(asset, beside: path, verify: verify)
    let file = download.file
    do throws(FileFailure) {
      try download.move(to: path, replacing: true)
    } catch {
      throw ScenarioError(error)
    }
    return DownloadedFile(path: path, byteCount: file.byteCount, mimeType: file.mimeType)
  }

  /// Downloads the file of an asset as ``download(_:to:verify:)`` does, into a temporary file in the folder of `path`.
  package func download(
    _ asset: Asset, beside path: String, verify: (DownloadedFile) throws -> Void
  ) async throws(ScenarioError) -> UnnamedDownload {
    var asset = try await readyAsset(asset)
    let temporary: DurableFile
    do throws(FileFailure) {
      temporary = try DurableFile(beside: path)
    } catch {
      throw ScenarioError(error)
    }
    var policy = retry
    var wasRefreshed = false
    var response: HTTPResponse?
    while response == nil {
      do throws(ScenarioError) {
        response = try await fetch(asset, into: temporary)
      } catch {
        if error.httpStatus == 403, !wasRefreshed {
          wasRefreshed = true
          asset = try await read(asset.id)
        } else {
          try await pause(after: error, of: .read, &policy)
        }
        do throws(FileFailure) {
          try temporary.empty()
        } catch {
          throw ScenarioError(error)
        }
      }
    }
    let served = response?.value(of: "content-type")?.prefix { $0 != ";" && $0 != " " }.lowercased() ?? ""
    let file = DownloadedFile(
      path: temporary.path, byteCount: response?.bodyCount ?? 0, mimeType: served.isEmpty ? asset.mimeType : served)
    do {
      try verify(file)
    } catch {
      throw Self.invalid("the downloaded file is damaged: \(printable(reason(of: error)))", underlying: error)
    }
    do throws(FileFailure) {
      try temporary.sync()
    } catch {
      throw ScenarioError(error)
    }
    return UnnamedDownload(file: file, temporary: temporary)
  }

  /// Fetches the file of an asset once, and checks its length against the announced one.
  private func fetch(_ asset: Asset, into file: borrowing DurableFile) async throws(ScenarioError) -> HTTPResponse {
    guard let url = asset.url else {
      throw ScenarioError(
        .assetUnavailable, .unusable, stage: .download, "the service gave no address of asset \(asset.id)",
        remedy: "download it later")
    }
    guard let origin = ServiceURL.origin(of: url.rawValue), origin.isSecure || origin.isLoopback else {
      throw ScenarioError(
        .insecureURL, .refused, stage: .download, "the service gave a download URL that is not https",
        remedy: "check the base URL")
    }
    var request = HTTPRequest(.get, url.rawValue, stage: .download)
    request.destination = .descriptor(file.descriptor)
    request.responseLimit = downloadLimit
    request.followsRedirects = true
    request.refusesPrivateAddresses = !serviceNetwork.isPrivate
    let response = try await answer(to: request)
    let announced = response.value(of: "content-length").flatMap { Int($0) }
    guard response.bodyCount > 0, announced == nil || announced == response.bodyCount else {
      var error = Self.invalid(
        "the download has \(response.bodyCount) bytes instead of \(announced.map { "\($0)" } ?? "some")")
      error.isRetryable = true
      throw error
    }
    return response
  }

  private func readyAsset(_ asset: Asset) async throws(ScenarioError) -> Asset {
    var asset = asset
    for _ in 0..<Self.pendingAssetReads where asset.status == .pending {
      try await sleep(Self.pendingAssetInterval, stage: .download)
      asset = try await read(asset.id)
    }
    switch asset.status {
    case .success, .unknown: return asset
    case .pending, .error:
      var error = ScenarioError(
        .assetUnavailable, .unusable, stage: .download,
        asset.status == .error ? "the service could not make asset \(asset.id)" : "asset \(asset.id) is not ready",
        remedy: asset.status == .error ? "submit again" : "download it later")
      error.isRetryable = asset.status == .pending
      throw error
    }
  }

  private static func invalid(_ message: String, underlying: (any Error)? = nil) -> ScenarioError {
    ScenarioError(
      .downloadInvalid, .unusable, stage: .download, message, remedy: "download it again", underlying: underlying)
  }
}

extension ScenarioError {
  /// The error for a downloaded file that cannot be written.
  fileprivate init(_ failure: FileFailure) {
    self.init(.writeFailed, .unusable, stage: .download, failure.message, remedy: failure.remedy)
  }
}
