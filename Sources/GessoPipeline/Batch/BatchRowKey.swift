internal import Digests
internal import Ground
internal import ScenarioAPI

/// The key of a row, which is the same in every run of its batch.
package enum BatchRowKey {
  /// The key of a row before a number is added: its own name, its path, or a digest of its fields.
  ///
  /// - Parameters:
  ///   - row: The row.
  ///   - form: The form of the rows.
  ///   - id: The row's own name; nil if it has none.
  /// - Returns: The key.
  /// - Throws: An `EncodingError` for a number that JSON cannot hold.
  package static func key(of row: BatchRows.Row, _ form: BatchRows.Form, id: String?) throws -> String {
    if let id { return id }
    if [.folder, .list].contains(form), case .string(let path)? = row.fields["input"] { return path }
    return String(ContentDigest.sha256(of: [UInt8](try JSONText.line(row.fields).utf8)).prefix(16))
  }

  /// The key of a row that is repeated. Each repetition is a job of its own: `photo.jpg`, `photo.jpg#2`, …
  package static func key(_ key: String, number: Int) -> String { number == 1 ? key : "\(key)#\(number)" }

  /// The seed of a row that names none. It depends on the key alone, so that the same row is the same order on every
  /// machine: the first 8 bytes of SHA-256 of `seed of ` and the key, modulo the number of seeds.
  package static func seed(of key: String) -> String {
    String(number("seed of \(key)") % UInt64(Img2ImgRequest.largestSeed + 1))
  }

  /// The shard that a row belongs to, from 1 to `count`: the same on every machine, and independent of the other rows.
  package static func shard(of key: String, count: Int) -> Int { Int(number("shard of \(key)") % UInt64(count)) + 1 }

  /// A short hash of a key: a set of these needs less memory than the keys.
  package static func number(_ text: String) -> UInt64 {
    UInt64(ContentDigest.sha256(of: [UInt8](text.utf8)).prefix(16), radix: 16) ?? 0
  }
}
