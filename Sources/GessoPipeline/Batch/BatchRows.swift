internal import Foundation
public import Ground
internal import ImagePreparation

/// The rows of a batch: the images of a folder, the lines of a list, or the rows of a manifest in JSON Lines or CSV.
///
/// All rows are copied once into a temporary file without a name, and each row is read from that file when its turn comes. Memory holds
/// only the offset of each row, so that ten thousand rows take less memory than a small image. If a manifest is edited while the batch
/// runs, the edit has no effect.
public struct BatchRows: Sendable {
  /// The form of the rows.
  public enum Form: String, Sendable, CaseIterable {
    /// The paths of a folder's images.
    case folder
    /// A path or an address on each line.
    case list
    /// A JSON object on each line.
    case jsonLines
    /// Comma-separated values with a row of names (RFC 4180).
    case csv
    /// Values separated by tabs, otherwise as ``csv``.
    case tsv
  }

  /// One row.
  public struct Row: Sendable, Equatable {
    /// The line of the row, or the image's place in the folder, from 1.
    public let position: Int
    /// The row's fields by name. A path of a folder or a list is the field `input`.
    public let fields: [String: JSONValue]
  }

  private static let firstBytes = 1 << 16

  /// The form of the rows.
  public let form: Form
  /// The folder that relative paths of the rows start from; empty for the working directory.
  public let base: String
  /// The names of the columns, for CSV and TSV.
  public let header: [String]
  /// The errors of subfolders that could not be read. Their images are missing from the rows.
  package let unreadable: [FileFailure]
  private let spool: RowSpool

  /// The number of rows.
  public var count: Int { spool.places.count }

  /// The images in a folder and in the folders within it, in the order of their names. Hidden files are left out.
  ///
  /// - Parameters:
  ///   - folder: The folder.
  ///   - include: Shell patterns (`fnmatch`). A pattern without a slash is compared with the name; a pattern with a slash is compared with
  ///     the path within the folder. If there are no patterns, every file with the extension of an image is taken.
  ///   - exclude: Patterns of files and folders to leave out.
  ///   - other: A folder to leave out, such as that of the results.
  /// - Throws: A `PipelineError` with the code `invalid-manifest`, also if the folder cannot be read or a name is not UTF-8.
  public init(
    folder: String, include: [String] = [], exclude: [String] = [], leavingOut other: String? = nil
  ) throws(PipelineError) {
    var spool = try RowSpool()
    var walk = FolderWalk(
      folder, isRecursive: true, include: include, exclude: exclude, leavingOut: other.flatMap { FileIdentity($0) })
    while let path = try RowSpool.onFile({ () throws(FileFailure) in try walk.next() }) {
      try spool.add([UInt8](path.utf8), line: spool.places.count + 1)
    }
    unreadable = walk.unreadable.map(\.failure)
    guard !spool.places.isEmpty else {
      if let first = unreadable.first { throw RowSpool.error(first) }
      let patterns = !include.isEmpty || !exclude.isEmpty
      throw Self.invalid(
        "the folder \(folder) holds no images" + (patterns ? " that the patterns take" : ""),
        patterns ? "check the path and the patterns" : "check the path")
    }
    try spool.end()
    (form, base, header, self.spool) = (.folder, folder, [], spool)
  }

