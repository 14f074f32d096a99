extension ImagePreparer {
  /// Does the work of ``restore(_:onto:profile:resamplingFilter:stretching:)`` on the calling thread.
  /// Another thread can raise `cancellation` to stop the work.
  ///
  /// - Returns: RGBA pixels of the upright source's size.
  /// - Throws: A ``PreparationError``; `canceled` once the flag is raised.
  public func restoreBlocking(
    _ result: ImageSource, onto record: GeometryRecord, profile: Recipe.ProfileHandling = .convert,
    resamplingFilter: ResamplingFilter = .lanczos3, stretching: Bool = false, cancellation: CancellationFlag? = nil
  ) throws(PreparationError) -> PixelImage<UInt8> {
    try record.check()
    // The canvas, the part on the canvas, and the buffers of the resize.
    let bytes = record.source.pixelCount * 4 * 3
    guard bytes <= limits.maxMemory else {
      throw PreparationError(
        .tooMuchMemory, stage: .resize, "a canvas of \(record.source) takes \(bytes >> 20) MiB",
        remedy: .raise(.memory, atLeast: bytes))
    }
    let recipe = Recipe(size: .original, samples: .color(profile: profile))
    let image = try Raster(pixelsBlocking(of: result, as: recipe, cancellation: cancellation))
      .expandedToRGBA(cancellation)
    guard stretching || image.size.hasShape(of: record.canvas) else {
      throw PreparationError(
        .invalidRecipe, stage: .resize,
        "the image is \(image.size), which is another shape than that of the prepared image, \(record.canvas)",
        remedy: .allowStretching)
    }

    let (columns, rows) = Self.filledArea(of: record)
    // The canvas is transparent at first. It is written in bands, and the flag is checked before each, because the system allocates the
    // memory of a large canvas page by page while it is written.
    var canvas = Raster(uninitialized: record.source, channels: .rgba)
    for band in Raster.bands(canvas.size.height) {
      try cancellation?.check(.resize)
      let bytes = band.lowerBound * canvas.rowBytes..<band.upperBound * canvas.rowBytes
      unsafe canvas.bytes.withUnsafeMutableBytes { unsafe _ = $0[bytes].initializeMemory(as: UInt8.self, repeating: 0) }
    }
    guard !columns.isEmpty, !rows.isEmpty else {
      return PixelImage(size: canvas.size, channels: 4, samples: canvas.bytes)
    }
    // The edges of the filled pixels, in the coordinates of the result.
    func axis(
      _ range: Range<Int>, crop: (Double, Double), content: (Int, Int), canvas: Int, image: Int
    ) -> AxisGeometry {
      let scale = Double(image) / Double(canvas)
      let step = Double(content.1) * scale / crop.1
      return AxisGeometry(
        origin: Double(content.0) * scale + (Double(range.lowerBound) - crop.0) * step,
        length: Double(range.count) * step, count: range.count, isMirrored: false)
    }
    let part = try Raster.resampled(
      image,
      horizontal: axis(
        columns, crop: (record.crop.x, record.crop.width), content: (record.contentX, record.content.width),
        canvas: record.canvas.width, image: image.size.width),
      vertical: axis(
        rows, crop: (record.crop.y, record.crop.height), content: (record.contentY, record.content.height),
        canvas: record.canvas.height, image: image.size.height),
      filter: resamplingFilter, kernels: kernels, cancellation: cancellation, stage: .resize)
    for row in rows {
      if row % Raster.bandRows == 0 { try cancellation?.check(.resize) }
      let from = (row - rows.lowerBound) * part.rowBytes
      let to = row * canvas.rowBytes + columns.lowerBound * 4
      canvas.bytes.replaceSubrange(to..<to + part.rowBytes, with: part.bytes[from..<from + part.rowBytes])
    }
    return PixelImage(size: canvas.size, channels: 4, samples: canvas.bytes)
  }

  /// The pixels of the upright source whose centers lie in the part that was kept.
  static func filledArea(of record: GeometryRecord) -> (columns: Range<Int>, rows: Range<Int>) {
    (filled(record.crop.x, record.crop.width), filled(record.crop.y, record.crop.height))
  }

  /// The pixels whose centers lie between `origin` and `origin + length`.
  private static func filled(_ origin: Double, _ length: Double) -> Range<Int> {
    let first = Int((origin - 0.5 - 1e-6).rounded(.up))
    let end = Int((origin + length - 0.5 + 1e-6).rounded(.down)) + 1
    return max(first, 0)..<max(first, 0, end)
  }
}
