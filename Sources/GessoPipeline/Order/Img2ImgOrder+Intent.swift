internal import Digests
internal import ImagePreparation
package import ScenarioAPI

extension Img2ImgOrder {
  /// The intent that the ledger records of this order before anything is done. The images are read from end to end for their
  /// digests. `randomSeed` chooses a seed for an order that names none.
  func intent(_ context: RunContext, _ randomSeed: () -> String) throws -> LedgerIntent {
    let configuration = context.client.configuration
    let sourceSHA256 = try Self.digest(of: source)
    let secondSHA256 = try second.flatMap { try Self.digest(of: .image($0.source)) }
    let referenceSHA256 = try references.mapValues { try $0.images.map { try Self.digest(of: .image($0)) } }
    let identity = try OrderIdentity(
      self, context, sourceSHA256: sourceSHA256, secondSHA256: secondSHA256, references: referenceSHA256)
    let account = context.account
    return LedgerIntent(
      key: try identity.digest, account: account.id, baseURL: account.service,
      projectID: configuration.projectID,
      source: sourceName, sourceSHA256: sourceSHA256,
      otherSHA256: ([secondSHA256] + referenceSHA256.values.joined()).compactMap(\.self),
      recipeSHA256: try recipeSHA256(),
      preparedSHA256: nil,
      preparedPath: nil, geometry: nil, model: request.modelID, prompt: request.prompt,
      parameters: try JSONText.line(request.record), seed: request.seed ?? randomSeed(),
      folder: folder.absolutePath, nameTemplate: nameTemplate, stem: stem)
  }

  /// The intent to prepare the order's image only. It names no account, so that any account can use the image later.
  func intentToPrepare() throws -> LedgerIntent {
    let (source, recipe) = (try Self.digest(of: source), try recipeSHA256())
    return LedgerIntent(
      key: ContentDigest.sha256(of: [UInt8]("image \(source ?? "") \(recipe)".utf8)), account: "", baseURL: "",
      projectID: nil, source: sourceName, sourceSHA256: source, recipeSHA256: recipe, preparedSHA256: nil,
      preparedPath: nil, geometry: nil, model: "", prompt: "", parameters: "{}", seed: "",
      folder: folder.absolutePath, nameTemplate: nameTemplate, stem: stem)
  }

  private func recipeSHA256() throws -> String {
    ContentDigest.sha256(of: [UInt8](try JSONText.line(recipe(for: .source)).utf8))
  }

  /// The order key, by which the ledger finds the order's run.
  package func key(on client: ScenarioClient, ledger: Ledger) throws -> String {
    let context = RunContext(
      client: client, jobList: SharedJobList(), ledger: ledger, preparer: ImagePreparer(), polling: JobPolling(),
      report: { _ in })
    return try intent(context) { "" }.key
  }

  private static func digest(of source: Source) throws -> String? {
    guard case .image(let image) = source, !image.isReadOnce else { return nil }
    switch image {
    case .file(let path): return try onFiles(try ContentDigest.sha256(ofFile: path))
    case .memory(let bytes): return ContentDigest.sha256(of: bytes)
    case .descriptor(let descriptor, let owner):
      defer { withExtendedLifetime(owner) {} }
      return try onFiles(try ContentDigest.sha256(ofDescriptor: descriptor, name: "the image"))
    }
  }
}
