public import Logging

extension ScenarioClient {
  /// The same client, which logs every exchange to `logger`. The level debug has the request and the status, trace has the connection too,
  /// and notice has every pause that the service asks for. Credentials, bodies and queries of URLs are never logged.
  public func logging(to logger: Logger) -> ScenarioClient {
    var client = self
    client.observe = { exchange in
      var metadata: Logger.Metadata = ["stage": "\(exchange.request.stage.rawValue)"]
      switch exchange.result {
      case .success(let response):
        metadata["status"] = "\(response.status)"
        logger.debug("\(exchange.request)", metadata: metadata)
        metadata["http"] = "\(response.httpVersion ?? "unknown")"
        metadata["reused"] = "\(response.reusedConnection)"
        metadata["sent"] = "\(exchange.request.body.count)"
        metadata["received"] = "\(response.bodyCount)"
        logger.trace("transferred", metadata: metadata)
      case .failure(let error):
        metadata["code"] = "\(error.code.rawValue)"
        metadata["outcome"] = "\(error.outcome.rawValue)"
        if let asked = error.retryAfter { metadata["retry-after"] = "\(asked / .seconds(1))" }
        logger.debug("\(exchange.request): \(error.message)", metadata: metadata)
      }
    }
    let onPause = onPause
    client.onPause = { pause, error in
      let seconds = Int((pause / .seconds(1)).rounded(.up))
      logger.notice("waiting \(seconds) seconds: \(error.message)", metadata: ["stage": "\(error.stage.rawValue)"])
      onPause(pause, error)
    }
    return client
  }
}
