internal import CImageCodecs

extension DamagePolicy {
  /// The policy's value on the C side.
  var codecPolicy: cic_policy {
    switch self {
    case .none: .CIC_FAIL_ON_NONE
    case .truncated: .CIC_FAIL_ON_TRUNCATED
    case .error: .CIC_FAIL_ON_ERROR
    case .warning: .CIC_FAIL_ON_WARNING
    }
  }
}

/// A codec's report of warnings and failures so far.
struct CodecReport: Sendable {
  let message: String
  let firstWarning: String
  let warningCount: Int
  /// The types of a PNG's chunks, after its headers, that were left out because of a wrong checksum; empty for none.
  let droppedChunks: String
  /// The number of stored rows read when the source ended or failed; -1 if neither happened.
  var row: Int
  /// The first stored row that is known to be damaged; nil for none.
  let damagedRow: Int?
  /// The current scan of a JPEG, from 1.
  let scan: Int
  let systemError: Int32
  /// True if the error of a JPEG happened before any pixel was decoded that could be shown.
  let isHopeless: Bool

  init(_ report: cic_report) {
    unsafe message = String(cString: report.message)
    unsafe firstWarning = String(cString: report.first_warning)
    unsafe droppedChunks = String(cString: report.dropped_chunks)
    unsafe warningCount = Int(report.warning_count)
    unsafe row = Int(report.row)
    unsafe damagedRow = report.damaged_row < 0 ? nil : Int(report.damaged_row)
    unsafe scan = Int(report.scan)
    unsafe systemError = report.system_error
    unsafe isHopeless = report.is_hopeless
  }

  /// The report about a row that a ``RowReader`` cannot read.
  init(_ message: String, row: Int, systemError: Int32 = 0) {
    self.message = message
    self.row = row
    self.systemError = systemError
    (firstWarning, warningCount, droppedChunks, damagedRow, scan, isHopeless) = ("", 0, "", nil, 0, false)
  }
}

/// Turns the reports of codecs into errors and damage, for all kinds of source.
struct CodecFailure: Sendable {
  let format: ImageDescription.Format
  let policy: DamagePolicy
  let limits: Limits
  /// The number of stored rows of the image; 0 while the header is being read.
  var rowCount = 0

  private var name: String { format.name }

  /// True for failures after which the rest of the image is filled instead of refused.
  func isOverlooked(_ status: cic_status) -> Bool {
    policy == .none && (status == .CIC_CORRUPT || status == .CIC_TRUNCATED)
  }

  /// The damage that a decoder had to overlook.
  ///
  /// - Parameters:
  ///   - report: The codec's report.
  ///   - filledRow: The first row that was filled in Swift, counted in delivered rows; nil for none.
  ///   - scale: Stored rows per delivered row.
  /// - Returns: Warnings and the first filled row, counted in delivered rows.
  func damage(_ report: CodecReport, filledRow: Int?, scale: Int = 1) -> DecodingDamage {
    var damage = DecodingDamage()
    damage.droppedChunks = report.droppedChunks.isEmpty ? nil : report.droppedChunks
    damage.warningCount = report.warningCount
    damage.firstWarning = report.warningCount > 0 ? report.firstWarning : nil
    damage.firstFilledRow = [report.damagedRow.map { $0 / scale }, filledRow].compactMap(\.self).min()
    if filledRow != nil {
      damage.warningCount += 1
      damage.firstWarning = damage.firstWarning ?? report.message
    }
    return damage
  }

