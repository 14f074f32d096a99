internal import Digests
internal import Foundation
package import ScenarioAPI

/// The account that pays for a job: a service, an API key, and the project if one is named.
///
/// The limit of a day and the uploads in the ledger belong to an account. A pipeline has one client and therefore one
/// account. All its runs share the account's limit of parallel jobs and its list of jobs.
///
/// Every key of a project sees the same jobs and results. Two records are therefore not limited to an account. The ids of the jobs that
/// belong to runs, and the runs that wait for their job, count for the whole service. An order belongs to its ``owner``, so that another
/// key of the project does not pay for the order again.
package struct Account: Sendable, Hashable {
  /// The service's address, the same for both of its names (`ScenarioConfiguration.serviceIdentity`).
  package let service: String
  /// The project, or a digest of the API key if no project is named.
  package let owner: String
  /// The name of the account in the ledger: a digest, from which the key cannot be found.
  package let id: String

  /// The account of a client.
  package init(_ configuration: ScenarioConfiguration) {
    let key = Self.digest(of: configuration.credential.withAuthorization(Self.key(in:)))
    service = configuration.serviceIdentity
    owner = configuration.projectID ?? key
    // Neither an address nor a digest can contain a line feed, so the joined text is unambiguous.
    id = Self.digest(of: [UInt8]([service, key, configuration.projectID ?? ""].joined(separator: "\n").utf8))
  }

  /// The key in the value of the header: "Basic" and base64 of key, colon and secret (RFC 7617).
  private static func key(in headerValue: String) -> [UInt8] {
    let pair = Data(base64Encoded: String(headerValue.dropFirst("Basic ".count))) ?? Data()
    return [UInt8](pair.prefix { $0 != UInt8(ascii: ":") })
  }

  /// The first 16 hexadecimal digits of SHA-256.
  private static func digest(of bytes: [UInt8]) -> String { String(ContentDigest.sha256(of: bytes).prefix(16)) }
}
