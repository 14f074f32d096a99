import Digests
import Foundation
import ImagePreparation
import ScenarioAPI
import TestSupport
import Testing

@Suite("gesso img2img, jobs and sandbox")
struct Img2ImgTests {
  let gesso: GessoExecutable
  static let small = Fixtures.path("jpeg/small-420.jpg")
  static let pair = ["SCENARIO_API_KEY": "planted-key", "SCENARIO_API_SECRET": "planted-secret"]

  init() throws { gesso = try GessoExecutable() }

  @Test("one image, end to end, against the sandbox inside the process")
  func endToEnd() async throws {
    try gesso.copy(Self.small, as: "photo.jpg")
    let outcome = try await gesso.run(
      ["img2img", "photo.jpg", "--prompt", "a forest", "--seed", "7", "--sandbox", "-o", "out/"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.text == "out/photo-7-1.png\n")
    #expect(outcome.errors.contains("nothing is generated"))
    #expect(try gesso.names(in: "out") == ["photo-7-1.png", "photo-7-1.png.json", "photo.prepared.jpg"])

    let out = gesso.folder.appending(path: "out")
    let prepared = try ImagePreparer().inspectBlocking(.file(out.appending(path: "photo.prepared.jpg").path)).size
    #expect(prepared == ImageSize(width: 224, height: 144), "both sides are multiples of 16")
    #expect(try ImagePreparer().inspectBlocking(.file(out.appending(path: "photo-7-1.png").path)).size == prepared)
    let data = try Data(contentsOf: out.appending(path: "photo-7-1.png.json"))
    let record = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    for key in [
      "prompt", "parameters", "seed", "model", "job", "assetId", "sourceAssetId", "cost", "sourceSha256", "geometry",
    ] {
      #expect(record[key] != nil && !(record[key] is NSNull), "\(key)")
    }
    #expect(record["sourceSha256"] as? String == ContentDigest.sha256(of: try Fixtures.bytes("jpeg/small-420.jpg")))
  }

  @Test("a folder of images, one job each: prices, results, and a limit for all")
  func several() async throws {
    let sandbox = try await HeldSandbox(Self.pair, holding: false)
    let environment = sandbox.environment
    try FileManager.default.createDirectory(
      at: gesso.folder.appending(path: "photos"), withIntermediateDirectories: true)
    for name in ["420", "422", "444"] {
      try gesso.copy(Fixtures.path("jpeg/small-\(name).jpg"), as: "photos/\(name).jpg")
    }
    try gesso.write("no image", to: "photos/note.png")
    func run(_ arguments: String...) async throws -> GessoExecutable.Outcome {
      try await gesso.run(
        ["img2img", "photos", "--prompt", "a forest", "--seed", "7"] + arguments, environment: environment)
    }
    let priced = try await run("--dry-run", "-o", "out")
    #expect(priced.status == 1 && priced.text.isEmpty, "no sum of all while one has no price")
    #expect(
      priced.errors.contains(
        "gesso: 3 of 4 inputs would cost 0.75 creative units of the sandbox, which are not money; prepared and uploaded"
      ))
    #expect(!FileManager.default.fileExists(atPath: gesso.folder.appending(path: "out").path))
    try FileManager.default.removeItem(at: gesso.folder.appending(path: "photos/note.png"))
    #expect(try await run("--dry-run", "-q").text == "0.75\n")

    let limited = try await run("-o", "out", "--max-cost", "0.6")
    #expect(limited.status == 1)
    let done = limited.text.split(separator: "\n")
    #expect(done.count == 2)
    #expect(limited.errors.contains("0.5 were spent on this order before and on those beside it, and the limit is 0.6"))
    let all = try await run("-o", "out")
    #expect(all.status == 0)
    #expect(all.text == "out/420-7-1.png\nout/422-7-1.png\nout/444-7-1.png\n", "in the order of the inputs")
    #expect(
      all.errors.hasSuffix("gesso: 3 of 3 done for 0.25 creative units of the sandbox, which are not money\n"),
      "\(all.errors)")
    let again = try await run("-o", "out", "--json")
    #expect(try again.objects().map { $0["reused"] as? Bool } == [true, true, true])
    #expect(try await run("-o", "out", "-q").errors.isEmpty)
    await sandbox.stop()

