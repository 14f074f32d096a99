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
    var canceled: PreparationError?
    let result = unsafe image.bytes.withUnsafeBytes { bytes in
      let resampler = unsafe resampler(
        bytes.baseAddress!, image.layout, height: image.size.height, horizontal: horizontal, vertical: vertical,
        filter: filter, kernels: kernels)
      for band in bands(image.size.height) {
        do throws(PreparationError) {
          try cancellation?.check(stage)
        } catch {
          canceled = error
          break
        }
        resampler.advance(rowsArrived: band.upperBound)
      }
      return resampler.result
    }
    if let canceled { throw canceled }
    return result
  }

  private var layout: RowLayout { RowLayout(channels: channels, bitDepth: bitDepth, width: size.width) }

  /// A part of rows without padding at another size.
  fileprivate static func resampled(
    _ rows: UnsafeRawPointer, _ layout: RowLayout, height: Int, horizontal: AxisGeometry, vertical: AxisGeometry,
    filter: ResamplingFilter, kernels: KernelTable
  ) -> Raster {
    let resampler = unsafe resampler(
      rows, layout, height: height, horizontal: horizontal, vertical: vertical, filter: filter, kernels: kernels)
    resampler.advance(rowsArrived: height)
    return resampler.result
  }

  /// A resampler that reads the rows where they are: the memory must outlive it.
  private static func resampler(
    _ rows: UnsafeRawPointer, _ layout: RowLayout, height: Int, horizontal: AxisGeometry, vertical: AxisGeometry,
    filter: ResamplingFilter, kernels: KernelTable
  ) -> PlaneResampler {
    let scale = SampleScale(bitDepth: layout.bitDepth, linear: false, isPremultiplied: layout.channels.hasAlpha)
    let plan = ResamplingPlan(
      layout: layout, height: height, horizontal: horizontal, vertical: vertical, filter: filter,
      scale: scale)
    return PlaneResampler(
      plan: plan, kernels: kernels, ring: unsafe RowRing(rows: rows, rowBytes: layout.rowBytes, count: height))
  }
}
