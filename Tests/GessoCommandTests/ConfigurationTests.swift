import Foundation
import GessoCommand
import ScenarioAPI
import TestSupport
import Testing

@Suite("Configuration")
struct ConfigurationTests {
  /// One configuration and its expected outcome.
  struct Case: CustomTestStringConvertible, Sendable {
    let name: String
    var flags = Configuration.Flags()
    var environment: [String: String] = [:]
    var dotEnv: String?
    var mode = 0o600
    /// The address and the origin of the key; nil when refused.
    var expected: (baseURL: String, origin: Configuration.Origin)?
    /// The code of the refusal, which always ends with status 5.
    var refusal: String?
    var testDescription: String { name }
  }

  static let pair = ["SCENARIO_API_KEY": "k", "SCENARIO_API_SECRET": "s"]
  static let standard = ScenarioConfiguration.defaultBaseURL
  static let filePair = "SCENARIO_API_KEY=k\nSCENARIO_API_SECRET=s\n"
  static let url = "https://example.com/v1"

  static func with(_ more: [String: String]) -> [String: String] { pair.merging(more) { $1 } }

  static let cases: [Case] = [
    Case(name: "nothing", refusal: "no-credentials"),
    Case(name: "environment", environment: pair, expected: (standard, .environment)),
    Case(
      name: "the SDK's names", environment: ["SCENARIO_SDK_API_KEY": "k", "SCENARIO_SDK_API_SECRET": "s"],
      expected: (standard, .environment)),
    Case(name: "a key without its secret", environment: ["SCENARIO_API_KEY": "k"], refusal: "no-credentials"),
    Case(name: "a secret without its key", environment: ["SCENARIO_API_SECRET": "s"], refusal: "no-credentials"),
    Case(name: "an empty key is none", environment: with(["SCENARIO_API_KEY": ""]), refusal: "no-credentials"),
    Case(
      name: "halves from two places", environment: ["SCENARIO_API_KEY": "k"], dotEnv: "SCENARIO_API_SECRET=s",
      refusal: "no-credentials"),
    Case(name: "a key with a space", environment: with(["SCENARIO_API_KEY": "a b"]), refusal: "invalid-configuration"),
    Case(name: ".env", dotEnv: filePair, expected: (standard, .dotEnv)),
    Case(
      name: "the environment outweighs .env", environment: pair, dotEnv: filePair, expected: (standard, .environment)),
    Case(name: "an open .env", dotEnv: filePair, mode: 0o644, refusal: "untrusted-env"),
    Case(
      name: "an open .env that the environment makes unnecessary", environment: pair, dotEnv: filePair, mode: 0o644,
      expected: (standard, .environment)),
    Case(
      name: "an open .env with a key and an address of its own", environment: pair,
      dotEnv: filePair + "SCENARIO_BASE_URL=\(url)\nSCENARIO_PROJECT_ID=p", mode: 0o644,
      expected: (standard, .environment)),
    Case(
      name: "an open .env with an address alone", environment: pair, dotEnv: "SCENARIO_BASE_URL=\(url)",
      mode: 0o644, refusal: "foreign-base-url"),
    Case(
      name: "an open .env with the project", environment: pair, dotEnv: "SCENARIO_PROJECT_ID=p", mode: 0o644,
      refusal: "untrusted-env"),
    Case(
      name: "an open .env with the ledger alone", environment: pair, dotEnv: "GESSO_LEDGER=/l", mode: 0o644,
      expected: (standard, .environment)),
    Case(name: "a .env with a byte order mark", dotEnv: "\u{FEFF}" + filePair, expected: (standard, .dotEnv)),
    Case(
      name: "a .env with line ends of Windows", dotEnv: filePair.replacing("\n", with: "\r\n"),
      expected: (standard, .dotEnv)),
    Case(
      name: "an open .env of no concern", environment: pair, dotEnv: "DATABASE=x", mode: 0o644,
      expected: (standard, .environment)),
    Case(
      name: "address and key from the environment", environment: with(["SCENARIO_BASE_URL": url]),
      expected: (url, .environment)),
    Case(name: "address and key from .env", dotEnv: filePair + "SCENARIO_BASE_URL=\(url)", expected: (url, .dotEnv)),
    Case(
      name: "address from .env, key from the environment", environment: pair, dotEnv: "SCENARIO_BASE_URL=\(url)",
      refusal: "foreign-base-url"),
    Case(
      name: "address from the environment, key from .env", environment: ["SCENARIO_BASE_URL": url], dotEnv: filePair,
      refusal: "foreign-base-url"),
    Case(
      name: "address in both, key from the environment", environment: with(["SCENARIO_BASE_URL": url]),
      dotEnv: "SCENARIO_BASE_URL=https://other.example", expected: (url, .environment)),
    Case(
      name: "address from a flag, key from the environment", flags: .init(baseURL: url), environment: pair,
      expected: (url, .environment)),
    Case(
      name: "address from a flag, key from .env", flags: .init(baseURL: url), dotEnv: filePair, expected: (url, .dotEnv)
    ),
    Case(
      name: "plain http elsewhere", flags: .init(baseURL: "http://example.com/v1"), environment: pair,
      refusal: "insecure-url"),
    Case(
      name: "plain http to this machine", flags: .init(baseURL: "http://127.0.0.1:8080/v1"), environment: pair,
      expected: ("http://127.0.0.1:8080/v1", .environment)),
    Case(
      name: "an address that is none", flags: .init(baseURL: "ftp://example.com"), environment: pair,
      refusal: "invalid-configuration"),
  ]

