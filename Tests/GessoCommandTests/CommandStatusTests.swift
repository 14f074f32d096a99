import GessoCommand
import GessoPipeline
import ImagePreparation
import ScenarioAPI
import Testing

@Suite("Exit statuses")
struct CommandStatusTests {
  static let runs: [(failures: [CommandStatus], count: Int, status: CommandStatus)] = [
    ([], 3, .done), ([.badInput], 1, .badInput), ([.badInput], 2, .someFailed), ([.badInput, .badInput], 2, .badInput),
    ([.badInput, .limit], 2, .someFailed), ([.limit, .limit], 3, .someFailed),
    ([.badInput, .interrupted], 3, .interrupted),
  ]

  @Test("the status of several inputs follows from their failures", arguments: runs)
  func several(failures: [CommandStatus], count: Int, status: CommandStatus) {
    #expect(CommandStatus(failures: failures, of: count) == status)
  }

  static let images: [(PreparationError.Code, Int32)] = [
    (.notFound, 3), (.unreadable, 3), (.empty, 3), (.notAnImage, 3), (.unsupportedFormat, 3), (.unsupportedFeature, 3),
    (.truncated, 3), (.corrupt, 3), (.warning, 3), (.tooManyPixels, 4), (.tooMuchMemory, 4), (.limitExceeded, 4),
    (.overBudget, 4), (.outOfMemory, 4), (.invalidRecipe, 2), (.outputExists, 2), (.outputIsInput, 2),
    (.writeFailed, 10),
    (.canceled, 130),
  ]

  @Test("each error of an image has a status", arguments: images)
  func image(code: PreparationError.Code, status: Int32) {
    let error = CommandError(PreparationError(code, stage: .open, "m", remedy: "r"))
    #expect(error.status.rawValue == status)
    #expect(error.line == "m: r")
  }

  static let services: [(ScenarioError.Code, Int32)] = [
    (.invalidConfiguration, 5), (.insecureURL, 5), (.credentialsRefused, 5), (.invalidRequest, 2), (.uploadTooLarge, 4),
    (.payloadTooLarge, 4), (.responseTooLarge, 4), (.forbidden, 6), (.modelRestricted, 6), (.notFound, 6),
    (.rejected, 6),
    (.creditExhausted, 6), (.endpointGone, 6), (.modelRefused, 6), (.quotaExhausted, 6), (.redirected, 6),
    (.malformedReply, 6), (.noResults, 6),
    (.assetUnavailable, 6), (.unreachable, 7), (.tlsFailed, 7), (.privateAddress, 6), (.connectionLost, 7),
    (.timedOut, 7),
    (.transportFailed, 7),
    (.coolingDown, 7), (.concurrencyLimit, 7), (.throttled, 7), (.serviceFailed, 7), (.downloadInvalid, 7),
    (.deadlineExceeded, 9), (.canceled, 130), (.writeFailed, 10),
  ]

  @Test("each error of the service has a status", arguments: services)
  func service(code: ScenarioError.Code, status: Int32) {
    let error = CommandError(ScenarioError(code, .refused, stage: .submit, "m", remedy: "r"))
    #expect(error.status.rawValue == status)
  }

  static let pipelines: [(PipelineError.Code, Int32)] = [
    (.ledgerUnavailable, 10), (.unknownJob, 2), (.otherService, 5), (.jobFailed, 8), (.jobCanceled, 8),
    (.invalidOrder, 2),
  ]

  @Test("each error of a run has a status", arguments: pipelines)
  func pipeline(code: PipelineError.Code, status: Int32) {
    #expect(CommandError(PipelineError(code, stage: .wait, "m", remedy: "r")).status.rawValue == status)
  }
}
