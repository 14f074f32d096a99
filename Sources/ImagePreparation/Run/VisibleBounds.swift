/// Finds the part of an image that is not fully transparent: its pixels with alpha above 0.
enum VisibleBounds {
  /// The smallest rectangle of upright pixels that contains all pixels with alpha above 0; nil if trimming changes nothing,
  /// because the image has no alpha or visible pixels reach all its edges.
  ///
  /// - Throws: A ``PreparationError``; `invalidRecipe` for an image that is wholly transparent.
  static func find(
    in source: ImageSource, limits: Limits, policy: DamagePolicy, kernels: KernelTable, cancellation: CancellationFlag?
  ) throws(PreparationError) -> GeometryRecord.SourceRect? {
    let opened = try SourceDecoder(opening: source, limits: limits, policy: policy, cancellation: cancellation)
    let description = opened.description
    guard description.hasAlpha else { return nil }
    let stored = description.storedSize
    let layout = RowLayout(
      channels: description.decodedChannels, bitDepth: description.decodedBits, width: stored.width)
    let plane = StripPlane(
      layout: layout, height: stored.height, stripRows: RowStrip.rows, rowBytes: layout.rowBytes)
    let decoder = try opened.strips(
      DecodingPlan(form: .rows, scale: .full, planes: [plane], conversion: nil, threads: 1), kernels: kernels)
    let ring = RowRing(stripRows: plane.stripRows, rowBytes: plane.rowBytes, window: 1, ahead: 0)
    var (left, right, top, bottom) = (stored.width, -1, stored.height, -1)
    for index in 0..<decoder.stripCount {
      if cancellation?.isCanceled == true { throw .canceled(.decode) }
      try decoder.readStrip(index, into: [ring])
      _ = decoder.deferred?.finishStrip(index, in: [ring])
      for y in index * plane.stripRows..<plane.rows(inStrips: index + 1) {
        let row = unsafe UnsafeRawBufferPointer(start: ring.row(y), count: layout.rowBytes)
        guard let first = unsafe firstVisible(row.bytes, layout) else { continue }
        let last = unsafe lastVisible(row.bytes, layout)
        (left, right) = (min(left, first), max(right, last))
        (top, bottom) = (min(top, y), max(bottom, y))
      }
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

  private static func isVisible(_ row: RawSpan, _ layout: RowLayout, _ x: Int) -> Bool {
    let sampleBytes = layout.bitDepth / 8
    let at = (x * layout.channelCount + layout.channelCount - 1) * sampleBytes
    return (0..<sampleBytes).contains { unsafe row.unsafeLoad(fromByteOffset: at + $0, as: UInt8.self) != 0 }
  }

  private static func firstVisible(_ row: RawSpan, _ layout: RowLayout) -> Int? {
    for x in 0..<layout.width where isVisible(row, layout, x) { return x }
    return nil
  }

  private static func lastVisible(_ row: RawSpan, _ layout: RowLayout) -> Int {
    for x in stride(from: layout.width - 1, through: 0, by: -1) where isVisible(row, layout, x) { return x }
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
