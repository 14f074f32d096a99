internal import ArgumentParser
internal import GessoPipeline
internal import ScenarioAPI

/// Runs verbs of the command inside this process.
enum VerbCall {
  /// The objects that a verb prints with `--json`, and its lines for people.
  ///
  /// - Parameter words: The verb, its options and its operands.
  /// - Returns: The objects and the lines.
  /// - Throws: The first failure that the verb reports, or `CancellationError`.
  static func run(_ words: [String]) async throws -> (objects: [JSONValue], notes: [String]) {
    let collected = CollectedOutput()
    let status = try await CollectedOutput.$current.withValue(collected) {
      let words = try Synonyms.resolved(words).arguments
      guard var verb = try parsed(words) as? any Verb else {
        throw CommandError.usage("no verb", remedy: "report this")
      }
      return try await verb.perform()
    }
    try Task.checkCancellation()
    if let failure = collected.content.failures.first { throw failure }
    guard status == .done else {
      throw CommandError(
        "unexpected", stage: .configure, "it ended with status \(status)", remedy: "report this", status: status)
    }
    let content = collected.content
    return (try content.objects.map { try JSONText.value(JSONValue.self, of: JSONText.line($0)) }, content.notes)
  }

  private static func parsed(_ words: [String]) throws(CommandError) -> any ParsableCommand {
    do {
      return try Gesso.parseAsRoot(words)
    } catch {
      throw Gesso.usage(error, arguments: words)
    }
  }

  /// The only object that a verb prints.
  ///
  /// - Parameters:
  ///   - words: The verb, its options and its operands.
  ///   - keepingNotes: True to keep its lines for people, because they contain more than the object.
  /// - Returns: The result with the object.
  /// - Throws: The errors of ``run(_:)``.
  static func object(_ words: [String], keepingNotes: Bool = false) async throws -> ToolResult {
    let (objects, notes) = try await run(words)
    guard let object = objects.first, objects.count == 1 else {
      throw CommandError(
        "unexpected", stage: .configure, "\(words[0]) printed \(objects.count) objects", remedy: "report this",
        status: .someFailed)
    }
    return ToolResult(object: object, notes: keepingNotes ? notes : [])
  }
}
