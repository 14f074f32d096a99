// Changes of channels and depth on the small image, once it is upright and in its final colors.
extension Raster {
  /// The raster with 16 bits rounded to 8: `round(v · 255 / 65 535)`.
  func roundedToBytes() -> Raster {
    guard bitDepth == 16 else { return self }
    return Raster(size: size, channels: channels, bitDepth: 8, bytes: words.map { UInt8((UInt32($0) + 128) / 257) })
  }

  /// True when every pixel is opaque, or there is no alpha.
  var isOpaque: Bool {
    guard channels.hasAlpha else { return true }
    return stride(from: channelCount - 1, to: bytes.count, by: channelCount).allSatisfy { bytes[$0] == 255 }
  }

  /// The raster without its alpha channel, whose values are ignored.
  func withoutAlpha() -> Raster {
    guard channels.hasAlpha else { return self }
    let colors = channelCount - 1
    return mapPixels(to: channels == .rgba ? .rgb : .gray) { input, i, output, o in
      output[o] = input[i]
      guard colors == 3 else { return }
      output[o + 1] = input[i + 1]
      output[o + 2] = input[i + 2]
    }
  }

  /// The raster composited over an opaque color: `color · alpha + background · (1 − alpha)`, rounded; in linear light if `linear`,
  /// otherwise in sRGB samples.
  func flattened(on background: BackgroundColor, linear: Bool = false) -> Raster {
    guard channels.hasAlpha else { return self }
    let colors = [background.red, background.green, background.blue].map(Int.init)
    let isGray = channels == .grayAlpha && background.isGray
    let alphaIndex = channelCount - 1
    let colorStep = channels == .rgba ? 1 : 0
    let outputColors = isGray ? 1 : 3
    if linear {
      let toLight = TransferFunction.linearWords(levels: 256).map(Int.init)
      let fromLight = TransferFunction.encodedLevels(maximum: 255)
      return mapPixels(to: isGray ? .gray : .rgb) { input, i, output, o in
        let alpha = Int(input[i + alphaIndex])
        for c in 0..<outputColors {
          let light = toLight[Int(input[i + c * colorStep])] * alpha + toLight[colors[c]] * (255 - alpha)
          output[o + c] = UInt8(fromLight[(light + 127) / 255])
        }
      }
    }
    return mapPixels(to: isGray ? .gray : .rgb) { input, i, output, o in
      let alpha = Int(input[i + alphaIndex])
      for c in 0..<outputColors {
        let color = Int(input[i + c * colorStep])
        output[o + c] = UInt8((color * alpha + colors[c] * (255 - alpha) + 127) / 255)
      }
    }
  }

  /// The raster on a canvas, whose remaining area is filled with `background`, or transparent if that is nil.
  func padded(to canvas: ImageSize, x: Int, y: Int, background: BackgroundColor?) -> Raster {
    guard canvas != size else { return self }
    let image = background.map(prepared(forPaddingWith:)) ?? withAlpha()
    var result = Raster(size: canvas, channels: image.channels, bitDepth: 8)
    if let background {
      let all = [background.red, background.green, background.blue, 255]
      let pixel = image.channels == .gray || image.channels == .grayAlpha ? [background.red, 255] : all
      for i in result.bytes.indices { result.bytes[i] = pixel[i % image.channelCount] }
    }
    for row in 0..<size.height {
      let from = row * image.rowBytes
      let to = (y + row) * result.rowBytes + x * image.pixelBytes
      result.bytes.replaceSubrange(to..<to + image.rowBytes, with: image.bytes[from..<from + image.rowBytes])
    }
    return result
  }

  /// The raster as RGB if the color has hue and the image has none.
  private func prepared(forPaddingWith background: BackgroundColor) -> Raster {
    guard channels == .gray || channels == .grayAlpha, !background.isGray else { return self }
    let hasAlpha = channels.hasAlpha
    return mapPixels(to: hasAlpha ? .rgba : .rgb) { input, i, output, o in
      for c in 0..<3 { output[o + c] = input[i] }
      if hasAlpha { output[o + 3] = input[i + 1] }
    }
  }

  /// The raster as RGBA.
  func expandedToRGBA() -> Raster {
    let image = withAlpha()
    guard image.channels == .grayAlpha else { return image }
    return image.mapPixels(to: .rgba) { input, i, output, o in
      for c in 0..<3 { output[o + c] = input[i] }
      output[o + 3] = input[i + 1]
    }
  }

  private func withAlpha() -> Raster {
    guard !channels.hasAlpha else { return self }
    let colors = channelCount
    return mapPixels(to: channels == .gray ? .grayAlpha : .rgba) { input, i, output, o in
      for c in 0..<colors { output[o + c] = input[i + c] }
      output[o + colors] = 255
    }
  }

  /// True for a flat illustration: more than half of all pixels repeat their left neighbor.
  var isFlat: Bool {
    let step = channelCount
    var repeats = 0
    unsafe bytes.withUnsafeBufferPointer { samples in
      for i in stride(from: step, to: samples.count, by: step) {
        var same = true
        for c in 0..<step { same = unsafe same && samples[i + c] == samples[i + c - step] }
        repeats += same ? 1 : 0
      }
    }
    return repeats * 2 > size.pixelCount
  }

  /// Makes a raster of other channels, for 8 bits only. `body` makes one pixel: it reads `input` from the first index on, and writes
  /// `output` from the second index on.
  private func mapPixels(
    to channels: RowLayout.Channels,
    _ body: (_ input: Span<UInt8>, Int, _ output: inout MutableSpan<UInt8>, Int) -> Void
  ) -> Raster {
    precondition(bitDepth == 8, "channels change after the depth")
    var result = Raster(size: size, channels: channels, bitDepth: 8)
    let (from, to) = (pixelBytes, result.pixelBytes)
    let input = bytes.span
    var output = result.bytes.mutableSpan
    for i in 0..<size.pixelCount { body(input, i * from, &output, i * to) }
    return result
  }
}
