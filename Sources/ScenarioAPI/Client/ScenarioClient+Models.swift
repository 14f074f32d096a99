extension ScenarioClient {
  /// Reads what a model is and takes.
  ///
  /// - Throws: `CancellationError`, or a ``ScenarioError``, after the retries; `not-found` for a model that is not there.
  @concurrent public func model(_ id: String) async throws -> GenerationModel {
    try await verb { () throws(ScenarioError) in
      try await reply(ModelReply.self, to: try apiRequest(.get, ["models", id], stage: .wait), as: .read).model
    }
  }
}
