public import Ground

/// A failure to start a sandbox.
public enum SandboxError: GessoFailure, Equatable {
  /// The port is taken, or may not be used.
  case cannotListen(port: UInt16)
  /// The sandbox was started before. Each can be started only once.
  case alreadyStarted

  /// A kind of failure. New codes may be added; existing ones keep their spelling.
  public enum Code: String, Sendable {
    /// The port is taken, or may not be used.
    case cannotListen = "cannot-listen"
    /// The sandbox was started before.
    case alreadyStarted = "already-started"
  }

  /// The kind of failure.
  public var code: Code {
    switch self {
    case .cannotListen: .cannotListen
    case .alreadyStarted: .alreadyStarted
    }
  }

  /// `configure`, because the sandbox is part of the configuration of a trial.
  public var stage: Stage { .configure }

  /// The cause, in one line.
  public var message: String {
    switch self {
    case .cannotListen(let port): "the sandbox cannot listen on 127.0.0.1:\(port)"
    case .alreadyStarted: "the sandbox was started before"
    }
  }

  /// The remedy, in one line.
  public var remedy: Remedy {
    switch self {
    case .cannotListen: "choose another port, or 0 for any free one"
    case .alreadyStarted: "make a new one"
    }
  }
}
