internal import Foundation

extension ScenarioClient {
  /// Submits an img2img job: from the moment the service accepts it, it is paid for.
  ///
  /// The service has no idempotency key, so a submit is repeated only when it certainly had no effect: nothing was sent,
  /// or the answer was 429. Keep the job's id before doing anything else.
  ///
  /// - Parameter request: What to make of which image; checked before anything is sent.
  /// - Returns: The accepted job and its price.
  /// - Throws: A ``ScenarioError`` of the stage `submit`. With the outcome `unknownOutcome` a job may be running and
  ///   `charged` is `unknown`.
  public func submitImg2Img(_ request: Img2ImgRequest) async throws(ScenarioError) -> Submission {
    try request.validate()
    var http = try apiRequest(.post, ["generate", "img2img"], stage: .submit)
    http.fields.append(HTTPField("Content-Type", "application/json"))
    do {
      http.body = .bytes([UInt8](try JSONEncoder().encode(request)))
    } catch {
      throw ScenarioError(
        .invalidRequest, .notSent, stage: .submit, "the request cannot be written as JSON", remedy: "check its numbers")
    }
    return try await reply(Submission.self, to: http, as: .submit)
  }
}
