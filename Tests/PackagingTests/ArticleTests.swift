import Foundation
import ImagePreparation
import TestSupport
import Testing

/// The examples of the articles are the files that are compiled here, and they run.
@Suite struct ArticleTests {
  @Test(
    "the article shows the example that is compiled here",
    arguments: ["PreparingAnImage", "Color", "Alpha", "GeometryRecords", "AttentionCrop", "RecipeJSON"])
  func articleShowsTheCompiledExample(_ name: String) throws {
    let example = try String(
      contentsOf: URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Articles/\(name).swift"),
      encoding: .utf8)
    let article = try String(
      contentsOf: Fixtures.folder.deletingLastPathComponent().appending(
        path: "Sources/ImagePreparation/ImagePreparation.docc/\(name).md"), encoding: .utf8)
    #expect(article.contains("```swift\n\(example)```\n"))
  }

  @Test("the examples of the articles run") func examplesRun() async throws {
    let photograph = Fixtures.path("jpeg/brushes.jpg")
    let preparer = ImagePreparer()
    let prepared = try await preparedForFlux(photograph)
    #expect(prepared.size == ImageSize(width: 640, height: 496))
    #expect(prepared.tensor?.shape == [1, 3, 496, 640])

    let wide = Fixtures.path("png/icc-display-p3.png")
    #expect(try await preparedTexture(wide, isNormalMap: false).notes.contains { $0.contains("to sRGB") })
    #expect(try await preparedTexture(wide, isNormalMap: true).notes.allSatisfy { !$0.contains("to sRGB") })
    let kept = try await preparedInItsOwnSpace(wide)
    #expect(try await preparer.inspect(.memory(kept.bytes)).iccProfile == kept.source.iccProfile)

    let sprite = try await preparedSprite(Fixtures.path("png/soft-alpha-rgba8.png"), on: "#102030")
    #expect(sprite.size.pixelCount < sprite.source.size.pixelCount)
    #expect(try await !preparer.inspect(.memory(sprite.bytes)).hasAlpha)

    #expect(try await thumbnail(photograph).size == ImageSize(width: 504, height: 504))

    let canvas = try await repainted(photograph) { $0.bytes }
    #expect(canvas.size == prepared.source.size && canvas.channels == 4)
    #expect(try await preparedDepth(photograph, of: prepared).geometry == prepared.geometry)
  }

  @Test("the recipes of the article are recipes, in their one spelling")
  func recipesAsJSON() throws {
    let article = try String(
      contentsOf: Fixtures.folder.deletingLastPathComponent().appending(
        path: "Sources/ImagePreparation/ImagePreparation.docc/RecipeJSON.md"), encoding: .utf8)
    let examples = article.matches(of: #/```json\n(.*)\n```/#).map { String($0.1) }
    #expect(examples.count >= 3)
    for example in examples { #expect(try canonicalJSON(recipe(json: example)) == example) }
  }
}
