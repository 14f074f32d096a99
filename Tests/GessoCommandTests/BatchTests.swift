import Foundation
import ScenarioSandbox
import TestSupport
import Testing

@Suite("gesso batch")
struct BatchTests {
  let gesso: GessoExecutable
  static let pair = ["SCENARIO_API_KEY": "planted-key", "SCENARIO_API_SECRET": "planted-secret"]

  init() throws { gesso = try GessoExecutable() }

  private func makePhotos(_ names: [String] = ["a.jpg", "cats/b.jpg", "cats/old/c.jpg"]) throws {
    for (name, source) in zip(names, ["420", "422", "444", "440"]) {
      let folder = gesso.folder.appending(path: "photos/\(name)").deletingLastPathComponent()
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try gesso.copy(Fixtures.path("jpeg/small-\(source).jpg"), as: "photos/\(name)")
    }
  }

  private func run(
    _ arguments: [String], _ environment: [String: String] = [:], input: String? = nil
  ) async throws -> GessoExecutable.Outcome {
    guard let input else { return try await gesso.run(["batch"] + arguments, environment: environment) }
    try gesso.write(input, to: "input.txt")
    return try await gesso.run(
      ["batch"] + arguments, environment: environment, input: gesso.folder.appending(path: "input.txt"))
  }

  @Test("a folder keeps its structure; a bad file costs one line, and the same command does nothing twice")
  func folder() async throws {
    let sandbox = try await HeldSandbox(Self.pair, holding: false)
    try makePhotos()
    try gesso.write("no image", to: "photos/cats/note.png")
    let arguments = ["photos", "--prompt", "a {stem}", "-o", "out"]
    let first = try await run(arguments, sandbox.environment)
    #expect(first.status == 1)
    let results = first.text.split(separator: "\n").sorted()
    // The seeds of the keys a.jpg, cats/b.jpg and cats/old/c.jpg, by Python's hashlib.
    #expect(results == ["out/a-953944075-1.png", "out/cats/b-634454217-1.png", "out/cats/old/c-789142860-1.png"])
    #expect(first.errorLines.filter { $0.contains("note.png") }.count == 1, "\(first.errors)")
    #expect(first.errors.contains("3 of 4 done for 0.75 creative units of the sandbox, which are not money, 1 failed"))
    #expect(first.errors.contains("--retry-failed"))
    let record = try String(
      contentsOf: gesso.folder.appending(path: "out/cats/\(results[1].split(separator: "/")[2]).json"), encoding: .utf8)
    #expect(record.contains("\"prompt\" : \"a b\""))

    let second = try await run(arguments, sandbox.environment)
    #expect(second.status == 1)
    #expect(second.text.split(separator: "\n").sorted() == results)
    #expect(second.errors.contains("3 of 4 done (3 before) for 0.75 creative units (0.75 before), 1 failed"))
    #expect(second.errors.contains("--retry-failed tries it again"))
    let names = [first, second].map { $0.errors.firstMatch(of: /photos-[0-9a-f]{6}/).map { String($0.0) } ?? "none" }
    #expect(names[0] == names[1] && names[0] != "none")
    await sandbox.stop()
  }

