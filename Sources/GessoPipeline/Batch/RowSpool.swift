internal import Digests
internal import Foundation
internal import Ground

/// The bytes of all rows in a temporary file without a name, with the offset of each row.
struct RowSpool: Sendable {
  struct Place: Sendable {
    let offset: UInt64
    let length: UInt32
    /// The line that it begins on, from 1.
    let line: UInt32
  }

  /// The longest row, in bytes.
  static let longestRow = 1 << 20
  private static let bufferBytes = 1 << 18

  var places: [Place] = []
  private let file: OpenFile
  private var written: UInt64 = 0
  private var buffer: [UInt8] = []

  init() throws(PipelineError) {
    file = try Self.onFile { () throws(FileFailure) in
      try OpenFile.temporary(in: FileManager.default.temporaryDirectory.path)
    }
  }

  /// Adds a row of at most ``longestRow`` bytes: `RowSplitter` refuses longer ones, and no path is as long.
  mutating func add(_ bytes: [UInt8], line: Int) throws(PipelineError) {
    places.append(
      Place(offset: written + UInt64(buffer.count), length: UInt32(bytes.count), line: UInt32(clamping: line)))
    buffer += bytes
    if buffer.count >= Self.bufferBytes { try end() }
  }

  /// Writes the bytes that are still in memory.
  mutating func end() throws(PipelineError) {
    let (bytes, descriptor) = (buffer, file.descriptor)
    try Self.onFile { () throws(FileFailure) in try writeAll(bytes, to: descriptor, name: "a temporary file") }
    written += UInt64(bytes.count)
    buffer = []
  }

  /// The text of a row.
  func text(_ index: Int, _ name: String) throws(PipelineError) -> String {
    guard let text = String(validating: try bytes(index), as: UTF8.self), !text.unicodeScalars.contains("\0") else {
      throw BatchRows.invalid("\(name) is not text in UTF-8", "save it as UTF-8")
    }
    return text
  }

  /// The cells of a row of CSV (RFC 4180).
  func cells(_ index: Int, _ comma: UInt8, _ name: String) throws(PipelineError) -> [String] {
    let quote = UInt8(ascii: "\"")
    var cells: [[UInt8]] = [[]]
    var (isQuoted, wasQuote) = (false, false)
    for byte in try bytes(index) {
      if isQuoted, byte == quote, !wasQuote {
        // The closing quotation mark, or the first of two that stand for one mark.
        wasQuote = true
      } else if wasQuote, byte == quote {
        cells[cells.count - 1].append(quote)
        wasQuote = false
      } else if isQuoted, !wasQuote {
        cells[cells.count - 1].append(byte)
      } else if byte == comma {
        cells.append([])
        (isQuoted, wasQuote) = (false, false)
      } else if byte == quote, cells[cells.count - 1].isEmpty, !isQuoted {
        isQuoted = true
      } else {
        guard !wasQuote else {
          throw BatchRows.invalid(
            "a cell of \(name) goes on after its quotes", "write two quotes for one within quotes")
        }
        cells[cells.count - 1].append(byte)
      }
    }
    var texts: [String] = []
    for cell in cells {
      guard let text = String(validating: cell, as: UTF8.self), !text.unicodeScalars.contains("\0") else {
        throw BatchRows.invalid("\(name) is not text in UTF-8", "save it as UTF-8")
      }
      texts.append(text)
    }
    return texts
  }

  /// SHA-256 over all rows in their order.
  func digest() throws(PipelineError) -> String {
    var digest = ""
    for index in places.indices { digest = ContentDigest.sha256(of: [UInt8](digest.utf8) + (try bytes(index))) }
    return digest
  }

  private func bytes(_ index: Int) throws(PipelineError) -> [UInt8] {
    let place = places[index]
    var bytes = [UInt8](repeating: 0, count: Int(place.length))
    var count = 0
    while count < bytes.count {
      let read = unsafe bytes.withUnsafeMutableBytes { buffer in
        unsafe pread(
          file.descriptor, buffer.baseAddress! + count, buffer.count - count, off_t(place.offset) + off_t(count))
      }
      if read < 0, errno == EINTR { continue }
      guard read > 0 else {
        throw BatchRows.invalid("the temporary file of the rows cannot be read", "check the disk, and begin again")
      }
      count += read
    }
    return bytes
  }

  /// Turns the failure of a file into this module's error.
  static func onFile<Value>(_ work: () throws(FileFailure) -> Value) throws(PipelineError) -> Value {
    do throws(FileFailure) {
      return try work()
    } catch {
      throw Self.error(error)
    }
  }

  static func error(_ failure: FileFailure) -> PipelineError {
    PipelineError(.invalidManifest, stage: .open, failure.message, remedy: failure.remedy)
  }
}

/// Splits the bytes of a manifest into its rows.
struct RowSplitter {
  let form: BatchRows.Form
  let name: String
  /// The byte that ends a row outside of quotes.
  var separator = UInt8(ascii: "\n")
  private var row: [UInt8] = []
  /// The line that the row begins on, and the present one.
  private var (first, line) = (1, 1)
  private var isQuoted = false

  init(form: BatchRows.Form, name: String) { (self.form, self.name) = (form, name) }

  /// Takes the next bytes.
  mutating func take(_ bytes: ArraySlice<UInt8>, into spool: inout RowSpool) throws(PipelineError) {
    let hasQuotes = form == .csv || form == .tsv
    for byte in bytes {
      if byte == separator, !isQuoted {
        try finish(&spool)
        line += 1
        first = line
        continue
      }
      if hasQuotes, byte == UInt8(ascii: "\"") { isQuoted.toggle() }
      if byte == UInt8(ascii: "\n") { line += 1 }
      row.append(byte)
      guard row.count <= RowSpool.longestRow else {
        throw BatchRows.invalid(
          "line \(first) of \(name) has more than \(RowSpool.longestRow >> 20) MB",
          hasQuotes ? "a quote before it may have no end" : "check whether it is a manifest")
      }
    }
  }

  /// Takes the end of the manifest.
  mutating func end(_ spool: inout RowSpool) throws(PipelineError) {
    guard !isQuoted else {
      throw BatchRows.invalid("the quotes that begin on line \(first) of \(name) have no end", "close them")
    }
    try finish(&spool)
  }

  private mutating func finish(_ spool: inout RowSpool) throws(PipelineError) {
    if row.last == UInt8(ascii: "\r"), separator != 0 { row.removeLast() }
    if !row.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { try spool.add(row, line: first) }
    row = []
  }
}
