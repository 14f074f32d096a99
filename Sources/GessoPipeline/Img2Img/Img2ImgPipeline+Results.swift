internal import Digests
internal import Foundation
internal import Ground
internal import ImagePreparation
internal import ScenarioAPI

/// Waiting for the job, and putting its results where nothing is lost.
extension Img2ImgPipeline {
  /// The files of a finished run, if all of them are where the order wants them, as they were.
  func finished(_ places: ResultPlaces) throws -> Img2ImgResult? {
    var files: [Img2ImgResult.File] = []
    for row in places.run.results {
      guard let file = try intact(row, places) else { return nil }
      files.append(file)
    }
    let run = places.run
    return files.isEmpty ? nil : Img2ImgResult(run, preparedPath: run.intent.preparedPath, files: files)
  }

  /// Waits for the job of a run and downloads what is not on disk yet.
  func finish(
    _ places: ResultPlaces, polling: JobPolling, onProgress: @Sendable (Img2ImgProgress) -> Void
  ) async throws -> Img2ImgResult {
    let run = places.run
    guard let jobID = run.jobID else {
      throw PipelineError(.unknownJob, stage: "wait", "run \(run.id) has no job on record", remedy: "start it again")
    }
    let job = try await client.finishedJob(jobID, polling: polling) { onProgress(.waiting($0)) }
    guard job.status == .success else {
      let reason = [job.failureReason, job.hint].compactMap(\.self).joined(separator: "; ")
      let text = "job \(jobID) ended \(job.status)" + (reason.isEmpty ? "" : " (\(reason))")
      try ledger.recordFailure(run.id, reason: text)
      throw PipelineError(
        job.status == .canceled ? .jobCanceled : .jobFailed, stage: "wait", text,
        remedy: job.billing?.disableRefund == true
          ? "it was paid for: ask the service's support" : "change the order and try again",
        jobID: jobID)
    }
    try ledger.recordSuccess(run.id)
    onProgress(.downloading(count: job.assetIDs.count))
    var files: [Int: Img2ImgResult.File] = [:]
    for (index, asset) in zip(1..., job.assetIDs) {
      guard let row = run.results.first(where: { $0.index == index && $0.assetID == asset }) else { continue }
      files[index] = try intact(row, places)
    }
    do {
      let missing = zip(1..., job.assetIDs).filter { files[$0.0] == nil }
      // One request for the addresses of many; one that is left out there is asked for by itself, and gives its reason.
      let assets = missing.count > 1 ? try await client.assets(missing.map(\.1)) : []
      for (index, id) in missing {
        try Task.checkCancellation()
        let asset: Asset
        if let known = assets.first(where: { $0.id == id }) {
          asset = known
        } else {
          asset = try await client.asset(id)
        }
        let file = try await kept(asset, index: index, places, onProgress)
        files[index] = file
        onProgress(.downloaded(file))
      }
    } catch var error as ScenarioError {
      error.jobID = jobID
      throw error
    }
    try ledger.recordDownloads(run.id)
    return Img2ImgResult(
      run, preparedPath: run.intent.preparedPath, files: files.sorted { $0.key < $1.key }.map(\.value))
  }

  /// A result that is on disk as the ledger has it: under the name that is wanted now, with the bytes on record.
  private func intact(_ row: LedgerResult, _ places: ResultPlaces) throws -> Img2ImgResult.File? {
    let path = places.naming.path(
      index: row.index, number: row.number, fileExtension: URL(filePath: row.path).pathExtension)
    guard path.absolutePath == row.path,
      case .own(let digest) = try places.standing(at: path, index: row.index, asset: row.assetID)
    else { return nil }
    return try onDisk(path, digest, number: row.number, index: row.index, asset: row.assetID, places)
  }

