internal import CCurl
internal import Foundation
internal import Ground

/// Reads the bytes at an `http(s)` address that a user names, without credentials.
///
/// A request is repeated after a temporary failure: a broken connection, or one of the statuses of `RetryPolicy`. If the server asks for a
/// pause (`Retry-After`), the reader waits that long, up to the policy's patience. A request is not repeated if the server cannot be
/// reached, if a transfer takes too long, or if the reply breaks off at the same byte twice.
///
/// Addresses of this machine and of private networks are refused, unless the transport's options allow them.
package struct AddressReader: Sendable {
  private let transport: any HTTPTransport
  private let retry: RetryPolicy
  private let clock: any Clock<Duration>
  private let timeout: Duration

  /// Makes a reader. It gives up sooner than a client, because the user sees no sign that it is waiting. One attempt
  /// takes at most `timeout`: 15 minutes are enough for the largest input at 0.3 MB/s.
  package init(
    over transport: any HTTPTransport, retry: RetryPolicy = RetryPolicy(patience: .seconds(30)),
    clock: any Clock<Duration> = ContinuousClock(), timeout: Duration = .seconds(900)
  ) {
    (self.transport, self.retry, self.clock, self.timeout) = (transport, retry, clock, timeout)
  }

  /// The bytes at an address, which may redirect.
  ///
  /// - Throws: `response-too-large` for more than `limit` bytes; `forbidden`, `not-found` or `rejected` for a final
  ///   reply; `service-failed` or the transport's code for a failure that may be temporary.
  package func bytes(at url: String, limit: Int) async throws(ScenarioError) -> [UInt8] {
    var request = HTTPRequest(.get, url, stage: .download)
    request.responseLimit = limit
    request.followsRedirects = true
    request.refusesPrivateAddresses = true
    request.timeout = timeout
    var policy = retry
    var breakOff: String?
    while true {
      do throws(ScenarioError) {
        let response = try await transport.send(request)
        guard (200..<300).contains(response.status) else { throw Self.refusal(response) }
        return response.body
      } catch {
        if error.curlCode == Int(CURLE_PARTIAL_FILE.rawValue) {
          guard breakOff != error.message else { throw Self.truncated(error) }
          breakOff = error.message
        }
        guard ![.unreachable, .timedOut].contains(error.code),
          case .retry(let delay) = policy.next(after: error, of: .read)
        else { throw error }
        do {
          try await clock.sleep(for: delay)
        } catch {
          throw ScenarioError(.canceled, .notSent, stage: .download, "canceled", remedy: "")
        }
      }
    }
  }

  /// The error for a server that repeatedly sends only a part of the announced bytes.
  private static func truncated(_ error: ScenarioError) -> ScenarioError {
    ScenarioError(
      .downloadInvalid, .refused, stage: .download, "the server breaks the image off: \(error.message)",
      remedy: "download the image with a browser, and give the file")
  }

  private static func refusal(_ response: HTTPResponse) -> ScenarioError {
    func error(_ code: ScenarioError.Code, _ message: String, _ remedy: Remedy) -> ScenarioError {
      var error = ScenarioError(code, .refused, stage: .download, message, remedy: remedy)
      error.httpStatus = response.status
      return error
    }
    let answer = "the server answered \(response.status)"
    switch response.status {
    case _ where RetryPolicy.effect(of: response.status) != nil:
      var failure = error(.serviceFailed, answer, .retry(after: nil))
      failure.isRetryable = true
      failure.retryAfter = RetryAfter.delay(of: response, remainingSeconds: nil, now: Date())
      if let delay = failure.retryAfter, delay > .zero { failure.remedy = .retry(after: delay) }
      return failure
    case 401, 403:
      return error(
        .forbidden, "\(answer): it wants a login, or a signature in the address has expired",
        "download the image with a browser, and give the file")
    case 404, 410:
      return error(.notFound, "\(answer): there is nothing at this address", "check the address in a browser")
    default: return error(.rejected, answer, "check the address in a browser")
    }
  }
}
