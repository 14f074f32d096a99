import Foundation
import GessoCommand
import ScenarioSandbox
import TestSupport
import Testing

@Suite("Interruption")
struct InterruptionTests {
  let gesso: GessoExecutable
  private static let small = Fixtures.path("jpeg/small-420.jpg")

  init() throws { gesso = try GessoExecutable() }

  @Test("the process cleans up and ends by the signal itself", arguments: [SIGINT, SIGTERM, SIGHUP])
  func signals(number: Int32) async throws {
    // Standard input does not end, so the command is reading the second input when the signal comes.
    let run = try RunningProcess(gesso, ["prepare", Self.small, "-", "--out-dir", "out", "-q"])
    var lines = run.output.makeAsyncIterator()
    #expect(await lines.line() == "out/small-420.prepared.jpg")
    run.send(number)
    #expect(await run.status() == -number)
    #expect(try gesso.names(in: "out") == ["small-420.prepared.jpg"], "only whole files are left")
  }

  @Test("a signal that comes as soon as signals are caught is not lost", .timeLimit(.minutes(TimeScale.factor)))
  func atOnce() async {
    let (numbers, number) = AsyncStream.makeStream(of: Int32.self)
    let queue = DispatchQueue(label: "test")
    let caught = CaughtSignals.catching([SIGUSR1, SIGUSR2], on: queue) { number.yield($0) }
    kill(getpid(), SIGUSR1)
    var iterator = numbers.makeAsyncIterator()
    #expect(await iterator.next() == SIGUSR1)
    let inner = CaughtSignals.catching([SIGUSR2], on: queue) { _ in Issue.record("signals belong to the outer work") }
    #expect(inner == nil)
    kill(getpid(), SIGUSR2)
    #expect(await iterator.next() == SIGUSR2)
    caught?.end()
  }

  #if os(Linux)
  /// `env` of GNU coreutils can block signals. Some programs start commands with blocked signals by accident.
  @Test(
    "a signal that was blocked when the command began still ends it", arguments: [("INT", SIGINT), ("HUP", SIGHUP)])
  func blocked(name: String, number: Int32) async throws {
    let run = try RunningProcess(
      gesso,
      ["--block-signal=\(name)", GessoExecutable.url.path, "prepare", Self.small, "-", "--out-dir", "out", "-q"],
      executable: URL(filePath: "/usr/bin/env"))
    var lines = run.output.makeAsyncIterator()
    #expect(await lines.line() == "out/small-420.prepared.jpg")
    run.send(number)
    #expect(await run.status() == -number)
  }
  #endif

  /// `nohup` turns off SIGHUP for its command. A script without job control turns off SIGINT for its commands in the background.
  @Test(
    "a signal that is ignored when the command begins stays ignored",
    arguments: [("HUP", SIGHUP), ("INT", SIGINT), ("TERM", SIGTERM)])
  func ignored(name: String, number: Int32) async throws {
    let command = "trap '' \(name); exec \"$GESSO\" prepare \"$SMALL\" - --out-dir out -q"
    let run = try RunningProcess(
      gesso, ["-c", command], environment: ["GESSO": GessoExecutable.url.path, "SMALL": Self.small],
      executable: URL(filePath: "/bin/sh"))
    var lines = run.output.makeAsyncIterator()
    #expect(await lines.line() == "out/small-420.prepared.jpg")
    run.send(number)
    // The work continues to its end.
    try run.send(input: try Fixtures.bytes("png/small-rgb8.png"))
    #expect(await lines.line()?.hasSuffix(".prepared.jpg") == true)
    #expect(await run.status() == 0)
  }

  @Test("another signal than the one that is ignored still ends the command")
  func others() async throws {
    let command = "trap '' HUP INT; exec \"$GESSO\" prepare \"$SMALL\" - --out-dir out -q"
    let run = try RunningProcess(
      gesso, ["-c", command], environment: ["GESSO": GessoExecutable.url.path, "SMALL": Self.small],
      executable: URL(filePath: "/bin/sh"))
    var lines = run.output.makeAsyncIterator()
    #expect(await lines.line() == "out/small-420.prepared.jpg")
    run.send(SIGTERM)
    #expect(await run.status() == -SIGTERM)
  }

  /// A sandbox that refuses every submit with a long pause, and the environment to reach it.
  private func coolingDown() async throws -> (ScenarioSandbox, environment: [String: String]) {
    let pair = SandboxCredential.random()
    var configuration = SandboxConfiguration(credentials: [pair])
    (configuration.isFaulty, configuration.coolDownSeconds) = (true, 100)
    let sandbox = ScenarioSandbox(configuration: configuration)
    let address = try await sandbox.start()
    sandbox.script(SandboxFault(.coolDown, on: "generateImg2Img", count: 100))
    return (
      sandbox,
      [
        "SCENARIO_API_KEY": pair.key, "SCENARIO_API_SECRET": pair.secret,
        "SCENARIO_BASE_URL": address.absoluteString,
      ]
    )
  }

