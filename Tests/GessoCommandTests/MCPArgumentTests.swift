import Foundation
import Testing

/// An option as the command describes it to programs.
private struct KnownOption: Decodable {
  struct Name: Decodable {
    let kind: String
    let name: String
  }

  let kind: String
  let names: [Name]?
  let abstract: String?
  let valueName: String?
  let allValues: [String]?
  let defaultValue: String?

  /// The lowest and the highest value; empty for an option whose help gives no range.
  var range: [Double] { valueName?.split(separator: "…").compactMap { Double($0) } ?? [] }

  /// The default in its help.
  var standard: String? { abstract.flatMap(statedDefault(in:)) ?? defaultValue }
}

/// A verb as the command describes it to programs.
private struct KnownVerb: Decodable {
  let commandName: String
  let subcommands: [KnownVerb]?
  let arguments: [KnownOption]?
}

private struct Description: Decodable { let command: KnownVerb }

/// `1536` in `Longest side (default: 1536).`
private func statedDefault(in text: String) -> String? {
  text.firstMatch(of: /\(default: ([^)]*)\)/).map { String($0.1) }
}

@Suite("gesso mcp: the arguments of the tools")
struct MCPArgumentTests {
  /// Arguments that stand for an option of another name.
  static let otherNames = ["output": "-o", "output_folder": "--out-dir", "params": "--param"]
  /// Arguments without an option: the operand, and one that only tools have.
  static let ownArguments: Set = ["path", "preview"]
  /// Arguments whose default differs from that of the option. A call without a seed must be the same order again, the default folder has to
  /// be allowed, and the default record is beside the file in `path`.
  static let ownDefaults: Set = ["seed", "output_folder", "record"]

  let gesso: GessoExecutable
  init() throws { gesso = try GessoExecutable() }

  private func options(of verb: String) async throws -> [String: KnownOption] {
    let text = try await gesso.run(["--experimental-dump-help"]).text
    let command = try JSONDecoder().decode(Description.self, from: Data(text.utf8)).command
    let found = try #require(command.subcommands?.first { $0.commandName == verb })
    var options: [String: KnownOption] = [:]
    for option in found.arguments ?? [] {
      for name in option.names ?? [] { options[(name.kind == "long" ? "--" : "-") + name.name] = option }
    }
    return options
  }

  private func arguments(of tool: String) async throws -> [String: [String: Any]] {
    let assistant = try await Assistant(gesso)
    let reply = try await assistant.request("tools/list")
    _ = try await assistant.end()
    let tools = try #require((reply["result"] as? [String: Any])?["tools"] as? [[String: Any]])
    let found = try #require(tools.first { $0["name"] as? String == tool })
    return try #require((found["inputSchema"] as? [String: Any])?["properties"] as? [String: [String: Any]])
  }

  @Test(
    "an argument has the name, the values, the range and the default of the verb's option",
    arguments: [
      ("inspect", "inspect", 0), ("plan", "prepare", 20), ("prepare", "prepare", 20), ("restore", "restore", 5),
      ("upload", "upload", 12), ("img2img", "img2img", 30),
    ])
  func options(tool: String, verb: String, least: Int) async throws {
    let options = try await options(of: verb)
    let arguments = try await arguments(of: tool).filter { !Self.ownArguments.contains($0.key) }
    #expect(arguments.count >= least)
    for (name, schema) in arguments {
      let flag = Self.otherNames[name] ?? "--" + name.replacing("_", with: "-")
      let option = try #require(options[flag], "\(verb) has no \(flag)")
      #expect((schema["type"] as? String == "boolean") == (option.kind == "flag"), "\(name)")
      #expect(schema["enum"] as? [String] == option.allValues, "\(name)")
      #expect([schema["minimum"], schema["maximum"]].compactMap { $0 as? Double } == option.range, "\(name)")
      guard !Self.ownDefaults.contains(name) else { continue }
      #expect(statedDefault(in: schema["description"] as? String ?? "") == option.standard, "\(name)")
    }
  }

  @Test("the ranges of settings that cost are in the schema")
  func ranges() async throws {
    let arguments = try await arguments(of: "img2img")
    for (name, range) in ["strength": [0.01, 1], "samples": [1, 128], "steps": [1, 150], "quality": [1, 100]] {
      let schema = try #require(arguments[name])
      #expect([schema["minimum"], schema["maximum"]].compactMap { $0 as? Double } == range, "\(name)")
    }
  }
}
