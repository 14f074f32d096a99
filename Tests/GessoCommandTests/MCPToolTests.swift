import Foundation
import GessoPipeline
import ImagePreparation
import ScenarioAPI
import ScenarioSandbox
import TestSupport
import Testing

@Suite("gesso mcp: the tools")
struct MCPToolTests {
  static let pair = ["SCENARIO_API_KEY": "planted-key", "SCENARIO_API_SECRET": "planted-secret"]
  let gesso: GessoExecutable
  /// The path has no symbolic links, because tools return such paths.
  let root: String

  /// `allowed` holds a photograph, `outside` another one.
  init() throws {
    gesso = try GessoExecutable()
    guard let real = unsafe realpath(gesso.folder.path, nil) else { throw POSIXError(.ENOENT) }
    defer { unsafe free(real) }
    root = unsafe String(cString: real)
    let files = FileManager.default
    for folder in ["allowed", "outside"] {
      try files.createDirectory(atPath: "\(root)/\(folder)", withIntermediateDirectories: true)
      try files.copyItem(atPath: Fixtures.path("jpeg/phone.jpg"), toPath: "\(root)/\(folder)/photo.jpg")
    }
    for (link, target) in [("up", "../outside"), ("photo-link.jpg", "../outside/photo.jpg"), ("gone.jpg", "nothing")] {
      try files.createSymbolicLink(atPath: "\(root)/allowed/\(link)", withDestinationPath: target)
    }
    _ = unsafe mkfifo("\(root)/allowed/pipe.jpg", 0o600)
  }

  private func assistant(
    _ arguments: [String] = [], environment: [String: String] = [:], allowing: Bool = true
  ) async throws -> Assistant {
    try await Assistant(
      gesso, (allowing ? ["--allow", "\(root)/allowed"] : []) + arguments, environment: environment)
  }

  // MARK: The list

  @Test("each tool has a schema of its arguments, one of its results, and the effects of a call")
  func list() async throws {
    let assistant = try await assistant()
    let reply = try await assistant.request("tools/list")
    let tools = try #require((reply["result"] as? [String: Any])?["tools"] as? [[String: Any]])
    let names = tools.compactMap { $0["name"] as? String }
    #expect(names == ["inspect", "plan", "prepare", "restore", "upload", "img2img", "job", "budget"])
    var (readOnly, open) = ([String](), [String]())
    for (name, tool) in zip(names, tools) {
      let input = try #require(tool["inputSchema"] as? [String: Any])
      let arguments = try #require(input["properties"] as? [String: [String: Any]])
      #expect(input["additionalProperties"] as? Bool == false)
      for (argument, schema) in arguments {
        let text = schema["description"] as? String ?? ""
        #expect(text.count > 5, "\(name) \(argument) has a description")
        #expect(!text.contains("--"), "\(name) \(argument): \(text)")
      }
      #expect(Set(input["required"] as? [String] ?? []).isSubset(of: arguments.keys))
      for money in arguments.keys where money.contains("cost") || money.contains("limit") || money == "again" {
        Issue.record("\(name) has \(money), and no argument may raise the limit")
      }
      #expect((tool["outputSchema"] as? [String: Any])?["type"] as? String == "object")
      let hints = try #require(tool["annotations"] as? [String: Any])
      #expect(hints["destructiveHint"] as? Bool == false)
      if hints["readOnlyHint"] as? Bool == true { readOnly.append(name) }
      if hints["openWorldHint"] as? Bool == true { open.append(name) }
      let takesPaths = arguments.keys.contains { ["path", "output", "output_folder"].contains($0) }
      #expect((tool["description"] as? String)?.contains("\(root)/allowed") == takesPaths, "\(name)")
    }
    #expect(readOnly == ["inspect", "plan", "budget"] && open == ["upload", "img2img", "job"])
    #expect(try await assistant.end().status == 0)
  }

  // MARK: Paths

