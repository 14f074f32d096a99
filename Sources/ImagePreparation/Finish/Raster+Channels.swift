internal import PixelKernels

/// A sample of a raster: 8 or 16 bits.
protocol RasterSample: FixedWidthInteger, UnsignedInteger, BitwiseCopyable {}
extension UInt8: RasterSample {}
extension UInt16: RasterSample {}

// Changes of channels and depth of the small image, after it was turned upright and its colors were converted.
extension Raster {
  /// The raster with samples of 8 or 16 bits: `round(v · 255 / 65 535)`, or `v · 257`.
  func withDepth(_ bits: Int) -> Raster {
    guard bits != bitDepth else { return self }
    var result = Raster(uninitialized: size, channels: channels, bitDepth: bits)
    if bits == 8 {
      withSamples(UInt16.self) { input in
        result.withMutableSamples(UInt8.self) { output in
          for i in 0..<input.count { output[i] = UInt8(truncatingIfNeeded: (UInt32(input[i]) + 128) / 257) }
        }
      }
    } else {
      withSamples(UInt8.self) { input in
        result.withMutableSamples(UInt16.self) { output in
          for i in 0..<input.count { output[i] = UInt16(input[i]) * 257 }
        }
      }
    }
    return result
  }

  /// True when every pixel is opaque once it is rounded to this many bits, or there is no alpha.
  ///
  /// - Throws: `canceled` of the stage once the flag is raised.
  func isOpaque(
    inBits bits: Int, _ cancellation: CancellationFlag? = nil, _ stage: Stage = .color
  ) throws(PreparationError) -> Bool {
    guard channels.hasAlpha else { return true }
    for band in Self.bands(size.height) {
      try cancellation?.check(stage)
      // Words down to half a level of 255 below the largest word are rounded to 255.
      let isOpaque =
        bitDepth == 16
        ? isOpaque(from: UInt16.max - (bits == 16 ? 0 : 128), band) : isOpaque(from: UInt8.max, band)
      if !isOpaque { return false }
    }
    return true
  }

  private func isOpaque<Sample: RasterSample>(from least: Sample, _ band: Range<Int>) -> Bool {
    let (step, rowSamples) = (channelCount, size.width * channelCount)
    return withSamples(Sample.self) { samples in
      for i in stride(from: band.lowerBound * rowSamples + step - 1, to: band.upperBound * rowSamples, by: step)
      where samples[i] < least { return false }
      return true
    }
  }

  /// True when red, green and blue are equal in every pixel.
  ///
  /// - Precondition: The raster has red, green and blue.
  /// - Throws: `canceled` of stage `encode` once the flag is raised.
  func hasNoHue(_ cancellation: CancellationFlag? = nil) throws(PreparationError) -> Bool {
    for band in Self.bands(size.height) {
      try cancellation?.check(.encode)
      let (first, count, channels) = (band.lowerBound * rowBytes, band.count * size.width, channelCount)
      let isGray = unsafe bytes.withUnsafeBytes { samples in
        let start = unsafe samples.baseAddress! + first
        return unsafe bitDepth == 16
          ? isGrayOfWords(start.assumingMemoryBound(to: UInt16.self), channels: channels, count: count)
          : PixelKernels.isGray(start.assumingMemoryBound(to: UInt8.self), channels: channels, count: count)
      }
      if !isGray { return false }
    }
    return true
  }

  /// The raster of red alone, with alpha if there is some.
  func withoutHue() -> Raster { channels == .rgba ? taking([0, 3], as: .grayAlpha) : taking([0], as: .gray) }

  /// The raster without its alpha channel, whose values are ignored.
  func withoutAlpha() -> Raster {
    guard channels.hasAlpha else { return self }
    return channels == .rgba ? taking([0, 1, 2], as: .rgb) : taking([0], as: .gray)
  }

  private func withAlpha() -> Raster {
    guard !channels.hasAlpha else { return self }
    return channels == .gray ? taking([0, nil], as: .grayAlpha) : taking([0, 1, 2, nil], as: .rgba)
  }

  /// The raster as RGBA.
  func expandedToRGBA() -> Raster {
    let image = withAlpha()
    return image.channels == .grayAlpha ? image.taking([0, 0, 0, 1], as: .rgba) : image
  }

