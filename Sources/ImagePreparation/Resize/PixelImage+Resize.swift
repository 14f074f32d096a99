extension PixelImage where Sample == UInt8 {
  /// This image at another size: separable, antialiased, alpha premultiplied.
  ///
  /// - Parameters:
  ///   - size: The size of the result, of any shape, at least 1×1.
  ///   - resamplingFilter: The resampling filter.
  ///   - instructionSet: The instruction set of the kernels; all give the same bits.
  /// - Returns: An image with the same channels.
  public func resized(
    to size: ImageSize, resamplingFilter: ResamplingFilter = .lanczos3, instructionSet: InstructionSet = .best
  ) -> PixelImage {
    let raster = Raster.resized(
      Raster(self), to: size, filter: resamplingFilter, kernels: KernelTable(instructionSet))
    return PixelImage(size: size, channels: channels, samples: raster.bytes)
  }
}

extension PixelImage where Sample == UInt16 {
  /// This image at another size: separable, antialiased, alpha premultiplied.
  ///
  /// - Parameters:
  ///   - size: The size of the result, of any shape, at least 1×1.
  ///   - resamplingFilter: The resampling filter.
  ///   - instructionSet: The instruction set of the kernels; all give the same bits.
  /// - Returns: An image with the same channels.
  public func resized(
    to size: ImageSize, resamplingFilter: ResamplingFilter = .lanczos3, instructionSet: InstructionSet = .best
  ) -> PixelImage {
    let raster = Raster.resized(
      Raster(self), to: size, filter: resamplingFilter, kernels: KernelTable(instructionSet))
    return PixelImage(size: size, channels: channels, samples: raster.words)
  }
}

extension Raster {
  /// A raster at another size.
  static func resized(
    _ image: Raster, to size: ImageSize, filter: ResamplingFilter, kernels: KernelTable
  ) -> Raster {
    precondition(size.width > 0 && size.height > 0, "an image has at least one pixel, not \(size)")
    return resampled(
      image,
      horizontal: AxisGeometry(origin: 0, length: Double(image.size.width), count: size.width, isMirrored: false),
      vertical: AxisGeometry(origin: 0, length: Double(image.size.height), count: size.height, isMirrored: false),
      filter: filter, kernels: kernels)
  }

  /// A part of a raster at another size.
  static func resampled(
    _ image: Raster, horizontal: AxisGeometry, vertical: AxisGeometry, filter: ResamplingFilter,
    kernels: KernelTable
  ) -> Raster {
    let layout = RowLayout(channels: image.channels, bitDepth: image.bitDepth, width: image.size.width)
    let scale = SampleScale(bitDepth: image.bitDepth, linear: false, isPremultiplied: image.channels.hasAlpha)
    let plan = ResamplingPlan(
      input: image.size, horizontal: horizontal, vertical: vertical, channels: layout.channelCount, filter: filter,
      scale: scale.kind)
    let resampler = PlaneResampler(
      plan: plan, layout: layout, scale: scale, kernels: kernels, stripRows: RowStrip.rows,
      rowBytes: layout.rowBytes, ahead: 1)
    unsafe image.bytes.withUnsafeBytes { bytes in
      for y in 0..<image.size.height {
        unsafe resampler.ring.row(y).copyMemory(
          from: bytes.baseAddress! + y * layout.rowBytes, byteCount: layout.rowBytes)
        if (y + 1) % RowStrip.rows == 0 || y + 1 == image.size.height { resampler.advance(rowsArrived: y + 1) }
      }
    }
    return resampler.result
  }
}
