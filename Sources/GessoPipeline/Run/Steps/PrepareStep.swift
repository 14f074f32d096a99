internal import Digests
internal import Foundation
internal import Ground
internal import ImagePreparation
internal import ScenarioAPI

/// Prepares the images of an order. They are recorded before anything is sent, and written to disk unless only the
/// price is asked for.
struct PrepareStep: Sendable {
  let ledger: Ledger
  let preparer: ImagePreparer
  let places: RunPlaces
  /// False if only the price is asked for: then nothing is written into the order's folder.
  let writesFiles: Bool
  /// The bytes that may still be written in a folder; nil if that is not known.
  let freeBytes: @Sendable (String) -> UInt64?
  /// Receives the events.
  let report: @Sendable (Img2ImgEvent) -> Void

  /// Prepares the source and the second image.
  ///
  /// - Parameters:
  ///   - order: The order.
  ///   - entry: The order's run.
  ///   - request: Gets the size of the prepared image if the order names no size.
  ///   - reusing: True to use the file of an earlier attempt if it still has the bytes on record.
  /// - Returns: The images to upload; none when the service fetches the source itself.
  /// - Throws: A `PreparationError`, a ``PipelineError``, or a `ScenarioError` for a size that the service does not take.
  func run(
    _ order: Img2ImgOrder, _ entry: LedgerEntry, _ request: inout Img2ImgRequest, reusing: Bool
  ) async throws -> PreparedImages {
    guard case .image(let source) = order.source else {
      if entry.state == .planned {
        try ledger.recordPrepared(
          entry.id, sha256: nil, path: nil, geometry: nil, parameters: try JSONText.line(request.record))
      }
      return PreparedImages()
    }
    var images = PreparedImages()
    let geometry: GeometryRecord
    if reusing, let earlier = Self.earlierImage(entry), let record = entry.intent.geometry {
      try request.restore(from: entry)
      images.source = earlier
      geometry = try JSONText.value(GeometryRecord.self, of: record)
    } else {
      var path: String?
      (images.source, geometry, path) = try await inTurn(source, order, entry.intent)
      request.complete(for: geometry.canvas)
      if let results = request.size, !results.hasShape(of: geometry.canvas) {
        report(.noticed(.otherShape(results: results, prepared: geometry.canvas)))
      }
      try request.validate()
      try ledger.recordPrepared(
        entry.id, sha256: images.source?.sha256, path: path?.absolutePath, geometry: try JSONText.line(geometry),
        parameters: try JSONText.line(request.record))
    }
    // The second image is prepared before the first upload, because it is refused if its size is not that of the source.
    images.second = try await preparedSecond(order, geometry)
    return images
  }

  /// Prepares the images of an order without an account. Any account can submit the order later.
  ///
  /// - Returns: The path of the prepared image; nil if the service fetches the source itself.
  /// - Throws: A `PreparationError` or a ``PipelineError``.
  func run(_ order: Img2ImgOrder) async throws -> String? {
    guard case .image(let source) = order.source else { return nil }
    let intent = try await places.reading { try order.intentToPrepare() }
    let (_, geometry, path) = try await inTurn(source, order, intent) { (image, geometry, path) in
      guard intent.sourceSHA256 != nil else { return }
      var done = intent
      (done.preparedSHA256, done.preparedPath, done.geometry) = (
        image.sha256, path?.absolutePath, try JSONText.line(geometry)
      )
      try ledger.recordPreparation(done)
    }
    _ = try await preparedSecond(order, geometry)
    return path
  }

  private typealias Prepared = (image: EncodedImage, geometry: GeometryRecord, path: String?)

  private func prepared(_ source: ImageSource, _ order: Img2ImgOrder) async throws -> Prepared {
    let recipe = order.recipe(for: .source)
    let place = try await places.preparations.enter(for: source, recipe, preparer, roomLimit: roomLimit(for: order)) {
      preparer, flag -> Prepared in
      report(.preparing)
      let image = try preparer.prepareBlocking(source, as: recipe, cancellation: flag)
      let (encoded, path) = try encoded(image.bytes, as: "prepared", image.format.fileExtension, of: order)
      report(.prepared(image, path: path))
      return (encoded, image.geometry, path)
    }
    var prepared = place.value
    if case .bytes(let bytes) = prepared.image.content { place.room.shrink(to: bytes.count) }
    prepared.image.room = place.room
    return prepared
  }

  /// The most bytes of all prepared images that wait for their upload: a quarter of the memory that images may take and
  /// a tenth of the disk that is free, because the results need the rest. If that is less than one image, images are
  /// prepared one at a time.
  private func roomLimit(for order: Img2ImgOrder) -> Int {
    let memory = preparer.limits.maxMemory / 4
    let disk = writesFiles ? freeBytes(order.folder).map { Int(clamping: $0 / 10) } ?? .max : .max
    return min(memory, disk)
  }

  /// Prepares an image once for all orders that need the same image by the same recipe: the other orders wait, and reuse the prepared
  /// image. `record` is called only if the image was prepared now.
  private func inTurn(
    _ source: ImageSource, _ order: Img2ImgOrder, _ intent: LedgerIntent,
    recording record: (Prepared) throws -> Void = { _ in }
  ) async throws -> Prepared {
    func image() async throws -> Prepared {
      if let shared = try sharedImage(of: order, intent) {
        report(.preparedBefore(path: shared.path))
        return shared
      }
      let image = try await prepared(source, order)
      try record(image)
      return image
    }
    guard let digest = intent.sourceSHA256, let recipe = intent.recipeSHA256 else { return try await image() }
    return try await places.inTurn("image \(digest) \(recipe)", image)
  }