  /// The rows of a manifest or of a list.
  ///
  /// - Parameters:
  ///   - path: The path of the file; nil for standard input.
  ///   - form: The form of the rows; nil to recognize it by the file's name and first byte.
  ///   - next: Reads the next bytes; nil at the end.
  /// - Throws: A `PipelineError` with the code `invalid-manifest`, and the errors of `next`.
  package init(
    manifest path: String?, form: Form? = nil, _ next: () throws -> ArraySlice<UInt8>?
  ) throws {
    var spool = try RowSpool()
    // The form depends on the first bytes, and a pipe may deliver them one at a time.
    var first: ArraySlice<UInt8> = []
    while first.count < Self.firstBytes, let part = try next() { first += part }
    if first.starts(with: [0xEF, 0xBB, 0xBF]) { first = first.dropFirst(3) }
    let name = path ?? "standard input"
    let found = try form ?? Self.form(of: path, first)
    var splitter = RowSplitter(form: found, name: name)
    // `find -print0` writes NUL after each path, because a path may contain line feeds.
    if found == .list, first.contains(0) { splitter.separator = 0 }
    try splitter.take(first, into: &spool)
    while let part = try next() { try splitter.take(part, into: &spool) }
    try splitter.end(&spool)
    try spool.end()
    var header: [String] = []
    if found == .csv || found == .tsv, !spool.places.isEmpty {
      header = try spool.cells(0, found == .tsv ? UInt8(ascii: "\t") : UInt8(ascii: ","), name)
      spool.places.removeFirst()
      try Self.check(header, name)
    }
    guard !spool.places.isEmpty else {
      throw Self.invalid("\(name) has no rows", "write a row for each job")
    }
    (self.form, self.header, self.spool, unreadable) = (found, header, spool, [])
    base = path.flatMap { path in path.lastIndex(of: "/").map { String(path[..<$0]) } } ?? ""
  }

  /// The row at an index, from 0.
  ///
  /// - Throws: A `PipelineError` with the code `invalid-manifest` for a row that breaks the rules of its form.
  public func row(_ index: Int) throws(PipelineError) -> Row {
    let position = Int(spool.places[index].line)
    func row(_ fields: [String: JSONValue]) -> Row { Row(position: position, fields: fields) }
    switch form {
    case .folder, .list: return row(["input": .string(try spool.text(index, "line \(position)"))])
    case .jsonLines:
      let text = try spool.text(index, "line \(position)")
      do {
        return row(try JSONText.value([String: JSONValue].self, of: text))
      } catch let excess as JSONNesting.Excess {
        throw Self.invalid("in the line \(excess.message)", "check whether it is a manifest")
      } catch {
        throw Self.invalid("the line is not a JSON object", "write one object on each line")
      }
    case .csv, .tsv:
      let cells = try spool.cells(
        index, form == .tsv ? UInt8(ascii: "\t") : UInt8(ascii: ","), "line \(position)")
      guard cells.count == header.count else {
        throw Self.invalid(
          "the row has \(cells.count) cells, and the header names \(header.count)",
          "put quotes around cells with commas")
      }
      // An empty cell counts as absent.
      return row(
        Dictionary(uniqueKeysWithValues: zip(header, cells.map(JSONValue.string))).filter { $0.value != .string("") })
    }
  }

  private static func form(of path: String?, _ first: ArraySlice<UInt8>) throws(PipelineError) -> Form {
    let start = first.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
    if start == UInt8(ascii: "[") {
      throw invalid(
        "\(path ?? "standard input") is one JSON list", "write one object on each line: jq -c '.[]' does that")
    }
    let suffix = path?.split(separator: ".").last?.lowercased()
    switch suffix {
    case "csv": return .csv
    case "tsv": return .tsv
    case "txt", "lst", "list": return .list
    default: break
    }
    if start == UInt8(ascii: "{") { return .jsonLines }
    guard let path else { return .list }
    throw invalid(
      "\(path) is neither a folder nor a known kind of manifest",
      "give a folder, or a file that ends in .jsonl, .csv, .tsv or .txt")
  }

  private static func check(_ header: [String], _ name: String) throws(PipelineError) {
    var seen: Set<String> = []
    for column in header {
      guard !column.isEmpty else { throw invalid("a column of \(name) has no name", "name each in the first row") }
      guard seen.insert(column).inserted else {
        throw invalid("\(name) has two columns \(column)", "give each its own name")
      }
    }
  }

  /// The line of a row, or its place in the folder, from 1.
  public func position(_ index: Int) -> Int { Int(spool.places[index].line) }

  /// SHA-256 of all rows in their order, in hexadecimal.
  package func digest() throws(PipelineError) -> String { try spool.digest() }

  static func invalid(_ message: String, _ remedy: Remedy) -> PipelineError {
    PipelineError(.invalidManifest, stage: .configure, message, remedy: remedy)
  }
}
