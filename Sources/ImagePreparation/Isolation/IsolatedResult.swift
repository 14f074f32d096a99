/// The result of a task: a record, and bytes that are sent beside it.
package struct IsolatedResult: Sendable {
  /// The findings of a task. Each kind of task fills a part of it.
  struct Record: Codable, Sendable {
    var description: ImageDescription?
    var plan: PreparationPlan.Record?
    var geometry: GeometryRecord?
    var size: ImageSize?
    var format: EncodedFormat?
    var quality: Int?
    var subsampling: String?
    var bits: Int?
    var channels: Int?
    var timings: PreparedImage.Timings?
    /// Notes, or the kinds of metadata that were removed.
    var notes: [String]?
    var hadGPS: Bool?
    var tensorShape: [Int]?
  }

  var record: Record
  /// A file or pixels, the values of a tensor, and the profile of the source.
  var parts: [[UInt8]] = [[], [], []]

  init(_ record: Record, parts: [[UInt8]]) { (self.record, self.parts) = (record, parts) }

  init(_ description: ImageDescription, _ plan: PreparationPlan? = nil) {
    var found = description
    found.foundColorNotes = description.colorNotes()
    record = Record(description: found, plan: plan?.record)
    parts[2] = description.iccProfile ?? []
  }

  init(_ image: PreparedImage) {
    self.init(image.source, image.plan)
    record.geometry = image.geometry
    (record.size, record.format, record.bits) = (image.size, image.format, image.bits)
    (record.quality, record.subsampling) = (image.quality, image.subsampling)
    (record.timings, record.notes) = (image.timings, image.notes)
    parts[0] = image.bytes
    setTensor(image.tensor)
  }

  init(_ pixels: PixelImage<UInt8>) {
    record = Record(size: pixels.size, channels: pixels.channels)
    parts[0] = pixels.samples
  }

  init(_ tensor: Tensor) {
    record = Record()
    setTensor(tensor)
  }

  init(_ image: StrippedImage) {
    record = Record(format: image.format, notes: image.removed, hadGPS: image.hadGPS)
    parts[0] = image.bytes
  }

  private mutating func setTensor(_ tensor: Tensor?) {
    guard let tensor else { return }
    record.tensorShape = tensor.shape
    parts[1] = unsafe tensor.values.withUnsafeBytes { unsafe Array($0) }
  }
}

/// A result may come from a process that an image has taken over. So every value that the caller computes with is checked here.
extension IsolatedResult {
  func description() throws(PreparationError) -> ImageDescription {
    guard var found = record.description else { throw .contradictory("it describes nothing") }
    try Self.check(found.storedSize)
    // This process does not read the profile.
    guard found.foundColorNotes != nil, (0...65_535).contains(found.restartInterval) else {
      throw .contradictory("its description is not whole")
    }
    found.iccProfile = parts[2].isEmpty ? nil : parts[2]
    return found
  }

  func plan(_ limits: Limits) throws(PreparationError) -> PreparationPlan {
    guard let found = record.plan else { throw .contradictory("it has no plan") }
    try Self.check(found.geometry)
    try Self.check(found.explanation.geometry)
    let (decode, output) = (found.explanation.decode, found.explanation.output)
    guard decode.scale > 0, decode.scale <= 1, (1...2).contains(decode.threads),
      (0...limits.maxMemory).contains(found.explanation.bufferBytes), (0...1 << 44).contains(found.largestFileBytes),
      output.quality?.isFinite ?? true
    else { throw .contradictory("its plan is impossible") }
    return PreparationPlan(found: found)
  }

  func image(_ limits: Limits, tensor: TensorFormat?) throws(PreparationError) -> PreparedImage {
    guard let geometry = record.geometry, let size = record.size, let format = record.format, let bits = record.bits,
      let timings = record.timings, let notes = record.notes
    else { throw .contradictory("its image is not whole") }
    try Self.check(geometry)
    try Self.check(size)
    let times = [timings.decode, timings.resize, timings.color, timings.encode, timings.total]
    guard times.allSatisfy({ (0...1e12).contains($0) }), (1...100).contains(record.quality ?? 1) else {
      throw .contradictory("its figures are impossible")
    }
    return PreparedImage(
      bytes: try file(format), format: format, size: size, quality: record.quality, subsampling: record.subsampling,
      bits: bits, source: try description(), plan: try plan(limits), geometry: geometry, timings: timings, notes: notes,
      tensor: try tensor.map { format throws(PreparationError) in try self.tensor(format) })
  }

  func pixels() throws(PreparationError) -> PixelImage<UInt8> {
    guard let size = record.size, let channels = record.channels, (1...4).contains(channels) else {
      throw .contradictory("it has no pixels")
    }
    try Self.check(size)
    guard parts[0].count == size.pixelCount * channels else { throw .contradictory("its pixels have another size") }
    return PixelImage(size: size, channels: channels, samples: parts[0])
  }

  func tensor(_ format: TensorFormat) throws(PreparationError) -> Tensor {
    guard let shape = record.tensorShape, shape.count == 4, shape.allSatisfy({ (1...1_000_000).contains($0) }),
      shape[0] == 1, shape[format.layout == .nchw ? 1 : 3] == 3,
      // A side is at most a million, so the product is far from the largest number.
      parts[1].count == shape[1] * shape[2] * shape[3] * MemoryLayout<Float>.size
    else { throw .contradictory("its tensor has another size") }
    let values = unsafe [Float](unsafeUninitializedCapacity: parts[1].count / MemoryLayout<Float>.size) {
      values, count in
      count = values.count
      unsafe UnsafeMutableRawBufferPointer(values).copyBytes(from: parts[1])
    }
    return Tensor(shape: shape, values: values)
  }

  func stripped() throws(PreparationError) -> StrippedImage {
    guard let format = record.format, let removed = record.notes, let hadGPS = record.hadGPS else {
      throw .contradictory("its file is not whole")
    }
    return StrippedImage(bytes: try file(format), format: format, removed: removed, hadGPS: hadGPS)
  }

  private func file(_ format: EncodedFormat) throws(PreparationError) -> [UInt8] {
    let head = Array(parts[0].prefix(ImageSniffer.byteCount))
    guard SourceDecoder.kinds.first(where: { $0.recognizes(head) })?.format.rawValue == format.rawValue else {
      throw .contradictory("its file is no \(format.name)")
    }
    return parts[0]
  }

  private static func check(_ size: ImageSize) throws(PreparationError) {
    guard (1...Limits.longestSide).contains(size.width), (1...Limits.longestSide).contains(size.height) else {
      throw .contradictory("its size is impossible")
    }
  }

  private static func check(_ geometry: GeometryRecord) throws(PreparationError) {
    do throws(PreparationError) {
      try geometry.check()
    } catch {
      throw .contradictory("its geometry is impossible")
    }
  }
}

extension PreparationError {
  /// The error for a result that no task of this version makes.
  static func contradictory(_ what: String) -> PreparationError {
    PreparationError(
      .helperFailed, stage: .decode, "the answer of the isolated process is not valid: \(what)",
      remedy: "do not trust this image: it may have been made to attack the decoder")
  }
}
