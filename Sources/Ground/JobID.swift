/// The service's name of a job. It is opaque; today it begins with `job_`.
public struct JobID: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
  /// The spelling on the wire.
  public let rawValue: String
  /// Makes an id from its spelling, which is not checked.
  public init(rawValue: String) { self.rawValue = rawValue }
  /// The spelling on the wire.
  public var description: String { rawValue }
}
