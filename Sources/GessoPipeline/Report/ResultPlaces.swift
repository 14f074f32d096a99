internal import Digests
internal import Foundation
internal import ImagePreparation
internal import ScenarioAPI

/// Finds out what stands where a result is to go, so that nothing is replaced but what may be.
struct ResultPlaces {
  let ledger: Ledger
  let run: LedgerEntry
  let naming: ResultNaming
  /// True to replace results and records of other orders; what somebody needs or has changed stays all the same.
  let replaces: Bool

  /// What stands at the path of a result and at that of its record.
  enum Standing: Equatable {
    /// Nothing, but for the result's own record, which an interruption or a removed result has left.
    case free(hasRecord: Bool)
    /// This very result, with the bytes it was written with, of that digest. Its record may be gone.
    case own(sha256: String)
    /// A result, a record or both, of an order that may be replaced.
    case replaceable
    /// Something else; `isEdited` when it was this very result.
    case taken(isEdited: Bool)
  }

  /// What stands at a path.
  ///
  /// - Parameters:
  ///   - path: Of the result; the record's has `.json` after it.
  ///   - index: Which of the run's results is meant.
  ///   - asset: The service's name for it.
  func standing(at path: String, index: Int, asset: AssetID) throws -> Standing {
    let (file, record) = (Occupant(path), Occupant(ResultRecord.path(beside: path)))
    if file == .none, record == .none { return .free(hasRecord: false) }
    let beside = ResultRecord.claim(beside: path)
    let isRecorded = beside.map { $0.assetId == asset.rawValue && $0.service == run.intent.baseURL }
    if file == .none, isRecorded == true { return .free(hasRecord: true) }

    let row = run.results.first { $0.index == index && $0.assetID == asset && $0.path == path.absolutePath }
    let known = [row?.sha256, isRecorded == true ? beside?.sha256 : nil].compactMap(\.self)
    // A record that names another result outweighs the ledger: its order has replaced this one.
    let isMine = !known.isEmpty && isRecorded != false
    let digest = file == .file && (isMine || replaces) ? try onFiles(try ContentDigest.sha256(ofFile: path)) : nil
    if isMine, let digest, known.contains(digest) { return .own(sha256: digest) }
    // Another result of the same job is never in its own way.
    let isSibling = beside?.job != nil && beside?.job == run.jobID?.rawValue
    if replaces, !isSibling, try mayReplace(path, file, digest, beside), try mayReplaceRecord(of: path, record, beside)
    {
      return .replaceable
    }
    return .taken(isEdited: isMine && file == .file)
  }

  /// A result that nobody has changed since, and that no order starts from.
  private func mayReplace(
    _ path: String, _ occupant: Occupant, _ digest: String?, _ beside: ResultRecord.Claim?
  ) throws -> Bool {
    guard occupant == .file, let digest else { return occupant == .none }
    let isResult =
      try ledger.results(at: path.absolutePath).contains { $0.sha256 == digest } || beside?.sha256 == digest
    // By content: the same file has many names, and may come through a pipe.
    return try isResult && !ledger.isInput(sha256: digest, prepared: true)
  }

  /// A record that nobody has changed since, as far as the ledger knows.
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
  /// Which of the run's results is meant.
  let index: Int
  let asset: Asset
  /// The number of the name that is looked at.
  var number = 1
  /// What stands at that name.
  private(set) var standing = ResultPlaces.Standing.free(hasRecord: false)
  /// True when a name was passed over because this very result stands there and was edited.
  private(set) var wasEdited = false

  init(places: ResultPlaces, index: Int, asset: Asset) {
    self.places = places
    self.index = index
    self.asset = asset
  }

  /// The path of the result under the name that is looked at.
  var path: String { path(number) }

  /// The path of the result under the name of a number.
  func path(_ number: Int) -> String {
    places.naming.path(
      index: index, number: number, fileExtension: FileType.fileExtension(ofMimeType: asset.mimeType))
  }

  /// Goes on to the first name, from the present one, that is not taken.
  ///
  /// - Returns: What stands at that name.
  mutating func advance() throws -> ResultPlaces.Standing {
    while true {
      standing = try places.standing(at: path, index: index, asset: asset.id)
      guard case .taken(let isEdited) = standing else { return standing }
      wasEdited = wasEdited || isEdited
      number += 1
    }
  }
}

/// What has a name, links not followed.
enum Occupant {
  case none, file
  /// A folder, a link, a device.
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
  /// This path, so that it means the same from any working directory.
  var absolutePath: String { URL(filePath: self).standardizedFileURL.path }

  /// The part after the last slash.
  var lastPathComponent: String { URL(filePath: self).lastPathComponent }
}
