extension OutputPlan {
  /// The sink for the rows of the small image.
  ///
  /// - Throws: A ``PreparationError`` of stage `encode`.
  func makeSink(
    _ decoding: DecodingPlan, kernels: KernelTable, cancellation: CancellationFlag?
  ) throws(PreparationError) -> any RowSink {
    let channels = deliveredChannels
    switch delivery {
    case .whole: return WholeImage()
    case .planes:
      return try JPEGPlaneEncoder(
        size: size, planeCount: decoding.planes.count, encoding: jpeg(settings), conversion: planeConversion,
        cancellation: cancellation)
    case .jpegRows:
      return JPEGRowStream(
        try JPEGEncoder(size: size, channels: channels, encoding: jpeg(settings)), cancellation: cancellation)
    case .pngRows:
      let encoder = pngEncoder(settings, kernels: kernels, cancellation: cancellation)
      return PNGRowStream(encoder, size: size, channels: channels, bits: bits, color: pngColor)
    }
  }
}

extension PreparationPlan {
  /// One resampler for each plane that the decoder delivers.
  func makeResamplers(_ kernels: KernelTable) -> [PlaneResampler] {
    zip(decoding.planes, resampling).map { plane, plan in
      PlaneResampler(
        plan: plan, kernels: kernels, stripRows: plane.stripRows, rowBytes: plane.rowBytes,
        ahead: decoding.stripsAhead, keptRows: keptRows)
    }
  }

  /// Makes RGB of the planes' rows; nil if they stay planes or are already interleaved.
  func makeMergedPlanes(_ kernels: KernelTable) -> MergedPlanes? {
    output.mergesPlanes ? MergedPlanes(size: resampling[0].output, kernels: kernels) : nil
  }
}
