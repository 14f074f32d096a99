#if Client
import Testing

@testable import ScenarioSandbox

@Suite("Digests")
struct MessageDigestTests {
  private func hex(_ bytes: [UInt8]) -> String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }

  @Test("SHA-256 of the examples of FIPS 180-4")
  func sha256() {
    #expect(
      hex(MessageDigest.sha256([])) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    #expect(
      hex(MessageDigest.sha256(Array("abc".utf8)))
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  }

  @Test("HMAC-SHA-256 of test case 2 of RFC 4231")
  func hmac() {
    #expect(
      hex(MessageDigest.hmac(Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8)))
        == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
  }

  @Test("equality looks at length and at every byte")
  func equality() {
    #expect(MessageDigest.areEqual([1, 2, 3], [1, 2, 3]))
    #expect(!MessageDigest.areEqual([1, 2, 3], [1, 2]))
    for i in 0..<3 {
      var other: [UInt8] = [1, 2, 3]
      other[i] ^= 0x80
      #expect(!MessageDigest.areEqual([1, 2, 3], other))
    }
  }
}
#endif
