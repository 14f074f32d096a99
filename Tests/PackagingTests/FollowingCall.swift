import GessoPipeline
import ImagePreparation
import ScenarioAPI

/// Paints the white parts of a mask anew, shows how the job goes, and reports what goes wrong, whichever module it comes from.
func repaint(
  _ photograph: String, where mask: String, into folder: String, by pipeline: Img2ImgPipeline
) async throws -> [String] {
  var order = Img2ImgOrder(path: photograph, prompt: "a wooden bench", folder: folder)
  order.second = .mask(.file(mask))
  let run = pipeline.start(order)
  do {
    for await event in run.events {
      if case .waiting(let job) = event { print("\(job.status), \(Int(job.progress * 100)) %") }
    }
    return try await run.result.files.map(\.path)
  } catch let failure as any GessoFailure {
    print("\(failure.stage): \(failure.message) (\(failure.code.rawValue)): \(failure.remedy)")
    if let job = failure.jobID { print("pipeline.resume(\(job)) goes on with a job that is paid for") }
    throw failure
  }
}

/// Uploads an encoded image of any size, in parts if it is large.
func upload(_ jpeg: PreparedImage, to client: ScenarioClient) async throws -> AssetID {
  try await client.upload(.bytes(jpeg.bytes), name: "photograph.jpg", mimeType: "image/jpeg").result
}
