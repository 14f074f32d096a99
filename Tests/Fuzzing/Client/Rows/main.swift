import Driver
import Foundation
@testable import GessoPipeline

/// Reads the rows of a manifest or a list, once as a whole and once in pieces. Traps if the results differ.
///
/// The lower bits of the first byte select the form, and the higher bits the size of a piece.
func read(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start, count > 1 else { return 0 }
  let bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
  let forms: [BatchRows.Form?] = [.list, .jsonLines, .csv, .tsv, nil, nil, nil, nil]
  let names = [nil, "a.jsonl", "a.csv", "a.tsv", nil, "a.txt", "a.CSV", "a"]
  let pick = Int(start[0] & 7)
  let whole = readRows(bytes, forms[pick], names[pick], piece: bytes.count)
  let pieces = readRows(bytes, forms[pick], names[pick], piece: Int(start[0] >> 3) + 1)
  precondition(whole == pieces, "\(whole), in pieces \(pieces)")
  return 0
}

/// The fields of each row, or the message of its error, and the digest of all rows.
func readRows(_ bytes: [UInt8], _ form: BatchRows.Form?, _ name: String?, piece: Int) -> [String] {
  do {
    var rest = bytes[...]
    let rows = try BatchRows(manifest: name, form: form) {
      defer { rest = rest.dropFirst(piece) }
      return rest.isEmpty ? nil : rest.prefix(piece)
    }
    var position = 0
    return try (0..<rows.count).map { index in
      precondition(rows.position(index) > position, "the lines are out of order")
      position = rows.position(index)
      do throws(PipelineError) {
        let row = try rows.row(index)
        precondition(row.position == position)
        if !rows.header.isEmpty { precondition(Set(row.fields.keys).isSubset(of: rows.header)) }
        return row.fields.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
      } catch {
        precondition(error.code == .invalidManifest)
        return error.message
      }
    } + [rows.form.rawValue, rows.digest()]
  } catch {
    guard let error = error as? PipelineError, error.code == .invalidManifest else { fatalError("\(error)") }
    return [error.message]
  }
}

fuzz(read)
