import Foundation
import GessoPipeline
import ImagePreparation
import ScenarioAPI
import ScenarioSandbox
import TestSupport
import Testing

/// The examples of the README and of the page on the library are the files that are compiled here, and they run.
@Suite struct ReadmeTests {
  private static let root = Fixtures.folder.deletingLastPathComponent()

  @Test(
    "the page shows the example that is compiled here",
    arguments: [
      ("LibraryCall", "README.md"), ("PreparingCall", "Documentation/Library.md"),
      ("FollowingCall", "Documentation/Library.md"),
    ])
  func pageShowsTheCompiledExample(_ name: String, page: String) throws {
    let source = try String(
      contentsOf: URL(filePath: #filePath).deletingLastPathComponent().appending(path: "\(name).swift"),
      encoding: .utf8)
    let example = source.split(separator: "\n", omittingEmptySubsequences: false)
      .filter { !$0.hasPrefix("#if") && !$0.hasPrefix("#endif") }.joined(separator: "\n")
    let text = try String(contentsOf: Self.root.appending(path: page), encoding: .utf8)
    #expect(text.contains("```swift\n\(example)```\n"))
  }

  /// White on the right half, of the size of `brushes.jpg`.
  private static let mask = PixelImage<UInt8>(
    size: ImageSize(width: 640, height: 504), channels: 1,
    samples: (0..<504).flatMap { _ in (0..<640).map { $0 < 320 ? 0 : 255 } })

  @Test("the example that prepares an image keeps the crop's shape and form") func preparingExampleRuns() async throws {
    let image = try #require(try await crop(of: Fixtures.path("jpeg/brushes.jpg")))
    #expect(image.format == .jpeg && image.subsampling == "4:4:4" && image.quality == 88)
    // 640×480 is the largest box of this shape within 640×504.
    #expect(image.size == ImageSize(width: 640, height: 480))
  }

  @Test("the examples with a job run against the sandbox") func exampleRunsAgainstTheSandbox() async throws {
    let folder = TestFolder.url.appending(path: "gesso-readme-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let pair = SandboxCredential.random()
    let sandbox = ScenarioSandbox(configuration: SandboxConfiguration(credentials: [pair], jobTimings: .instant))
    let address = try await sandbox.start()
    do {
      let service = try ScenarioConfiguration(
        baseURL: address.absoluteString, credential: ScenarioCredential(key: pair.key, secret: pair.secret))
      let results = try await autumn(of: Fixtures.path("jpeg/brushes.jpg"), into: folder, from: service)
      #expect(results.count == 1)
      let mask = "\(folder)/mask.png"
      try Data(try await ImagePreparer().encodePNG(Self.mask)).write(to: URL(filePath: mask))
      let client = ScenarioClient(configuration: service)
      let pipeline = Img2ImgPipeline(client: client, ledger: try Ledger(path: "\(folder)/ledger.sqlite"))
      #expect(try await repaint(Fixtures.path("jpeg/brushes.jpg"), where: mask, into: folder, by: pipeline).count == 1)
      await #expect(throws: PreparationError.self) {
        try await repaint("\(folder)/none.jpg", where: mask, into: folder, by: pipeline)
      }
      let jpeg = try #require(try await crop(of: Fixtures.path("jpeg/brushes.jpg")))
      #expect(try await client.asset(upload(jpeg, to: client)).mimeType == "image/jpeg")
      for path in results {
        let pixels = try await ImagePreparer().pixels(of: .file(path))
        // 640x504 with sides that are multiples of 16.
        #expect(pixels.size == ImageSize(width: 640, height: 496))
      }
    } catch {
      await sandbox.stop()
      throw error
    }
    await sandbox.stop()
  }
}
