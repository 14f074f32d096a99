import Foundation
import GessoPipeline
import Ground
import TestSupport
import Testing

@Suite("The rows of a batch")
struct BatchRowsTests {
  let folder = TestFolder.url.appending(path: "gesso-rows-\(UUID().uuidString)").path

  init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

  /// The rows of a text that arrives in parts of `partBytes` bytes.
  private func rows(_ text: String, named name: String?, partBytes: Int = 7) throws -> BatchRows {
    var rest = [UInt8](text.utf8)[...]
    return try BatchRows(manifest: name) {
      guard !rest.isEmpty else { return nil }
      defer { rest = rest.dropFirst(partBytes) }
      return rest.prefix(partBytes)
    }
  }

  private func message(_ work: () throws -> Void) -> String? {
    do {
      try work()
      return nil
    } catch {
      return (error as? PipelineError)?.message
    }
  }

  struct Table: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let text: String
    var name: String? = "rows.csv"
    /// Each row's line, and its fields in the order of their names.
    let rows: [(Int, [(String, String)])]
  }

  static let tables = [
    Table(
      testDescription: "plain cells", text: "input,seed\na.jpg,7\n", rows: [(2, [("input", "a.jpg"), ("seed", "7")])]),
    Table(
      testDescription: "CRLF, no line feed at the end", text: "input,seed\r\na.jpg,7\r\nb.jpg,8",
      rows: [(2, [("input", "a.jpg"), ("seed", "7")]), (3, [("input", "b.jpg"), ("seed", "8")])]),
    Table(
      testDescription: "commas, quotes and line feeds within quotes",
      text: "input,prompt\na.jpg,\"a, \"\"b\"\"\nc\"\nb.jpg,d\n",
      rows: [(2, [("input", "a.jpg"), ("prompt", "a, \"b\"\nc")]), (4, [("input", "b.jpg"), ("prompt", "d")])]),
    Table(
      testDescription: "an empty cell is no value, and an empty line no row", text: "input,seed\n\na.jpg,\n",
      rows: [(3, [("input", "a.jpg")])]),
    Table(
      testDescription: "spaces, line separators of Unicode and combining marks belong to their cells",
      text: "input,prompt\na.jpg,  a\u{2028}b\u{0B}\nb.jpg,\u{301}c\n",
      rows: [
        (2, [("input", "a.jpg"), ("prompt", "  a\u{2028}b\u{0B}")]), (3, [("input", "b.jpg"), ("prompt", "\u{301}c")]),
      ]),
    Table(
      testDescription: "a byte order mark", text: "\u{FEFF}input\na.jpg\n", rows: [(2, [("input", "a.jpg")])]),
    Table(
      testDescription: "tabs", text: "input\tprompt\na.jpg\tb, c\n", name: "rows.tsv",
      rows: [(2, [("input", "a.jpg"), ("prompt", "b, c")])]),
    Table(
      testDescription: "JSON Lines", text: "{\"input\":\"a.jpg\",\"seed\":7}\n\n{\"input\":\"b.jpg\"}\n",
      name: "rows.jsonl",
      rows: [(1, [("input", "a.jpg"), ("seed", "7")]), (3, [("input", "b.jpg")])]),
    Table(
      testDescription: "a list on standard input", text: "a.jpg\nb c.jpg\r\n", name: nil,
      rows: [(1, [("input", "a.jpg")]), (2, [("input", "b c.jpg")])]),
    Table(
      testDescription: "JSON Lines on standard input", text: "{\"input\":\"a\"}\n", name: nil,
      rows: [(1, [("input", "a")])]),
    Table(
      testDescription: "names with line feeds, as find -print0 writes them", text: "a\nb.jpg\0c.jpg\0", name: nil,
      rows: [(1, [("input", "a\nb.jpg")]), (3, [("input", "c.jpg")])]),
  ]

  @Test("rows are read as their form has them, from parts of any size", arguments: tables, [1, 7, 4096])
  func forms(_ table: Table, partBytes: Int) throws {
    let rows = try rows(table.text, named: table.name, partBytes: partBytes)
    #expect(rows.count == table.rows.count)
    for (index, expected) in table.rows.enumerated() {
      let row = try rows.row(index)
      #expect(row.position == expected.0)
      let fields = row.fields.sorted { $0.key < $1.key }.map { name, value in
        (name, (try? JSONText.line(value)) ?? "")
      }
      let wanted = expected.1.map { name, text in
        (name, text == "7" && table.name == "rows.jsonl" ? "7" : Self.json(text))
      }
      #expect(fields.map(\.0) == wanted.map(\.0))
      #expect(fields.map(\.1) == wanted.map(\.1))
    }
  }

  private static func json(_ text: String) -> String { (try? JSONText.line(text)) ?? "" }

  @Test(
    "a manifest that cannot be read is refused with its line",
    arguments: [
      ("input,seed\na.jpg,\"7\n", "rows.csv", "the quotes that begin on line 2 of rows.csv have no end"),
      (
        "input,prompt\na.jpg,\"a\nb.jpg,x\nc.jpg,\"y\"\n", "rows.csv",
        "the quotes that begin on line 2 of rows.csv have no end"
      ),
      ("input,input\na,b\n", "rows.csv", "rows.csv has two columns input"),
      ("input,\na,b\n", "rows.csv", "a column of rows.csv has no name"),
      ("input\n", "rows.csv", "rows.csv has no rows"),
      ("[{\"input\":\"a\"}]", "rows.json", "rows.json is one JSON list"),
      ("\u{1}\u{2}", "photo.jpg", "photo.jpg is neither a folder nor a known kind of manifest"),
      ("a.jpg\n" + String(repeating: "b", count: 1 << 21), "rows.txt", "line 2 of rows.txt has more than 1 MB"),
      ("input\n\"" + String(repeating: "b\n", count: 1 << 20), "rows.csv", "line 2 of rows.csv has more than 1 MB"),
    ])
  func refused(text: String, name: String, words: String) {
    #expect(message { _ = try rows(text, named: name) } == words)
  }

  @Test(
    "a bad row is refused by itself",
    arguments: [
      ("input,seed\na.jpg,7,8\n", "rows.csv", "the row has 3 cells, and the header names 2"),
      ("input,seed\n\"a\"b,7\n", "rows.csv", "a cell of line 2 goes on after its quotes"),
      ("{\"input\":\n", "rows.jsonl", "the line is not a JSON object"),
      ("[1]\n", "rows.txt.jsonl", "rows.txt.jsonl is one JSON list"),
      ("{\"input\":\"a\0b\"}\n", "rows.jsonl", "line 1 is not text in UTF-8"),
      ("input\na\0b\n", "rows.csv", "line 2 is not text in UTF-8"),
      (
        "{\"input\":" + String(repeating: "[", count: 1_000_000) + "\n", "rows.jsonl",
        "in the line lists and objects are nested more than 64 deep"
      ),
    ])
  func badRow(text: String, name: String, words: String) {
    #expect(message { _ = try rows(text, named: name).row(0) } == words)
  }

  @Test("a folder's images are its rows, with those of the folders within it, by the patterns")
  func walk() throws {
    for path in ["b.jpg", "a.PNG", "note.txt", ".hidden.jpg", "cats/c.webp", "cats/old/d.jpg", "out/e.png"] {
      let url = URL(filePath: "\(folder)/\(path)")
      try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data().write(to: url)
    }
    // A walk that followed this link, which leads to a folder that contains it, would never end.
    try FileManager.default.createSymbolicLink(atPath: "\(folder)/cats/loop", withDestinationPath: folder)
    func paths(_ include: [String] = [], _ exclude: [String] = []) throws -> [String] {
      let rows = try BatchRows(folder: folder, include: include, exclude: exclude, leavingOut: "\(folder)/out")
      return try (0..<rows.count).map { index in
        guard case .string(let path)? = try rows.row(index).fields["input"] else { return "?" }
        return path
      }
    }
    #expect(try paths() == ["a.PNG", "b.jpg", "cats/c.webp", "cats/old/d.jpg"])
    #expect(try paths(["*.jpg"]) == ["b.jpg", "cats/old/d.jpg"])
    #expect(try paths(["cats/*"], ["old"]) == ["cats/c.webp"])
    #expect(try paths([], ["cats"]) == ["a.PNG", "b.jpg"])
    #expect(message { _ = try paths(["*.gif"]) }?.hasSuffix("holds no images that the patterns take") == true)
  }

  /// The expected numbers are from Python's hashlib.
  @Test(
    "a row's seed and shard follow from its key alone",
    arguments: [
      ("a.jpg", "953944075", 7, 1), ("cats/b.jpg", "634454217", 4, 3), ("a.jpg#2", "694459057", 6, 2),
      ("c0ffee", "503970637", 3, 3),
    ])
  func keys(key: String, seed: String, ofEight: Int, ofThree: Int) {
    #expect(BatchRowKey.seed(of: key) == seed)
    #expect(BatchRowKey.shard(of: key, count: 8) == ofEight)
    #expect(BatchRowKey.shard(of: key, count: 3) == ofThree)
  }

  @Test("the key of a row is what it names itself, its path, or a digest of its fields")
  func keyOfRow() throws {
    func key(_ text: String, _ name: String?, id: String? = nil) throws -> String {
      let rows = try rows(text, named: name)
      return try BatchRowKey.key(of: try rows.row(0), rows.form, id: id)
    }
    #expect(try key("cats/a.jpg\n", nil) == "cats/a.jpg")
    #expect(try key("{\"input\":\"a\"}\n", "r.jsonl", id: "x") == "x")
    // printf '{"input":"a.jpg","seed":"7"}' | sha256sum
    #expect(try key("seed,input\n7,a.jpg\n", "r.csv") == "30fc4dd660be39f2")
    #expect(BatchRowKey.key("a", number: 1) == "a" && BatchRowKey.key("a", number: 3) == "a#3")
  }
}
