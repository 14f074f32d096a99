/// Finds the part of an image that is not fully transparent: its pixels with alpha above 0.
enum VisibleBounds {
  /// The smallest rectangle of upright pixels that contains all pixels with alpha above 0; nil where trimming changes nothing,
  /// because the image has no alpha or visible pixels reach all its edges.
  ///
  /// - Throws: A ``PreparationError``; `invalidRecipe` for an image that is wholly transparent.
  static func find(
    in source: ImageSource, limits: Limits, policy: DamagePolicy, cancellation: CancellationFlag?
  ) throws(PreparationError) -> GeometryRecord.SourceRect? {
    let opened = try SourceDecoder(opening: source, limits: limits, policy: policy, cancellation: cancellation)
    let description = opened.description
    guard description.hasAlpha, case .png(var decoder) = consume opened else { return nil }
    try decoder.start()
    let layout = decoder.layout
    let stored = description.storedSize
    var (left, right, top, bottom) = (stored.width, -1, stored.height, -1)
    var rows = [UInt8](repeating: 0, count: layout.rowBytes * RowStrip.rows)
    var y = 0
    while true {
      let count = try unsafe rows.withUnsafeMutableBufferPointer { buffer throws(PreparationError) in
        try unsafe decoder.readRows(into: buffer.baseAddress!, stride: layout.rowBytes, count: RowStrip.rows)
      }
      guard count > 0 else { break }
      for row in 0..<count {
        guard let first = firstVisible(rows.span, layout, row: row) else { continue }
        let last = lastVisible(rows.span, layout, row: row)
        (left, right) = (min(left, first), max(right, last))
        (top, bottom) = (min(top, y + row), max(bottom, y + row))
      }
      y += count
    }
    guard right >= 0 else {
      throw PreparationError(
        .invalidRecipe, stage: .decode, "every pixel is transparent, so trimming leaves nothing",
        remedy: .leaveOut(.trimming))
    }
    let part = GeometryRecord.SourceRect(
      x: Double(left), y: Double(top), width: Double(right - left + 1), height: Double(bottom - top + 1))
    guard Int(part.width) < stored.width || Int(part.height) < stored.height else { return nil }
    return description.orientation.uprightRect(part, stored: stored)
  }

  private static func isVisible(_ rows: Span<UInt8>, _ layout: RowLayout, _ row: Int, _ x: Int) -> Bool {
    let sampleBytes = layout.bitDepth / 8
    let at = row * layout.rowBytes + (x * layout.channelCount + layout.channelCount - 1) * sampleBytes
    return (0..<sampleBytes).contains { rows[at + $0] != 0 }
  }

  private static func firstVisible(_ rows: Span<UInt8>, _ layout: RowLayout, row: Int) -> Int? {
    for x in 0..<layout.width where isVisible(rows, layout, row, x) { return x }
    return nil
  }

  private static func lastVisible(_ rows: Span<UInt8>, _ layout: RowLayout, row: Int) -> Int {
    for x in stride(from: layout.width - 1, through: 0, by: -1) where isVisible(rows, layout, row, x) { return x }
    return 0
  }
}

extension Orientation {
  /// The rectangle of the upright image that `rect` of the stored one becomes: the inverse of ``storedRect(_:stored:)``.
  func uprightRect(_ rect: GeometryRecord.SourceRect, stored: ImageSize) -> GeometryRecord.SourceRect {
    // The two quarter turns are the inverse of each other; every other orientation is its own inverse.
    let inverse: Orientation = self == .turnRight ? .turnLeft : self == .turnLeft ? .turnRight : self
    return inverse.storedRect(rect, stored: swapsSides ? stored.transposed : stored)
  }
}
