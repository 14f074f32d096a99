import Testing

@testable import ScenarioAPI

@Suite("Sources at addresses")
struct AddressReaderTests {
  private func reader(_ transport: ScriptedTransport, _ clock: ManualClock) -> AddressReader {
    AddressReader(
      over: transport, retry: RetryPolicy(patience: .seconds(30), random: FixedGenerator.highest), clock: clock)
  }

  private static func lost() -> ScriptedTransport.Step {
    var error = ScenarioError(.connectionLost, .unusable, stage: .download, "lost", remedy: "")
    error.isRetryable = true
    return .fail(error)
  }

  @Test(
    "temporary failures are tried again, after the pause that the server asks for",
    arguments: [
      (ScriptedTransport.Step.answer(503), Duration.milliseconds(500)),
      (.answer(429, "", [HTTPField("Retry-After", "7")]), .seconds(7)), (.answer(408), .milliseconds(500)),
      (lost(), .milliseconds(500)),
    ])
  func passes(first: ScriptedTransport.Step, pause: Duration) async throws {
    let (transport, clock) = (ScriptedTransport([first, .answer(200, "image")]), ManualClock())
    let bytes = try await reader(transport, clock).bytes(at: "https://example.test/a.jpg", limit: 100)
    #expect(bytes == Array("image".utf8))
    #expect(clock.sleeps.count == 1 && clock.sleeps[0] <= pause && clock.sleeps[0] > pause / 2, "\(clock.sleeps)")
    #expect(transport.requests.allSatisfy { $0.authorization == nil && $0.followsRedirects && $0.responseLimit == 100 })
  }

  @Test(
    "a final answer is reported at once, by its meaning",
    arguments: [
      (401, ScenarioError.Code.forbidden), (403, .forbidden), (404, .notFound), (410, .notFound), (400, .rejected),
      (304, .rejected),
    ])
  func final(status: Int, code: ScenarioError.Code) async throws {
    let (transport, clock) = (ScriptedTransport([.answer(status), .answer(200)]), ManualClock())
    await #expect {
      _ = try await reader(transport, clock).bytes(at: "https://example.test/a.jpg", limit: 100)
    } throws: {
      ($0 as? ScenarioError)?.code == code
    }
    #expect(transport.stepsLeft == 1 && clock.sleeps.isEmpty)
  }

  @Test(
    "an answer that breaks off at the same byte twice is a broken image, and a silence is not waited for again",
    arguments: [
      (
        18, "8434 bytes remain", [ScenarioError.Code.connectionLost, .connectionLost],
        ScenarioError.Code.downloadInvalid
      ),
      (18, "", [.connectionLost], .rejected), (28, "too slow", [.timedOut], .timedOut),
    ])
  func breaksOff(curlCode: Int, message: String, codes: [ScenarioError.Code], reported: ScenarioError.Code) async throws
  {
    let failures = codes.map { code in
      var error = ScenarioError(code, .unusable, stage: .download, message, remedy: "")
      (error.isRetryable, error.curlCode) = (true, curlCode)
      return ScriptedTransport.Step.fail(error)
    }
    let (transport, clock) = (ScriptedTransport(failures + [.answer(400)]), ManualClock())
    await #expect {
      _ = try await reader(transport, clock).bytes(at: "https://example.test/a.jpg", limit: 100)
    } throws: {
      ($0 as? ScenarioError)?.code == reported
    }
  }

  @Test("attempts have an end, and a pause of an hour is reported instead of waited for", arguments: [nil, "3600"])
  func ends(pause: String?) async throws {
    let fields = pause.map { [HTTPField("Retry-After", $0)] } ?? []
    let steps = [ScriptedTransport.Step](repeating: .answer(503, "", fields), count: 9)
    let (transport, clock) = (ScriptedTransport(steps), ManualClock())
    await #expect {
      _ = try await reader(transport, clock).bytes(at: "https://example.test/a.jpg", limit: 100)
    } throws: { error in
      let error = error as? ScenarioError
      return error?.code == .serviceFailed && error?.retryAfter == pause.map { _ in .seconds(3600) }
    }
    #expect(clock.sleeps.count == (pause == nil ? 3 : 0))
  }
}
