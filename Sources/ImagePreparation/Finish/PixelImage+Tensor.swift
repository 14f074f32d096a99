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
  /// - Throws: `invalidRecipe` of stage `color` for a format without meaning.
  public func tensor(
    _ format: TensorFormat = TensorFormat(), background: BackgroundColor = .white
  ) throws(PreparationError) -> Tensor {
    Raster(self).tensor(layout: format.layout, tables: try format.tables(), alpha: .flatten(background, linear: false))
  }
}

extension Raster {
  /// The image as a tensor, which has no alpha.
  ///
  /// - Parameters:
  ///   - layout: The order of the axes.
  ///   - tables: A float for each level of each of three channels: 256 levels of 8 bits, 65 536 of 16.
  ///   - alpha: The handling of alpha before the conversion, which drops or flattens it.
  /// - Returns: A tensor of one image and three channels.
  func tensor(layout: TensorFormat.Layout, tables: [Float], alpha: AlphaHandling) -> Tensor {
    let opaque = handlingAlpha(alpha)
    let pixels = size.pixelCount
    let isPlanar = layout == .nchw
    let values = unsafe [Float](unsafeUninitializedCapacity: pixels * 3) { output, count in
      unsafe opaque.bytes.withUnsafeBytes { samples in
        unsafe tables.withUnsafeBufferPointer { tables in
          let (samples, tables, output) = (samples.baseAddress!, tables.baseAddress!, output.baseAddress!)
          if opaque.bitDepth == 16 {
            let convert = unsafe isPlanar ? tensorPlanesOfWords : tensorPixelsOfWords
            unsafe convert(samples.assumingMemoryBound(to: UInt16.self), opaque.channelCount, pixels, tables, output)
          } else {
            let convert = unsafe isPlanar ? tensorPlanes : tensorPixels
            unsafe convert(samples.assumingMemoryBound(to: UInt8.self), opaque.channelCount, pixels, tables, output)
          }
        }
      }
      count = pixels * 3
    }
    let shape = layout == .nchw ? [1, 3, size.height, size.width] : [1, size.height, size.width, 3]
    return Tensor(shape: shape, values: values)
  }
}
