internal import Foundation
internal import GessoPipeline
internal import Ground
internal import ScenarioAPI

extension MCPTool {
  /// The tools that need the service or the ledger.
  static func forJobs(_ pixels: Turns, _ orders: Turns) -> [MCPTool] {
    [upload(orders), img2img(orders), job(pixels), budget]
  }

  private static func upload(_ orders: Turns) -> MCPTool {
    MCPTool(
      name: "upload", title: "Upload an image",
      summary:
        "Prepares an image and uploads it to the service, without metadata. That is free; the same bytes are uploaded once.",
      verb: "upload", effects: Effects(isIdempotent: true, asksService: true),
      arguments: [ToolArgument.source("The image.")] + preparation,
      output: object(["input": "string", "assetId": "string"])
    ) { call in
      try await orders.take {
        try await VerbCall.object(
          ["upload", "--json"] + call.context.serviceWords + call.options + ["--", call.text("path") ?? ""])
      }
    }
  }

  // MARK: img2img

  /// Arguments that do not change the order.
  private static let besideOrder: Set = ["output_folder", "name", "dry_run"]

  private static func img2img(_ orders: Turns) -> MCPTool {
    MCPTool(
      name: "img2img", title: "Make an image from an image",
      summary:
        "Prepares an image, uploads it and starts a job that makes images from it and a prompt. It costs creative units, and "
        + "returns the job without waiting; the tool job has the results. The same arguments again return the same job and cost "
        + "nothing (cost is what this call spent); another seed makes another.",
      verb: "img2img", effects: Effects(isIdempotent: true, asksService: true), isPaid: true,
      arguments: [
        ToolArgument.source("The image to start from."), .option("--prompt", .text, isRequired: true),
        ToolArgument(
          name: "output_folder", kind: .folder, option: "--out-dir", isRequired: true,
          summary: "The folder for the prepared image, results and records; made when missing."),
        .option("--negative-prompt", .text), .option("--strength", .number), .option("--samples", .whole),
        .option("--guidance", .number), .option("--steps", .whole),
        .option("--seed", .whole, "Makes the result repeatable (default: derived from the other arguments)."),
        .option("--model", .text), .option("--mode", .text), .option("--width", .whole), .option("--height", .whole),
        .option("--negative-prompt-strength", .number), .option("--scheduler", .text), .option("--mask", .source),
        .option("--control", .source), .option("--modality", .text), .option("--name", .text),
        ToolArgument(
          name: "params", kind: .fields, option: "--param",
          summary: "More fields of the request by their names; a text that begins with @ is the path of an image."),
        .option("--dry-run", .flag, "Ask for the price only."),
      ] + preparation,
      output: object([
        "input": "string", "cost": "number?", "job?": "string?", "run?": "integer?", "seed?": "string?",
        "reused?": "boolean", "dryRun?": "boolean", "results?": "array", "notes?": "array",
      ])
    ) { call in
      try await orders.take { try await ordered(call) }
    }
  }

  private static func ordered(_ call: ToolCall) async throws -> ToolResult {
    let limit = call.context.limit.map { ["--max-cost-per-day=\($0)"] } ?? []
    let derived = try seed(of: call)
    let seed = call.values["seed"] == nil ? ["--seed=\(derived)"] : []
    let goal = call.isOn("dry_run") ? [] : ["--no-wait", "--no-clobber"]
    let start = Date.now.timeIntervalSince1970
    var result = try await VerbCall.object(
      ["img2img", "--json"] + goal + limit + seed + call.context.serviceWords + call.options
        + ["--", call.text("path") ?? ""])
    result.object = result.object?.translatingNotes(ToolWords(call.arguments))
    // If an earlier call submitted the job, its price is on record, and this call has spent nothing.
    guard var object = result.object?.members, let job = object["job"]?.text,
      let entry = try? call.context.ledger().entry(job: JobID(rawValue: job)),
      let submitted = entry.submittedAt, submitted < start
    else { return result }
    object["cost"] = .number(0)
    object["reused"] = .bool(true)
    result.object = .object(object)
    return result
  }

  /// The seed of a call that names no seed. It depends only on the order, so that the same call is the same order.
  static func seed(of call: ToolCall) throws -> String {
    let order = call.values.filter { !besideOrder.contains($0.key) && $0.value != .bool(false) }
    return BatchRowKey.seed(of: try JSONText.line(JSONValue.object(order)))
  }

  // MARK: job

  /// The longest wait in seconds: some clients give up after a minute.
  private static let longestWait = 60.0

