package import ArgumentParser
internal import GessoPipeline
internal import Ground
internal import ImagePreparation
internal import ScenarioAPI

/// `gesso doctor`
package struct Doctor: Verb {
  package static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Say what is configured and found on this machine.")

  @OptionGroup(title: "Service") var service: ServiceOptions

  @Flag(help: "One JSON object on standard output.")
  var json = false

  package init() {}

  package mutating func perform() async throws -> CommandStatus {
    let console = Console(quiet: false, environment: Environment.variables)
    let settings = service.configuration
    let images = LibraryVersions.current
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
    let instructionSet = checking { () throws(CommandError) in
      try Environment.preparer(Environment.variables).instructionSet.rawValue
    }
    let ledger = checking { () throws(CommandError) in try settings.ledgerPath() }
    let ledgerState = checking { () throws(CommandError) in try ledger.map(Self.state(ofLedger:)) }

    let report = OrderedJSON.object([
      ("gesso", .string(Gesso.version)),
      (
        "libraries",
        .object([
          ("libpng", .string(images.libpng)), ("libjpeg-turbo", .string(images.libjpegTurbo)),
          ("lcms2", .string(images.littleCMS)), ("isa-l", .string(images.isal)),
          ("libcurl", .string(CurlTransport.libraryVersion)), ("sqlite", .string(Ledger.libraryVersion)),
        ])
      ),
      ("instructionSet", .optional(instructionSet)),
      ("instructionSets", .array(InstructionSet.available.map { .string($0.rawValue) })),
      ("cores", .integer(Environment.cores)),
      (
        "credentials",
        .object([("present", .bool(credentials != nil)), ("from", .optional(credentials?.origin.rawValue))])
      ),
      ("baseURL", .optional(address)), ("project", .optional(project)), ("ledger", .optional(ledger)),
      ("ledgerState", .optional(ledgerState)), ("problems", .array(problems.map { .string($0.line) })),
    ])
    if json { try console.output(report.line) } else { try Self.print(report, to: console) }
    return problems.first?.status ?? .done
  }

  /// What can be said of the ledger without making one.
  private static func state(ofLedger path: String) throws(CommandError) -> String {
    guard unsafe access(path, F_OK) == 0 else { return "not made yet" }
    let ledger = try ServiceOptions.ledger(at: path)
    do {
      try ledger.check()
    } catch {
      throw CommandError(error)
    }
    return "sound"
  }

  /// One line a member; what is nested, indented under its name.
  private static func print(_ report: OrderedJSON, to console: Console, indent: String = "") throws(CommandError) {
    guard case .object(let members) = report else { return }
    for (key, value) in members {
      switch value {
      case .object:
        try console.output("\(indent)\(key):")
        try print(value, to: console, indent: indent + "  ")
      case .array(let values):
        let texts = values.map(\.text)
        try console.output(
          Console.printable("\(indent)\(key): \(texts.isEmpty ? "none" : texts.joined(separator: ", "))"))
      default: try console.output(Console.printable("\(indent)\(key): \(value.text)"))
      }
    }
  }
}

extension OrderedJSON {
  /// A value as people read it.
  fileprivate var text: String {
    switch self {
    case .string(let text): text
    case .null: "none"
    default: line
    }
  }
}
