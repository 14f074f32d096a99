import Foundation
import Logging
import Testing

@testable import ScenarioAPI

@Suite("Credentials")
struct ScenarioCredentialTests {
  @Test("HTTP Basic as RFC 7617 has it")
  func header() throws {
    // The RFC's own example, section 2.
    let credential = try ScenarioCredential(key: "Aladdin", secret: "opensesame")
    credential.withAuthorization { #expect($0 == "Basic QWxhZGRpbjpvcGVuc2VzYW1l") }
  }

  @Test("a credential does not print itself, nor does a value that contains it")
  func printing() throws {
    let configuration = try Planted.configuration()
    let credential = configuration.credential
    var request = HTTPRequest(.get, "https://cdn.example/a?Signature=PlantedSignature", stage: .download)
    request.authorization = credential
    let url = SignedURL(rawValue: request.url)
    let client = ScenarioClient(configuration: configuration, transport: ScriptedTransport([]))
    var texts = ["\(credential)", "\(configuration)", "\(request)", "\(url)", "\(client)"]
    texts += [credential.debugDescription, url.debugDescription]
    for value in [credential, configuration, request, url, client, [credential], Optional(url) as Any] as [Any] {
      var dumped = ""
      dump(value, to: &dumped)
      texts += [
        dumped, String(reflecting: value), String(describing: value),
        "\(Mirror(reflecting: value).children.map(\.value))",
      ]
    }
    for text in texts { #expect(!Planted.leaks(text), "\(text)") }
    #expect("\(credential)" == "ScenarioCredential(hidden)")
    #expect("\(url)" == "https://cdn.example/a?…")
  }

  @Test("a credential cannot be encoded")
  func noCodable() throws {
    let credential: Any = try Planted.configuration().credential
    #expect(!(credential is any Encodable))
    #expect(!(SignedURL(rawValue: "") as Any is any Encodable))
  }

  @Test(
    "parts that HTTP Basic cannot carry are refused without being quoted",
    arguments: [
      ("", "s"), ("k", ""), ("k:x", "s"), ("planted-key-5f1c\n", "s"), ("k", "planted-secret-9e7d "), ("k\t", "s"),
      ("k", "s\u{7F}"),
    ])
  func invalid(key: String, secret: String) {
    let error = #expect(throws: ScenarioError.self) { try ScenarioCredential(key: key, secret: secret) }
    #expect(error?.code == .invalidConfiguration && error?.outcome == .notSent)
    #expect(!Planted.leaks("\(error as Any)"))
  }

  @Test("a secret may hold a colon")
  func colon() throws {
    let credential = try ScenarioCredential(key: "a", secret: "b:c")
    credential.withAuthorization { #expect($0 == "Basic " + Data("a:b:c".utf8).base64EncodedString()) }
  }

  @Test("a credential is a placeholder in log metadata")
  func logMetadata() throws {
    let value = Logger.MetadataValue.stringConvertible(try Planted.configuration().credential)
    #expect("\(value)" == "ScenarioCredential(hidden)")
  }
}

@Suite("Configuration")
struct ScenarioConfigurationTests {
  @Test(
    "credentials may be sent to these addresses",
    arguments: [
      ("https://api.cloud.scenario.com/v1", "https://api.cloud.scenario.com/v1"),
      ("https://api.example/v1///", "https://api.example/v1"),
      ("HTTPS://api.example", "HTTPS://api.example"),
      ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
      ("http://127.8.9.10", "http://127.8.9.10"),
      ("http://localhost:1/v1", "http://localhost:1/v1"),
      ("http://LOCALHOST", "http://LOCALHOST"),
      ("http://[::1]:8080/v1", "http://[::1]:8080/v1"),
    ])
  func accepted(url: String, base: String) throws {
    #expect(try Planted.configuration(url).baseURL == base)
  }

  @Test(
    "credentials may not be sent to these addresses",
    arguments: [
      ("http://api.cloud.scenario.com/v1", "insecure-url"), ("http://127.0.0.1.example/v1", "insecure-url"),
      ("http://localhost.example", "insecure-url"), ("http://10.0.0.1", "insecure-url"),
      ("http://[::2]", "insecure-url"),
      ("http://128.0.0.1", "insecure-url"), ("http://0.0.0.0", "insecure-url"),
      ("http://127.0.0.1@evil.example/", "invalid-configuration"),
      ("http://localhost:80@evil.example", "invalid-configuration"),
      ("https://user:pass@api.example", "invalid-configuration"), ("https://api.example/?a=b", "invalid-configuration"),
      ("https://api.example/#x", "invalid-configuration"), ("http://127.0.0.1\\@evil.example", "invalid-configuration"),
      ("ftp://api.example", "invalid-configuration"), ("file:///etc/passwd", "invalid-configuration"),
      ("api.example", "invalid-configuration"), ("", "invalid-configuration"), ("https://", "invalid-configuration"),
      ("https://api example/", "invalid-configuration"), ("https://api.example\n/", "invalid-configuration"),
      ("https://api.example:99999", "invalid-configuration"),
    ])
  func refused(url: String, code: String) {
    let error = #expect(throws: ScenarioError.self) { try Planted.configuration(url) }
    #expect(error?.code.rawValue == code)
  }
}
