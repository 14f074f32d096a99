package import ScenarioAPI

/// The address of the service, the credentials, the path of the ledger and the daily limit: from flags, then the environment, then `.env`.
///
/// Secrets are never flags, never printed, never stored.
package struct Configuration: Sendable {
  /// A place that settings come from.
  package enum Origin: String, Sendable {
    case environment
    case dotEnv = ".env"
  }

  /// The settings that have a flag.
  package struct Flags: Sendable {
    package var baseURL: String?
    package var projectID: String?

    package init(baseURL: String? = nil, projectID: String? = nil) {
      self.baseURL = baseURL
      self.projectID = projectID
    }
  }

  /// A key and its secret, and their origin. Printing a value of this type shows only the origin.
  package struct Credentials: Sendable, CustomReflectable {
    package let key: String
    package let secret: String
    package let origin: Origin
    /// True if a `.env` only names the files that contain the key and the secret.
    let isIndirect: Bool

    package var customMirror: Mirror { Mirror(self, children: ["origin": origin]) }
  }

  private let flags: Flags
  private let environment: [String: String]
  private let dotEnv: DotEnv

  /// Collects settings. A setting is checked only when it is used.
  package init(flags: Flags, environment: [String: String], folder: String) {
    self.flags = flags
    // An empty variable counts as not set, as usual.
    self.environment = environment.filter { !$0.value.isEmpty }
    dotEnv = DotEnv(folder: folder) { $0.hasPrefix("SCENARIO_") || ["GESSO_LEDGER", Self.dailyLimitName].contains($0) }
  }

  /// The variable with the daily limit.
  static let dailyLimitName = "GESSO_MAX_COST_PER_DAY"

  private static let keyNames = ["SCENARIO_API_KEY", "SCENARIO_SDK_API_KEY"]
  private static let secretNames = ["SCENARIO_API_SECRET", "SCENARIO_SDK_API_SECRET"]

  // MARK: Settings

  /// The configuration of a client.
  ///
  /// - Throws: Status 5 without credentials, or when the address of the service has another origin than the key: a `.env` in an
  ///   untrusted folder must not be able to send the key to another host.
  package func client() throws(CommandError) -> ScenarioConfiguration {
    guard let found = try credentials() else {
      throw CommandError(
        "no-credentials", stage: .configure, "no credentials",
        remedy:
          "set SCENARIO_API_KEY and SCENARIO_API_SECRET, or try it without the service: gesso sandbox stands in for it, and "
          + "img2img --sandbox for one command",
        status: .credentials)
    }
    let baseURL = try baseURL(for: found)
    let project = try projectID()
    do {
      return try ScenarioConfiguration(
        baseURL: baseURL ?? ScenarioConfiguration.defaultBaseURL,
        credential: try ScenarioCredential(key: found.key, secret: found.secret), projectID: project)
    } catch {
      throw CommandError(error)
    }
  }

  /// The key and the secret, both from one origin; nil when there are none.
  package func credentials() throws(CommandError) -> Credentials? {
    if let found = try credentials(in: environment, origin: .environment) { return found }
    return try credentials(in: try trusted(Self.keyNames + Self.secretNames), origin: .dotEnv)
  }

  /// The project, if one was named.
  package func projectID() throws(CommandError) -> String? {
    if let id = flags.projectID ?? environment["SCENARIO_PROJECT_ID"] { return id }
    if hasOwnKey, try credentials(in: environment, origin: .environment) != nil { return nil }
    return try trusted(["SCENARIO_PROJECT_ID"])["SCENARIO_PROJECT_ID"]
  }

  /// The daily limit as it is written, if there is one.
  ///
  /// - Throws: Status 5 for a limit in a `.env` that may not be trusted. If such a limit were ignored, more could be spent than the author
  ///   of the file allowed.
  package func dailyLimit() throws(CommandError) -> String? {
    if let limit = environment[Self.dailyLimitName] { return limit }
    return try trusted([Self.dailyLimitName])[Self.dailyLimitName]
  }

  /// The path of the ledger: `GESSO_LEDGER`, or `gesso/ledger.sqlite` in the folder for state (XDG base directories).
  package func ledgerPath() throws(CommandError) -> String {
    if let path = environment["GESSO_LEDGER"] { return try absolute(path) }
    if let path = try trusted(["GESSO_LEDGER"])["GESSO_LEDGER"] { return try absolute(path) }
    // A relative path is invalid and is ignored (XDG base directory specification).
    if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") { return state + "/gesso/ledger.sqlite" }
    guard let home = environment["HOME"] else {
      throw CommandError(
        "no-ledger", stage: .configure, "there is no place for the ledger: HOME is not set",
        remedy: "set GESSO_LEDGER to a file", status: .usage)
    }
    return home + "/.local/state/gesso/ledger.sqlite"
  }

  /// The path that `GESSO_LEDGER` names. A relative path is refused, because the same command in another folder would
  /// use another ledger and pay for the same job again.
  private func absolute(_ path: String) throws(CommandError) -> String {
    func refusal(_ message: String, _ remedy: String) -> CommandError {
      CommandError("bad-ledger", stage: .configure, message, remedy: remedy, status: .usage)
    }
    if path.hasPrefix("/") { return path }
    guard path == "~" || path.hasPrefix("~/") else {
      throw refusal("GESSO_LEDGER is \(path), which is not an absolute path", "begin it with / or ~/")
    }
    guard let home = environment["HOME"], home.hasPrefix("/") else {
      throw refusal("GESSO_LEDGER is \(path), and HOME is not set", "write the whole path")
    }
    guard path.count > 2 else { throw refusal("GESSO_LEDGER is the home folder", "name a file") }
    return home + path.dropFirst()
  }

  /// The address of the service for the credentials in use, for display; nil for the default.
  package func baseURL(for found: Credentials?) throws(CommandError) -> String? {
    if let url = flags.baseURL { return url }
    switch found?.origin {
    case nil:
      if let url = environment["SCENARIO_BASE_URL"] { return url }
      return try trusted(["SCENARIO_BASE_URL"])["SCENARIO_BASE_URL"]
    case .environment:
      if let url = environment["SCENARIO_BASE_URL"] { return url }
      // An untrusted address is an error: using it could send the key to another host, and ignoring it could start paid
      // jobs at the public service instead of a stand-in.
      guard hasOwnKey || dotEnv.values["SCENARIO_BASE_URL", default: ""].isEmpty else {
        throw foreignBaseURL("the key is from the environment, SCENARIO_BASE_URL from .env")
      }
      return nil
    case .dotEnv:
      guard environment["SCENARIO_BASE_URL"] == nil else {
        throw foreignBaseURL("the key is from .env, SCENARIO_BASE_URL from the environment")
      }
      let dotEnvURL = try trusted(["SCENARIO_BASE_URL"])["SCENARIO_BASE_URL"]
      if dotEnvURL != nil, found?.isIndirect == true {
        throw foreignBaseURL("the key is from a file that .env names, SCENARIO_BASE_URL from .env itself")
      }
      return dotEnvURL
    }
  }

  // MARK: Search

  /// True for a `.env` that has a key: its address and its project then belong to that key.
  private var hasOwnKey: Bool {
    Self.keyNames.contains { !dotEnv.values[$0, default: ""].isEmpty || dotEnv.values[$0 + "_FILE"] != nil }
  }

  /// The values that `.env` gives these variables or their `_FILE` forms.
  ///
  /// - Throws: Status 5 when the file sets one of them and may not be trusted. An untrusted file that sets none of them
  ///   is not an error.
  private func trusted(_ names: [String]) throws(CommandError) -> [String: String] {
    let names = Set(names + names.map { $0 + "_FILE" })
    let found = dotEnv.values.filter { names.contains($0.key) && !$0.value.isEmpty }
    if !found.isEmpty, let distrust = dotEnv.distrust { throw distrust }
    return found
  }

  private func foreignBaseURL(_ message: String) -> CommandError {
    CommandError(
      "foreign-base-url", stage: .configure, message,
      remedy: "set both in one place, or name the address with --base-url",
      status: .credentials)
  }

  private func credentials(
    in values: [String: String], origin: Origin
  ) throws(CommandError) -> Credentials? {
    let key = try value(of: Self.keyNames, in: values)
    let secret = try value(of: Self.secretNames, in: values)
    guard let key, let secret else {
      guard key == nil, secret == nil else {
        let missing = key == nil ? "key" : "secret"
        throw CommandError(
          "no-credentials", stage: .configure, "the API \(missing) is missing from the \(origin.rawValue)",
          remedy: "set SCENARIO_API_\(missing.uppercased()) beside the other half", status: .credentials)
      }
      return nil
    }
    return Credentials(
      key: key.text, secret: secret.text, origin: origin, isIndirect: origin == .dotEnv && (key.isFile || secret.isFile)
    )
  }

  private func value(
    of names: [String], in values: [String: String]
  ) throws(CommandError) -> (text: String, isFile: Bool)? {
    for name in names {
      if let text = values[name] { return (text, false) }
      guard let path = values[name + "_FILE"] else { continue }
      guard let text = SettingsFile(path: path)?.text.split(whereSeparator: \.isNewline).first.map(String.init) else {
        throw CommandError(
          "no-credentials", stage: .configure, "\(name)_FILE names \(path), which holds no readable line",
          remedy: "check the path and its permissions", status: .credentials)
      }
      return (text, true)
    }
    return nil
  }
}