  private static func job(_ pixels: Turns) -> MCPTool {
    MCPTool(
      name: "job", title: "Wait for a job",
      summary:
        "Waits for a job, downloads its results and returns their paths. A job that still runs after the wait is returned unchanged "
        + "(state submitted): call again. It costs nothing.",
      verb: "jobs", effects: Effects(isIdempotent: true, asksService: true),
      arguments: [
        ToolArgument(name: "job", kind: .text, isRequired: true, summary: "The job, or the number of its run."),
        ToolArgument(
          name: "wait_seconds", kind: .number, summary: "How long to wait for it, from 0 to 60 (default: 45)."),
        ToolArgument(
          name: "output_folder", kind: .folder,
          summary: "The folder for its results (default: that which was given to img2img)."),
        .preview,
      ],
      output: object([
        "job": "string?", "run": "integer?", "state": "string", "prompt": "string?", "model": "string?",
        "cost": "number?", "failure": "string?", "results": "array",
      ])
    ) { call in
      let id = call.text("job") ?? ""
      guard id.wholeMatch(of: /[A-Za-z0-9][A-Za-z0-9_\-]{0,127}/) != nil else {
        throw CommandError.usage("job is not the id of a job", remedy: "give the one that img2img returned")
      }
      let folder = try folder(of: id, call)
      let wait = try call.number("wait_seconds", in: 0...longestWait) ?? 45
      do {
        _ = try await VerbCall.run(
          ["jobs", "watch", "--json", "--timeout=\(wait)"] + folder + call.context.serviceWords + ["--", id])
      } catch let error as CommandError where error.status == .timedOut {
        // The job continues, and the ledger has it on record.
      }
      let result = try await VerbCall.object(["jobs", "show", "--json"] + call.context.serviceWords + ["--", id])
      let paths = result.object?["results"]?.list?.compactMap { $0["output"]?.text } ?? []
      return try await call.isOn("preview") ? result.showing(paths, in: call.context, pixels) : result
    }
  }

  /// The flags for the folder of a job's results. Without them the results go to the folder of the job's order, which
  /// may not be allowed.
  private static func folder(of id: String, _ call: ToolCall) throws -> [String] {
    if let folder = call.text("output_folder") { return ["--out-dir=\(folder)"] }
    let ledger = try call.context.ledger()
    let found =
      if let run = Int64(id) { try? ledger.entry(run: run) } else { try? ledger.entry(job: JobID(rawValue: id)) }
    guard let entry = found else {
      throw CommandError.usage(
        "this machine has no record of \(id), nor of a folder for its results", remedy: "give output_folder")
    }
    let meant = entry.intent.folder
    return ["--out-dir=\(try ToolCall.place(meant, "the folder of its results,", call.context, isThere: false))"]
  }

  // MARK: budget

  private static let budget = MCPTool(
    name: "budget", title: "The budget of the day",
    summary:
      "Returns the limit for the account's jobs of this day (UTC), their cost so far, and the rest, in creative "
      + "units. A job of unknown price counts at that of the next one.",
    verb: "jobs", effects: Effects(isReadOnly: true, isIdempotent: true), arguments: [],
    output: object([
      "limit": "number?", "spent": "number", "left": "number?", "unknown": "integer", "day": "string",
      "service": "string",
    ])
  ) { call in
    let account = try call.context.service.configuration.client()
    let spent = try call.context.ledger().spendingOfDay(Account(account))
    let limit = call.context.limit
    let object: JSONObject = [
      "limit": limit, "spent": spent.sum, "left": limit.map { max(0, $0 - spent.sum) }, "unknown": spent.unknown,
      "day": Date.now.formatted(.iso8601.year().month().day()), "service": account.baseURL,
    ]
    return ToolResult(object: try JSONText.value(JSONValue.self, of: JSONText.line(object)))
  }
}

extension ToolCall {
  /// A number among the values; nil if it was not given.
  fileprivate func number(_ name: String, in range: ClosedRange<Double>) throws(CommandError) -> Double? {
    let number: Double
    switch values[name] {
    case .number(let value): number = value
    case .integer(let value): number = Double(value)
    default: return nil
    }
    guard range.contains(number) else {
      throw .usage(
        "\(name) goes from \(Int(range.lowerBound)) to \(Int(range.upperBound)), not \(number)", remedy: "correct it")
    }
    return number
  }
}

extension JSONValue {
  /// The object, with its notes translated: they name arguments instead of flags.
  fileprivate func translatingNotes(_ words: ToolWords) -> JSONValue {
    guard var object = members, let notes = object["notes"]?.list else { return self }
    object["notes"] = .array(notes.map { $0.text.map { .string(words.translated($0)) } ?? $0 })
    return .object(object)
  }
}
