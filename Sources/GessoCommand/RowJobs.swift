internal import ArgumentParser
internal import Foundation
internal import GessoPipeline
internal import Ground
internal import ImagePreparation
internal import Synchronization

/// The jobs of a batch: for each row, the flags of `img2img` that the row stands for.
///
/// The parser of `img2img` reads each row, with the row's columns as flags, so that all flags, checks and messages are the same as for a
/// single job.
struct RowJobs: Sendable {
  /// One row after parsing.
  struct Job: Sendable {
    let position: Int
    let key: String
    let input: Input
    /// The stem of its results' names.
    let stem: String
    /// The folder of its results.
    let folder: String
    let command: Img2Img
  }

  let rows: BatchRows
  /// The folder that results go to.
  let folder: String
  /// For each row, the number of earlier rows with the same key, and the number of different images before it that have the same stem.
  private var repeats: [(key: UInt16, stem: UInt16)] = []
  private let base: [OptionWords.Option]
  private let table: OptionTable
  private let commands = ParsedCommands()

  /// The columns for the image and for the key.
  private static let (inputs, ids) = (["input", "image", "file", "path"], ["id", "key"])
  /// Flags that are for the whole batch.
  private static let shared: Set = [
    "--max-cost", "--max-cost-per-day", "--dry-run", "--sandbox", "--base-url", "--project", "--json", "--quiet",
    "--verbose", "--recursive", "--threads", "--max-memory", "--max-input-pixels", "--max-download",
    "--allow-private", "--isolate", "--no-isolate", "--timeout", "--again", "--no-wait",
  ]
  /// Flags whose values are files.
  private static let files: Set = ["--mask", "--control", "--prompt-file"]

  /// Makes the jobs of rows.
  ///
  /// - Parameters:
  ///   - rows: The rows.
  ///   - options: The options of the command line, without those that `img2img` does not have.
  ///   - folder: The folder that results go to.
  init(_ rows: BatchRows, options: [OptionWords.Option], folder: String) {
    (self.rows, self.folder) = (rows, folder)
    table = OptionTable(of: "img2img")
    base = options
  }

  // MARK: Checking

  /// The number of bad rows and the first of them, by position. This check comes before any other work.
  mutating func check(most: Int = 20) async -> (bad: [(position: Int, error: CommandError)], count: Int) {
    var bad: [(Int, CommandError)] = []
    var count = 0
    var (keys, stems) = ([UInt64: UInt16](), [UInt64: [UInt64]]())
    repeats = [(key: UInt16, stem: UInt16)](repeating: (0, 0), count: rows.count)
    for index in 0..<rows.count {
      do throws(CommandError) {
        let job = try job(index)
        let key = BatchRowKey.number(job.key)
        repeats[index].key = keys[key, default: 0]
        keys[key, default: 0] += 1
        if keys[key] ?? 0 > 1, try id(of: try reportingErrors({ try rows.row(index) })) != nil {
          throw .usage("another row has the id \(job.key) too", remedy: "give each its own")
        }
        // Rows of the same image share a stem. Another image with that name gets a number.
        let place = BatchRowKey.number("\(job.folder)/\(job.stem.lowercased())")
        let image = BatchRowKey.number(job.input.argument)
        let others = stems[place, default: []]
        let number = others.firstIndex(of: image) ?? others.count
        if number == others.count { stems[place] = others + [image] }
        repeats[index].stem = UInt16(clamping: number)
        try Self.checkInput(job)
        try await Self.checkOrder(job)
      } catch {
        count += 1
        if bad.count < most { bad.append((rows.position(index), error)) }
      }
    }
    return (bad, count)
  }

  private static func checkInput(_ job: Job) throws(CommandError) {
    guard let file = job.input.file, job.command.request.imageURL == nil else { return }
    guard let identity = FileIdentity(file) else {
      throw CommandError(
        "not-found", stage: .open, "there is no file \(file)", remedy: "check the path", status: .badInput)
    }
    if identity.isFolder { throw .usage("\(file) is a folder", remedy: "name an image") }
    if identity.isReadOnce { throw .usage("\(file) can be read only once", remedy: "name a file") }
  }

  /// Checks the order of a row, without its image.
  private static func checkOrder(_ job: Job) async throws(CommandError) {
    do {
      var order = try await job.command.order(recipe: try job.command.recipe(), [])
      order.source = job.command.request.imageURL.map { .remote(url: $0) } ?? .image(.memory([]))
      (order.stem, order.folder) = (job.stem, job.folder)
      try order.validate()
    } catch {
      throw CommandError(any: error)
    }
  }

  // MARK: One row

