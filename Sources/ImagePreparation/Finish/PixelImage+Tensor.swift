internal import Ground
internal import PixelKernels

extension PixelImage where Sample == UInt8 {
  /// The image as a tensor of red, green and blue.
  ///
  /// Gray is repeated in all three channels. Transparency is flattened first, because networks take four channels for latents.
  ///
  /// - Parameters:
  ///   - format: The order of the axes and the scale of the values.
  ///   - background: The color that transparency is flattened on.
  /// - Returns: A tensor of one image and three channels.
  /// - Throws: `invalidRecipe` of stage `color` for an invalid format.
  public func tensor(
    _ format: TensorFormat = TensorFormat(), background: BackgroundColor = .white
  ) throws(PreparationError) -> Tensor {
    try Raster(self).tensor(
      layout: format.layout, tables: format.tables(), alpha: .flatten(background, linear: false))
  }
}

extension Raster {
  /// The image as a tensor, which has no alpha.
  ///
  /// - Parameters:
  ///   - layout: The order of the axes.
  ///   - tables: A float for each level of each of three channels: 256 levels of 8 bits, 65 536 of 16.
  ///   - alpha: The handling of alpha before the conversion, which drops or flattens it.
  ///   - cancellation: Looked at before each band of rows.
  /// - Returns: A tensor of one image and three channels.
  /// - Throws: `canceled` once the flag is raised.
  func tensor(
    layout: TensorFormat.Layout, tables: [Float], alpha: AlphaHandling, _ cancellation: CancellationFlag? = nil
  ) throws(PreparationError) -> Tensor {
    let opaque = try handlingAlpha(alpha, cancellation)
    let isPlanar = layout == .nchw
    let (pixels, width, channels) = (size.pixelCount, size.width, opaque.channelCount)
    var isCanceled = false
    // A band of planes is made in memory of its own, because its planes follow each other.
    let bandPixels = min(size.height, Self.bandRows) * width
    let beside = AlignedBuffer<Float>(count: isPlanar ? bandPixels * 3 : 0, zeroed: false)
    let values = unsafe [Float](unsafeUninitializedCapacity: pixels * 3) { output, count in
      unsafe opaque.bytes.withUnsafeBytes { samples in
        unsafe tables.withUnsafeBufferPointer { tables in
          let (tables, output) = (tables.baseAddress!, output.baseAddress!)
          unsafe adviseLargePages(output, count: pixels * 3 * MemoryLayout<Float>.size)
          for band in Self.bands(size.height) {
            if cancellation?.isCanceled == true { return isCanceled = true }
            let (first, number) = (band.lowerBound * width, band.count * width)
            let rows = unsafe samples.baseAddress! + band.lowerBound * opaque.rowBytes
            let target = unsafe isPlanar ? beside.base : output + first * 3
            if opaque.bitDepth == 16 {
              let convert = unsafe isPlanar ? tensorPlanesOfWords : tensorPixelsOfWords
              unsafe convert(rows.assumingMemoryBound(to: UInt16.self), channels, number, tables, target)
            } else {
              let convert = unsafe isPlanar ? tensorPlanes : tensorPixels
              unsafe convert(rows.assumingMemoryBound(to: UInt8.self), channels, number, tables, target)
            }
            guard isPlanar else { continue }
            for plane in 0..<3 {
              unsafe (output + plane * pixels + first).update(from: beside.base + plane * number, count: number)
            }
          }
          count = pixels * 3
        }
      }
    }
    if isCanceled { throw .canceled(.color) }
    let shape = layout == .nchw ? [1, 3, size.height, size.width] : [1, size.height, size.width, 3]
    return Tensor(shape: shape, values: values)
  }
}
