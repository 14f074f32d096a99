import Digests
import Testing

@testable import ScenarioSandbox

@Suite("Message authentication")
struct MessageAuthenticationTests {
  @Test("HMAC-SHA-256 gives the value of test case 2 of RFC 4231")
  func hmac() {
    let code = MessageAuthentication.code(Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8))
    let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    #expect(code.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() == expected)
  }

  @Test("equality looks at length and at every byte")
  func equality() {
    #expect(MessageAuthentication.areEqual([1, 2, 3], [1, 2, 3]))
    #expect(!MessageAuthentication.areEqual([1, 2, 3], [1, 2]))
    for i in 0..<3 {
      var other: [UInt8] = [1, 2, 3]
      other[i] ^= 0x80
      #expect(!MessageAuthentication.areEqual([1, 2, 3], other))
    }
  }
}
