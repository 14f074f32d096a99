internal import Foundation
internal import ImagePreparation
internal import ScenarioAPI

/// Uploads the prepared images, unless the service has the same bytes.
struct UploadStep: Sendable {
  /// The interval between checks whether another process has finished the same upload.
  private static let lockInterval = Duration.milliseconds(100)
  /// The longest wait for the upload of another process. The wait is shorter if the run's deadline is shorter.
  private static let longestLockPatience = Duration.seconds(600)

  let context: RunContext

  /// Uploads the images of an order, names them in the request and puts the request on record.
  func run(
    _ images: PreparedImages, _ order: Img2ImgOrder, _ entry: LedgerEntry, _ request: inout Img2ImgRequest
  ) async throws {
    for (field, reference) in order.references.sorted(by: { $0.key < $1.key }) {
      request.parameters[field] = reference.value(try await assets(of: reference, field, order))
    }
    // A source that the service fetches itself is not uploaded.
    guard let source = images.source else { return }
    let asset = try await asset(of: source)
    request.image = .asset(asset)
    if let image = images.second, let second = order.second {
      request.endpoint = second.endpoint(try await self.asset(of: image))
    }
    try context.ledger.recordUpload(entry.id, asset: asset, parameters: try JSONText.line(request.record))
  }

  private func assets(
    of reference: ReferenceImages, _ field: String, _ order: Img2ImgOrder
  ) async throws -> [AssetID] {
    var assets: [AssetID] = []
    for image in reference.images {
      let encoded = try await offThePool { [preparer = context.preparer] flag in
        try EncodedImage(image, stem: "\(order.stem).\(field)", recipe: order.recipe, preparer, flag)
      }
      assets.append(try await asset(of: encoded))
    }
    return assets
  }

  /// True if the service still has every uploaded image of the order, or if no image was uploaded. The request then names the images.
  func isStored(_ order: Img2ImgOrder, _ entry: LedgerEntry, _ request: inout Img2ImgRequest) async throws -> Bool {
    // An order with reference images always goes through the upload step, which checks each image and uploads only
    // missing ones.
    guard order.references.isEmpty else { return false }
    guard case .image = order.source else { return true }
    guard let asset = entry.assetID, try await isStored(asset) else { return false }
    try request.restore(from: entry)
    guard order.second != nil else { return true }
    switch request.endpoint {
    case .inpaint(let second), .controlnetImg2Img(let second, _): return try await isStored(second)
    case .img2img, .controlnet, .custom: return false
    }
  }

  /// The asset of an image. The same bytes are uploaded once, as long as the service keeps the asset.
  func asset(of image: EncodedImage) async throws -> AssetID {
    let (account, sha256) = (context.account, image.sha256)
    let lock = try await lock(sha256, account)
    defer { withExtendedLifetime(lock) {} }
    if let known = try context.ledger.upload(of: sha256, account: account),
      try await isStored(known)
    {
      return known
    }
    let upload = context.client.upload(
      image.content, name: image.name,
      mimeType: FileType.mimeType(ofExtension: URL(filePath: image.name).pathExtension),
      resuming: try context.ledger.partialUpload(of: sha256, account: account)
    ) { [ledger = context.ledger] in
      try ledger.recordPartialUpload(of: sha256, account: account, $0)
    }
    for await progress in upload.events { context.report(.uploading(progress)) }
    let asset = try await upload.result
    try context.ledger.recordUpload(of: sha256, account: account, asset: asset)
    return asset
  }

  /// The exclusive right to upload these bytes, among all tasks and processes of this machine.
  private func lock(_ sha256: String, _ account: Account) async throws -> LedgerLock {
    let patience = min(Self.longestLockPatience, context.polling.deadline)
    var waited = Duration.zero
    while true {
      if let lock = try context.ledger.lockUpload(of: sha256, account: account) { return lock }
      if waited == .zero { context.report(.waitingForUpload(upTo: patience)) }
      guard waited < patience else {
        throw PipelineError(
          .runInProgress, stage: .upload,
          "another process has been uploading the same image for \(Int(waited / .seconds(1))) seconds",
          remedy: "wait until it ends, or end it")
      }
      try await context.client.sleep(Self.lockInterval, stage: .upload)
      waited += Self.lockInterval
    }
  }

  private func isStored(_ asset: AssetID) async throws -> Bool {
    do {
      return try await context.client.asset(asset).status != .error
    } catch let error as ScenarioError where error.code == .notFound {
      return false
    }
  }
}
