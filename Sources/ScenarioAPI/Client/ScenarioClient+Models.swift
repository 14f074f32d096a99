extension ScenarioClient {
  /// Reads the description of a model: its kind, its capabilities and the fields of its requests.
  ///
  /// - Throws: `CancellationError`, or a ``ScenarioError``, after the retries; `not-found` for an unknown model.
  @concurrent public func model(_ id: String) async throws -> GenerationModel {
    try await verb { () throws(ScenarioError) in
      try await reply(ModelReply.self, to: try apiRequest(.get, ["models", id], stage: .wait), as: .read).model
    }
  }
}
