internal import Digests
internal import Foundation
internal import ImagePreparation
internal import ScenarioAPI

/// The identity of an order: two orders are the same when these values are equal. The ledger finds runs by the digest of this
/// value's JSON.
///
/// A setting counts by its value, whether the user set it or it is the default. If a default changes, orders that rely on it become other
/// orders. Settings that have no effect on the request are left out: folders, names, limits and threads.
package struct OrderIdentity: Encodable, Sendable {
  /// The mask or control image.
  struct Second: Encodable, Sendable {
    /// `mask` or `control`.
    let kind: String
    let modality: String?
    let image: String
  }

  /// The service's address, so that a run against the sandbox is never taken for one against the service.
  let service: String
  /// The owner of the account: another key of the same project does not pay for the order again.
  let account: String
  /// SHA-256 of the source's bytes, or the address that the service fetches. A source that cannot be read twice is unique.
  let source: String
  let second: Second?
  /// The recipe, encoded without the fields that have their default.
  let recipe: Recipe
  let model: String
  let prompt: String
  /// All other settings that are sent, under the names that records use.
  let generation: [String: JSONValue]
  /// The seed that the order names; nil when the pipeline chooses one.
  let seed: String?

  init(
    _ order: Img2ImgOrder, _ context: RunContext, sourceSHA256: String?, secondSHA256: String?,
    references: [String: [String?]]
  ) throws {
    let account = context.account
    (service, self.account) = (account.service, account.owner)
    second = order.second.map { second in
      let image = secondSHA256 ?? Self.unknown
      return switch second {
      case .mask: Second(kind: second.name, modality: nil, image: image)
      case .control(_, let modality): Second(kind: second.name, modality: modality, image: image)
      }
    }
    source =
      switch order.source {
      case .image: sourceSHA256 ?? Self.unknown
      case .remote(let url): url
      }
    // The recipe of the second image depends only on this recipe and on the kind of image. The bits are left out, because every uploaded
    // image has 8.
    var recipe = order.recipe(for: .source)
    recipe.output = recipe.output.withBits(nil)
    self.recipe = recipe
    model = order.request.modelID
    prompt = order.request.prompt
    var generation = order.request.record
    if !references.isEmpty {
      generation["references"] = .object(
        references.mapValues { digests in .array(digests.map { .string($0 ?? Self.unknown) }) })
    }
    self.generation = generation
    seed = order.request.seed
  }

  private static var unknown: String { "unknown \(UUID().uuidString)" }

  /// SHA-256 in hexadecimal.
  package var digest: String {
    get throws { ContentDigest.sha256(of: [UInt8](try JSONText.line(self).utf8)) }
  }
}