  @Test(
    "rows are the flags of img2img: the row counts, the command line gives the rest",
    arguments: [
      ("rows.csv", "input,prompt,strength,max_side,id\na.jpg,a sea,0.5,128,one\ncats/b.jpg,,,,two\n"),
      (
        "rows.jsonl",
        #"{"input":"a.jpg","prompt":"a sea","strength":0.5,"max-side":128,"id":"one"}"# + "\n"
          + #"{"input":"cats/b.jpg","id":"two"}"# + "\n"
      ),
    ])
  func manifest(name: String, text: String) async throws {
    try makePhotos()
    try gesso.write(text, to: "photos/\(name)")
    let outcome = try await run(["photos/\(name)", "--prompt", "a wood", "--max-side", "64", "--check", "--json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let rows = try outcome.objects()
    #expect(rows.map { $0["key"] as? String } == ["one", "two"])
    #expect(rows.map { $0["sentWidth"] as? Int } == [128, 64])
    #expect(rows.map { $0["input"] as? String } == ["photos/a.jpg", "photos/cats/b.jpg"])
  }

  @Test(
    "bad rows are named with their lines, all of them, before anything is spent",
    arguments: [
      ("input,strength\na.jpg,7\nb.jpg,\n", "line 2: strength", "line 3: there is no file photos/b.jpg", 2),
      ("input,stregth\na.jpg,0.5\na.jpg,0.6\n", "unknown column stregth: did you mean strength?", "", 2),
      ("input,max-cost\na.jpg,7\na.jpg,8\n", "--max-cost is for the whole batch", "", 2),
      ("input,allow-private\na.jpg,true\na.jpg,true\n", "--allow-private is for the whole batch", "", 2),
      ("input,no-isolate\na.jpg,true\na.jpg,true\n", "--no-isolate is for the whole batch", "", 2),
      ("input,id\na.jpg,x\na.jpg,x\n", "line 3: another row has the id x too", "1 of 2 rows is bad", 2),
      ("prompt\na\n", "the row names no image", "", 2),
      ("input,overwrite\na.jpg,maybe\n", "the column overwrite is a flag", "", 2),
      ("input,image\na.jpg,cats/b.jpg\n", "the columns input and image both name the image", "", 2),
      ("input\n-\n", "the row names no image", "", 2), ("input,param\na.jpg,seven\n", "not seven", "", 2),
    ])
  func badRows(text: String, first: String, second: String, status: Int32) async throws {
    try makePhotos()
    try gesso.write(text, to: "photos/rows.csv")
    let outcome = try await run(["photos/rows.csv", "--prompt", "x", "-o", "out", "--sandbox"])
    #expect(outcome.status == status)
    #expect(outcome.errors.contains(first), "\(outcome.errors)")
    #expect(second.isEmpty || outcome.errors.contains(second), "\(outcome.errors)")
    #expect(!FileManager.default.fileExists(atPath: gesso.folder.appending(path: "out").path))
  }

  @Test(
    "a value of a row that is neither text nor a number is refused with its column",
    arguments: [
      #"{"input":["a.jpg"]}"#, #"{"input":"a.jpg","prompt":{"a":1}}"#, #"{"input":"a.jpg","seed":[1]}"#,
      #"{"input":"a.jpg","param":["a=1",["b"]]}"#, #"{"input":"a.jpg","id":null,"key":{}}"#,
    ])
  func oddValue(row: String) async throws {
    try makePhotos()
    try gesso.write(row + "\n", to: "photos/rows.jsonl")
    let outcome = try await run(["photos/rows.jsonl", "--prompt", "x", "--check"])
    #expect(outcome.status == 2 && outcome.errors.contains("is neither text nor a number"), "\(outcome.errors)")
  }

  @Test("parameters, flags, folders and templates of rows are those of their jobs")
  func fullRows() async throws {
    let sandbox = try await HeldSandbox(Self.pair, holding: false)
    try makePhotos()
    let rows = [
      #"{"input":"a.jpg","param":["controlStrength=0.25","controlImage=@cats/b.jpg"],"out_dir":"one","overwrite":"no"}"#,
      #"{"input":"a.jpg","param":{"controlStrength":0.5,"controlImage":"@cats/b.jpg"},"scene":7,"overwrite":true}"#,
      #"{"input":"a.jpg","param":"controlStrength=0.75","scene":"a sea","id":null}"#,
    ]
    try gesso.write(rows.joined(separator: "\n"), to: "photos/rows.jsonl")
    let flags = ["--model", "model_bfl-flux-1-dev", "--mode", "auto", "-o", "out"]
    let words = ["photos/rows.jsonl"] + flags
    let refused = try await run(words + ["--prompt", "{row.scene} of {stem}"], sandbox.environment)
    #expect(refused.status == 2 && refused.errors.contains("line 1: the row has nothing for {row.scene}"))
    #expect(!refused.errors.contains("line 2") && sandbox.statistics.jobs == 0)

    let outcome = try await run(words + ["--prompt", "a {stem}", "--name", "{index}-{seed}"], sandbox.environment)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let results = outcome.text.split(separator: "\n").sorted()
    #expect(results.count == 3 && results.filter { $0.hasPrefix("out/one/") }.count == 1, "\(results)")
    let strengths = try results.map { path in
      let record =
        try JSONSerialization.jsonObject(
          with: Data(contentsOf: gesso.folder.appending(path: "\(path).json"))) as? [String: Any]
      let parameters = try #require((record?["parameters"] as? [String: Any])?["param"] as? [String: Any], "\(path)")
      #expect((parameters["controlImage"] as? String)?.hasPrefix("asset_") ?? true)
      return try #require(parameters["controlStrength"] as? Double)
    }
    #expect(strengths.sorted() == [0.25, 0.5, 0.75])
    await sandbox.stop()
  }

  @Test(
    "a subfolder that cannot be read is the first line, and the rest is carried out",
    arguments: [
      ["batch", "photos", "--prompt", "x", "-o", "out", "--check"], ["batch", "photos", "--prompt", "x", "-o", "out"],
      ["img2img", "photos", "--recursive", "--prompt", "x", "-o", "out"],
      ["prepare", "photos", "--recursive", "--out-dir", "out"], ["inspect", "photos", "--recursive"],
      ["strip", "photos", "--recursive", "--out-dir", "out"],
    ])
  func unreadableFolder(arguments: [String]) async throws {
    let sandbox = try await HeldSandbox(Self.pair, holding: false)
    try makePhotos()
    let locked = gesso.folder.appending(path: "photos/cats/old").path
    try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: locked)
    defer { try? FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: locked) }
    // The superuser can read every folder, unless the capabilities for that are dropped.
    let words = geteuid() == 0 ? ["--bounding-set=-dac_override,-dac_read_search", GessoExecutable.url.path] : []
    let outcome = try await gesso.run(
      words + arguments, environment: sandbox.environment,
      executable: words.isEmpty ? GessoExecutable.url : URL(filePath: "/usr/bin/setpriv"))
    #expect(outcome.status == 1, "\(outcome.errors)")
    let failure = "the folder photos/cats/old"
    #expect(outcome.errorLines.contains { $0.contains(failure) && $0.contains("cannot be read: Permission denied") })
    if ["batch", "img2img"].contains(arguments[0]) {
      #expect(outcome.errorLines.first?.contains(failure) == true, "\(outcome.errors)")
    }
    for name in ["a", "b"] { #expect(outcome.text.contains("/\(name)"), "\(outcome.text)") }
    #expect(sandbox.statistics.jobs == (arguments.contains("--prompt") && !arguments.contains("--check") ? 2 : 0))
    await sandbox.stop()
  }

  @Test("bad rows above the first twenty are counted")
  func manyBadRows() async throws {
    let text = "input\n" + (0..<30).map { "missing-\($0).jpg\n" }.joined()
    try gesso.write(text, to: "rows.csv")
    let outcome = try await run(["rows.csv", "--prompt", "x", "--check"])
    #expect(outcome.errorLines.filter { $0.contains("there is no file") }.count == 20)
    #expect(outcome.errors.contains("30 of 30 rows are bad, of which 10 are not shown"))
  }

  @Test(
    "an error that concerns all rows is reported once",
    arguments: [
      (["photos", "-o", "out"], "say what the result should show"),
      (["photos", "--prompt", "x"], "say where the results go"),
      (["photos", "--prompt", "x", "-o", "photos"], "the results would be among the images"),
      (["photos", "--prompt", "x", "-o", "out", "--again"], "batch has no flag --again"),
      (["photos", "--prompt", "x", "-o", "out", "--mask", "m.png"], "--mask belongs to one image"),
      (["photos/a.jpg", "--prompt", "x", "-o", "out"], "is neither a folder nor a known kind of manifest"),
      (["photos", "--prompt", "{row.x}", "-o", "out"], "the row has nothing for {row.x}"),
      (["photos", "--prompt", "x", "-o", "out", "--shard", "9/8"], "--shard"),
      (["photos", "--prompt", "x", "-o", "out", "--shard", "auto/8"], "neither SLURM_ARRAY_TASK_ID nor"),
      (["photos", "--prompt", "x", "-o", "out", "--include", "*.gif"], "holds no images that the patterns take"),
    ])
  func usage(arguments: [String], words: String) async throws {
    try makePhotos()
    let outcome = try await run(arguments + ["--sandbox"])
    #expect(outcome.status == 2 || outcome.status == 3)
    #expect(outcome.errors.contains(words), "\(outcome.errors)")
    #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
  }

  @Test(
    "a limit of cost ends with 4 and names the command that continues, which works",
    arguments: [(["--max-cost", "0.5"], "--max-cost N"), (["--max-cost=0.5"], "--max-cost=N")])
  func costLimit(limit: [String], written: String) async throws {
    let sandbox = try await HeldSandbox(Self.pair, holding: false)
    try makePhotos()
    let arguments = ["photos", "--prompt", "it's autumn", "-o", "out"]
    let stopped = try await run(arguments + limit, sandbox.environment)
    #expect(stopped.status == 4)
    #expect(stopped.text.split(separator: "\n").count == 2)
    #expect(stopped.errors.contains("no more rows were begun: it costs 0.25 creative units, 0.5"), "\(stopped.errors)")
    // With the same limit it would stop again.
    #expect(
      stopped.errors.contains(
        #"with a higher limit for N, the same command goes on: gesso batch photos --prompt 'it'\''s autumn' -o out \#(written)"#
      ), "\(stopped.errors)")
    let rest = try await run(arguments + ["--max-cost", "0.75"], sandbox.environment)
    #expect(rest.status == 0, "\(rest.errors)")
    #expect(
      rest.errors.contains(
        "3 of 3 done (2 before) for 0.75 creative units of the sandbox, which are not money (0.5 before)"))
    await sandbox.stop()
  }

  @Test(
    "a limit ends submits, and running jobs are finished",
    arguments: [
      // Without a limit no price is requested. The third request for a job is therefore the third submit, and no order is stopped between
      // the request for its price and its submit.
      ("credit", [], 6 as Int32), ("--max-cost", ["--max-cost", "0.5"], 4),
    ])
  func runningJobs(what: String, limit: [String], status: Int32) async throws {
    let sandbox = try await HeldSandbox(Self.pair)
    if what == "credit" { sandbox.script(SandboxFault(.quota, on: "generateImg2Img", skip: 2)) }
    try makePhotos()
    let arguments = ["batch", "photos", "--prompt", "x", "-o", "out", "--json"]
    let process = try RunningProcess(gesso, arguments + limit, environment: sandbox.environment)
    async let errors = process.errors.reduce(into: "") { $0 += $1 + "\n" }
    var kinds: [String] = []
    for await line in process.output {
      let event = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      kinds.append(event["event"] as? String ?? "")
      // The sandbox lets no job end until the row without a job was reported as left.
      if kinds.last == "left" { sandbox.release() }
    }
    #expect(await process.status() == status)
    #expect(kinds.filter { $0 == "submitted" }.count == 2 && kinds.suffix(3) == ["done", "done", "end"], "\(kinds)")
    let words = await errors
    #expect(words.contains("no more rows were begun: "), "\(words)")
    #expect(words.contains("the same command goes on: gesso batch photos --prompt x -o out"), "\(words)")
    let rest = try await gesso.run(arguments + ["--max-cost", "9"], environment: sandbox.environment)
    #expect(rest.status == 0, "\(rest.errors)")
    #expect(sandbox.statistics.jobs == 3)
    await sandbox.stop()
  }

  /// Without a terminal a batch prints a line every ten seconds.
  @Test("the jobs that run are counted, until they have ended")
  func runningCount() async throws {
    let sandbox = try await HeldSandbox(Self.pair)
    try makePhotos()
    let process = try RunningProcess(
      gesso, ["batch", "photos", "--prompt", "x", "-o", "out", "--json"], environment: sandbox.environment)
    var errors = process.errors.makeAsyncIterator()
    #expect(await errors.line("gesso: 0 of 3 done, 3 running") != nil)
    sandbox.release()
    var running: Int?
    for await line in process.output {
      let event = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      if event["event"] as? String == "end" { running = event["running"] as? Int }
    }
    #expect(running == 0)
    #expect(await process.status() == 0)
    await sandbox.stop()
  }

  @Test(
    "a batch with --sandbox promises nothing about what the same command would find again",
    arguments: [(["--max-jobs", "1"], "1 of 4 done"), ([], "3 of 4 done")])
  func ownSandbox(limit: [String], count: String) async throws {
    try makePhotos()
    try gesso.write("no image", to: "photos/z.jpg")
    let outcome = try await run(["photos", "--prompt", "x", "-o", "out", "--sandbox"] + limit)
    #expect(outcome.errors.contains(count), "\(outcome.errors)")
    #expect(
      outcome.errors.contains("gesso: with --sandbox the same command starts all jobs again"), "\(outcome.errors)")
    #expect(!outcome.errors.contains("goes on: gesso") && !outcome.errors.contains("--retry-failed"))
  }

  @Test("a list on standard input, as events")
  func list() async throws {
    let sandbox = try await HeldSandbox(Self.pair, holding: false)
    try makePhotos()
    let outcome = try await run(
      ["-", "--prompt", "x", "-o", "out", "--json"], sandbox.environment, input: "photos/a.jpg\nphotos/a.jpg\n")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let events = try outcome.objects()
    #expect(events.allSatisfy { $0["v"] as? Int == 1 })
    let kinds = events.compactMap { $0["event"] as? String }
    #expect(kinds.first == "batch" && kinds.last == "end")
    #expect(kinds.filter { $0 == "submitted" }.count == 2 && kinds.filter { $0 == "done" }.count == 2)
    let keys = events.filter { $0["event"] as? String == "done" }.compactMap { $0["key"] as? String }.sorted()
    #expect(keys == ["photos/a.jpg", "photos/a.jpg#2"], "the same line again is another job")
    #expect((events.last?["done"] as? Int, events.last?["left"] as? Int) == (2, 0))
    await sandbox.stop()
  }

  @Test("Ctrl-C lists the jobs that go on, and the same command takes their results")
  func interruption() async throws {
    let sandbox = try await HeldSandbox(Self.pair)
    try makePhotos()
    let arguments = ["batch", "photos", "--prompt", "x", "-o", "out"]
    let process = try RunningProcess(gesso, arguments + ["-v"], environment: sandbox.environment)
    var jobs = 0
    var errors: [String] = []
    for await line in process.errors {
      errors.append(line)
      if line.contains(": job: ") { jobs += 1 }
      if jobs == 3 {
        jobs += 1
        process.interrupt()
      }
    }
    #expect(await process.status() == -SIGINT)
    let last = try #require(errors.first { $0.contains("interrupted, with 0 of 3 done") })
    #expect(last.contains("3 jobs go on at the service and are paid for: job_"))
    #expect(last.contains("the same command goes on: gesso batch photos"))
    sandbox.release()
    let rest = try await gesso.run(arguments, environment: sandbox.environment)
    #expect(rest.status == 0, "\(rest.errors)")
    #expect(rest.errors.contains("3 of 3 done"))
    #expect(rest.text.split(separator: "\n").count == 3)
    await sandbox.stop()
  }

  @Test("prices of a sandbox are not money, whichever process it runs in", arguments: [[], ["--check"]])
  func prices(check: [String]) async throws {
    let sandbox = try await HeldSandbox(Self.pair, holding: false)
    try makePhotos()
    let priced = try await run(["photos", "--prompt", "x", "-o", "out", "--dry-run"] + check, sandbox.environment)
    #expect(priced.status == 0, "\(priced.errors)")
    #expect(priced.errors.contains("0.75 creative units of the sandbox, which are not money"), "\(priced.errors)")
    #expect(sandbox.statistics.jobs == 0)
    await sandbox.stop()
  }

  @Test("shards have each row once, and their limits of cost are parts; a shard without rows is done")
  func shards() async throws {
    try makePhotos()
    var keys: [String] = []
    for index in 0...7 {
      let slurm = [
        "SLURM_ARRAY_TASK_ID": "\(index)", "SLURM_ARRAY_TASK_MIN": "0", "SLURM_ARRAY_TASK_STEP": "1",
        "SLURM_ARRAY_TASK_COUNT": "8",
      ]
      let outcome = try await run(
        ["photos", "--prompt", "x", "--check", "--json", "--shard", "auto", "--max-cost", "3"],
        slurm.merging(["GESSO_MAX_COST_PER_DAY": "8"]) { $1 })
      #expect(outcome.status == 0, "\(outcome.errors)")
      let rows = try outcome.objects()
      #expect(
        outcome.errorLines.first == "gesso: shard \(index + 1) of 8, \(rows.count) of 3 rows; "
          + "1/8 of --max-cost and GESSO_MAX_COST_PER_DAY is for it")
      keys += rows.compactMap { $0["key"] as? String }
    }
    #expect(keys.sorted() == ["a.jpg", "cats/b.jpg", "cats/old/c.jpg"])
  }

  @Test("the ledgers of shards are one report, and one that does not know the batch is named")
  func reportOfShards() async throws {
    let sandbox = try await HeldSandbox(Self.pair, holding: false)
    try makePhotos()
    var name = ""
    for index in 1...2 {
      let ledger = gesso.folder.appending(path: "shard-\(index).sqlite").path
      let outcome = try await run(
        ["photos", "--prompt", "x", "-o", "out", "--shard", "\(index)/2"],
        sandbox.environment.merging(["GESSO_LEDGER": ledger]) { $1 })
      #expect(outcome.status == 0, "\(outcome.errors)")
      name = outcome.errors.firstMatch(of: /photos-[0-9a-f]{6}/).map { String($0.0) } ?? "none"
    }
    await sandbox.stop()
    func report(_ ledgers: [String]) async throws -> GessoExecutable.Outcome {
      try await gesso.run(["report", name, "-o", "report.html"] + ledgers.flatMap { ["--ledger", $0] })
    }
    // A ledger that is named twice counts once.
    let whole = try await report(["shard-1.sqlite", "shard-2.sqlite", "./shard-1.sqlite"])
    #expect(whole.status == 0)
    #expect(whole.errors.contains("3 of 3 done, 0 failed, 0 unfinished, for 0.75 creative units"), "\(whole.errors)")
    _ = try await gesso.run(["jobs"], environment: ["GESSO_LEDGER": gesso.folder.appending(path: "new.sqlite").path])
    let lacking = try await report(["shard-1.sqlite", "new.sqlite"])
    #expect(lacking.status == 2)
    #expect(
      lacking.errorLines == [
        "gesso: \(name): the ledger new.sqlite knows no batch \(name): leave it out if its shard has not begun; it has none yet"
      ])
  }

  @Test("images are prepared without credentials, sandbox and prompt, and the batch finds them")
  func preparesOnly() async throws {
    try makePhotos()
    let arguments = ["photos", "--prompt", "x", "-o", "out"]
    for again in [false, true] {
      let outcome = try await run((again ? arguments : ["photos", "-o", "out"]) + ["--prepare-only"])
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.errorLines == ["gesso: 3 of 3 prepared"], "\(again)")
      #expect(
        outcome.text.split(separator: "\n").sorted() == [
          "out/a.prepared.jpg", "out/cats/b.prepared.jpg", "out/cats/old/c.prepared.jpg",
        ])
    }
    let sandbox = try await HeldSandbox(Self.pair, holding: false)
    let batch = try await run(arguments + ["--json"], sandbox.environment)
    #expect(batch.status == 0, "\(batch.errors)")
    #expect(try batch.objects().last?["prepared"] as? Int == 0, "none was prepared again")
    await sandbox.stop()
  }
}
