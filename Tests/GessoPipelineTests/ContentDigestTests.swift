import Digests
import Foundation
import Ground
import TestSupport
import Testing

@Suite("Content digests")
struct ContentDigestTests {
  /// Examples of FIPS 180-4 and the NIST test vectors for SHA-256.
  static let vectors: [(text: String, digest: String)] = [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (String(repeating: "a", count: 1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
  ]

  @Test("published vectors, from memory and from a file", arguments: vectors)
  func vector(text: String, digest: String) throws {
    #expect(ContentDigest.sha256(of: [UInt8](text.utf8)) == digest)
    let path = TestFolder.url.appending(path: "gesso-digest-\(UUID().uuidString)").path
    try Data(text.utf8).write(to: URL(filePath: path))
    #expect(try ContentDigest.sha256(ofFile: path) == digest)
  }

  @Test("the error for a missing file names it")
  func missing() {
    #expect(throws: FileFailure.self) { try ContentDigest.sha256(ofFile: "/nonexistent/photo.jpg") }
  }
}
