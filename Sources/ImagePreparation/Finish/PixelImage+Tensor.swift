internal import PixelKernels

extension PixelImage where Sample == UInt8 {
  /// These pixels as a tensor of red, green and blue.
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
  /// These pixels of 8 bits as a tensor, which has no alpha.
  ///
  /// - Parameters:
  ///   - layout: The order of the axes.
  ///   - tables: 3 × 256 floats, one for each byte of each channel.
  ///   - alpha: The handling of alpha before the conversion, which drops or flattens it.
  /// - Returns: A tensor of one image and three channels.
  func tensor(layout: TensorFormat.Layout, tables: [Float], alpha: AlphaHandling) -> Tensor {
    let opaque = handlingAlpha(alpha)
    let pixels = size.pixelCount
    let convert = unsafe layout == .nchw ? tensorPlanes : tensorPixels
    let values = unsafe [Float](unsafeUninitializedCapacity: pixels * 3) { output, count in
      unsafe opaque.bytes.withUnsafeBufferPointer { bytes in
        unsafe tables.withUnsafeBufferPointer { tables in
          unsafe convert(bytes.baseAddress!, opaque.channelCount, pixels, tables.baseAddress!, output.baseAddress!)
        }
      }
      count = pixels * 3
    }
    let shape = layout == .nchw ? [1, 3, size.height, size.width] : [1, size.height, size.width, 3]
    return Tensor(shape: shape, values: values)
  }
}
