import CGesso
import ImagePreparation

// The fields of the header as values of Swift. A field that is 0 has its default.

/// The caller's text; nil for NULL.
///
/// - Throws: A failure for bytes that are not UTF-8.
func text(_ pointer: UnsafePointer<CChar>?, _ field: String) throws(CallFailure) -> String? {
  guard let pointer else { return nil }
  guard let text = String(validatingCString: pointer) else {
    throw .misuse("\(field) is not UTF-8", field == "path" ? "open the file and give its descriptor" : "use UTF-8")
  }
  return text
}

/// The case that the caller's word names; nil for NULL.
///
/// - Throws: A failure that lists the words.
func choice<Value: CaseIterable & RawRepresentable<String>>(
  _ pointer: UnsafePointer<CChar>?, _ field: String, _: Value.Type = Value.self
) throws(CallFailure) -> Value? {
  guard let word = try text(pointer, field) else { return nil }
  guard let value = Value(rawValue: word) else {
    throw .recipe("\(field) is \"\(word)\"", "use \(list(Value.allCases.map(\.rawValue)))")
  }
  return value
}

/// Words as `a, b or c`.
func list(_ words: [String]) -> String {
  words.dropLast().joined(separator: ", ") + (words.count > 1 ? " or " : "") + (words.last ?? "")
}

extension gesso_source {
  /// The source. Bytes in memory are copied, because the decoder owns the bytes that it reads.
  func source() throws(CallFailure) -> ImageSource {
    switch gesso_source_kind(rawValue: UInt32(bitPattern: kind)) {
    case GESSO_PATH:
      guard let path = try text(path, "path") else { throw .misuse("the path is NULL", "give one") }
      return .file(path)
    case GESSO_MEMORY:
      guard count >= 0, bytes != nil || count == 0 else {
        throw .misuse("bytes is NULL, or count above all memory", "give both")
      }
      return .memory(Array(UnsafeRawBufferPointer(start: bytes, count: count)))
    case GESSO_DESCRIPTOR:
      return .descriptor(descriptor)
    default: throw .misuse("\(kind) is not a kind of source", "use GESSO_PATH, GESSO_MEMORY or GESSO_DESCRIPTOR")
    }
  }
}

extension gesso_limits {
  /// The limits.
  func limits() throws(CallFailure) -> Limits {
    var limits = try choice(preset, "preset", Limits.Preset.self)?.limits ?? Limits()
    func set(_ limit: inout Int, _ value: Int64, _ field: String) throws(CallFailure) {
      guard value >= 0 else { throw .misuse("\(field) is \(value)", "use 1 or more, or 0 for the default") }
      if value > 0 { limit = Int(value) }
    }
    try set(&limits.maxPixels, max_pixels, "max_pixels")
    try set(&limits.maxMemory, max_memory, "max_memory")
    try set(&limits.threads, threads, "threads")
    try set(&limits.maxScans, max_scans, "max_scans")
    try set(&limits.maxProfileBytes, max_profile_bytes, "max_profile_bytes")
    try set(&limits.maxMetadataBytes, max_metadata_bytes, "max_metadata_bytes")
    try set(&limits.maxChunkBytes, max_chunk_bytes, "max_chunk_bytes")
    try set(&limits.maxChunks, max_chunks, "max_chunks")
    try set(&limits.maxHelperSeconds, max_helper_seconds, "max_helper_seconds")
    try set(&limits.maxSide, max_side, "max_side")
    try set(&limits.maxSourceBytes, max_source_bytes, "max_source_bytes")
    try set(&limits.maxPixelsPerByte, max_pixels_per_byte, "max_pixels_per_byte")
    try set(&limits.maxSeconds, max_seconds, "max_seconds")
    limits.decodeHelper = try text(decode_helper, "decode_helper")
    return limits
  }
}

extension gesso_tensor_format {
  /// The format.
  func format() throws(CallFailure) -> TensorFormat {
    var format = TensorFormat()
    if let layout = try choice(layout, "layout", TensorFormat.Layout.self) { format.layout = layout }
    if range_low != 0 || range_high != 0 {
      guard range_low <= range_high else {
        throw .recipe("range_low is \(range_low), and range_high \(range_high)", "give the lower one first")
      }
      format.range = range_low...range_high
    }
    func values(_ values: (Double, Double, Double), _ count: Int32, _ field: String) throws(CallFailure) -> [Double]? {
      switch count {
      case 0: return nil
      case 1: return [values.0]
      case 3: return [values.0, values.1, values.2]
      default: throw .recipe("\(field)_count is \(count)", "use 1 for all channels, or 3")
      }
    }
    if let mean = try values(mean, mean_count, "mean") { format.mean = mean }
    if let std = try values(std, std_count, "std") { format.std = std }
    return format
  }
}

extension gesso_geometry {
  /// The record. The code that uses it checks whether its fields contradict each other.
  func record() throws(CallFailure) -> GeometryRecord {
    guard let orientation = Orientation(rawValue: Int(orientation)) else {
      throw .recipe("the geometry has an orientation of \(orientation)", "use the geometry that a call wrote")
    }
    return GeometryRecord(
      source: ImageSize(width: Int(source_width), height: Int(source_height)), orientation: orientation,
      crop: GeometryRecord.SourceRect(x: crop_x, y: crop_y, width: crop_width, height: crop_height),
      content: ImageSize(width: Int(content_width), height: Int(content_height)), contentX: Int(content_x),
      contentY: Int(content_y), canvas: ImageSize(width: Int(canvas_width), height: Int(canvas_height)))
  }

  /// Writes a record.
  init(_ record: GeometryRecord) {
    self.init(
      source_width: Int32(record.source.width), source_height: Int32(record.source.height), crop_x: record.crop.x,
      crop_y: record.crop.y, crop_width: record.crop.width, crop_height: record.crop.height,
      content_x: Int32(record.contentX), content_y: Int32(record.contentY), content_width: Int32(record.content.width),
      content_height: Int32(record.content.height), canvas_width: Int32(record.canvas.width),
      canvas_height: Int32(record.canvas.height), orientation: Int32(record.orientation.rawValue), reserved: 0)
  }
}
