internal import FlyingFox

extension SandboxService {
  /// `GET /models/{modelId}`.
  func getModel(_ call: RequestContext) throws(ServiceError) -> HTTPResponse {
    let id = call.parameters["modelId"] ?? ""
    guard let model = Model.all[id] else { throw .notFound("Model", id) }
    return .json(Wire.ModelEnvelope(model: model))
  }
}