  /// The job of the row with this index, from 0.
  ///
  /// - Throws: Status 2 for a row that is not a job.
  func job(_ index: Int) throws(CommandError) -> Job {
    let row = try reportingErrors { try rows.row(index) }
    let input = try input(of: row)
    let (own, others) = try options(of: row)
    let stem = input.map { OutputNaming.stem(of: $0) } ?? "image"
    var options = base.filter { option in !others.contains(option.name) } + own
    if own.contains(where: { $0.name == "--prompt" || $0.name == "--prompt-file" }) {
      let mine = own.last { $0.name.hasPrefix("--prompt") }
      options.removeAll { $0.name.hasPrefix("--prompt") && $0 != mine }
    }
    for place in options.indices {
      guard let value = options[place].value else { continue }
      switch options[place].name {
      case "--prompt": options[place].value = try filled(value, stem: stem, row)
      case "--name": options[place].value = try filled(value, stem: nil, row)
      default: break
      }
    }
    guard input != nil || options.contains(where: { $0.name == "--image-url" }) else {
      throw .usage("the row names no image", remedy: "give it in the column input")
    }
    let command = try parsed(options.map(\.word), input)
    let address = input ?? command.request.imageURL ?? ""
    let natural = try key(of: row)
    let number = repeats.indices.contains(index) ? Int(repeats[index].key) + 1 : 1
    let stemNumber = repeats.indices.contains(index) ? Int(repeats[index].stem) + 1 : 1
    return Job(
      position: row.position, key: BatchRowKey.key(natural, number: number), input: Input(address),
      stem: stemNumber == 1 ? stem : "\(stem)-\(stemNumber)", folder: folder(of: row, command), command: command)
  }

  /// The command that a row stands for. Rows with the same options are parsed once.
  private func parsed(_ options: [String], _ input: String?) throws(CommandError) -> Img2Img {
    let form = ParsedCommands.Form(options: options, hasInput: input != nil)
    if var command = commands[form] {
      if let input { command.inputs = [input] }
      return command
    }
    let words = Array(
      try Synonyms.resolved(["img2img"] + options + (input.map { ["--", $0] } ?? [])).arguments.dropFirst())
    do {
      let command = try Img2Img.parse(words)
      commands.keep(command, form)
      return command
    } catch {
      let usage = Gesso.usage(error, arguments: ["img2img"] + words)
      throw .usage(
        usage.message, remedy: usage.remedy.replacing("gesso img2img --help", with: "gesso batch --help"))
    }
  }

  private func key(of row: BatchRows.Row) throws(CommandError) -> String {
    let id = try id(of: row)
    return try reportingErrors { try BatchRowKey.key(of: row, rows.form, id: id) }
  }

  private func id(of row: BatchRows.Row) throws(CommandError) -> String? {
    let given = Self.ids.first { row.fields[$0] != nil && row.fields[$0] != .null }
    guard let name = given, let value = row.fields[name] else { return nil }
    return try text(value, name)
  }

  /// The path or address of the row's image.
  private func input(of row: BatchRows.Row) throws(CommandError) -> String? {
    let given = Self.inputs.filter { row.fields[$0] != nil && row.fields[$0] != .null }
    guard let name = given.first, let value = row.fields[name] else { return nil }
    guard given.count == 1 else {
      throw .usage("the columns \(given.joined(separator: " and ")) both name the image", remedy: "keep one")
    }
    let path = try text(value, name)
    guard path != "-", !path.isEmpty else {
      throw .usage("the row names no image", remedy: "give a path or an address")
    }
    return within(path)
  }

  /// A path in a row. If the row is from a manifest, a relative path is relative to the manifest's folder.
  private func within(_ path: String) -> String {
    if rows.base.isEmpty || path.hasPrefix("/") || OutputNaming.isURL(path) || Input(path).argument != path {
      return path
    }
    return "\(rows.base)/\(path)"
  }

  /// The folder of a row's results. If the batch is a folder of images, results keep the folders within it.
  private func folder(of row: BatchRows.Row, _ command: Img2Img) -> String {
    if let own = row.fields["out-dir"] ?? row.fields["out_dir"], case .string(let path) = own {
      return path.hasPrefix("/") ? path : "\(folder)/\(path)"
    }
    guard rows.form == .folder, case .string(let path)? = row.fields["input"], let slash = path.lastIndex(of: "/")
    else {
      return folder
    }
    return "\(folder)/\(path[..<slash])"
  }

  // MARK: Columns

