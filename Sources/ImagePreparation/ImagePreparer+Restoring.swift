extension ImagePreparer {
  /// Puts an image that was made of a prepared one back on the canvas of the source: transparent where the source was
  /// cropped away.
  ///
  /// - Parameters:
  ///   - result: The image. It may have another size than the prepared one; it is taken as the whole of its canvas.
  ///   - record: The record of the preparation.
  ///   - limits: A recipe whose ``Recipe/maxMemory``, ``Recipe/maxInputPixels``, ``Recipe/filter`` and
  ///     ``Recipe/profile`` hold.
  ///   - cancellation: Raise it from another thread to stop.
  /// - Returns: RGBA pixels of the upright source's size. A pixel is filled where its center lies in the part that was kept.
  /// - Throws: A ``PreparationError``; `invalidRecipe` for a record that contradicts itself.
  public func restored(
    _ result: ImageSource, record: GeometryRecord, recipe limits: Recipe = Recipe(),
    cancellation: CancellationFlag? = nil
  ) throws(PreparationError) -> PixelImage<UInt8> {
    try record.check()
    // The canvas, the part on it, and the buffers of the resize between them.
    let bytes = record.source.pixelCount * 4 * 3
    guard bytes <= limits.maxMemory else {
      throw PreparationError(
        .tooMuchMemory, stage: .resize, "a canvas of \(record.source) takes \(bytes >> 20) MiB",
        remedy: "raise --max-memory")
    }
    var recipe = Recipe(limitsOf: limits)
    (recipe.maxSide, recipe.profile) = (nil, limits.profile)
    let image = Raster(try pixels(of: result, recipe: recipe, cancellation: cancellation)).expandedToRGBA()

    let columns = Self.filled(record.crop.x, record.crop.width)
    let rows = Self.filled(record.crop.y, record.crop.height)
    var canvas = Raster(size: record.source, channels: .rgba, bitDepth: 8)
    guard !columns.isEmpty, !rows.isEmpty else {
      return PixelImage(size: canvas.size, channels: 4, samples: canvas.bytes)
    }
    // Where the filled pixels' edges lie in the result.
    func axis(
      _ range: Range<Int>, crop: (Double, Double), content: (Int, Int), canvas: Int, image: Int
    ) -> AxisGeometry {
      let scale = Double(image) / Double(canvas)
      let step = Double(content.1) * scale / crop.1
      return AxisGeometry(
        origin: Double(content.0) * scale + (Double(range.lowerBound) - crop.0) * step,
        length: Double(range.count) * step, count: range.count, isMirrored: false)
    }
    let part = Raster.resampled(
      image,
      horizontal: axis(
        columns, crop: (record.crop.x, record.crop.width), content: (record.contentX, record.content.width),
        canvas: record.canvas.width, image: image.size.width),
      vertical: axis(
        rows, crop: (record.crop.y, record.crop.height), content: (record.contentY, record.content.height),
        canvas: record.canvas.height, image: image.size.height),
      filter: limits.filter, kernels: kernels)
    for row in rows {
      let from = (row - rows.lowerBound) * part.rowBytes
      let to = row * canvas.rowBytes + columns.lowerBound * 4
      canvas.bytes.replaceSubrange(to..<to + part.rowBytes, with: part.bytes[from..<from + part.rowBytes])
    }
    return PixelImage(size: canvas.size, channels: 4, samples: canvas.bytes)
  }

  /// The pixels whose centers lie from `origin` on for `length`.
  private static func filled(_ origin: Double, _ length: Double) -> Range<Int> {
    let first = Int((origin - 0.5 - 1e-6).rounded(.up))
    let end = Int((origin + length - 0.5 + 1e-6).rounded(.down)) + 1
    return max(first, 0)..<max(first, 0, end)
  }
}
