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
    guard let channels = RowLayout.Channels(rawValue: channels) else { preconditionFailure("1 to 4 channels") }
    let layout = RowLayout(channels: channels, bitDepth: 16, width: self.size.width)
    let raster = unsafe samples.withUnsafeBytes { samples in
      unsafe Raster.resampled(
        samples.baseAddress!, layout, height: self.size.height, horizontal: .whole(self.size.width, to: size.width),
        vertical: .whole(self.size.height, to: size.height), filter: resamplingFilter,
        kernels: KernelTable(instructionSet))
    }
    return PixelImage(size: size, channels: self.channels, samples: raster.words)
  }
}

extension Raster {
  /// A raster at another size.
  static func resized(_ image: Raster, to size: ImageSize, filter: ResamplingFilter, kernels: KernelTable) -> Raster {
    unsafe image.bytes.withUnsafeBytes { bytes in
      unsafe resampled(
        bytes.baseAddress!, image.layout, height: image.size.height,
        horizontal: .whole(image.size.width, to: size.width),
        vertical: .whole(image.size.height, to: size.height), filter: filter, kernels: kernels)
    }
  }

  /// A raster at another size.
  ///
  /// - Throws: `canceled` of the stage once the flag is raised.
  static func resized(
    _ image: Raster, to size: ImageSize, filter: ResamplingFilter, kernels: KernelTable,
    cancellation: CancellationFlag?, stage: Stage
  ) throws(PreparationError) -> Raster {
    try resampled(
      image, horizontal: .whole(image.size.width, to: size.width), vertical: .whole(image.size.height, to: size.height),
      filter: filter, kernels: kernels, cancellation: cancellation, stage: stage)
  }

  /// A part of a raster at another size.
  ///
  /// - Throws: `canceled` of the stage once the flag is raised.
  static func resampled(
    _ image: Raster, horizontal: AxisGeometry, vertical: AxisGeometry, filter: ResamplingFilter,
    kernels: KernelTable, cancellation: CancellationFlag?, stage: Stage
  ) throws(PreparationError) -> Raster {
    let resampler = resampler(
      image.layout, height: image.size.height, horizontal: horizontal, vertical: vertical, filter: filter,
      kernels: kernels)
    for band in bands(image.size.height) {
      try cancellation?.check(stage)
      unsafe image.bytes.withUnsafeBytes {
        unsafe resampler.take(band, of: $0.baseAddress!, image.rowBytes, image.size.height)
      }
    }
    return resampler.result
  }

  private var layout: RowLayout { RowLayout(channels: channels, bitDepth: bitDepth, width: size.width) }

  /// A part of rows without padding at another size.
  fileprivate static func resampled(
    _ rows: UnsafeRawPointer, _ layout: RowLayout, height: Int, horizontal: AxisGeometry, vertical: AxisGeometry,
    filter: ResamplingFilter, kernels: KernelTable
  ) -> Raster {
    let resampler = resampler(
      layout, height: height, horizontal: horizontal, vertical: vertical, filter: filter, kernels: kernels)
    unsafe resampler.take(0..<height, of: rows, layout.rowBytes, height)
    return resampler.result
  }

  private static func resampler(
    _ layout: RowLayout, height: Int, horizontal: AxisGeometry, vertical: AxisGeometry, filter: ResamplingFilter,
    kernels: KernelTable
  ) -> PlaneResampler {
    let scale = SampleScale(bitDepth: layout.bitDepth, linear: false, isPremultiplied: layout.channels.hasAlpha)
    let plan = ResamplingPlan(
      layout: layout, height: height, horizontal: horizontal, vertical: vertical, filter: filter,
      scale: scale)
    return PlaneResampler(plan: plan, kernels: kernels, stripRows: RowStrip.rows, rowBytes: layout.rowBytes, ahead: 1)
  }
}

extension PlaneResampler {
  /// Takes some of `height` rows without padding, which begin at `start`.
  fileprivate func take(_ rows: Range<Int>, of start: UnsafeRawPointer, _ rowBytes: Int, _ height: Int) {
    for y in rows {
      unsafe ring.row(y).copyMemory(from: start + y * rowBytes, byteCount: rowBytes)
      if (y + 1) % RowStrip.rows == 0 || y + 1 == height { advance(rowsArrived: y + 1) }
    }
  }
}
