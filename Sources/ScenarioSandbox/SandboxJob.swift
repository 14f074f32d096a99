/// A job as the sandbox knows it, even if its replies leave parts out. Tests use it to check which jobs a client should
/// find.
package struct SandboxJob: Codable, Sendable, Equatable {
  /// The job's id.
  package let jobId: String
  /// The model.
  package let modelId: String
  /// The asset that the job began with.
  package let sourceId: String
  /// The prompt as sent.
  package let prompt: String
  /// The seed as sent, or as chosen by the sandbox.
  package let seed: String
  /// When the job was made, in seconds since 1970 by the clock of the machine.
  package let created: Double
}
