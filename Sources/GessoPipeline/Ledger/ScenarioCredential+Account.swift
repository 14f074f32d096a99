internal import Digests
internal import Foundation
internal import ImagePreparation
internal import ScenarioAPI

extension ScenarioCredential {
  /// The first 16 hexadecimal digits of the SHA-256 of the key, which identify the key and do not reveal it.
  var accountDigest: String {
    withAuthorization { header in
      // "Basic" and base64 of key, colon and secret (RFC 7617).
      let pair = Data(base64Encoded: String(header.dropFirst("Basic ".count))) ?? Data()
      return String(ContentDigest.sha256(of: [UInt8](pair.prefix { $0 != UInt8(ascii: ":") })).prefix(16))
    }
  }
}
