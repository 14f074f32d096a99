extension ScenarioClient {
  /// Reads what a model is and takes.
  ///
  /// - Throws: A ``ScenarioError``, after the retries; `not-found` for a model that is not there.
  public func model(_ id: String) async throws(ScenarioError) -> GenerationModel {
    try await reply(ModelReply.self, to: try apiRequest(.get, ["models", id], stage: .wait), as: .read).model
  }
}
