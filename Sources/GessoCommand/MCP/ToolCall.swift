internal import Foundation
internal import GessoPipeline
internal import Ground
internal import ScenarioAPI

/// The settings of the person who starts the server. No tool can change them.
struct ToolContext: Sendable {
  /// The folders that tools read and write in.
  let folders: AllowedFolders
  /// The limit of the cost of the account's jobs of a day (UTC), in creative units; nil if nothing may be spent.
  let limit: Decimal?
  let service: ServiceOptions

  /// The flags that name the service and the project.
  var serviceWords: [String] {
    [("--base-url", service.baseURL), ("--project", service.project)].compactMap { flag, value in
      value.map { "\(flag)=\($0)" }
    }
  }

  /// The ledger of this user.
  func ledger() throws(CommandError) -> Ledger { try ServiceOptions.ledger(at: try service.configuration.ledgerPath()) }

  /// The folders in words, for descriptions and errors.
  var places: String {
    folders.paths.isEmpty
      ? "no folder is allowed: start the server with --allow DIR" : "allowed: \(folders.paths.joined(separator: ", "))"
  }

  /// The remedy of a path that is not allowed.
  var placesRemedy: String {
    folders.paths.isEmpty
      ? "ask the person who started this server to allow one: gesso mcp --allow DIR"
      : "use a path in \(folders.paths.joined(separator: ", ")), or ask for another --allow DIR"
  }
}

/// The checked arguments of a call, with symbolic links in paths resolved.
struct ToolCall: Sendable {
  let context: ToolContext
  /// The values by their names.
  let values: [String: JSONValue]
  /// The options of the verb, each as one word.
  let options: [String]
  /// The arguments that the tool has.
  let arguments: [ToolArgument]

  /// Checks the arguments of a call.
  ///
  /// - Throws: Status 2 for an argument that the tool does not have, a value of another type, or a path that is not allowed.
  init(_ arguments: [String: JSONValue], of tool: MCPTool, _ context: ToolContext) throws(CommandError) {
    let names = tool.arguments.map(\.name)
    // An unknown argument is refused, because a misspelled one would mean a paid job with the default.
    if let name = arguments.keys.sorted().first(where: { !names.contains($0) }) {
      throw .usage(
        "\(tool.name) has no argument \(name)",
        remedy: nearest(to: name, among: names).map { "did you mean \($0)?" }
          ?? "it has \(names.joined(separator: ", "))")
    }
    var values: [String: JSONValue] = [:]
    var options: [String] = []
    for argument in tool.arguments {
      guard let value = arguments[argument.name], value != .null else {
        guard !argument.isRequired else {
          throw .usage("\(tool.name) needs \(argument.name)", remedy: "give \(argument.form)")
        }
        continue
      }
      guard argument.takes(value) else {
        throw .usage("\(argument.name) is not \(argument.form)", remedy: "give \(argument.form)")
      }
      let followed = try Self.followed(value, of: argument, context)
      values[argument.name] = followed
      if let option = argument.option { options += Self.words(option, followed) }
    }
    (self.context, self.values, self.options, self.arguments) = (context, values, options, tool.arguments)
  }

  /// A text among the values; nil if it was not given.
  func text(_ name: String) -> String? { values[name]?.text }
  /// True for a flag that was given.
  func isOn(_ name: String) -> Bool { values[name] == .bool(true) }

  /// An option and its value, as arguments of the command line.
  private static func words(_ option: String, _ value: JSONValue) -> [String] {
    switch value {
    case .bool(let isOn): isOn ? [option] : []
    // An option that has only a short name takes its value as the next word. That is safe, because paths begin with a
    // slash.
    case .string(let text): option.hasPrefix("--") ? ["\(option)=\(text)"] : [option, text]
    case .object(let fields):
      fields.sorted { $0.key < $1.key }.map { name, value in
        if let text = value.text, text.hasPrefix("@") { return "\(option)=\(name)=\(text)" }
        return "\(option)=\(name)=\((try? JSONText.line(value)) ?? "")"
      }
    default: ["\(option)=\((try? JSONText.line(value)) ?? "")"]
    }
  }

