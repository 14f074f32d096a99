import Driver
import Foundation
@testable import ScenarioAPI

/// Reads a reply of the service. Traps if the client's text about the reply could control a terminal or has no limit, or if a number is
/// outside its documented range.
///
/// The first byte selects the type of the reply, and the second byte the status of a refusal.
func read(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start, count > 2 else { return 0 }
  let bytes = Array(UnsafeBufferPointer(start: start + 2, count: count - 2))
  switch start[0] % 8 {
  case 0: readRefusal(bytes, status: 300 + Int(start[1]), isLegacy: start[0] & 128 != 0)
  case 1:
    guard let submission = try? ReplyJSON.value(Submission.self, of: bytes) else { break }
    check(submission.job)
  case 2: (try? ReplyJSON.value(JobPage.self, of: bytes))?.jobs.forEach(check)
  case 3:
    guard let asset = try? ReplyJSON.value(AssetReply.self, of: bytes).asset else { break }
    precondition(!asset.id.rawValue.isEmpty)
  case 4: _ = try? ReplyJSON.value(AssetsReply.self, of: bytes)
  case 5:
    guard let model = try? ReplyJSON.value(ModelReply.self, of: bytes).model else { break }
    _ = model.sizeRules
    let request = Img2ImgRequest(
      Generation(prompt: "p", modelID: model.id), image: .asset(AssetID(rawValue: "asset_1")), endpoint: .custom)
    do throws(ScenarioError) { try model.check(request) } catch { check(error) }
  case 6: _ = try? ReplyJSON.value(UploadReply.self, of: bytes)
  default: _ = try? ReplyJSON.value(DryRun.self, of: bytes)
  }
  return 0
}

func check(_ job: Job) {
  precondition(!job.id.rawValue.isEmpty && (0...1).contains(job.progress), "\(job.progress)")
  precondition(Set(job.assetIDs).count == job.assetIDs.count)
  for text in [job.failureReason, job.hint] { if let text { check(text) } }
  _ = job.createdSeconds
  if let echo = job.echo { _ = echo.hasSource(AssetID(rawValue: "asset_1")) }
}

/// Reads a refusal. The first line of the body is also the value of several header fields.
func readRefusal(_ body: [UInt8], status: Int, isLegacy: Bool) {
  let line = String(decoding: body.prefix { $0 != 10 }.prefix(200), as: UTF8.self)
  let names = ["retry-after", "retry-after-ms", "date", "location", "x-request-id"]
  let response = HTTPResponse(status: status, fields: names.map { HTTPField($0, line) }, body: body)
  let error = ScenarioError(
    refusal: response, stage: .submit, generation: .init(modelID: "flux.1-dev", isLegacy: isLegacy),
    now: Date(timeIntervalSince1970: 1_800_000_000))
  check(error)
  if let delay = error.retryAfter { precondition(delay >= .zero && delay <= .seconds(31_536_000)) }
  _ = DryRun.isRefusal(response)
}

func check(_ error: ScenarioError) {
  check(error.message)
  check(String(describing: error.remedy))
  for text in [error.serviceReason, error.serviceErrorName, error.requestID] { if let text { check(text) } }
}

/// Checks that a text is not too long and contains no control character.
func check(_ text: String) {
  precondition(text.count <= 4000, "\(text.count) characters")
  precondition(!text.unicodeScalars.contains { $0.properties.generalCategory == .control }, text.debugDescription)
}

fuzz(read)
