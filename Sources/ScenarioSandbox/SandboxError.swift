public import Ground

/// Why a sandbox could not be started.
public enum SandboxError: GessoFailure, Equatable {
  /// The port is taken, or may not be used.
  case cannotListen(port: UInt16)
  /// A sandbox is started once.
  case alreadyStarted

  /// What kind of failure it was. New codes may be added; existing ones keep their spelling.
  public enum Code: String, Sendable {
    /// The port is taken, or may not be used.
    case cannotListen = "cannot-listen"
    /// The sandbox was started before.
    case alreadyStarted = "already-started"
  }

  /// What kind of failure it was.
  public var code: Code {
    switch self {
    case .cannotListen: .cannotListen
    case .alreadyStarted: .alreadyStarted
    }
  }

  /// `configure`: the sandbox is a setting of what is tried with it.
  public var stage: Stage { .configure }

  /// What is wrong.
  public var message: String {
    switch self {
    case .cannotListen(let port): "the sandbox cannot listen on 127.0.0.1:\(port)"
    case .alreadyStarted: "the sandbox was started before"
    }
  }

  /// What to do about it.
  public var remedy: Remedy {
    switch self {
    case .cannotListen: "choose another port, or 0 for any free one"
    case .alreadyStarted: "make a new one"
    }
  }
}
