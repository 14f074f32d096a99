internal import Synchronization

/// Records whether the service is on this machine or in a private network. Only then may its replies name addresses there.
///
/// The sandbox, or a company's gateway, names addresses in its own network. The public service has no reason to name an address in this
/// machine's network, and such an address could make this machine send requests to others there.
final class ServiceNetwork: Sendable {
  private let isPrivateNow: Atomic<Bool>

  /// Before the first reply, only `localhost` and a numeric address are known to be private.
  init(_ configuration: ScenarioConfiguration) {
    let origin = ServiceURL.origin(of: configuration.baseURL)
    isPrivateNow = Atomic(origin.map { $0.isLoopback || CurlAddressGuard.isPrivate($0.host) } ?? false)
  }

  /// True when a reply of the service came from this machine or a private network.
  var isPrivate: Bool { isPrivateNow.load(ordering: .relaxed) }

  /// Notes whether a reply of the service came from such an address. A reply over a kept connection came from the same address as the first
  /// reply on that connection.
  func read(_ response: HTTPResponse) {
    if response.connectedPrivately { isPrivateNow.store(true, ordering: .relaxed) }
  }
}
