import Foundation
import Testing

@testable import ScenarioSandbox

@Suite("Signed file URLs")
struct SignedURLTests {
  private static let now = Date(timeIntervalSince1970: 1_790_000_000)
  private static let expiry = now.addingTimeInterval(86_400)
  private let signer = SignedURL(entropy: { 0x1234_5678_9ABC_DEF0 })

  private func query(_ delivery: SignedURL.Delivery, id: String = "asset_1") -> String {
    let target = signer.target(assetID: id, delivery: delivery, expiry: Self.expiry)
    return String(target.split(separator: "?")[1])
  }

  private func verdict(
    _ query: String, _ delivery: SignedURL.Delivery, id: String = "asset_1", now: Date = Self.now
  ) -> SignedURL.Verdict {
    signer.verify(assetID: id, delivery: delivery, query: query, now: now)
  }

  @Test("a URL is good as issued, until it ends", arguments: SignedURL.Delivery.allCases)
  func good(delivery: SignedURL.Delivery) {
    #expect(verdict(query(delivery), delivery) == .valid(extra: ""))
    #expect(verdict(query(delivery), delivery, now: Self.expiry.addingTimeInterval(-1)) == .valid(extra: ""))
    #expect(verdict(query(delivery), delivery, now: Self.expiry) == .denied)
  }

  @Test("no character of the query can be changed, dropped or doubled", arguments: SignedURL.Delivery.allCases)
  func tampered(delivery: SignedURL.Delivery) {
    let good = Array(query(delivery))
    for i in good.indices {
      var changed = good
      changed[i] = good[i] == "A" ? "B" : "A"
      #expect(verdict(String(changed), delivery) == .denied, "character \(i) changed")
      var dropped = good
      dropped.remove(at: i)
      #expect(verdict(String(dropped), delivery) == .denied, "character \(i) dropped")
      var doubled = good
      doubled.insert(good[i], at: i)
      #expect(verdict(String(doubled), delivery) == .denied, "character \(i) doubled")
    }
  }

  @Test("parameters cannot be reordered, left out or put in front", arguments: SignedURL.Delivery.allCases)
  func reordered(delivery: SignedURL.Delivery) {
    let items = query(delivery).split(separator: "&").map(String.init)
    #expect(verdict(items.reversed().joined(separator: "&"), delivery) == .denied)
    for i in items.indices {
      var fewer = items
      fewer.remove(at: i)
      #expect(verdict(fewer.joined(separator: "&"), delivery) == .denied)
    }
    #expect(verdict("width=8&" + query(delivery), delivery) == .denied)
    #expect(verdict("", delivery) == .denied)
  }

  @Test("a signature holds for one file and one delivery")
  func bound() {
    #expect(verdict(query(.original), .original, id: "asset_2") == .denied)
    #expect(verdict(query(.original), .transformed) == .denied)
    #expect(verdict(String(query(.transformed).dropFirst("p=100&".count)), .original) == .denied)
    let stranger = SignedURL(entropy: { 1 })
    #expect(
      stranger.verify(assetID: "asset_1", delivery: .original, query: query(.original), now: Self.now) == .denied)
  }

  @Test("transform parameters may follow the signature, on assets-transform only")
  func transforms() {
    #expect(verdict(query(.transformed) + "&width=64&format=png", .transformed) == .valid(extra: "width=64&format=png"))
    #expect(verdict(query(.original) + "&width=64", .original) == .denied)
    #expect(verdict(query(.transformed) + "width=64", .transformed) == .denied)
  }

  @Test(
    "URLs end by the calendar day they were issued on",
    arguments: [
      ("2026-10-01T00:00:00Z", "2026-10-15T00:00:00Z"), ("2026-10-07T23:59:59Z", "2026-10-15T00:00:00Z"),
      ("2026-10-08T00:00:00Z", "2026-10-22T00:00:00Z"), ("2026-10-14T12:00:00Z", "2026-10-22T00:00:00Z"),
      ("2026-10-15T00:00:00Z", "2026-11-01T00:00:00Z"), ("2026-02-21T23:59:59Z", "2026-03-01T00:00:00Z"),
      ("2026-12-21T00:00:00Z", "2027-01-01T00:00:00Z"), ("2026-12-22T00:00:00Z", "2027-01-08T00:00:00Z"),
      ("2026-10-31T23:59:59Z", "2026-11-08T00:00:00Z"),
    ])
  func lifetime(issued: String, ends: String) throws {
    let issued = try Date(issued, strategy: .iso8601)
    #expect(SignedURL.expiry(issued: issued) == (try Date(ends, strategy: .iso8601)))
    #expect(SignedURL.expiry(issued: issued).timeIntervalSince(issued) > 86_400)
  }
}