  @Test("flags come before the environment and .env; the address has the origin of the key", arguments: cases)
  func resolves(_ test: Case) throws {
    let gesso = try GessoExecutable()
    if let text = test.dotEnv { try gesso.write(text, to: ".env", mode: test.mode) }
    let configuration = Configuration(flags: test.flags, environment: test.environment, folder: gesso.folder.path)
    do throws(CommandError) {
      let client = try configuration.client()
      #expect(client.baseURL == test.expected?.baseURL)
      #expect(try configuration.credentials()?.origin == test.expected?.origin)
      #expect(test.refusal == nil)
    } catch {
      #expect(error.code == test.refusal)
      #expect(error.status == .credentials)
      #expect(!error.line.contains("\n"))
    }
  }

  @Test("secrets are read from files that the environment names")
  func files() throws {
    let gesso = try GessoExecutable()
    try gesso.write("k\n", to: "key")
    try gesso.write("s\n", to: "secret")
    let names = [
      "SCENARIO_API_KEY_FILE": gesso.folder.path + "/key", "SCENARIO_API_SECRET_FILE": gesso.folder.path + "/secret",
    ]
    let found = try Configuration(flags: .init(), environment: names, folder: gesso.folder.path).credentials()
    #expect(found?.key == "k" && found?.secret == "s")

    var missing = names
    missing["SCENARIO_API_KEY_FILE"] = gesso.folder.path + "/nothing"
    #expect(throws: CommandError.self) {
      try Configuration(flags: .init(), environment: missing, folder: gesso.folder.path).credentials()
    }
  }

  @Test(
    "a byte order mark before a key or a secret is not part of it",
    arguments: [
      (Data([0xEF, 0xBB, 0xBF, 0x6B, 0x0D, 0x0A]), "UTF-8"),
      (Data([0xFF, 0xFE, 0x6B, 0x00, 0x0D, 0x00, 0x0A, 0x00]), "UTF-16"),
      (Data([0xFE, 0xFF, 0x00, 0x6B]), "UTF-16, big-endian"),
    ])
  func marks(bytes: Data, encoding: String) throws {
    let gesso = try GessoExecutable()
    let path = gesso.folder.appending(path: "key")
    try bytes.write(to: path)
    let names = ["SCENARIO_API_KEY_FILE": path.path, "SCENARIO_API_SECRET_FILE": path.path]
    let found = try Configuration(flags: .init(), environment: names, folder: gesso.folder.path).credentials()
    #expect(found?.key == "k" && found?.secret == "k")
  }

  @Test("a .env cannot send the content of a file it names to an address it names")
  func filesNamedByDotEnv() throws {
    let gesso = try GessoExecutable()
    try gesso.write("precious\n", to: "file", mode: 0o600)
    let lines = "SCENARIO_API_KEY=k\nSCENARIO_API_SECRET_FILE=\(gesso.folder.path)/file\n"
    try gesso.write(lines, to: ".env", mode: 0o600)
    let configuration = Configuration(flags: .init(), environment: [:], folder: gesso.folder.path)
    #expect(try configuration.client().baseURL == Self.standard)

    try gesso.write(lines + "SCENARIO_BASE_URL=https://example.com/v1", to: ".env", mode: 0o600)
    let hostile = Configuration(flags: .init(), environment: [:], folder: gesso.folder.path)
    #expect { try hostile.client() } throws: { ($0 as? CommandError)?.code == "foreign-base-url" }
  }

  @Test(
    "the project comes from a flag, the environment or .env",
    arguments: [
      (nil, [:], nil, nil), ("a", ["SCENARIO_PROJECT_ID": "b"], "c", "a"),
      (nil, ["SCENARIO_PROJECT_ID": "b"], "c", "b"), (nil, [:], "c", "c"),
    ] as [(String?, [String: String], String?, String?)])
  func project(flag: String?, environment: [String: String], dotEnv: String?, expected: String?) throws {
    let gesso = try GessoExecutable()
    if let dotEnv { try gesso.write("SCENARIO_PROJECT_ID=\(dotEnv)", to: ".env", mode: 0o600) }
    let configuration = Configuration(
      flags: .init(projectID: flag), environment: environment, folder: gesso.folder.path)
    #expect(try configuration.projectID() == expected)
  }

  @Test(
    "the limit of a day comes from the environment or .env, and one that may not be trusted is not passed over",
    arguments: [
      ([:], nil, 0o600, nil), (["GESSO_MAX_COST_PER_DAY": "5"], "7", 0o600, "5"),
      (["GESSO_MAX_COST_PER_DAY": ""], "7", 0o600, "7"), ([:], "7", 0o600, "7"), ([:], "7", 0o644, "refused"),
      (["GESSO_MAX_COST_PER_DAY": "5"], "7", 0o644, "5"),
    ] as [([String: String], String?, Int, String?)])
  func dailyLimit(environment: [String: String], dotEnv: String?, mode: Int, expected: String?) throws {
    let gesso = try GessoExecutable()
    if let dotEnv { try gesso.write("GESSO_MAX_COST_PER_DAY=\(dotEnv)", to: ".env", mode: mode) }
    let configuration = Configuration(flags: .init(), environment: environment, folder: gesso.folder.path)
    do {
      #expect(try configuration.dailyLimit() == expected)
    } catch {
      #expect(expected == "refused" && error.status == .credentials, "\(error)")
    }
  }

  @Test("the limit of a day in .env holds for an order, and the flag wins over it")
  func dailyLimitOfOrder() async throws {
    let gesso = try GessoExecutable()
    try gesso.write("GESSO_MAX_COST_PER_DAY=0.1", to: ".env", mode: 0o600)
    let line = ["img2img", Fixtures.path("jpeg/small-420.jpg"), "--prompt", "p", "--sandbox", "-q"]
    let refused = try await gesso.run(line)
    #expect(refused.status == 4 && refused.errors.contains("the limit per day is 0.1"), "\(refused.errors)")
    #expect(try await gesso.run(line + ["--max-cost-per-day", "100"]).status == 0)
  }

  static let ledgers: [([String: String], String)] = [
    (["HOME": "/h"], "/h/.local/state/gesso/ledger.sqlite"),
    (["HOME": "/h", "XDG_STATE_HOME": "/x"], "/x/gesso/ledger.sqlite"),
    (["HOME": "/h", "XDG_STATE_HOME": "relative"], "/h/.local/state/gesso/ledger.sqlite"),
    (["HOME": "/h", "XDG_STATE_HOME": "/x", "GESSO_LEDGER": "/l.sqlite"], "/l.sqlite"),
    (["HOME": "/h", "GESSO_LEDGER": "~/l.sqlite"], "/h/l.sqlite"),
    (["HOME": "/h", "GESSO_LEDGER": "~/a/l.sqlite"], "/h/a/l.sqlite"),
  ]

  @Test(
    "a relative ledger is refused, because another folder would have another one",
    arguments: [
      ["HOME": "/h", "GESSO_LEDGER": "l.sqlite"], ["HOME": "/h", "GESSO_LEDGER": "./l.sqlite"],
      ["HOME": "/h", "GESSO_LEDGER": "~other/l.sqlite"], ["HOME": "/h", "GESSO_LEDGER": "~"],
      ["HOME": "/h", "GESSO_LEDGER": "~/"], ["GESSO_LEDGER": "~/l.sqlite"],
    ])
  func relativeLedger(environment: [String: String]) {
    let configuration = Configuration(flags: .init(), environment: environment, folder: "/nonexistent")
    #expect {
      try configuration.ledgerPath()
    } throws: {
      ($0 as? CommandError)?.code == "bad-ledger" && ($0 as? CommandError)?.status == .usage
    }
  }

  @Test(
    "an open .env stops the ledger only where it names one", arguments: [("GESSO_LEDGER=/l", false), (filePair, true)])
  func openLedger(text: String, isAllowed: Bool) throws {
    let gesso = try GessoExecutable()
    try gesso.write(text, to: ".env", mode: 0o644)
    let path = try? Configuration(flags: .init(), environment: ["HOME": "/h"], folder: gesso.folder.path).ledgerPath()
    #expect(path == (isAllowed ? "/h/.local/state/gesso/ledger.sqlite" : nil))
  }

  @Test("the path of the ledger comes from the environment, else from the home folder", arguments: ledgers)
  func ledger(environment: [String: String], expected: String) throws {
    let configuration = Configuration(flags: .init(), environment: environment, folder: "/nonexistent")
    #expect(try configuration.ledgerPath() == expected)
  }

  @Test("credentials do not print themselves")
  func hidden() throws {
    let configuration = Configuration(
      flags: .init(), environment: ["SCENARIO_API_KEY": "planted", "SCENARIO_API_SECRET": "planted"],
      folder: "/nonexistent")
    let found = try #require(try configuration.credentials())
    var dumped = ""
    dump(found, to: &dumped)
    for text in ["\(found)", String(reflecting: found), dumped] { #expect(!text.contains("planted")) }
  }
}