  // MARK: Paths

  private static func followed(
    _ value: JSONValue, of argument: ToolArgument, _ context: ToolContext
  ) throws(CommandError) -> JSONValue {
    switch (argument.kind, value) {
    case (.source, .string(let path)): return .string(try source(path, argument.name, context))
    case (.output, .string(let path)): return .string(try output(path, argument.name, context))
    case (.folder, .string(let path)):
      let folder = try place(path, argument.name, context, isThere: false)
      guard FileIdentity(folder)?.isFolder != false else {
        throw .usage("\(argument.name) \(folder) is a file", remedy: "name a folder")
      }
      return .string(folder)
    case (.fields, .object(let fields)):
      var followed: [String: JSONValue] = [:]
      for (name, value) in fields {
        // A name with an equals sign would be split, and the text after it could be a path that was not checked.
        guard name.wholeMatch(of: /[A-Za-z0-9_.\-]+/) != nil else {
          throw .usage("\(argument.name) has a field \(name)", remedy: "use letters, digits, - and _")
        }
        followed[name] = value
        if let text = value.text, text.hasPrefix("@") {
          followed[name] = .string("@" + (try source(String(text.dropFirst()), argument.name, context)))
        }
      }
      return .object(followed)
    default: return value
    }
  }

  private static func source(_ path: String, _ name: String, _ context: ToolContext) throws(CommandError) -> String {
    let real = try place(path, name, context, isThere: true)
    // Reading something other than a file, such as a device or a pipe, may never end.
    guard FileIdentity(real)?.isRegular == true else {
      throw CommandError(
        "unreadable", stage: .open, "\(name) \(path) is not a file", remedy: "name an image", status: .badInput)
    }
    return real
  }

  private static func output(_ path: String, _ name: String, _ context: ToolContext) throws(CommandError) -> String {
    let real = try place(path, name, context, isThere: false)
    guard ["jpg", "jpeg", "png", "webp"].contains(URL(filePath: real).pathExtension.lowercased()) else {
      throw .usage("\(name) \(path) ends in no known format", remedy: "name it .jpg, .png or .webp")
    }
    guard FileIdentity(real) == nil else {
      throw CommandError(
        "output-exists", stage: .write, "\(name) \(path) exists, and nothing is replaced", remedy: "name another file",
        status: .usage)
    }
    return real
  }

  /// The file that a path leads to, if it is allowed.
  ///
  /// - Parameters:
  ///   - path: The path.
  ///   - name: The name of the argument, for messages.
  ///   - context: The folders that are allowed.
  ///   - isThere: True for a path to read, false for a path to write.
  /// - Returns: The path without symbolic links.
  /// - Throws: Status 2 for a path that is not allowed, 3 if nothing exists at the path.
  static func place(
    _ path: String, _ name: String, _ context: ToolContext, isThere: Bool
  ) throws(CommandError) -> String {
    do throws(AllowedFolders.Refusal) {
      return isThere ? try context.folders.existing(path) : try context.folders.new(path)
    } catch {
      func refusal(_ message: String, _ remedy: String? = nil) -> CommandError {
        CommandError(
          "path-refused", stage: isThere ? .open : .write, "\(name) \(message)", remedy: remedy ?? context.placesRemedy,
          status: .usage)
      }
      switch error {
      case .notAbsolute: throw refusal("\(path) is not an absolute path", "begin it with / (\(context.places))")
      case .outside: throw refusal("\(path) is not in a folder that is allowed")
      case .danglingLink: throw refusal("\(path) is a symbolic link that leads nowhere", "name a file")
      case .unreachable(let reason): throw refusal("\(path) cannot be followed: \(reason)", "check the path")
      case .absent:
        throw CommandError(
          "not-found", stage: .open, "there is no file \(path)", remedy: "check the path", status: .badInput)
      }
    }
  }
}
