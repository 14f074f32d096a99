extension PixelImage where Sample == UInt8 {
  /// This image at another size: separable, antialiased, alpha premultiplied.
  ///
  /// - Parameters:
  ///   - size: The size wanted, any shape, at least 1×1.
  ///   - filter: The resampling filter.
  ///   - instructionSet: The instruction set of the kernels; all give the same bits.
  public func resized(
    to size: ImageSize, filter: ResamplingFilter = .lanczos3, instructionSet: InstructionSet = .best
  ) -> PixelImage {
    let raster = unsafe samples.withUnsafeBytes {
      unsafe Raster.resized($0, size: self.size, channels: channels, bitDepth: 8, to: size, filter, instructionSet)
    }
    return PixelImage(size: size, channels: channels, samples: raster.bytes)
  }
}

extension PixelImage where Sample == UInt16 {
  /// This image at another size: separable, antialiased, alpha premultiplied.
  ///
  /// - Parameters:
  ///   - size: The size wanted, any shape, at least 1×1.
  ///   - filter: The resampling filter.
  ///   - instructionSet: The instruction set of the kernels; all give the same bits.
  public func resized(
    to size: ImageSize, filter: ResamplingFilter = .lanczos3, instructionSet: InstructionSet = .best
  ) -> PixelImage {
    let raster = unsafe samples.withUnsafeBytes {
      unsafe Raster.resized($0, size: self.size, channels: channels, bitDepth: 16, to: size, filter, instructionSet)
    }
    return PixelImage(size: size, channels: channels, samples: raster.words)
  }
}

extension Raster {
  /// The samples of a raster of 16 bits.
  var words: [UInt16] {
    unsafe bytes.withUnsafeBytes { unsafe Array($0.bindMemory(to: UInt16.self)) }
  }

  fileprivate static func resized(
    _ samples: UnsafeRawBufferPointer, size: ImageSize, channels: Int, bitDepth: Int, to output: ImageSize,
    _ filter: ResamplingFilter, _ instructionSet: InstructionSet
  ) -> Raster {
    precondition(output.width > 0 && output.height > 0, "an image has at least one pixel, not \(output)")
    guard let meaning = RowLayout.Channels(rawValue: channels) else { preconditionFailure("1 to 4 channels") }
    let layout = RowLayout(channels: meaning, bitDepth: bitDepth, width: size.width)
    let scale = SampleScale(layout: layout, linear: false)
    let plan = ResamplingPlan(
      input: size, crop: .init(x: 0, y: 0, width: Double(size.width), height: Double(size.height)), output: output,
      channels: channels, filter: filter, allowNarrow: scale.kind == .bytes)
    var raster = Raster(size: output, channels: meaning, bitDepth: bitDepth)
    var resampler = RowResampler(plan: plan, layout: layout, scale: scale, kernels: KernelTable(instructionSet))
    var clock = StageClock()
    var next = 0
    // Copying rows cannot fail.
    try! unsafe resampler.resample(into: &raster, clock: &clock) { base, stride, count throws(PreparationError) in
      let rows = min(count, size.height - next)
      for row in 0..<rows {
        unsafe (base + row * stride).copyMemory(
          from: samples.baseAddress! + (next + row) * layout.rowBytes, byteCount: layout.rowBytes)
      }
      next += rows
      return rows
    }
    return raster
  }
}
