internal import Digests
internal import Foundation

/// Makes and checks signed file URLs in the form of the service's CDN (CloudFront custom policies).
///
/// The query is `Policy`, `Key-Pair-Id` and `Signature`, in this order. The policy names the file's path and the time when the URL expires.
/// The signature is an HMAC-SHA-256 of the policy; the CDN uses RSA.
struct SignedURL: Sendable {
  /// The two ways a file is delivered.
  enum Delivery: String, CaseIterable, Sendable {
    /// `/assets-transform/{id}?p=100&…`: transform parameters may follow the signature.
    case transformed = "assets-transform"
    /// `/assets/{id}?…`: the bytes as they were stored.
    case original = "assets"

    /// The part before the signed parameters.
    fileprivate var queryPrefix: String { self == .transformed ? "p=100&" : "" }
  }

  /// The outcome of a check of the signature.
  enum Verdict: Equatable {
    /// The signature is valid. `extra` is the text after it, without the leading `&`.
    case valid(extra: String)
    /// Tampered, expired or unsigned.
    case denied
  }

  private let key: [UInt8]
  private let keyPairID: String

  /// Makes a signer with a key of its own.
  init(entropy: () -> UInt64) {
    key = (0..<4).flatMap { _ in
      let bits = entropy()
      return (0..<8).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) }
    }
    keyPairID = "K" + Identifier.make("", entropy: entropy).dropFirst().prefix(13).uppercased()
  }

  /// The path and query of a URL that is valid until `expiry`.
  func target(assetID: String, delivery: Delivery, expiry: Date) -> String {
    let path = "/\(delivery.rawValue)/\(assetID)"
    return path + "?" + delivery.queryPrefix + signedQuery(path: path, expiry: Int(expiry.timeIntervalSince1970))
  }

  /// Checks a request's path and query as they came over the wire, percent-encoding included.
  func verify(assetID: String, delivery: Delivery, query: String, now: Date) -> Verdict {
    // The signed part is computed again from the path and the time in the request, and compared as text. Any change,
    // reordering or other spelling makes a difference.
    let path = "/\(delivery.rawValue)/\(assetID)"
    let claim = query.split(separator: "&").first { $0.hasPrefix("Policy=") }?.dropFirst("Policy=".count)
    guard let claim, let expiry = Self.expiry(ofPolicy: String(claim)) else { return .denied }
    let expected = delivery.queryPrefix + signedQuery(path: path, expiry: expiry)
    guard query.utf8.count >= expected.utf8.count,
      MessageAuthentication.areEqual([UInt8](query.utf8.prefix(expected.utf8.count)), [UInt8](expected.utf8)),
      Double(expiry) > now.timeIntervalSince1970
    else { return .denied }
    let rest = query.dropFirst(expected.count)
    guard rest.isEmpty || (delivery == .transformed && rest.hasPrefix("&")) else { return .denied }
    return .valid(extra: String(rest.dropFirst()))
  }

  /// A signature of any text, for URLs without a policy.
  func tag(_ text: String) -> String {
    Self.encode(Data(MessageAuthentication.code([UInt8](text.utf8), key: key)))
  }

  private func signedQuery(path: String, expiry: Int) -> String {
    let policy = Data(Self.policy(path: path, expiry: expiry).utf8)
    let signature = Data(MessageAuthentication.code([UInt8](policy), key: key))
    return "Policy=\(Self.encode(policy))&Key-Pair-Id=\(keyPairID)&Signature=\(Self.encode(signature))"
  }

  private static func policy(path: String, expiry: Int) -> String {
    #"{"Statement":[{"Resource":"\#(path)*","Condition":{"DateLessThan":{"AWS:EpochTime":\#(expiry)}}}]}"#
  }

  private static func expiry(ofPolicy encoded: String) -> Int? {
    guard let data = decode(encoded), let text = String(data: data, encoding: .utf8),
      let marker = text.range(of: #""AWS:EpochTime":"#)
    else { return nil }
    return Int(text[marker.upperBound...].prefix { $0.isASCII && $0.isNumber })
  }

  /// Base64 with CloudFront's substitutes for characters that have a meaning in URLs.
  private static func encode(_ data: Data) -> String {
    String(data.base64EncodedString().map { substitutes[$0] ?? $0 })
  }

  private static func decode(_ text: String) -> Data? {
    Data(base64Encoded: String(text.map { character in substitutes.first { $0.value == character }?.key ?? character }))
  }

  private static let substitutes: [Character: Character] = ["+": "-", "=": "_", "/": "~"]

  /// The time when a URL that is issued at `date` expires (UTC). A URL of the days 1–7 is valid to the end of the 14th, of 8–14 to the end
  /// of the 21st, of 15–21 to the end of the month, and of 22–31 to the end of the 7th of the next month.
  static func expiry(issued date: Date) -> Date {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = .gmt
    var end = calendar.dateComponents([.year, .month], from: date)
    switch calendar.component(.day, from: date) {
    case ...7: end.day = 15
    case ...14: end.day = 22
    case ...21: (end.month, end.day) = ((end.month ?? 0) + 1, 1)
    default: (end.month, end.day) = ((end.month ?? 0) + 1, 8)
    }
    return calendar.date(from: end) ?? date.addingTimeInterval(7 * 86_400)
  }
}
