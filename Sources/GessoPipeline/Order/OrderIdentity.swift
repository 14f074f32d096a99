internal import Digests
internal import Foundation
internal import ImagePreparation
internal import ScenarioAPI

/// What makes two orders the same: the ledger looks runs up by the digest of this value's JSON.
///
/// A setting counts with its value and not with the way it was given, so that a default that changes makes other orders of
/// the same words. What changes nothing that is sent is left out: folders, names, limits, threads.
package struct OrderIdentity: Encodable, Sendable {
  /// The image that belongs to the first one.
  struct Second: Encodable, Sendable {
    /// `mask` or `control`.
    let kind: String
    let modality: String?
    let image: String
  }

  /// The service's address: a run against a stand-in never counts for the service.
  let service: String
  /// The project, else a digest of the API key.
  let account: String
  /// SHA-256 of the source's bytes, or the address that the service fetches. A source that cannot be read twice is like no
  /// other.
  let source: String
  let second: Second?
  /// Without what has its default.
  let recipe: Recipe
  let model: String
  let prompt: String
  /// Everything else that is sent, as records have it.
  let generation: [String: JSONValue]
  /// The seed that was asked for; nil for one that is drawn.
  let seed: String?

  init(_ order: Img2ImgOrder, _ context: RunContext, sourceSHA256: String?, secondSHA256: String?) throws {
    service = context.client.configuration.baseURL
    account = context.account
    second = order.second.map { second in
      let image = secondSHA256 ?? Self.unknown
      return switch second {
      case .mask: Second(kind: second.name, modality: nil, image: image)
      case .control(_, let modality): Second(kind: second.name, modality: modality, image: image)
      }
    }
    switch order.source {
    case .image: (source, recipe) = (sourceSHA256 ?? Self.unknown, order.recipe)
    // Nothing is prepared of what the service fetches itself.
    case .remote(let url): (source, recipe) = (url, Recipe())
    }
    model = order.request.modelID
    prompt = order.request.prompt
    generation = order.request.record
    seed = order.request.seed
  }

  private static var unknown: String { "unknown \(UUID().uuidString)" }

  /// SHA-256 in hexadecimal.
  package var digest: String {
    get throws { ContentDigest.sha256(of: [UInt8](try JSONText.line(self).utf8)) }
  }
}