  /// The raster as RGBA, made in bands.
  ///
  /// - Throws: `canceled` of stage `resize` once the flag is raised.
  func expandedToRGBA(_ cancellation: CancellationFlag?) throws(PreparationError) -> Raster {
    try channels == .rgba ? self : inBands(cancellation, .resize) { $0.expandedToRGBA() }
  }

  /// The raster of gray as RGB.
  private func withHue() -> Raster {
    channels.hasAlpha ? taking([0, 0, 0, 1], as: .rgba) : taking([0, 0, 0], as: .rgb)
  }

  /// The raster of other channels, each of which is one of these channels, or opaque alpha for nil.
  private func taking(_ sources: [Int?], as channels: RowLayout.Channels) -> Raster {
    bitDepth == 16 ? taking(sources, as: channels, UInt16.self) : taking(sources, as: channels, UInt8.self)
  }

  private func taking<Sample: RasterSample>(
    _ sources: [Int?], as channels: RowLayout.Channels, _: Sample.Type
  ) -> Raster {
    var result = Raster(uninitialized: size, channels: channels, bitDepth: bitDepth)
    let (from, to, count) = (channelCount, result.channelCount, size.pixelCount)
    withSamples(Sample.self) { input in
      result.withMutableSamples(Sample.self) { output in
        for (c, source) in sources.enumerated() {
          if let source {
            for x in 0..<count { output[x * to + c] = input[x * from + source] }
          } else {
            for x in 0..<count { output[x * to + c] = .max }
          }
        }
      }
    }
    return result
  }

  /// The raster composited over an opaque color: `color · alpha + background · (1 − alpha)`, rounded; in linear light if `linear`,
  /// otherwise in sRGB samples.
  func flattened(on background: BackgroundColor, linear: Bool = false) -> Raster {
    guard channels.hasAlpha else { return self }
    let outputChannels: RowLayout.Channels = channels == .grayAlpha && background.isGray ? .gray : .rgb
    var result = Raster(uninitialized: size, channels: outputChannels, bitDepth: bitDepth)
    switch (bitDepth, linear) {
    case (16, true): blendLight(with: background, into: &result)
    case (16, false): blend(UInt16.self, with: background, into: &result)
    case (_, true):
      let toLight = TransferFunction.linearWords(levels: 256).map(Int.init)
      let fromLight = TransferFunction.encodedLevels(maximum: 255)
      mapColors(UInt8.self, with: background, into: &result) { color, background, alpha in
        let light = toLight[color] * alpha + toLight[background] * (255 - alpha)
        return UInt8(fromLight[(light + 127) / 255])
      }
    case (_, false): blend(UInt8.self, with: background, into: &result)
    }
    return result
  }

  private func blend<Sample: RasterSample>(
    _: Sample.Type, with background: BackgroundColor, into result: inout Raster
  ) {
    let opaque = Int(Sample.max)
    mapColors(Sample.self, with: background, into: &result) { color, background, alpha in
      Sample(truncatingIfNeeded: (color * alpha + background * (opaque - alpha) + opaque / 2) / opaque)
    }
  }

  /// Blends words in linear light. Light is in double precision, because 16 bits are too coarse for dark words: up to 13 of them have the
  /// same light.
  private func blendLight(with background: BackgroundColor, into result: inout Raster) {
    let toLight = (0...65_535).map { TransferFunction.linear(Double($0) / 65_535) }
    mapColors(UInt16.self, with: background, into: &result) { color, background, alpha in
      let share = Double(alpha) / 65_535
      let light = toLight[color] * share + toLight[background] * (1 - share)
      return UInt16((TransferFunction.encoded(light) * 65_535).rounded())
    }
  }

  /// Computes each color sample of `result` from the sample of this raster, the sample of the background, and alpha, all from 0 to
  /// `Sample.max`.
  private func mapColors<Sample: RasterSample>(
    _: Sample.Type, with background: BackgroundColor, into result: inout Raster,
    _ body: (_ color: Int, _ background: Int, _ alpha: Int) -> Sample
  ) {
    let colors = [background.red, background.green, background.blue].map { Int($0) * (Int(Sample.max) / 255) }
    let (from, to, count) = (channelCount, result.channelCount, size.pixelCount)
    let colorStep = channels == .rgba ? 1 : 0
    withSamples(Sample.self) { input in
      result.withMutableSamples(Sample.self) { output in
        for x in 0..<count {
          let alpha = Int(input[x * from + from - 1])
          for c in 0..<to { output[x * to + c] = body(Int(input[x * from + c * colorStep]), colors[c], alpha) }
        }
      }
    }
  }

