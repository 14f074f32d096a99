import ArgumentParser
import GessoCommand
import ScenarioAPI
import Testing

@Suite("The flags of a generation")
struct GenerationOptionsTests {
  /// A value other than the default, as a flag takes it and as the request contains it.
  private static func sample(_ field: GenerationField) -> (text: String, value: JSONValue) {
    switch field.values {
    case .number(let range): ("\(range.upperBound)", .number(range.upperBound))
    case .integer(let range, _): ("\(range.upperBound)", .number(Double(range.upperBound)))
    case .numberAsText(let range): ("\(range.upperBound)", .string("\(range.upperBound)"))
    case .choice(let choices): (choices[0], .string(choices[0]))
    case .text: ("fog", .string("fog"))
    case .flag: ("true", .bool(true))
    }
  }

  @Test(
    "each flag reaches its field and no other", arguments: GenerationField.all.filter { $0.flag != nil }.map(\.name))
  func reaches(name: String) throws {
    let field = try #require(GenerationField.all.first { $0.name == name })
    let (text, value) = Self.sample(field)
    var request = Img2ImgRequest.defaults
    try GenerationOptions.parse(["--\(field.flag ?? "")", text]).apply(to: &request.generation)
    for other in GenerationField.all {
      #expect(other.value(in: request) == (other.name == name ? value : other.defaultValue), "\(other.name)")
    }
  }

  @Test("without flags a request has its defaults")
  func defaults() throws {
    var request = Img2ImgRequest(prompt: "p", image: .url("u"))
    let before = request
    try GenerationOptions.parse([]).apply(to: &request.generation)
    #expect(request == before)
  }

  @Test("help has the summary, the range and the default of each flag")
  func help() {
    let help = GenerationOptions.helpMessage(columns: 400)
    for field in GenerationField.all {
      guard let flag = field.flag else { continue }
      #expect(help.contains("--\(flag)"), "\(flag)")
      #expect(help.contains(field.summary.prefix { $0 != "." }), "\(flag)")
      if let valueName = field.valueName { #expect(help.contains("--\(flag) <\(valueName)>"), "\(flag)") }
    }
    #expect(help.contains("--strength <0.01…1>") && help.contains("(default: 0.75)"))
  }
}