  /// A signal that arrives twice within a short time counts once, because a process may get the signal from its caller, and again with its
  /// process group.
  @Test(
    "an interruption during a pause between submits submits nothing more, and the message confirms it",
    arguments: [[SIGINT], [SIGINT, SIGTERM]])
  func pause(signals: [Int32]) async throws {
    let (sandbox, environment) = try await coolingDown()
    let run = try RunningProcess(
      gesso, ["img2img", Self.small, "--prompt", "p", "-o", "out"], environment: environment)
    var errors = run.errors.makeAsyncIterator()
    let pause = try #require(await errors.line("gesso: "))
    #expect(pause.hasSuffix("submitting again in 100 seconds"), "\(pause)")
    for signal in signals { run.send(signal) }
    let end = try #require(await errors.line())
    #expect(end.hasSuffix("interrupted: no job was submitted: the same command starts again"), "\(end)")
    #expect(await errors.line() == nil)
    #expect(signals.contains(-(await run.status())))
    #expect(sandbox.statistics.requests["generateImg2Img"] == 1 && sandbox.statistics.jobs == 0)
    #expect(try await gesso.run(["jobs", "list"]).text.contains("  uploaded  "))
    await sandbox.stop()
  }

  /// One submit hangs. The job of the other order is printed only after the first submit was sent, so the command knows of both.
  @Test("Ctrl-C ends a batch within 5 seconds while a submit hangs, and the same command asks what became of it")
  func hangingSubmit() async throws {
    let pair = SandboxCredential.random()
    var configuration = SandboxConfiguration(
      credentials: [pair], jobTimings: JobTimings(queued: .seconds(3600), warmingUp: .zero))
    configuration.isFaulty = true
    let sandbox = ScenarioSandbox(configuration: configuration)
    let environment = [
      "SCENARIO_API_KEY": pair.key, "SCENARIO_API_SECRET": pair.secret,
      "SCENARIO_BASE_URL": try await sandbox.start().absoluteString,
    ]
    sandbox.script(SandboxFault(.hang, on: "generateImg2Img"))
    try FileManager.default.createDirectory(
      at: gesso.folder.appending(path: "photos"), withIntermediateDirectories: true)
    for name in ["420", "444"] { try gesso.copy(Fixtures.path("jpeg/small-\(name).jpg"), as: "photos/\(name).jpg") }
    let run = try RunningProcess(
      gesso, ["batch", "photos", "--prompt", "p", "-o", "out", "-v"], environment: environment)
    var errors = run.errors.makeAsyncIterator()
    while let line = await errors.line(), !line.contains(": job: ") {}
    let begin = ContinuousClock.now
    run.interrupt()
    let end = try #require(await errors.line("gesso: interrupted, with 0 of 2 done; 1 job goes on at the service"))
    let words = "; 1 submit is not answered yet and may have started a job: the same command goes on"
    #expect(end.contains(words), "\(end)")
    #expect(await run.status() == -SIGINT)
    #expect(ContinuousClock.now - begin < .seconds(5) * TimeScale.factor)
    #expect(sandbox.statistics.requests["generateImg2Img"] == 2 && sandbox.statistics.jobs == 1)
    #expect(try await gesso.run(["jobs", "list"]).text.contains("  submitting  "))
    await sandbox.stop()
  }

  @Test("Ctrl-C also ends a shell's loop over photographs")
  func loop() async throws {
    let (sandbox, environment) = try await coolingDown()
    // The inner shell and its commands are a process group, like the commands in the foreground of a terminal.
    let script = """
      set -m
      bash -c 'for prompt in one two; do "$GESSO" img2img "$SMALL" --prompt $prompt -o out; done' &
      echo "group $!"
      wait $!
      echo "status $?"
      """
    let run = try RunningProcess(
      gesso, ["-c", script],
      environment: environment.merging(["GESSO": GessoExecutable.url.path, "SMALL": Self.small]) { $1 },
      executable: URL(filePath: "/bin/bash"))
    var (output, errors) = (run.output.makeAsyncIterator(), run.errors.makeAsyncIterator())
    let group = try #require(await output.line("group ")?.split(separator: " ").last.flatMap { Int32($0) })
    #expect(await errors.line("gesso: ")?.hasSuffix("submitting again in 100 seconds") == true)
    kill(-group, SIGINT)
    #expect(await output.line() == "status 130", "the shell, too, ended by the signal")
    #expect(await run.status() == 0)
    #expect(sandbox.statistics.requests["generateImg2Img"] == 1, "the second photograph is not submitted")
    await sandbox.stop()
  }
}