  /// The same image that was prepared by the same recipe for another order, written under this order's name; nil if there is none, or if
  /// its file was changed.
  private func sharedImage(of order: Img2ImgOrder, _ intent: LedgerIntent) throws -> Prepared? {
    guard let source = intent.sourceSHA256, let recipe = intent.recipeSHA256,
      let earlier = try ledger.preparedRun(sourceSHA256: source, recipeSHA256: recipe),
      let geometry = earlier.intent.geometry, let path = earlier.intent.preparedPath,
      case .bytes(let bytes)? = Self.earlierImage(earlier)?.content
    else { return nil }
    let image = try encoded(bytes, as: "prepared", URL(filePath: path).pathExtension, of: order)
    return (image.image, try JSONText.value(GeometryRecord.self, of: geometry), image.path)
  }

  /// The order's mask or control image, on disk beside the first one.
  private func preparedSecond(_ order: Img2ImgOrder, _ geometry: GeometryRecord) async throws -> EncodedImage? {
    guard let second = order.second else { return nil }
    return try await offThePool { flag in
      let (bytes, format, notes) = try second.prepared(
        by: preparer, as: order.recipe(for: .second(second, on: geometry)), cancellation: flag)
      for note in notes { report(.noticed(note)) }
      return try encoded(bytes, as: second.name, format.fileExtension, of: order).image
    }
  }

  /// An image to upload, and the path of its file.
  private func encoded(
    _ bytes: [UInt8], as kind: String, _ fileExtension: String, of order: Img2ImgOrder
  ) throws -> (image: EncodedImage, path: String?) {
    let sha256 = ContentDigest.sha256(of: bytes)
    guard writesFiles else {
      let name = "\(ResultNaming.shortened(order.stem)).\(kind).\(fileExtension)"
      return (EncodedImage(content: .bytes(bytes), name: name, sha256: sha256), nil)
    }
    let path = try write(bytes, sha256: sha256, as: kind, fileExtension: fileExtension, of: order)
    return (EncodedImage(content: .bytes(bytes), name: path.lastPathComponent, sha256: sha256), path)
  }

  /// The prepared image of an earlier attempt, if its file is unchanged.
  private static func earlierImage(_ entry: LedgerEntry) -> EncodedImage? {
    // The file is read into memory once, because another order may replace it while this one sends it.
    guard let path = entry.intent.preparedPath, let sha256 = entry.intent.preparedSHA256,
      let bytes = FileManager.default.contents(atPath: path).map([UInt8].init),
      ContentDigest.sha256(of: bytes) == sha256
    else { return nil }
    return EncodedImage(content: .bytes(bytes), name: path.lastPathComponent, sha256: sha256)
  }

  /// Writes an image that is going to be uploaded into the order's folder.
  ///
  /// A name that belongs to an order's source, mask, control image or result is skipped, and the image gets the next
  /// number. `kind` is the part of the name after the stem.
  ///
  /// - Returns: The image's path.
  private func write(
    _ bytes: [UInt8], sha256: String, as kind: String, fileExtension: String, of order: Img2ImgOrder
  ) throws -> String {
    var number = 1
    while true {
      let name = ResultNaming.numbered("\(ResultNaming.shortened(order.stem)).\(kind)", number)
      let path = "\(order.folder)/\(name).\(fileExtension)"
      // Writing follows a link, so the link's target is compared.
      let target = URL(filePath: path).resolvingSymlinksInPath().path
      let existing = Occupant(target) == .file ? try? ContentDigest.sha256(ofFile: target) : nil
      if existing == sha256 { return path }
      guard let existing, try ledger.isInput(sha256: existing, prepared: false) || isResult(path) else {
        try onFiles(
          try DurableFile.write(bytes, to: path, replacing: order.replacesPreparedImages, notOver: order.inputFiles))
        return path
      }
      number += 1
    }
  }

  private func isResult(_ path: String) throws -> Bool {
    try ResultRecord.claim(beside: path) != nil || !ledger.results(at: path.absolutePath).isEmpty
  }
}

extension Img2ImgRequest {
  /// The multiple of sides that both families of endpoints take (contract, section 12).
  private static let sideStep = 16

  /// The most bytes that the results and their records take: RGBA as PNG without any gain by compression.
  var resultBytes: UInt64 {
    // If no size is given, the service makes 512 by 512.
    let pixels = size?.pixelCount ?? 512 * 512
    return UInt64(generation.numSamples) * UInt64(pixels * 4 + 65_536)
  }

  /// The size of the results, if both sides are set.
  var size: ImageSize? {
    guard let width = generation.width, let height = generation.height else { return nil }
    return ImageSize(width: width, height: height)
  }

  /// Sets missing sides: both from the prepared image, or the second one so that its shape is kept.
  mutating func complete(for prepared: ImageSize) {
    func other(_ given: Int, _ side: Int, of preparedSide: Int) -> Int {
      let exact = Double(side) * Double(given) / Double(preparedSide)
      return max(1, Int((exact / Double(Self.sideStep)).rounded())) * Self.sideStep
    }
    switch (generation.width, generation.height) {
    case (nil, nil): (generation.width, generation.height) = (prepared.width, prepared.height)
    case (let given?, nil): generation.height = other(given, prepared.height, of: prepared.width)
    case (nil, let given?): generation.width = other(given, prepared.width, of: prepared.height)
    case (_?, _?): break
    }
  }
}