  /// The row's columns as options, and the names of the command line's options that they replace.
  private func options(of row: BatchRows.Row) throws(CommandError) -> ([OptionWords.Option], Set<String>) {
    var options: [OptionWords.Option] = []
    var replaced: Set<String> = []
    for (column, value) in row.fields.sorted(by: { $0.key < $1.key }) {
      guard !(Self.inputs + Self.ids).contains(column), value != .null else { continue }
      let flag = "--" + column.replacing("_", with: "-")
      guard let entry = table[flag] else {
        try checkUnknown(column, flag)
        continue
      }
      guard !Self.shared.contains(entry.name) else {
        throw .usage("\(entry.name) is for the whole batch", remedy: "give it as a flag, not as the column \(column)")
      }
      if entry.name == "--param" {
        options += try parameters(value, column)
        continue
      }
      replaced.insert(entry.name)
      if entry.takesValue {
        let text = try text(value, column)
        options.append(
          OptionWords.Option(name: entry.name, value: Self.files.contains(entry.name) ? within(text) : text))
      } else if try isOn(value, column) {
        options.append(OptionWords.Option(name: entry.name))
      }
    }
    return (options, replaced)
  }

  /// Refuses a column whose name is a misspelled flag, because a job with the flag's default would be paid for.
  private func checkUnknown(_ column: String, _ flag: String) throws(CommandError) {
    guard !isUsed(column), let meant = nearest(to: flag, among: table.names) else { return }
    throw .usage(
      "unknown column \(column)", remedy: "did you mean \(meant.dropFirst(2))? Other columns are for {row.\(column)}")
  }

  private func isUsed(_ column: String) -> Bool {
    base.contains { ["--prompt", "--name"].contains($0.name) && $0.value?.contains("{row.\(column)}") == true }
  }

  /// The columns that are neither a flag nor used by a template, among the first rows.
  func unusedColumns() -> [String] {
    var names: Set<String> = []
    for index in 0..<min(rows.count, 100) {
      guard let row = try? rows.row(index) else { continue }
      names.formUnion(
        row.fields.keys.filter { column in
          table["--" + column.replacing("_", with: "-")] == nil && !(Self.inputs + Self.ids).contains(column)
            && !isUsed(column)
        })
    }
    return names.sorted()
  }

  private func parameters(_ value: JSONValue, _ column: String) throws(CommandError) -> [OptionWords.Option] {
    func option(_ text: String) -> OptionWords.Option {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let isFile = parts.count == 2 && parts[1].hasPrefix("@")
      return OptionWords.Option(
        name: "--param", value: isFile ? "\(parts[0])=@\(within(String(parts[1].dropFirst())))" : text)
    }
    switch value {
    case .array(let list):
      var options: [OptionWords.Option] = []
      for item in list { options.append(option(try text(item, column))) }
      return options
    case .object(let fields):
      var options: [OptionWords.Option] = []
      for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
        if case .string(let text) = value {
          options.append(option("\(name)=\(text)"))
        } else {
          options.append(option("\(name)=\((try? JSONText.line(value)) ?? "")"))
        }
      }
      return options
    default: return [option(try text(value, column))]
    }
  }

  private func isOn(_ value: JSONValue, _ column: String) throws(CommandError) -> Bool {
    if case .bool(let isOn) = value { return isOn }
    switch try text(value, column).lowercased() {
    case "true", "yes", "on", "1": return true
    case "false", "no", "off", "0": return false
    default: throw .usage("the column \(column) is a flag", remedy: "write true or false")
    }
  }

  private func text(_ value: JSONValue, _ column: String) throws(CommandError) -> String {
    switch value {
    case .string(let text): return text
    case .number, .integer, .bool: return (try? JSONText.line(value)) ?? ""
    case .null, .array, .object:
      throw .usage("the column \(column) is neither text nor a number", remedy: "write one value")
    }
  }

  /// A template with the fields of the row in place of `{row.COLUMN}`, and with the stem in place of `{stem}` if it is given.
  private func filled(_ template: String, stem: String?, _ row: BatchRows.Row) throws(CommandError) -> String {
    guard template.contains("{") else { return template }
    var text = ""
    var rest = template[...]
    while let match = rest.firstMatch(of: /\{(stem|row\.([^{}]+))\}/) {
      text += rest[..<match.range.lowerBound]
      if let column = match.2 {
        guard let value = row.fields[String(column)], value != .null else {
          throw .usage(
            "the row has nothing for {row.\(column)}", remedy: "give the column \(column), or another template")
        }
        text += try self.text(value, String(column))
      } else {
        text += stem ?? "{stem}"
      }
      rest = rest[match.range.upperBound...]
    }
    return text + rest
  }
}

/// The commands that were parsed for rows, by their options. A folder needs one such command, and many manifests need a few.
private final class ParsedCommands: Sendable {
  struct Form: Hashable {
    let options: [String]
    let hasInput: Bool
  }

  /// The most commands that are kept.
  private static let most = 64
  private let known = Mutex<[Form: Img2Img]>([:])

  subscript(form: Form) -> Img2Img? { known.withLock { $0[form] } }

  func keep(_ command: Img2Img, _ form: Form) {
    known.withLock { known in
      if known.count >= Self.most { known = [:] }
      known[form] = command
    }
  }
}
