internal import Synchronization

/// Records whether the sandbox answers in place of the service: each of its replies says so in a header field, at every address.
final class SandboxSign: Sendable {
  private let wasSeen = Atomic(false)

  /// True when a reply came from the sandbox; false before the first reply.
  var isSeen: Bool { wasSeen.load(ordering: .relaxed) }

  /// Notes whether a reply came from the sandbox.
  func read(_ response: HTTPResponse) {
    if response.value(of: "x-gesso-sandbox") != nil { wasSeen.store(true, ordering: .relaxed) }
  }
}