    let job = try #require(try again.objects().first?["job"] as? String)
    #expect(try await gesso.run(["jobs"]).text.contains("(of a sandbox that has ended)"))
    let gone = try await gesso.run(["jobs", "watch", job], environment: environment)
    #expect(gone.status == 6 && gone.errors.contains("that has ended, and its jobs ended with it"), "\(gone.errors)")
  }

  @Test("an image that was prepared before is named, in words and in JSON")
  func preparedBefore() async throws {
    let sandbox = try await HeldSandbox(Self.pair, holding: false)
    try gesso.copy(Self.small, as: "photo.jpg")
    func run(_ prompt: String, _ arguments: String...) async throws -> GessoExecutable.Outcome {
      try await gesso.run(
        ["img2img", "photo.jpg", "--prompt", prompt, "-o", "out"] + arguments, environment: sandbox.environment)
    }
    #expect(try await run("a forest").errors.contains("\nprepared: out/photo.prepared.jpg\n"))
    #expect(try await run("a sea").errorLines.first == "prepared before: out/photo.prepared.jpg")
    let object = try #require(try await run("a hill", "--json").objects().first)
    #expect((object["prepared"] as? [String: Any])?["output"] as? String == "out/photo.prepared.jpg")
    await sandbox.stop()
  }

  @Test("several results as JSON, from standard input, with a negative prompt")
  func json() async throws {
    let outcome = try await gesso.run(
      [
        "img2img", "-", "--prompt", "a forest", "--negative-prompt", "fog", "--samples", "2", "--seed", "7",
        "--sandbox",
        "--json", "--out-dir", "out",
      ], input: URL(filePath: Self.small))
    #expect(outcome.errors.contains("--negative-prompt-strength 1.0 is sent"))
    let object = try #require(try outcome.objects().first)
    #expect(object["sandbox"] as? Bool == true && object["seed"] as? String == "7" && object["input"] as? String == "-")
    let results = try #require(object["results"] as? [[String: Any]])
    #expect(results.map { $0["output"] as? String } == ["out/stdin-7-1.png", "out/stdin-7-2.png"])
    #expect(results[0]["sha256"] as? String != results[1]["sha256"] as? String)
  }

  @Test("masks and control images, end to end", arguments: ["mask", "control", "modality"])
  func second(kind: String) async throws {
    try gesso.copy(Self.small, as: "photo.jpg")
    let arguments =
      switch kind {
      case "mask": ["--mask", "photo.jpg"]
      case "control": ["--control", "photo.jpg", "--modality", "canny"]
      default: ["--modality", "depth"]
      }
    let outcome = try await gesso.run(
      ["img2img", "photo.jpg", "--prompt", "a forest", "--seed", "7", "--sandbox", "-o", "out"] + arguments)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.text == "out/photo-7-1.png\n")
    let data = try Data(contentsOf: gesso.folder.appending(path: "out/photo-7-1.png.json"))
    let record = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let parameters = try #require(record["parameters"] as? [String: Any])
    let endpoints = ["mask": "inpaint", "control": "controlnet-img2img", "modality": "controlnet"]
    #expect(parameters["endpoint"] as? String == endpoints[kind])
    let names = try gesso.names(in: "out")
    if kind == "mask" {
      #expect(parameters["maskId"] is String && names.contains("photo.mask.png"))
    } else {
      #expect(
        parameters["modality"] is String && names.contains { $0.hasPrefix("photo.control.") } == (kind == "control"))
    }
  }

  @Test("an upload is made to fit the direct limit; a larger budget goes up in parts")
  func large() async throws {
    // Noise cannot be compressed: 1250 × 1100 pixels of it stay above 3.5 MB.
    let urandom = try #require(FileHandle(forReadingAtPath: "/dev/urandom"))
    let noise = [UInt8](try #require(try urandom.read(upToCount: 1250 * 1100 * 3)))
    let image = PixelImage(size: ImageSize(width: 1250, height: 1100), channels: 3, samples: noise)
    try Data(try ImagePreparer().encodePNGBlocking(image, compression: .fast))
      .write(to: gesso.folder.appending(path: "noise.png"))
    let command = ["img2img", "noise.png", "--prompt", "p", "--format", "png", "--sandbox"]
    let inParts = try await gesso.run(command + ["--max-bytes", "9000000", "-o", "parts"])
    #expect(inParts.status == 0, "\(inParts.errors)")
    let prepared = try Data(contentsOf: gesso.folder.appending(path: "parts/noise.prepared.png"))
    #expect(prepared.count > ScenarioClient.directUploadLimit, "\(inParts.errors)")
    let fitted = try await gesso.run(command)
    #expect(fitted.status == 0, "\(fitted.errors)")
    #expect(fitted.errors.contains("to take no more than 3500000 bytes"))
    let upload = try Data(contentsOf: gesso.folder.appending(path: "noise.prepared.png"))
    #expect(upload.count <= 3_500_000)
  }

  @Test("a timeout is exit 9 and names the job; watching the job downloads its results")
  func timeout() async throws {
    let sandbox = try await HeldSandbox(Self.pair)
    let environment = sandbox.environment

    let late = try await gesso.run(
      ["img2img", Self.small, "--prompt", "p", "--seed", "7", "--timeout", "0.1", "-o", "out"], environment: environment
    )
    #expect(late.status == 9)
    let line = try #require(late.errorLines.last)
    let job = try #require(line.split(separator: " ").first { $0.hasPrefix("job_") }.map(String.init))
    #expect(line.contains("gesso jobs watch \(job)"))
    #expect(try gesso.names(in: "out") == ["small-420.prepared.jpg"])
    #expect(try await gesso.run(["jobs", "list"]).text.contains("\(job)  submitted"))

    sandbox.release()
    let watched = try await gesso.run(["jobs", "watch", job], environment: environment)
    #expect(watched.status == 0, "\(watched.errors)")
    #expect(watched.text.hasSuffix("/out/small-420-7-1.png\n"))
    #expect(try gesso.names(in: "out") == ["small-420-7-1.png", "small-420-7-1.png.json", "small-420.prepared.jpg"])
    let list = try await gesso.run(["jobs"]).text
    #expect(
      list.contains("\(job)  downloaded") && list.contains("small-420.jpg  \"") && list.contains("small-420-7-1.png"),
      "\(list)")
    let run = try #require(try await gesso.run(["jobs", "--json"]).objects().first?["run"] as? Int)
    let again = try await gesso.run(["jobs", "fetch", "\(run)"], environment: environment)
    #expect(again.status == 0 && again.text.hasSuffix("/out/small-420-7-1.png\n"), "\(again.errors)")
    let before = "gesso: the results were downloaded before and are unchanged: nothing was downloaded now"
    #expect(again.errorLines.last == before && !watched.errors.contains(before), "\(again.errors)")

    let wrong = try await gesso.run(
      ["jobs", "watch", job],
      environment: environment.merging(["SCENARIO_API_KEY": "other", "SCENARIO_API_SECRET": "other"]) { $1 })
    #expect(wrong.status == 5)
    for written in [late.text + late.errors, watched.text + watched.errors, wrong.errors] {
      #expect(!written.contains("planted") && !written.contains("Signature"))
    }
    await sandbox.stop()
  }

  @Test("an order goes through its price, its limit and a new attempt, and the same command continues it")
  func again() async throws {
    let sandbox = try RunningProcess(gesso, ["sandbox", "-v"], environment: Self.pair)
    var lines = sandbox.output.makeAsyncIterator()
    let address = try #require(await lines.line())
    let environment = Self.pair.merging(["SCENARIO_BASE_URL": address]) { $1 }
    func run(_ more: String...) async throws -> GessoExecutable.Outcome {
      try await gesso.run(["img2img", Self.small, "--prompt", "p", "-o", "out"] + more, environment: environment)
    }

    let price = try await run("--dry-run")
    #expect(
      price.errors.contains("would cost \(price.text.trimmingCharacters(in: .newlines)) creative units"),
      "\(price.errors)")
    #expect(
      !FileManager.default.fileExists(atPath: gesso.folder.appending(path: "out").path),
      "a dry run leaves nothing behind")
    #expect(price.status == 0 && price.text == "0.25\n", "\(price.errors)")
    let dear = try await run("--max-cost", "0.2")
    #expect(dear.status == 4 && dear.errorLines.last?.contains("0.25 creative units, and the limit is 0.2") == true)
    let sent = try await run("--max-cost", "0.25", "--no-wait")
    let job = sent.text.trimmingCharacters(in: .newlines)
    #expect(sent.status == 0 && job.hasPrefix("job_"), "\(sent.errors)")
    let finished = try await run()
    #expect(finished.status == 0 && finished.text.hasSuffix("-1.png\n"), "\(finished.errors)")
    let stranger = environment.merging(["GESSO_LEDGER": gesso.folder.appending(path: "other.sqlite").path]) { $1 }
    let shown = try await gesso.run(["jobs", "show", job], environment: stranger)
    #expect(
      shown.status == 0 && shown.text.contains(#""prompt" : "p""#), "of another machine: \(shown.text)\(shown.errors)")
    let listed = try await gesso.run(["jobs", "list", "--account", "1", "--json"], environment: stranger).objects()
    #expect(listed.compactMap { $0["job"] as? String } == [job] && listed.first?["seed"] is String, "\(listed)")
    #expect(try await gesso.run(["jobs", "--account", "0"], environment: stranger).text.isEmpty, "none is so young")
    let taken = try await gesso.run(["jobs", "fetch", job, "-o", "taken"], environment: stranger)
    #expect(taken.status == 0 && taken.text.hasPrefix("taken/\(job)-"), "of another machine: \(taken.errors)")
    let fetched = try await gesso.run(["jobs", "fetch", job], environment: environment)
    #expect(fetched.status == 0 && fetched.text.hasSuffix(finished.text), "\(fetched.errors)")
    #expect(try await run().text == finished.text, "finished: the old path")
    // No request is sent: the service need not be running.
    sandbox.terminate()
    #expect(await sandbox.status() == 0)
    let reused = try await run("--json")
    #expect(reused.errors.contains("nothing was started or paid for now; --again makes another"), "\(reused.errors)")
    #expect(reused.errors.contains("; --again makes another"))
    let object = try #require(try reused.objects().first)
    #expect(object["reused"] as? Bool == true && object["cost"] as? Int == 0)
    let asked = await sandbox.errors.reduce(into: [String: Int]()) { counts, line in
      counts[line.split(separator: " ").dropLast().prefix(2).joined(separator: " "), default: 0] += 1
    }
    #expect(asked["POST /v1/assets"] == 1, "\(asked)")
    #expect(asked["POST /v1/generate/img2img"] == 4, "three prices and one job: \(asked)")
    #expect(try await run("--again").status == 7, "a new draw has to ask")
  }

  @Test("an image is uploaded as it is, a custom model makes results, and a job is canceled")
  func verbs() async throws {
    let sandbox = try await HeldSandbox(Self.pair, holding: false)
    let environment = sandbox.environment
    func run(_ arguments: String...) async throws -> GessoExecutable.Outcome {
      try await gesso.run(arguments, environment: environment)
    }

    let first = try await run("upload", Self.small, Self.small, "--as-is")
    let ids = first.text.split(separator: "\n")
    #expect(first.status == 0 && ids.count == 2 && ids[0] == ids[1] && ids[0].hasPrefix("asset_"), "\(first.errors)")
    #expect(!first.errors.contains("GPS"))
    let placed = try await run("upload", Fixtures.path("jpeg/phone.jpg"), "--as-is")
    #expect(placed.status == 0 && placed.errors.contains("goes along as it is: EXIF, GPS position"), "\(placed.errors)")
    let stripped = try await run("upload", Fixtures.path("jpeg/phone.jpg"))
    #expect(
      stripped.errors.contains("stripped GPS") && stripped.errors.contains("no metadata goes along"),
      "\(stripped.errors)")
    let prepared = try await run("upload", Self.small, "--json")
    #expect(try prepared.objects()[0]["assetId"] as? String != String(ids[0]))

    let custom = try await run(
      "img2img", Self.small, "--prompt", "p", "--model", "model_bfl-flux-1-dev", "--mode", "auto", "--samples", "2",
      "--seed", "5", "--param", "controlStrength=0.5", "-o", "out")
    #expect(custom.status == 0 && custom.text.split(separator: "\n").count == 2, "\(custom.errors)")
    for (flags, words) in [
      (["--samples", "5"], "give at most 4"), (["--param", "glow=1"], "does not take this glow"),
      (["--param", "controlModality=fog"], "give one of canny, tile"), (["--guidance", "11"], "give at most 10"),
    ] {
      let refused = try await gesso.run(
        ["img2img", Self.small, "--prompt", "p", "--model", "model_bfl-flux-1-dev", "--mode", "auto"] + flags,
        environment: environment)
      #expect(refused.status == 2 && refused.errors.contains(words), "\(refused.errors)")
    }

    func submit(_ more: String...) async throws -> String {
      try await gesso.run(
        ["img2img", Self.small, "--prompt", "q", "--no-wait", "-o", "out"] + more, environment: environment
      ).text.trimmingCharacters(in: .newlines)
    }
    sandbox.hold()
    let canceled = try await run("jobs", "cancel", try await submit())
    #expect(canceled.status == 0 && canceled.text == "canceled\n", "\(canceled.errors)")
    let stubborn = try await run(
      "jobs", "cancel", try await submit("--model", "model_bfl-flux-1-dev", "--mode", "custom"))
    #expect(stubborn.status == 6 && stubborn.errors.contains("Cannot cancel this type of job"))
    #expect(try await run("jobs", "resolve", "1", "--drop").errors.contains("waits for no decision"))
    await sandbox.stop()
  }

  @Test("an interruption leaves the job running and names the command that downloads it")
  func interrupt() async throws {
    let sandbox = try await HeldSandbox(Self.pair)
    let environment = sandbox.environment
    let run = try RunningProcess(
      gesso, ["img2img", Self.small, "--prompt", "p", "--seed", "7", "-o", "out"], environment: environment)
    var errors = run.errors.makeAsyncIterator()
    let job = try #require(await errors.line("job: ")).dropFirst(5)
    run.interrupt()
    let line = try #require(await errors.line("gesso: "))
    #expect(
      line.hasSuffix("job \(job) goes on and is paid for: the same command goes on with it, or gesso jobs watch \(job)")
    )
    #expect(await run.status() == -SIGINT)
    #expect(
      try await gesso.run(["jobs", "show", String(job), "--json"]).objects().first?["state"] as? String == "submitted")

    sandbox.release()
    #expect(try await gesso.run(["jobs", "watch", String(job)], environment: environment).status == 0)
    #expect(try gesso.names(in: "out") == ["small-420-7-1.png", "small-420-7-1.png.json", "small-420.prepared.jpg"])
    await sandbox.stop()
  }

  @Test("the sandbox lets in the pair it prints, logs requests when asked to, and ends well")
  func sandbox() async throws {
    let sandbox = try RunningProcess(gesso, ["sandbox", "-v"])
    var lines = sandbox.output.makeAsyncIterator()
    let address = try #require(await lines.line())
    #expect(address.hasPrefix("http://127.0.0.1:") && address.hasSuffix("/v1"))
    var errors = sandbox.errors.makeAsyncIterator()
    var environment = ["SCENARIO_BASE_URL": address]
    for name in ["SCENARIO_API_KEY", "SCENARIO_API_SECRET"] {
      environment[name] = String(try #require(await errors.line("export \(name)=")).dropFirst("export \(name)=".count))
    }
    let outcome = try await gesso.run(
      ["img2img", Self.small, "--prompt", "p", "-o", "out", "-q"], environment: environment)
    #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
    #expect(await errors.line("POST /v1/assets") != nil)
    sandbox.interrupt()
    #expect(await sandbox.status() == 0)
  }

  #if os(Linux)
  @Test("on a terminal progress is one live line; NO_COLOR takes color away", arguments: [[:], ["NO_COLOR": "1"]])
  func terminal(environment: [String: String]) async throws {
    // util-linux' script(1) gives the command a terminal and copies its output.
    let sandbox = try await HeldSandbox(Self.pair)
    let line = "\(GessoExecutable.url.path) img2img \(Self.small) --prompt p --timeout 0.5 -o out"
    let outcome = try await gesso.run(
      ["-q", "-e", "-c", line, "/dev/null"],
      environment: sandbox.environment.merging(["TERM": "xterm"]) { $1 }.merging(environment) { $1 },
      executable: URL(filePath: "/usr/bin/script"))
    #expect(outcome.status == 9)
    #expect(outcome.text.contains("\r\u{1B}[Kuploading"), "\(outcome.text.debugDescription)")
    #expect(outcome.text.contains("\u{1B}[31m") == environment.isEmpty)
    await sandbox.stop()
  }
  #endif
}
