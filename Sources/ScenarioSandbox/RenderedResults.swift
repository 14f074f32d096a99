internal import ImagePreparation

/// Renders results when they are requested, one at a time, and keeps the last ones.
///
/// A result that was removed from memory is rendered again with the same bytes, so that a long run needs no more memory than a short one.
actor RenderedResults {
  private let limit: Int
  private let images: SourceImage
  private var kept: [Rendering: [UInt8]] = [:]
  private var order: [Rendering] = []
  private var keptBytes = 0
  /// Sizes are kept longer than the bytes, because every reply about a result contains its size.
  private var byteCounts: [Rendering: Int] = [:]

  /// Makes an empty cache for at most `limit` bytes. `images` decodes the sources.
  init(limit: Int, images: SourceImage) {
    self.limit = limit
    self.images = images
  }

  /// The result as a PNG file.
  ///
  /// - Throws: A `PreparationError` when the source cannot be decoded; jobs with such a source end as `failure`, so
  ///   their results are never requested.
  func png(_ rendering: Rendering) throws -> [UInt8] {
    if let bytes = kept[rendering] { return bytes }
    let source = try images.decode(try encoded(rendering.source), size: rendering.size)
    var mask: PixelImage<UInt8>?
    if case .mask(let content, merges: true)? = rendering.second {
      mask = try images.decode(try encoded(content), size: rendering.size)
    }
    let image = ResultRenderer.render(
      source: source, seed: rendering.patternSeed, strength: rendering.strength, mask: mask)
    let bytes = try ImagePreparer().encodePNGBlocking(image, compression: .fast)
    keep(bytes, of: rendering)
    return bytes
  }

  private func encoded(_ content: Asset.Content) throws -> [UInt8] {
    switch content {
    case .stored(let image): image.bytes
    case .rendered(let earlier): try png(earlier)
    }
  }

  /// The size of the PNG file in bytes.
  func byteCount(_ rendering: Rendering) throws -> Int {
    if let count = byteCounts[rendering] { return count }
    return try png(rendering).count
  }

  /// The reason why this source cannot be decoded; nil when it can.
  func fault(in source: [UInt8], size: ImageSize) -> PreparationError? {
    do {
      _ = try images.decode(source, size: size)
      return nil
    } catch {
      return error
    }
  }

  private func keep(_ bytes: [UInt8], of rendering: Rendering) {
    kept[rendering] = bytes
    byteCounts[rendering] = bytes.count
    order.append(rendering)
    keptBytes += bytes.count
    while keptBytes > limit, order.count > 1 {
      keptBytes -= kept.removeValue(forKey: order.removeFirst())?.count ?? 0
    }
  }
}
