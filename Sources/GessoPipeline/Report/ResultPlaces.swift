internal import Digests
internal import Foundation
internal import ImagePreparation
internal import ScenarioAPI

/// Examines the files at the path of a result, and decides which of them may be replaced.
struct ResultPlaces {
  let ledger: Ledger
  let run: LedgerEntry
  let naming: ResultNaming
  /// True to replace results and records of other orders. Files that were changed or that an order starts from are kept in any case.
  let replaces: Bool

  /// The files at the path of a result and at the path of its record.
  enum Standing: Equatable {
    /// There is no result. `hasRecord` is true if the result's own record is there, after an interruption or because only the result was
    /// removed.
    case free(hasRecord: Bool)
    /// This result, unchanged, with its digest. Its record may be missing.
    case own(sha256: String)
    /// A result of another order, its record, or both, which may be replaced.
    case replaceable
    /// A file that may not be replaced. `isEdited` is true if the file is this result, and was changed since it was written.
    case taken(isEdited: Bool)
  }

  /// Examines the files at a path.
  ///
  /// - Parameters:
  ///   - path: The path of the result; the record's path has `.json` after it.
  ///   - index: The result's place in the service's order, from 1.
  ///   - asset: The service's name for the result.
  /// - Returns: The kind of files that are there.
  /// - Throws: A `PreparationError` when a file cannot be read, or a ``PipelineError`` of the ledger.
  func standing(at path: String, index: Int, asset: AssetID) throws -> Standing {
    let (file, record) = (Occupant(path), Occupant(ResultRecord.path(beside: path)))
    if file == .none, record == .none { return .free(hasRecord: false) }
    let beside = ResultRecord.claim(beside: path)
    let isRecorded = beside.map { $0.assetId == asset.rawValue && $0.service == run.intent.baseURL }
    if file == .none, isRecorded == true { return .free(hasRecord: true) }

    let row = run.results.first { $0.index == index && $0.assetID == asset && $0.path == path.absolutePath }
    let known = [row?.sha256, isRecorded == true ? beside?.sha256 : nil].compactMap(\.self)
    // If the record names another result, another order has replaced this one, whatever the ledger contains.
    let isMine = !known.isEmpty && isRecorded != false
    let digest = file == .file && (isMine || replaces) ? try onFiles(try ContentDigest.sha256(ofFile: path)) : nil
    if isMine, let digest, known.contains(digest) { return .own(sha256: digest) }
    // Results of one job never replace each other.
    let isSibling = beside?.job != nil && beside?.job == run.jobID?.rawValue
    if replaces, !isSibling, try mayReplace(path, file, digest, beside), try mayReplaceRecord(of: path, record, beside)
    {
      return .replaceable
    }
    return .taken(isEdited: isMine && file == .file)
  }

  /// True for a result that was not changed since it was written, and that no order starts from.
  private func mayReplace(
    _ path: String, _ occupant: Occupant, _ digest: String?, _ beside: ResultRecord.Claim?
  ) throws -> Bool {
    guard occupant == .file, let digest else { return occupant == .none }
    let isResult =
      try ledger.results(at: path.absolutePath).contains { $0.sha256 == digest } || beside?.sha256 == digest
    // Files are compared by content, because a file can have several names, and an order's source may come through a pipe.
    return try isResult && !ledger.isInput(sha256: digest, prepared: true)
  }

  /// True for a record that was not changed since it was written, as far as the ledger knows.
  private func mayReplaceRecord(
    of path: String, _ occupant: Occupant, _ beside: ResultRecord.Claim?
  ) throws -> Bool {
    guard occupant == .file, beside != nil else { return occupant == .none }
    let digests = try ledger.results(at: path.absolutePath).compactMap(\.recordSHA256)
    return try digests.isEmpty
      || digests.contains(onFiles(try ContentDigest.sha256(ofFile: ResultRecord.path(beside: path))))
  }
}

/// The search for the name of one result: its plain name, then those with the numbers 2, 3, …
struct ResultNameSearch {
  let places: ResultPlaces
  /// The result's place in the service's order, from 1.
  let index: Int
  let asset: Asset
  /// The extension: by the service's media type, until the bytes are there.
  private var fileExtension: String
  /// The number of the present name.
  var number = 1
  /// The kind of files at the present name.
  private(set) var standing = ResultPlaces.Standing.free(hasRecord: false)
  /// True when a name was skipped because its file is this result and was edited.
  private(set) var wasEdited = false

  init(places: ResultPlaces, index: Int, asset: Asset) {
    self.places = places
    self.index = index
    self.asset = asset
    fileExtension = FileType.fileExtension(ofMimeType: asset.mimeType)
  }

  /// Takes the extension from the media type of the bytes. If the extension changes, the search begins again.
  mutating func take(mimeType: String) {
    let found = FileType.fileExtension(ofMimeType: mimeType)
    guard found != fileExtension else { return }
    (fileExtension, number, wasEdited) = (found, 1, false)
  }

  /// The path of the result under the present name.
  var path: String { path(number) }

  /// The path of the result under the name with a number.
  func path(_ number: Int) -> String {
    places.naming.path(index: index, number: number, fileExtension: fileExtension)
  }

  /// Advances to the first name that is free, beginning with the present one.
  ///
  /// - Returns: The kind of files at that name.
  mutating func advance() throws -> ResultPlaces.Standing {
    while true {
      standing = try places.standing(at: path, index: index, asset: asset.id)
      guard case .taken(let isEdited) = standing else { return standing }
      wasEdited = wasEdited || isEdited
      number += 1
    }
  }
}

/// The kind of file at a path, without following links.
enum Occupant {
  case none, file
  /// Something other than a file, such as a folder, a link or a device.
  case other

  init(_ path: String) {
    self =
      switch (try? FileManager.default.attributesOfItem(atPath: path))?[.type] as? FileAttributeType {
      case nil: .none
      case .typeRegular: .file
      default: .other
      }
  }
}

extension String {
  /// This path made absolute, so that it does not depend on the working directory.
  var absolutePath: String { URL(filePath: self).standardizedFileURL.path }

  /// The part after the last slash.
  var lastPathComponent: String { URL(filePath: self).lastPathComponent }
}
