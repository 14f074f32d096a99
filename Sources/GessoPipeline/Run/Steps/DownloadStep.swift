internal import Digests
internal import Foundation
internal import Ground
internal import ImagePreparation
internal import ScenarioAPI

/// Downloads the results of a job, and never replaces a file that the user may need.
struct DownloadStep {
  let context: RunContext
  let places: ResultPlaces

  /// The files of a finished run, if all of them are unchanged and in the place that the order names.
  func found() throws -> [Img2ImgResult.File]? {
    var files: [Img2ImgResult.File] = []
    for row in places.run.results {
      guard let file = try intact(row) else { return nil }
      files.append(file)
    }
    return files.isEmpty ? nil : files
  }

  /// Downloads the results that are not on disk yet.
  ///
  /// A result that cannot be decoded does not stop the download of the others. Its bytes are kept as `<result>.unverified`, and
  /// its error is thrown at the end.
  ///
  /// - Returns: All of them, in the service's order.
  func run(_ job: Job) async throws -> [Img2ImgResult.File] {
    let run = places.run
    try context.ledger.recordSuccess(run.id)
    context.report(.downloading(count: job.assetIDs.count))
    var files: [Int: Img2ImgResult.File] = [:]
    var damage: ScenarioError?
    for (index, asset) in zip(1..., job.assetIDs) {
      guard let row = run.results.first(where: { $0.index == index && $0.assetID == asset }) else { continue }
      files[index] = try intact(row)
    }
    do {
      let missing = zip(1..., job.assetIDs).filter { files[$0.0] == nil }
      // One request for the addresses of several results. A result missing from the reply is requested alone, which gives the reason.
      let assets = missing.count > 1 ? try await context.client.assets(missing.map(\.1)) : []
      for (index, id) in missing {
        try Task.checkCancellation()
        let asset: Asset
        if let known = assets.first(where: { $0.id == id }) {
          asset = known
        } else {
          asset = try await context.client.asset(id)
        }
        do {
          let file = try await kept(asset, index: index)
          files[index] = file
          context.report(.downloaded(file))
        } catch let error as ScenarioError where error.code == .downloadInvalid {
          damage = damage ?? error
        }
      }
      if let damage { throw damage }
    } catch let error as ScenarioError where error.code == .notFound {
      try context.ledger.recordSuccess(run.id, failure: "the service no longer has the results of job \(job.id)")
      throw PipelineError(
        .resultsGone, stage: .download, "the service no longer has the results of job \(job.id): \(error.message)",
        remedy: .orderAgain, jobID: job.id, runID: run.id, underlying: error)
    } catch var error as ScenarioError {
      error.jobID = job.id
      throw error
    }
    try context.ledger.recordDownloads(run.id)
    return files.sorted { $0.key < $1.key }.map(\.value)
  }

  /// A result that is on disk under the order's name, with the bytes on record.
  private func intact(_ row: LedgerResult) throws -> Img2ImgResult.File? {
    let path = places.naming.path(
      index: row.index, number: row.number, fileExtension: URL(filePath: row.path).pathExtension)
    guard path.absolutePath == row.path,
      case .own(let digest) = try places.standing(at: path, index: row.index, asset: row.assetID)
    else { return nil }
    return try onDisk(path, digest, number: row.number, index: row.index, asset: row.assetID)
  }

  /// The result that is already at a path. A missing record is written again.
  private func onDisk(
    _ path: String, _ digest: String, number: Int, index: Int, asset: AssetID
  ) throws -> Img2ImgResult.File {
    let url = URL(filePath: path)
    let file = Img2ImgResult.File(
      index: index, path: path, recordPath: ResultRecord.path(beside: path), assetID: asset,
      mimeType: FileType.mimeType(ofExtension: url.pathExtension), sha256: digest,
      byteCount: try onFiles(try fileSize(of: path)),
      size: try? context.preparer.inspectBlocking(.file(path)).size)
    let row = places.run.results.first { $0.index == index && $0.path == path.absolutePath && $0.sha256 == digest }
    let record = try ResultRecord.bytes(of: file, run: places.run)
    let isNew = try Occupant(file.recordPath) == .none && onFiles(try created(record, at: file.recordPath))
    guard isNew || row == nil else { return file }
    try context.ledger.recordResult(
      places.run.id,
      LedgerResult(
        index: index, assetID: asset, path: path.absolutePath, sha256: digest, number: number,
        recordSHA256: isNew ? ContentDigest.sha256(of: record) : nil))
    return file
  }

  /// Puts a result on disk under the first name that is free or that already belongs to this result.
  private func kept(_ asset: Asset, index: Int) async throws -> Img2ImgResult.File {
    var name = ResultNameSearch(places: places, index: index, asset: asset)
    if let file = try existing(&name) { return file }
    var (size, digest, mimeType): (ImageSize?, String, String?) = (nil, "", nil)
    var damage: PreparationError?
    let download = try await context.client.download(asset, beside: name.path) { file in
      digest = try onFiles(try ContentDigest.sha256(ofFile: file.path))
      mimeType = try Self.mediaType(of: file.path)
      do throws(PreparationError) {
        size = try verifiedSize(of: file.path)
      } catch {
        damage = error
      }
    }
    if let mimeType { name.take(mimeType: mimeType) }
    if let damage { throw try unverified(download, digest: digest, resultPath: name.path, damage) }
    let file = try named(download, mimeType ?? download.file.mimeType, size: size, digest: digest, &name)
    if name.number > 1 {
      context.report(.nameTaken(name.path(1), wasEdited: name.wasEdited, result: name.path))
    }
    return file
  }