  /// The raster on a canvas, whose remaining area is filled with `background`, or transparent if that is nil.
  ///
  /// - Throws: `canceled` once the flag is raised.
  func padded(
    to canvas: ImageSize, x: Int, y: Int, background: BackgroundColor?, _ cancellation: CancellationFlag? = nil
  ) throws(PreparationError) -> Raster {
    guard canvas != size else { return self }
    let isGray = channels == .gray || channels == .grayAlpha
    // A gray image becomes RGB if the background has a hue.
    let needsHue = isGray && background.map { !$0.isGray } ?? false
    let needsAlpha = background == nil && !channels.hasAlpha
    let image =
      try needsHue || needsAlpha
      ? inBands(cancellation, .color) { needsHue ? $0.withHue() : $0.withAlpha() } : self
    var result = Raster(uninitialized: canvas, channels: image.channels, bitDepth: bitDepth)
    var pixel = [UInt8](repeating: 0, count: image.pixelBytes)
    if let background {
      let all = [background.red, background.green, background.blue, 255]
      let samples = image.channels == .gray || image.channels == .grayAlpha ? [background.red, 255] : all
      // The word of 257 times a byte is stored as that byte twice.
      pixel = samples.prefix(image.channelCount).flatMap { [UInt8](repeating: $0, count: bitDepth / 8) }
    }
    let empty = (0..<canvas.width * pixel.count).map { pixel[$0 % pixel.count] }
    let (canvasBytes, imageBytes) = (result.rowBytes, image.rowBytes)
    for band in Self.bands(canvas.height) {
      try cancellation?.check(.color)
      for row in band {
        result.bytes.replaceSubrange(row * canvasBytes..<(row + 1) * canvasBytes, with: empty)
        guard row >= y, row < y + size.height else { continue }
        let (from, to) = ((row - y) * imageBytes, row * canvasBytes + x * pixel.count)
        result.bytes.replaceSubrange(to..<to + imageBytes, with: image.bytes[from..<from + imageBytes])
      }
    }
    return result
  }

  /// True for a flat illustration: more than half of all pixels repeat their left neighbor.
  ///
  /// - Throws: `canceled` once the flag is raised.
  func isFlat(_ cancellation: CancellationFlag? = nil) throws(PreparationError) -> Bool {
    var (repeats, changes) = (0, 1)
    for band in Self.bands(size.height) {
      try cancellation?.check(.color)
      // The first pixel of the image has none before it, and the first one of another row has the last one of the row above.
      let first = max(band.lowerBound * size.width, 1)
      let count = band.upperBound * size.width - first
      let found = unsafe bytes.withUnsafeBufferPointer {
        unsafe countRepeats($0.baseAddress! + first * pixelBytes, pixelBytes: pixelBytes, count: count)
      }
      repeats += found
      changes += count - found
      // The other rows cannot change the answer.
      if changes * 2 >= size.pixelCount { return false }
      if repeats * 2 > size.pixelCount { return true }
    }
    return false
  }

  /// Calls `body` with the samples to read.
  ///
  /// - Precondition: `Sample` has the raster's bits.
  private func withSamples<Sample: RasterSample, Result>(
    _: Sample.Type, _ body: (Span<Sample>) -> Result
  ) -> Result {
    precondition(Sample.bitWidth == bitDepth, "the samples have \(bitDepth) bits")
    return unsafe bytes.withUnsafeBytes { bytes in
      let count = bytes.count / MemoryLayout<Sample>.size
      return body(
        unsafe Span(_unsafeStart: bytes.baseAddress!.assumingMemoryBound(to: Sample.self), count: count))
    }
  }

  /// Calls `body` with the samples to write.
  ///
  /// - Precondition: `Sample` has the raster's bits.
  private mutating func withMutableSamples<Sample: RasterSample>(
    _: Sample.Type, _ body: (inout MutableSpan<Sample>) -> Void
  ) {
    precondition(Sample.bitWidth == bitDepth, "the samples have \(bitDepth) bits")
    unsafe bytes.withUnsafeMutableBytes { bytes in
      let count = bytes.count / MemoryLayout<Sample>.size
      var samples = unsafe MutableSpan(
        _unsafeStart: bytes.baseAddress!.assumingMemoryBound(to: Sample.self), count: count)
      body(&samples)
    }
  }
}