  /// The error for a status other than `CIC_OK`. `isFinal` is true if every policy refuses the source.
  func error(_ status: cic_status, _ report: CodecReport, isFinal: Bool = false) -> PreparationError {
    let (message, row, scan) = (report.message, report.row, report.scan)
    // The message names a row only if there is one to name: headers have no rows, and if only the end marker is missing, all rows were
    // read.
    let place =
      if rowCount == 0 { " in its headers" } else if row < 0 { "" } else if row >= rowCount {
        " after the last row"
      } else {
        (scan > 1 ? " in scan \(scan)" : "") + " at row \(row) of \(rowCount)"
      }
    // SourceDecoder opens the source again to find out whether another policy accepts the header.
    let remedy: Remedy =
      rowCount == 0 || policy == .none || isFinal
      ? "get an intact copy" : .either("get an intact copy", or: .acceptDamage)
    func make(_ code: PreparationError.Code, _ message: String, _ remedy: Remedy) -> PreparationError {
      PreparationError(code, stage: .decode, message, remedy: remedy)
    }
    switch status {
    case .CIC_TRUNCATED:
      return make(.truncated, "the \(name) ends early:\(place)", remedy)
    case .CIC_CORRUPT:
      return make(.corrupt, "the \(name) is damaged\(place): \(message)", remedy)
    case .CIC_WARNING: return warning(message)
    case .CIC_UNSUPPORTED, .CIC_TOO_LARGE:
      return make(.unsupportedFeature, "this kind of \(name) is not supported: \(message)", Self.convert)
    case .CIC_SCAN_LIMIT:
      return make(
        .limitExceeded, "the JPEG has more than \(limits.maxScans) progressive scans",
        "such files are made to waste time; encode it again if you trust it: jpegtran IN > OUT")
    case .CIC_PROFILE_LIMIT: return Self.profileTooLarge(limits)
    case .CIC_MEMORY_LIMIT:
      return make(.tooMuchMemory, "decoding takes more than \(limits.maxMemory) bytes", .raise(.memory))
    case .CIC_READ_FAILED: return .unreadable(report.systemError, stage: .decode)
    case .CIC_CANCELED: return .canceled(.decode)
    case .CIC_OUT_OF_MEMORY: return .outOfMemory("the \(name) decoder")
    case .CIC_OK, .CIC_END: preconditionFailure("\(status) is no failure")
    }
  }

  /// The error for a warning that the policy refuses.
  func warning(_ message: String) -> PreparationError {
    PreparationError(
      .warning, stage: .decode, "the \(name) codec warns: \(message)", remedy: .acceptWarnings)
  }

  /// The error for a color profile above the limit.
  static func profileTooLarge(_ limits: Limits) -> PreparationError {
    PreparationError(
      .limitExceeded, stage: .decode, "its color profile is larger than \(limits.maxProfileBytes) bytes",
      remedy: "strip the profile: exiftool -icc_profile= FILE")
  }

  /// True for faults after which the rest of the image is filled instead of refused.
  func isOverlooked(_ fault: ReadFault) -> Bool { policy == .none && fault.damage != nil }

  /// The error for a fault of a ``RowReader`` in row `row`.
  func error(_ fault: ReadFault, row: Int) -> PreparationError {
    switch fault {
    case .truncated: error(.CIC_TRUNCATED, CodecReport("", row: row))
    case .corrupt(let message): error(.CIC_CORRUPT, CodecReport(message, row: row))
    case .unsupported(let message): error(.CIC_UNSUPPORTED, CodecReport(message, row: row))
    case .unreadable(let systemError): error(.CIC_READ_FAILED, CodecReport("", row: row, systemError: systemError))
    case .canceled: .canceled(.decode)
    case .outOfMemory: .outOfMemory("the \(name) decoder")
    case .refused(let refusal): refusal
    }
  }

  static let convert: Remedy = "convert it first, for example: magick FILE out.png"
}

extension PreparationError {
  static func canceled(_ stage: Stage) -> PreparationError {
    PreparationError(.canceled, stage: stage, "canceled", remedy: "")
  }

  static func outOfMemory(_ what: String) -> PreparationError {
    PreparationError(
      .outOfMemory, stage: .decode, "the system has no memory for \(what)", remedy: "close other programs and try again"
    )
  }

  static func unreadable(_ systemError: Int32, stage: Stage) -> PreparationError {
    if systemError == cic_error_too_large {
      return PreparationError(
        .limitExceeded, stage: stage, "it has more bytes than the limit", remedy: .raise(.sourceBytes))
    }
    let reason = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { text in
      unsafe cic_system_error_text(systemError, text.baseAddress!, text.count)
      return unsafe String(cString: text.baseAddress!)
    }
    return PreparationError(
      .unreadable, stage: stage, "it cannot be read: \(reason)", remedy: "check its permissions and the disk it is on")
  }
}
