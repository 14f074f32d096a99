/// Why a sandbox could not be started.
public enum SandboxError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The port is taken, or may not be used.
  case cannotListen(port: UInt16)
  /// A sandbox is started once.
  case alreadyStarted

  /// What is wrong, and what to do.
  public var description: String {
    switch self {
    case .cannotListen(let port):
      "the sandbox cannot listen on 127.0.0.1:\(port): choose another port, or 0 for any free one"
    case .alreadyStarted: "the sandbox was started before: make a new one"
    }
  }
}