  @Test(
    "only files in allowed folders are read, also through links",
    arguments: [
      ("allowed/photo.jpg", ""), ("allowed/../allowed/photo.jpg", ""), ("outside/photo.jpg", "path-refused"),
      ("allowed/../outside/photo.jpg", "path-refused"), ("allowed/up/photo.jpg", "path-refused"),
      ("allowed/photo-link.jpg", "path-refused"), ("allowed/gone.jpg", "path-refused"),
      ("outside/nothing.jpg", "path-refused"), ("allowed/nothing.jpg", "not-found"), ("allowed", "unreadable"),
      ("allowed/pipe.jpg", "unreadable"), ("-", "path-refused"), ("photo.jpg", "path-refused"),
      ("https://example.com/photo.jpg", "path-refused"), ("file:ROOT/allowed/photo.jpg", "path-refused"),
      ("/dev/stdin", "path-refused"),
    ])
  func sources(path: String, code: String) async throws {
    let assistant = try await assistant()
    let whole = path.hasPrefix("allowed") || path.hasPrefix("outside") ? "\(root)/\(path)" : path
    for tool in ["inspect", "plan", "upload"] where tool != "upload" || !code.isEmpty {
      let outcome = try await assistant.call(tool, ["path": whole.replacing("ROOT", with: root)])
      #expect(outcome.error["code"] ?? "" == code, "\(tool): \(outcome.error)")
      if code == "path-refused" {
        #expect(outcome.error["remedy"]?.isEmpty == false && outcome.error["stage"] == "open")
      }
      if code.isEmpty { #expect(outcome.object["input"] as? String == "\(root)/allowed/photo.jpg") }
    }
    #expect(try await assistant.end().status == 0)
  }

  @Test(
    "files are written only in allowed folders, and replace nothing",
    arguments: [
      ("allowed/new.jpg", ""), ("allowed/deep/er/new.png", ""), ("outside/new.jpg", "path-refused"),
      ("allowed/../new.jpg", "path-refused"), ("allowed/up/new.jpg", "path-refused"),
      ("allowed/nothing/../new.jpg", "path-refused"), ("allowed/gone.jpg", "path-refused"),
      ("allowed/photo.jpg", "output-exists"), ("allowed/pipe.jpg", "output-exists"), ("allowed/.env", "usage"),
      ("allowed/new", "usage"), ("new.jpg", "path-refused"), ("/dev/stdout", "path-refused"), ("-", "path-refused"),
    ])
  func outputs(path: String, code: String) async throws {
    let assistant = try await assistant()
    let output = path.hasPrefix("allowed") || path.hasPrefix("outside") ? "\(root)/\(path)" : path
    let before = try gesso.names(in: "outside") + gesso.names()
    let photo = try Data(contentsOf: URL(filePath: "\(root)/allowed/photo.jpg"))
    let arguments: [String: Any] = ["path": "\(root)/allowed/photo.jpg", "output": output, "max_side": 64]
    let outcome = try await assistant.call("prepare", arguments)
    #expect(outcome.error["code"] ?? "" == code, "\(outcome.error)")
    if code.isEmpty {
      #expect(outcome.object["output"] as? String == output)
      let prepared = try await ImagePreparer().inspect(.file(output))
      #expect(prepared.size.longestSide == 64)
      #expect(try await assistant.call("prepare", arguments).error["code"] == "output-exists")
    }
    #expect(try gesso.names(in: "outside") + gesso.names() == before)
    #expect(try Data(contentsOf: URL(filePath: "\(root)/allowed/photo.jpg")) == photo)
    #expect(try await assistant.end().status == 0)
  }

  @Test("without --allow every path is refused, and the refusal says how to allow a folder")
  func noFolder() async throws {
    let assistant = try await assistant(allowing: false)
    let outcome = try await assistant.call("inspect", ["path": "\(root)/allowed/photo.jpg"])
    #expect(outcome.error["code"] == "path-refused")
    #expect(outcome.error["remedy"]?.contains("gesso mcp --allow DIR") == true, "\(outcome.error)")
    #expect(try await assistant.end().status == 0)
  }

  @Test("a folder that is not there ends the server before it serves")
  func missingFolder() async throws {
    let outcome = try await gesso.run(["mcp", "--allow", "nothing"])
    #expect(outcome.status == 3 && outcome.output.isEmpty && outcome.errors.contains("nothing"), "\(outcome.errors)")
  }

  // MARK: Arguments

  @Test(
    "an argument that is missing, unknown or of another type is a failure of the tool that names it",
    arguments: [
      (#"{}"#, "path"), (#"{"path":5}"#, "path"), (#"{"path":"PHOTO","max_sid":5}"#, "max_side"),
      (#"{"path":"PHOTO","max_side":"5"}"#, "max_side"), (#"{"path":"PHOTO","max_side":5.5}"#, "max_side"),
      (#"{"path":"PHOTO","enlarge":1}"#, "enlarge"), (#"{"path":"PHOTO","fit":"tall"}"#, "fit"),
      (#"{"path":"PHOTO","max_side":-4}"#, "max_side"), (#"{"path":"PHOTO","output":"/x.jpg"}"#, "no argument output"),
      (#"{"path":"PHOTO","threads":4}"#, "no argument threads"),
    ])
  func arguments(json: String, named: String) async throws {
    let assistant = try await assistant()
    let text = json.replacing("PHOTO", with: "\(root)/allowed/photo.jpg")
    let arguments = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    let outcome = try await assistant.call("plan", arguments)
    let line = "\(outcome.error["message"] ?? ""): \(outcome.error["remedy"] ?? "")"
    #expect(outcome.error["code"] == "usage" && line.contains(named) && !line.contains("--"), "\(line)")
    #expect(try await assistant.end().status == 0)
  }

  @Test("a wait outside of its range is refused", arguments: ["61", "-1", "1e300", "9007199254740993"])
  func waitRange(seconds: String) async throws {
    let assistant = try await assistant()
    let text = #"{"job":"job_1","output_folder":"\#(root)/allowed","wait_seconds":\#(seconds)}"#
    let arguments = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    let outcome = try await assistant.call("job", arguments)
    #expect(outcome.error["code"] == "usage" && outcome.error["message"]?.contains("wait_seconds") == true)
    #expect(try await assistant.end().status == 0)
  }

  @Test("an image without a preview is described all the same, with a note")
  func noPreview() async throws {
    let assistant = try await assistant()
    let cut = try Data(contentsOf: URL(filePath: Fixtures.path("png/small-rgb8.png"))).prefix(200)
    try cut.write(to: URL(filePath: "\(root)/allowed/cut.png"))
    let outcome = try await assistant.call("inspect", ["path": "\(root)/allowed/cut.png", "preview": true])
    #expect(outcome.object["format"] as? String == "png", "\(outcome)")
    #expect(outcome.images.isEmpty && outcome.texts.contains { $0.contains("no preview of") }, "\(outcome.texts)")
    #expect(try await assistant.end().status == 0)
  }

  @Test("a preview is a JPEG of at most 512 pixels, far below the megabyte at which clients cut results")
  func previews() async throws {
    let assistant = try await assistant()
    try FileManager.default.copyItem(
      atPath: Fixtures.path("png/soft-alpha-rgba16.png"), toPath: "\(root)/allowed/soft.png")
    for name in ["photo.jpg", "soft.png"] {
      let outcome = try await assistant.call("inspect", ["path": "\(root)/allowed/\(name)", "preview": true])
      #expect(outcome.kinds == ["text", "image"])
      let image = try #require(outcome.images.first)
      #expect(image.count < 200_000)
      let description = try await ImagePreparer().inspect(.memory([UInt8](image)))
      #expect(description.format == .jpeg && description.size.longestSide <= 512)
    }
    #expect(try await assistant.end().status == 0)
  }

  // MARK: Spending

  /// An order that costs 0.25 creative units, the least in the sandbox.
  private func order(_ more: [String: Any] = [:]) -> [String: Any] {
    ["path": "\(root)/allowed/photo.jpg", "prompt": "autumn", "output_folder": "\(root)/allowed/out", "max_side": 256]
      .merging(more) { $1 }
  }

  @Test("without a limit img2img refuses, also for a price, and says how to give one", arguments: [false, true])
  func noLimit(dryRun: Bool) async throws {
    let sandbox = try await HeldSandbox(Self.pair, holding: false)
    let assistant = try await assistant(environment: sandbox.environment)
    let outcome = try await assistant.call("img2img", order(["dry_run": dryRun]))
    #expect(outcome.error["code"] == "no-limit" && outcome.error["stage"] == "price")
    #expect(outcome.error["remedy"]?.contains("--max-cost-per-day") == true)
    let budget = try await assistant.call("budget")
    #expect(budget.object["limit"] is NSNull && budget.object["left"] is NSNull)
    #expect(try await assistant.end().status == 0)
    #expect(sandbox.statistics.requests.isEmpty, "the service was asked nothing")
    await sandbox.stop()
  }

  @Test(
    "the limit is that of the start, for the account's day, and no argument raises it",
    arguments: [["--max-cost-per-day", "0.35"], []])
  func limit(flag: [String]) async throws {
    let sandbox = try await HeldSandbox(Self.pair, holding: false)
    // If both the flag and the variable are given, the flag counts.
    let variable = ["GESSO_MAX_COST_PER_DAY": flag.isEmpty ? "0.35" : "1000"]
    let environment = sandbox.environment.merging(variable) { $1 }
    let assistant = try await assistant(flag, environment: environment)
    let price = try await assistant.call("img2img", order(["dry_run": true]))
    #expect(price.object["cost"] as? Double == 0.25 && price.object["dryRun"] as? Bool == true, "\(price)")
    let first = try await assistant.call("img2img", order())
    #expect(first.object["cost"] as? Double == 0.25 && first.object["reused"] as? Bool == false, "\(first)")
    let job = try #require(first.object["job"] as? String)

    let budget = try await assistant.call("budget")
    let figures = ["limit", "spent", "left"].map { budget.object[$0] as? Double }
    #expect(figures == [0.35, 0.25, 0.1] && budget.object["unknown"] as? Int == 0, "\(budget.object)")
    let other = try await assistant.call("img2img", order(["prompt": "winter"]))
    #expect(other.error["code"] == "too-expensive" && other.error["stage"] == "price", "\(other)")
    #expect(other.error["message"]?.contains("0.25 were spent") == true)
    #expect(other.error["remedy"]?.contains("no tool changes the limit") == true)
    for argument in ["max_cost_per_day", "max_cost", "again", "base_url", "sandbox"] {
      let outcome = try await assistant.call("img2img", order([argument: "1000"]))
      #expect(outcome.error["code"] == "usage", "\(argument): \(outcome)")
    }
    // The same call gives the same job again: with the path written differently, from another server, and after the job has ended.
    let spelled = order(["path": "\(root)/allowed/../allowed/photo.jpg", "enlarge": false])
    let again = try await assistant.call("img2img", spelled)
    #expect(again.object["job"] as? String == job && again.object["cost"] as? Double == 0, "\(again)")
    #expect(again.object["reused"] as? Bool == true)
    #expect(try await assistant.end().status == 0)

    let next = try await self.assistant(flag, environment: environment)
    #expect(try await next.call("img2img", order()).object["job"] as? String == job)
    let ended = try await next.call("job", ["job": job, "preview": true])
    #expect(ended.object["state"] as? String == "downloaded" && ended.kinds == ["text", "image"], "\(ended)")
    let results = try #require(ended.object["results"] as? [[String: Any]])
    #expect(results.count == 1)
    for result in results {
      let path = try #require(result["output"] as? String)
      #expect(path.hasPrefix("\(root)/allowed/out/") && FileManager.default.fileExists(atPath: path))
    }
    let finished = try await next.call("img2img", order())
    #expect(finished.object["job"] as? String == job && finished.object["cost"] as? Double == 0, "\(finished)")
    #expect((finished.object["results"] as? [Any])?.count == 1)
    #expect(try await next.call("budget").object["spent"] as? Double == 0.25)
    #expect(try await next.end().status == 0)
    #expect(sandbox.statistics.jobs == 1)
    await sandbox.stop()
  }

  @Test("a .env that appears while the server runs has no ledger that begins at nothing")
  func plantedLedger() async throws {
    let sandbox = try await HeldSandbox(Self.pair, holding: false)
    let environment = sandbox.environment.merging(["GESSO_LEDGER": ""]) { $1 }
    let assistant = try await assistant(["--max-cost-per-day", "0.35"], environment: environment)
    #expect(try await assistant.call("img2img", order()).object["cost"] as? Double == 0.25)
    try gesso.write("GESSO_LEDGER=\(root)/other.sqlite\n", to: ".env", mode: 0o600)
    let other = try await assistant.call("img2img", order(["prompt": "winter"]))
    #expect(other.error["code"] == "too-expensive", "\(other)")
    #expect(try await assistant.call("budget").object["spent"] as? Double == 0.25)
    #expect(try await assistant.end().status == 0)
    await sandbox.stop()
  }

  @Test("a limit that is not a number ends the server before it serves", arguments: ["many", "-1", ""])
  func badLimit(text: String) async throws {
    let flag = try await gesso.run(["mcp", "--max-cost-per-day", text])
    #expect(flag.status == 2 && flag.output.isEmpty, "\(flag.errors)")
    guard !text.isEmpty else { return }
    let variable = try await gesso.run(["mcp"], environment: ["GESSO_MAX_COST_PER_DAY": text])
    #expect(variable.status == 2 && variable.errors.contains("GESSO_MAX_COST_PER_DAY"), "\(variable.errors)")
  }

  // MARK: Jobs

  @Test("a job that still runs after the wait is returned as it is, and a canceled wait has no answer")
  func waiting() async throws {
    let sandbox = try await HeldSandbox(Self.pair)
    let assistant = try await assistant(["--max-cost-per-day", "50"], environment: sandbox.environment)
    let started = try await assistant.call("img2img", order())
    let job = try #require(started.object["job"] as? String)
    let running = try await assistant.call("job", ["job": job, "wait_seconds": 0])
    #expect(running.object["state"] as? String == "submitted", "\(running)")
    #expect((running.object["results"] as? [Any])?.isEmpty == true)
    // Only the cancellation ends this call's wait. Other requests get their replies before that.
    try assistant.send(
      #"{"jsonrpc":"2.0","id":"long","method":"tools/call","params":{"name":"job","arguments":{"job":"\#(job)","wait_seconds":60}}}"#
    )
    #expect(try await assistant.call("budget").object["spent"] as? Double == 0.25)
    try assistant.send(#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"long"}}"#)
    // Once the canceled call has ended, another call can use the job.
    var outcome = Assistant.Outcome()
    repeat {
      outcome = try await assistant.call("job", ["job": job, "wait_seconds": 0])
    } while outcome.error["code"] == "run-in-progress"
    #expect(outcome.object["state"] as? String == "submitted", "\(outcome)")
    let (status, rest) = try await assistant.end()
    #expect(status == 0 && rest == [], "no answer to the canceled request")
    await sandbox.stop()
  }

  @Test("the results of a job go to a folder that is allowed, wherever its order meant them to go")
  func foreignJob() async throws {
    let sandbox = try await HeldSandbox(Self.pair, holding: false)
    let order = try await gesso.run(
      ["img2img", "outside/photo.jpg", "--prompt", "p", "--no-wait", "--max-side", "256", "-o", "outside"],
      environment: sandbox.environment)
    let job = try #require(order.text.split(separator: "\n").last.map(String.init))
    let before = try gesso.names(in: "outside")
    let assistant = try await assistant(environment: sandbox.environment)
    let refused = try await assistant.call("job", ["job": job])
    #expect(refused.error["code"] == "path-refused", "\(refused)")
    let taken = try await assistant.call("job", ["job": job, "output_folder": "\(root)/allowed/taken"])
    #expect(taken.object["state"] as? String == "downloaded", "\(taken)")
    #expect(try gesso.names(in: "allowed/taken").count == 2)
    #expect(try gesso.names(in: "outside") == before)
    for id in ["--help", "../x", "", "job_unknown"] {
      #expect(try await assistant.call("job", ["job": id]).error["code"] != nil, "\(id)")
    }
    #expect(try await assistant.end().status == 0)
    await sandbox.stop()
  }

  @Test("an image among the fields of a request is one that is allowed")
  func fields() async throws {
    let sandbox = try await HeldSandbox(Self.pair, holding: false)
    let assistant = try await assistant(["--max-cost-per-day", "50"], environment: sandbox.environment)
    for fields in [["style": "@\(root)/outside/photo.jpg"], ["a=@\(root)/outside/photo.jpg": "x"], ["style": "@-"]] {
      let outcome = try await assistant.call("img2img", order(["params": fields]))
      #expect(["path-refused", "usage"].contains(outcome.error["code"]), "\(outcome)")
    }
    let file = try await assistant.call("img2img", order(["output_folder": "\(root)/allowed/photo.jpg"]))
    #expect(file.error["message"]?.hasSuffix("photo.jpg is a file") == true, "\(file)")
    let custom: [String: Any] = [
      "model": "model_bfl-flux-1-dev", "mode": "auto", "dry_run": true,
      "params": ["controlStrength": 0.5, "controlImage": "@\(root)/allowed/photo.jpg"],
    ]
    let priced = try await assistant.call("img2img", order(custom))
    #expect(priced.object["cost"] is Double, "\(priced)")
    for argument in ["mask", "control"] {
      let outcome = try await assistant.call("img2img", order([argument: "\(root)/outside/photo.jpg"]))
      #expect(outcome.error["code"] == "path-refused", "\(outcome)")
    }
    #expect(try await assistant.end().status == 0)
    await sandbox.stop()
  }

  @Test("a result is put back on its source, by the record beside it")
  func restores() async throws {
    let assistant = try await assistant()
    let prepared = try await assistant.call(
      "prepare", ["path": "\(root)/allowed/photo.jpg", "output": "\(root)/allowed/small.png", "max_side": 64])
    try JSONSerialization.data(withJSONObject: prepared.object)
      .write(to: URL(filePath: "\(root)/allowed/small.png.json"))
    let restored = try await assistant.call(
      "restore",
      [
        "path": "\(root)/allowed/small.png", "onto": "\(root)/allowed/photo.jpg",
        "output": "\(root)/allowed/whole.jpg",
      ])
    #expect(restored.object["output"] as? String == "\(root)/allowed/whole.jpg", "\(restored)")
    // If the record is a link, the target of the link is checked.
    try FileManager.default.removeItem(atPath: "\(root)/allowed/small.png.json")
    try FileManager.default.createSymbolicLink(
      atPath: "\(root)/allowed/small.png.json", withDestinationPath: "../outside/record.json")
    let refused = try await assistant.call(
      "restore", ["path": "\(root)/allowed/small.png", "output": "\(root)/allowed/other.png"])
    #expect(refused.error["code"] == "path-refused", "\(refused)")
    #expect(try await assistant.end().status == 0)
  }

  @Test("without credentials the tools of the service say so, and nothing is printed between the messages")
  func noCredentials() async throws {
    let assistant = try await assistant(["--max-cost-per-day", "50"])
    for (tool, arguments) in [
      ("upload", ["path": "\(root)/allowed/photo.jpg"]), ("budget", [:]), ("img2img", order()),
    ] as [(String, [String: Any])] {
      #expect(try await assistant.call(tool, arguments).error["code"] == "no-credentials", "\(tool)")
    }
    #expect(try await assistant.end().status == 0)
  }
}
