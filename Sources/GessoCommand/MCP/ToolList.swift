internal import Foundation
internal import GessoPipeline
internal import Ground
internal import ScenarioAPI

/// The tools of a server. It runs their calls.
struct ToolList: Sendable {
  /// The objects of `tools/list`.
  let descriptions: [JSONObject]
  /// The instructions for an assistant, which it reads before it calls a tool.
  let instructions: String
  private let context: ToolContext
  private let tools: [MCPTool]

  init(_ context: ToolContext) {
    let pixels = Turns()
    let orders = Turns()
    self.context = context
    tools = MCPTool.forImages(pixels) + MCPTool.forJobs(pixels, orders)
    descriptions = tools.map { $0.description(context) }
    let money =
      context.limit.map { "at most \($0) creative units a day may be spent, and no tool changes that" }
      ?? "img2img refuses, because no limit per day was set where this server was started (--max-cost-per-day)"
    instructions = """
      Prepares large images for generative models and carries them through img2img at the Scenario service. Images are named by \
      absolute paths and never pass through the conversation (\(context.places)). Nothing is replaced: give new names. \
      img2img returns a job at once, and job waits for its results; the same img2img call again returns the same job and costs \
      nothing. Spending: \(money); budget shows what is left.
      """
  }

  var names: [String] { tools.map(\.name) }

  subscript(name: String) -> MCPTool? { tools.first { $0.name == name } }

  /// Runs a tool. A failure becomes part of the result, so that the assistant sees it.
  func result(of tool: MCPTool, _ arguments: [String: JSONValue]) async -> ToolResult {
    do {
      let call = try ToolCall(arguments, of: tool, context)
      if tool.isPaid, context.limit == nil {
        throw CommandError(
          "no-limit", stage: .price, "\(tool.name) spends creative units, and no limit per day was set",
          remedy: "ask the person who started this server to give one, with gesso mcp --max-cost-per-day CU or "
            + "\(Configuration.dailyLimitName); no tool can", status: .limit)
      }
      var result = try await tool.run(call)
      result.notes = result.notes.map(tool.words.translated)
      return result
    } catch {
      return ToolResult(failure: tool.words.translated(CommandError(any: error)))
    }
  }
}
