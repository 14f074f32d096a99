internal import ScenarioAPI

extension Img2ImgRequest {
  /// The settings besides image, prompt, model and seed, under the names of the legacy family.
  var record: [String: JSONValue] {
    // Width and height are recorded even when they are absent, because the service then makes 512 by 512.
    var record: [String: JSONValue] = ["width": .null, "height": .null]
    for field in GenerationField.all where field.name != GenerationField.seed.name {
      if let value = field.value(in: self) { record[field.name] = value }
    }
    record.merge(endpoint.fields) { $1 }
    if endpoint != .img2img { record["endpoint"] = .string(endpoint.name) }
    if !generation.parameters.isEmpty { record["param"] = .object(generation.parameters) }
    return record
  }

  /// Restores the size and the uploaded images of an earlier attempt.
  mutating func restore(from entry: LedgerEntry) throws {
    struct Found: Decodable {
      var width: Int?
      var height: Int?
      var maskId: AssetID?
      var controlImageId: AssetID?
      var modality: String?
      var param: [String: JSONValue]?
    }
    let found = try JSONText.value(Found.self, of: entry.intent.parameters)
    // Parameters of this attempt take precedence; only the ledger knows the images that were uploaded for a field.
    generation.parameters.merge(found.param ?? [:]) { mine, _ in mine }
    generation.width = generation.width ?? found.width
    generation.height = generation.height ?? found.height
    if let mask = found.maskId { endpoint = .inpaint(mask: mask) }
    if let control = found.controlImageId {
      endpoint = .controlnetImg2Img(control: control, modality: found.modality ?? "")
    }
    if let asset = entry.assetID { image = .asset(asset) }
  }
}
