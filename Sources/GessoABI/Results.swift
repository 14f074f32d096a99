import CGesso
import ImagePreparation

extension gesso_description {
  /// The content of a file's headers.
  init(_ description: ImageDescription) {
    self.init()
    (width, height) = (Int32(description.size.width), Int32(description.size.height))
    (stored_width, stored_height) = (Int32(description.storedSize.width), Int32(description.storedSize.height))
    orientation = Int32(description.orientation.rawValue)
    bits = Int32(description.bitDepth)
    has_alpha = description.hasAlpha ? 1 : 0
    is_progressive = description.isProgressive ? 1 : 0
    is_animated = description.isAnimated ? 1 : 0
    has_exif = description.hasEXIF ? 1 : 0
    has_gps = description.hasGPS ? 1 : 0
    has_place_name = description.hasPlaceName ? 1 : 0
    has_xmp = description.hasXMP ? 1 : 0
    has_text = description.hasText ? 1 : 0
    restart_interval = Int32(description.restartInterval)
    profile_bytes = Int64(description.iccProfile?.count ?? 0)
    fill(&profile_name, description.iccProfileName ?? "")
    fill(&format, description.format.rawValue)
    fill(&color_model, description.colorModel.rawValue)
    fill(&subsampling, description.subsampling ?? "")
    fill(&notes, lines: description.notes)
  }
}

extension gesso_plan_result {
  /// A plan.
  init(_ plan: PreparationPlan) {
    self.init()
    (width, height) = (Int32(plan.outputSize.width), Int32(plan.outputSize.height))
    file_bytes = Int64(plan.largestFileBytes)
    pixel_bytes = Int64(plan.largestPixelBytes)
    tensor_values = Int64(plan.tensorCount)
    buffer_bytes = Int64(plan.bufferBytes)
    threads = Int32(plan.threads)
    decoder_scale = plan.decoderScale
    geometry = gesso_geometry(plan.geometry)
    fill(&notes, lines: plan.notes)
  }
}

extension gesso_result {
  /// A file.
  init(_ image: PreparedImage) {
    self.init(image.size, image.timings, image.notes)
    bits = Int32(image.bits)
    count = Int64(image.bytes.count)
    fill(&format, image.format.rawValue)
    fill(&subsampling, image.subsampling ?? "")
    quality = Int32(image.quality ?? 0)
    geometry = gesso_geometry(image.geometry)
  }

  /// Pixels or a tensor.
  init(_ result: MemoryResult) {
    self.init(result.size, result.timings, result.notes)
    channels = Int32(result.channels)
    count = Int64(result.tensor?.values.count ?? result.samples.count)
    geometry = gesso_geometry(result.geometry)
  }

  /// A restored image.
  init(_ image: PixelImage<UInt8>) {
    self.init(image.size, nil, [])
    channels = Int32(image.channels)
    count = Int64(image.samples.count)
  }

  private init(_ size: ImageSize, _ timings: PreparedImage.Timings?, _ lines: [String]) {
    self.init()
    (width, height) = (Int32(size.width), Int32(size.height))
    if let timings {
      (decode_ms, resize_ms, color_ms) = (timings.decode, timings.resize, timings.color)
      (encode_ms, total_ms) = (timings.encode, timings.total)
    }
    fill(&notes, lines: lines)
  }
}

/// Memory of the caller for one result: `count` bytes or floats from `start`.
struct Memory<Element> {
  private let start: UnsafeMutablePointer<Element>?
  private let count: Int
  private let unit: String

  /// Checks the memory. `unit` is the name of its elements.
  ///
  /// - Throws: A failure for NULL with a count, and for a count that is not a size of memory.
  init(_ start: UnsafeMutablePointer<Element>?, _ count: Int, _ unit: String) throws(CallFailure) {
    guard count >= 0, start != nil || count == 0 else {
      throw .misuse("the memory for \(unit) is NULL, or its size above all memory", "give memory, or a size of 0")
    }
    (self.start, self.count, self.unit) = (start, count, unit)
  }

  /// True if the caller gave no memory.
  var isMissing: Bool { start == nil }

  /// Throws if a result of `needed` elements does not fit.
  func check(_ needed: Int) throws(CallFailure) {
    if needed > count { throw .tooSmall(count, needed: needed, unit) }
  }

  /// Checks the size of a result and copies it.
  func write(_ values: [Element]) throws(CallFailure) {
    try check(values.count)
    guard let start else { return }
    values.withUnsafeBytes { values in
      guard let first = values.baseAddress else { return }
      UnsafeMutableRawPointer(start).copyMemory(from: first, byteCount: values.count)
    }
  }
}