  /// Keeps the bytes of a download that this package's decoder rejects: they are paid for, and another program may read them.
  ///
  /// - Returns: The error, which names the file.
  private func unverified(
    _ download: borrowing UnnamedDownload, digest: String, resultPath: String, _ damage: PreparationError
  ) throws -> ScenarioError {
    var number = 1
    while true {
      let path = ResultNaming.unverifiedPath(of: resultPath, number: number)
      if Occupant(path) == .none {
        do throws(FileFailure) {
          try download.move(to: path, replacing: false)
        } catch {
          guard error.kind == .exists else { throw PreparationError(error) }
          continue
        }
      } else if Occupant(path) != .file || (try? ContentDigest.sha256(ofFile: path)) != digest {
        number += 1
        continue
      }
      var error = ScenarioError(
        .downloadInvalid, .unusable, stage: .download,
        "the file of the result cannot be decoded (\(damage.message)), and its bytes are kept as \(path)",
        remedy: "open it with another program", underlying: damage)
      error.charged = .yes
      return error
    }
  }

  /// Advances the search to the first name that is not taken.
  ///
  /// - Returns: The result, if it is already there.
  private func existing(_ name: inout ResultNameSearch) throws -> Img2ImgResult.File? {
    guard case .own(let digest) = try name.advance() else { return nil }
    return try onDisk(
      name.path, digest, number: name.number, index: name.index, asset: name.asset.id)
  }

  /// Gives a download the first free name, or discards it if the result has appeared meanwhile.
  private func named(
    _ download: borrowing UnnamedDownload, _ mimeType: String, size: ImageSize?, digest: String,
    _ name: inout ResultNameSearch
  ) throws -> Img2ImgResult.File {
    let (run, asset) = (name.places.run, name.asset.id)
    while true {
      // Another process may have taken the name meanwhile.
      if let file = try existing(&name) { return file }
      let file = Img2ImgResult.File(
        index: name.index, path: name.path, recordPath: ResultRecord.path(beside: name.path), assetID: asset,
        mimeType: mimeType, sha256: digest, byteCount: download.file.byteCount, size: size)
      let record = try ResultRecord.bytes(of: file, run: run)
      let isPlaced: Bool
      do throws(FileFailure) {
        isPlaced = try placed(download, record, as: file, name.standing)
      } catch {
        throw PreparationError(error)
      }
      guard isPlaced else {
        name.number += 1
        continue
      }
      let isNewRecord = name.standing != .free(hasRecord: true)
      try context.ledger.recordResult(
        run.id,
        LedgerResult(
          index: name.index, assetID: asset, path: file.path.absolutePath, sha256: digest, number: name.number,
          recordSHA256: isNewRecord ? ContentDigest.sha256(of: record) : nil))
      return file
    }
  }

  /// Gives a result and its record their names, the record first, so that no interruption leaves a result without one.
  ///
  /// - Returns: False when one of the names was taken meanwhile; neither name is used then.
  private func placed(
    _ download: borrowing UnnamedDownload, _ record: [UInt8], as file: Img2ImgResult.File,
    _ standing: ResultPlaces.Standing
  ) throws(FileFailure) -> Bool {
    if standing == .replaceable {
      let hadFile = Occupant(file.path) == .file
      try DurableFile.write(record, to: file.recordPath, replacing: true)
      try download.move(to: file.path, replacing: hadFile)
      return true
    }
    let hasRecord = standing == .free(hasRecord: true)
    if !hasRecord { guard try created(record, at: file.recordPath) else { return false } }
    do throws(FileFailure) {
      try download.move(to: file.path, replacing: false)
      return true
    } catch {
      // If only the sync of the folder failed, the result is there and its record is kept. Without the record, the result would be
      // downloaded again.
      let isPlaced = error.kind != .exists && Occupant(file.path) == .file
      if !hasRecord, !isPlaced { try? FileManager.default.removeItem(atPath: file.recordPath) }
      guard error.kind == .exists else { throw error }
      return false
    }
  }

  /// Writes a file, unless its name is taken.
  private func created(_ bytes: [UInt8], at path: String) throws(FileFailure) -> Bool {
    do throws(FileFailure) {
      try DurableFile.write(bytes, to: path, replacing: false)
      return true
    } catch {
      guard error.kind == .exists else { throw error }
      return false
    }
  }

  /// The media type of a file's bytes; nil for a kind that is not known.
  private static func mediaType(of path: String) throws -> String? {
    let file = try FileHandle(forReadingFrom: URL(filePath: path))
    defer { try? file.close() }
    return ImageSniffer.mediaType(of: Array(try file.read(upToCount: ImageSniffer.byteCount) ?? Data()))
  }

  /// Decodes a downloaded file from end to end. A format that this package does not decode is only recognized by its first bytes.
  ///
  /// - Returns: Width and height as a viewer shows them; nil for a format that this package does not decode.
  private func verifiedSize(of path: String) throws(PreparationError) -> ImageSize? {
    // The whole file is decoded whatever the size, so the smallest size is the cheapest.
    let recipe = Recipe(size: .longestSide(64), samples: .color(profile: .ignore), effort: .fast)
    do throws(PreparationError) {
      let size = try context.preparer.inspectBlocking(.file(path)).size
      _ = try context.preparer.pixelsBlocking(of: .file(path), as: recipe)
      return size
    } catch {
      // The format is known, but there is no decoder for it here. The result is paid for, so it is kept.
      guard error.code == .unsupportedFormat || error.code == .helperFailed else { throw error }
      return nil
    }
  }
}
