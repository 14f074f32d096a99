import Foundation
import Testing

@testable import ScenarioAPI

@Suite("What can be asked of a model")
struct GenerationModelTests {
  private static func model(_ json: String) async throws -> GenerationModel {
    let transport = ScriptedTransport([.answer(200, #"{"model":\#(json)}"#)])
    let client = ScenarioClient(configuration: try Planted.configuration(), transport: transport, clock: ManualClock())
    return try await client.model("model_bfl-flux-1-dev")
  }

  @Test("inputs with their ranges, choices and defaults, the rules for sizes, and what the price depends on")
  func description() async throws {
    let model = try await Self.model(
      #"""
      {"id":"model_bfl-flux-1-dev","name":"Flux.1 dev","type":"custom","status":"trained","custom":true,
      "capabilities":["txt2img",null,"img2img"],"inputs":[
      {"name":"prompt","type":"string","maxLength":2048,"required":{"always":true},"label":"Prompt","description":"What\nto show"},
      {"name":"image","type":"file","kind":"image","maxSize":20000000,"default":null},
      {"name":"numOutputs","type":"number","min":1,"max":4,"step":1,"default":1,"costImpact":true},
      {"name":"width","type":"number","min":128,"max":2048,"step":16,"default":1104},
      {"name":"height","type":"number","min":128,"max":2048,"step":16,"default":832},
      {"name":"controlModality","type":"string","default":"canny","allowedValues":["canny","depth"]},
      {"name":"loras","type":"model_array","maxLength":6}]}
      """#)
    #expect(model.name == "Flux.1 dev" && model.type == "custom" && model.status == "trained" && model.custom == true)
    #expect(model.capabilities == ["txt2img", "img2img"])
    let inputs = try #require(model.inputs)
    #expect(
      inputs.map(\.name) == ["prompt", "image", "numOutputs", "width", "height", "controlModality", "loras"])
    #expect(inputs[0].isRequired && inputs[0].maxLength == 2048 && inputs[0].label == "Prompt")
    #expect(inputs[0].summary == "What to show" && inputs[0].defaultValue == nil)
    #expect(!inputs[1].isRequired && inputs[1].kind == "image" && inputs[1].maxSize == 20_000_000)
    #expect(inputs[1].defaultValue == nil)
    #expect(inputs[2].defaultValue == .number(1) && inputs[2].min == 1 && inputs[2].max == 4 && inputs[2].step == 1)
    #expect(inputs[5].defaultValue == .string("canny"))
    #expect(inputs[5].allowedValues == [.string("canny"), .string("depth")])
    #expect(model.costInputs.map(\.name) == ["numOutputs"])
    #expect(model.sizeRules.width?.step == 16 && model.sizeRules.height?.max == 2048)
    #expect(model.sizeRules.aspectRatio == nil)
  }

  @Test(
    "control characters in names and choices of the service reach no terminal",
    arguments: [
      #"{"name":"a\u001b[2Jb","type":"string","required":{"always":true}}"#, #"{"name":"x\ny","type":"string"}"#,
      #"{"name":"prompt","type":"string","allowedValues":["\u0007\u001b[31m"]}"#,
    ])
  func controlCharacters(input: String) async throws {
    let model = try await Self.model(#"{"id":"model\u001b[2J_1","inputs":[\#(input)]}"#)
    let request = Img2ImgRequest(
      Generation(prompt: "p", modelID: model.id), image: .asset(AssetID(rawValue: "asset_1")), endpoint: .custom)
    do throws(ScenarioError) {
      try model.check(request)
      Issue.record("the model takes the request")
    } catch {
      let text = "\(error.message) \(error.remedy)"
      #expect(!text.unicodeScalars.contains { $0.properties.generalCategory == .control }, "\(text.debugDescription)")
    }
  }

  @Test("a model with odd fields loses only those")
  func odd() async throws {
    let model = try await Self.model(
      #"""
      {"id":"m","name":7,"type":[],"status":null,"capabilities":"img2img","inputs":[null,{"type":"number"},
      {"name":"aspectRatio","type":"string","default":{"a":1},"costImpact":"yes","maxSize":"12","kind":7,"label":{}}]}
      """#)
    #expect(model.name == nil && model.type == nil && model.status == nil && model.capabilities.isEmpty)
    #expect(model.inputs?.count == 1 && model.costInputs.isEmpty && model.sizeRules.width == nil)
    let input = try #require(model.sizeRules.aspectRatio)
    #expect(input.defaultValue == .object(["a": .number(1)]) && input.maxSize == 12 && input.kind == nil)
    #expect(input.label == nil && input.summary == nil)
    #expect(try await Self.model(#"{"id":"flux.1-dev"}"#).inputs == nil)
  }
}
