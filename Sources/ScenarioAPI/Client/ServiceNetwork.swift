internal import Synchronization

/// Whether the service is on this machine or in a private network: only then may it name addresses there.
///
/// A stand-in on this machine, or a gateway of a company, hands out addresses beside itself. The public service has no reason to, and
/// could make this machine ask others of its network.
final class ServiceNetwork: Sendable {
  private let isPrivateNow: Atomic<Bool>

  /// Before the first reply only a base URL in numbers, or `localhost`, is known to be private.
  init(_ configuration: ScenarioConfiguration) {
    let origin = ServiceURL.origin(of: configuration.baseURL)
    isPrivateNow = Atomic(origin.map { $0.isLoopback || CurlAddressGuard.isPrivate($0.host) } ?? false)
  }

  /// True when a reply of the service came from this machine or a private network.
  var isPrivate: Bool { isPrivateNow.load(ordering: .relaxed) }

  /// Reads where a reply of the service came from. A reply over a kept connection came from the same place as the first.
  func read(_ response: HTTPResponse) {
    if response.connectedPrivately { isPrivateNow.store(true, ordering: .relaxed) }
  }
}
