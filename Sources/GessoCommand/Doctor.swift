package import ArgumentParser
internal import Dispatch
internal import GessoPipeline
internal import Ground
internal import ImagePreparation
internal import ScenarioAPI

/// `gesso doctor`
package struct Doctor: Verb {
  package static let configuration = CommandConfiguration(
    verb: "doctor", "Show the settings, and the libraries and programs that this machine has.",
    examples: [
      "gesso doctor",
      "gesso doctor --json",
      "gesso doctor --online",
    ])

  @OptionGroup(title: "Service") var service: ServiceOptions

  @Flag(help: "Also read from the service, which costs nothing, and explain each answer.")
  var online = false

  @Flag(
    name: .customLong("dry-runs"),
    help:
      "With --online, also ask for prices. A service that ignores that this is a dry run starts a job; it is recorded.")
  var dryRuns = false

  @Flag(help: "One JSON object on standard output.")
  var json = false

  package init() {}

  package mutating func validate() throws {
    if dryRuns, !online { throw ValidationError("--dry-runs has no effect without --online: add it") }
  }

  package mutating func perform() async throws -> CommandStatus {
    let console = Console(quiet: false, environment: Environment.variables)
    let settings = service.configuration
    var problems: [CommandError] = []
    func checking<Value>(_ body: () throws(CommandError) -> Value?) -> Value? {
      do {
        return try body()
      } catch {
        if !problems.contains(error) { problems.append(error) }
        return nil
      }
    }

    let credentials = checking { () throws(CommandError) in try settings.credentials() }
    let address = checking { () throws(CommandError) in
      try settings.baseURL(for: credentials) ?? ScenarioConfiguration.defaultBaseURL
    }
    let project = checking { () throws(CommandError) in try settings.projectID() }
    let preparer = checking { () throws(CommandError) in try Environment.preparer(Environment.variables) }
    let ledger = checking { () throws(CommandError) in try settings.ledgerPath() }
    let ledgerState = checking { () throws(CommandError) in try ledger.map(Self.state(ofLedger:)) }

    var findings: [OnlineChecks.Finding] = []
    if online {
      do {
        let command = self
        findings = try await Interruption.guarding(patience: .seconds(1)) { try await command.findings(settings) }
      } catch {
        problems.append(CommandError(any: error))
      }
      problems += findings.compactMap(\.problem)
    }

    let linked: [Row] = BuiltIn.linked.map { ($0.name, .text($0.version)) }
    var report: [Row] = [
      ("gesso", .text(Version.current)), ("compiler", .text(Version.compiler)),
      (
        "libraries",
        .rows(
          linked + [
            ("libwebp", .text(LibraryVersions.libwebp ?? "not installed, for WebP: apt-get install libwebp7")),
            ("libtiff", .text(LibraryVersions.libtiff ?? "not installed, for TIFF: apt-get install libtiff6")),
            ("libcurl", .text(CurlTransport.libraryVersion ?? "not installed")),
            ("gesso-decode", .text(preparer.map(Self.decodeHelper(of:)))),
          ])
      ),
      ("isolation", .text(Self.isolation)),
      ("openedWhenNeeded", .list(BuiltIn.opened)),
      ("formats", .list(preparer?.readableFormats.map(\.rawValue) ?? [])),
      ("instructionSet", .text(preparer?.instructionSet.rawValue)),
      ("instructionSets", .list(InstructionSet.available.map(\.rawValue))), ("cores", .number(Environment.cores)),
      ("credentials", .rows([("present", .flag(credentials != nil)), ("from", .text(credentials?.origin.rawValue))])),
      ("baseURL", .text(address.map(Secrets.withoutUser))), ("project", .text(project)), ("ledger", .text(ledger)),
      ("ledgerState", .text(ledgerState)),
    ]
    if online { report.append(("online", .rows(findings.map { ($0.request, .text($0.meaning)) }))) }
    report.append(("problems", .list(problems.map(\.line))))
    if json {
      try console.output(json: report.reduce([:]) { $0.adding([$1.name: $1.value]) })
    } else {
      try Self.print(report, to: console)
    }
    return problems.first?.status ?? .done
  }

  /// The versions of the libraries of `gesso-decode`, or the package that is missing for HEIC and AVIF.
  private static func decodeHelper(of preparer: ImagePreparer) -> String {
    do throws(PreparationError) {
      return try preparer.helperReport()
    } catch {
      return error.code == .unsupportedFormat
        ? "not installed, for HEIC and AVIF: \(Remedy.decodeHelperInstallation)"
        : error.message
    }
  }

  /// Tries whether images can be isolated, and gives the result in words.
  private static var isolation: String {
    #if os(Linux)
    do throws(PreparationError) {
      let landlock = try IsolationOptions.workers.check()
      return "works (seccomp, \(landlock > 0 ? "landlock \(landlock)" : "no landlock in this kernel"))"
    } catch {
      return error.message
    }
    #else
    return "not available: --isolate needs Linux"
    #endif
  }

  private func findings(_ settings: Configuration) async throws -> [OnlineChecks.Finding] {
    let configuration = try settings.client()
    let checks = OnlineChecks(
      client: ServiceOptions.client(configuration, verbose: false), configuration: configuration)
    let reads = try await checks.reads()
    guard dryRuns, reads.allSatisfy({ $0.problem == nil }) else { return reads }
    let pipeline = Img2ImgPipeline(
      client: checks.client, ledger: try ServiceOptions.ledger(at: try settings.ledgerPath()),
      preparer: try Environment.preparer(Environment.variables))
    return reads + (try await checks.dryRuns(pipeline))
  }

  /// The state of the ledger. A ledger that does not exist is not made.
  private static func state(ofLedger path: String) throws(CommandError) -> String {
    guard unsafe access(path, F_OK) == 0 else { return "not made yet" }
    let ledger = try ServiceOptions.ledger(at: path)
    try reportingErrors(ledger.check)
    return "sound"
  }

  /// Prints one line for each row; nested rows are indented under their name.
  private static func print(_ report: [Row], to console: Console, indent: String = "") throws(CommandError) {
    for (name, value) in report {
      let text: String
      switch value {
      case .rows(let rows):
        try console.output("\(indent)\(name):")
        try print(rows, to: console, indent: indent + "  ")
        continue
      case .text(let value): text = value ?? "none"
      case .number(let value): text = String(value)
      case .flag(let value): text = String(value)
      case .list(let values): text = values.isEmpty ? "none" : values.joined(separator: ", ")
      }
      try console.output(Console.printable("\(indent)\(name): \(text)"))
    }
  }

  /// A line of the report. For people it is printed in this order, for scripts as a member of an object.
  private typealias Row = (name: String, value: Value)

  private enum Value: Encodable {
    case text(String?)
    case number(Int)
    case flag(Bool)
    case list([String])
    case rows([Row])

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .text(let text): try container.encode(text)
      case .number(let number): try container.encode(number)
      case .flag(let flag): try container.encode(flag)
      case .list(let texts): try container.encode(texts)
      case .rows(let rows): try container.encode(Dictionary(rows.map { ($0.name, $0.value) }) { $1 })
      }
    }
  }
}