  /// The result that stands at a path already; its record is written again where it is gone.
  private func onDisk(
    _ path: String, _ digest: String, number: Int, index: Int, asset: AssetID, _ places: ResultPlaces
  ) throws -> Img2ImgResult.File {
    let url = URL(filePath: path)
    let file = Img2ImgResult.File(
      index: index, path: path, recordPath: ResultRecord.path(beside: path), assetID: asset,
      mimeType: FileType.mimeType(ofExtension: url.pathExtension), sha256: digest,
      byteCount: try url.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0,
      size: try? ImagePreparer().inspectBlocking(.file(path)).size)
    let row = places.run.results.first { $0.index == index && $0.path == path.absolutePath && $0.sha256 == digest }
    let record = [UInt8](ResultRecord.document(of: file, run: places.run).utf8)
    let isNew = try Occupant(file.recordPath) == .none && onFiles(try created(record, at: file.recordPath))
    guard isNew || row == nil else { return file }
    try ledger.recordResult(
      places.run.id,
      LedgerResult(
        index: index, assetID: asset, path: path.absolutePath, sha256: digest, number: number,
        recordSHA256: isNew ? ContentDigest.sha256(of: record) : nil))
    return file
  }

  /// A result on disk under the first name that is free, or is this very result already.
  private func kept(
    _ asset: Asset, index: Int, _ places: ResultPlaces, _ onProgress: @Sendable (Img2ImgProgress) -> Void
  ) async throws -> Img2ImgResult.File {
    var name = ResultNameSearch(places: places, index: index, asset: asset)
    if let file = try existing(&name) { return file }
    var (size, digest): (ImageSize?, String) = (nil, "")
    let download = try await client.download(asset, beside: name.path) { file in
      size = try verifiedSize(of: file.path)
      digest = try onFiles(try ContentDigest.sha256(ofFile: file.path))
    }
    let file = try named(download, size: size, digest: digest, &name)
    if name.number > 1 {
      onProgress(.nameTaken(name.path(1), wasEdited: name.wasEdited, result: name.path))
    }
    return file
  }

  /// Moves the search on to the first name that is not taken.
  ///
  /// - Returns: The result, if it stands there already.
  private func existing(_ name: inout ResultNameSearch) throws -> Img2ImgResult.File? {
    guard case .own(let digest) = try name.advance() else { return nil }
    return try onDisk(
      name.path, digest, number: name.number, index: name.index, asset: name.asset.id, name.places)
  }

  /// Gives a download the first name that is free, or throws it away where the result has come meanwhile.
  private func named(
    _ download: borrowing UnnamedDownload, size: ImageSize?, digest: String, _ name: inout ResultNameSearch
  ) throws -> Img2ImgResult.File {
    let (run, asset) = (name.places.run, name.asset.id)
    while true {
      // Others may have taken the name meanwhile.
      if let file = try existing(&name) { return file }
      let file = Img2ImgResult.File(
        index: name.index, path: name.path, recordPath: ResultRecord.path(beside: name.path), assetID: asset,
        mimeType: download.file.mimeType, sha256: digest, byteCount: download.file.byteCount, size: size)
      let record = [UInt8](ResultRecord.document(of: file, run: run).utf8)
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
      try ledger.recordResult(
        run.id,
        LedgerResult(
          index: name.index, assetID: asset, path: file.path.absolutePath, sha256: digest, number: name.number,
          recordSHA256: isNewRecord ? ContentDigest.sha256(of: record) : nil))
      return file
    }
  }

  /// Gives a result and its record their names, the record first, so that no interruption leaves a result without one.
  ///
  /// - Returns: False when one of the names was taken meanwhile; then neither is used.
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
      if !hasRecord { try? FileManager.default.removeItem(atPath: file.recordPath) }
      guard error.kind == .exists else { throw error }
      return false
    }
  }

  /// Writes a file, unless something has its name.
  private func created(_ bytes: [UInt8], at path: String) throws(FileFailure) -> Bool {
    do throws(FileFailure) {
      try DurableFile.write(bytes, to: path, replacing: false)
      return true
    } catch {
      guard error.kind == .exists else { throw error }
      return false
    }
  }

  /// Decodes a downloaded file from end to end; another kind of image is known by its first bytes.
  ///
  /// - Returns: Width and height as a viewer shows them; nil for a format this package does not read.
  private func verifiedSize(of path: String) throws -> ImageSize? {
    // All is decoded whatever the size of the result, and a small one costs least.
    let recipe = Recipe(size: .longestSide(64), samples: .color(profile: .ignore), effort: .fast)
    do throws(PreparationError) {
      let size = try preparer.inspectBlocking(.file(path)).size
      _ = try preparer.pixelsBlocking(of: .file(path), as: recipe)
      return size
    } catch {
      // Known by its first bytes, but not read here.
      guard error.code == .unsupportedFormat else { throw error }
      return nil
    }
  }
}
