internal import PixelKernels

// The memory of the small image, from the resize to the file.
extension OutputPlan {
  /// The most bytes that are taken beside the decoder and the resamplers while rows arrive.
  var bytesWhileRowsArrive: Int {
    let merged = mergesPlanes ? size.pixelCount * 3 : 0
    return switch delivery {
    case .whole: merged
    case .planes, .jpegRows: merged + 2 * bytesOfJPEG
    case .pngRows:
      merged
        + Self.bytesOfPNG(
          image: size.pixelCount * (deliveredChannels == .rgb ? 3 : 4) * bits / 8, hasAlpha: false, settings)
    }
  }

  /// The most bytes that the image takes after the resize, while it is finished and encoded. The decoder and the resamplers are gone.
  ///
  /// - Parameters:
  ///   - delivered: The bytes of the image, or of its planes, as the resize made it.
  ///   - bitDepth: Bits of its samples.
  /// - Returns: These bytes, and those that a search for a byte budget keeps while the image is made again in another size: an image and
  ///   two files of it.
  func bytesAfterwards(delivered: Int, bitDepth: Int) -> (most: Int, kept: Int) {
    var memory = UnfinishedMemory(
      bytes: delivered, bitDepth: bitDepth, channels: deliveredChannels, size: size)
    for step in steps { step.count(in: &memory) }
    guard product.isFile else { return (memory.most, 0) }
    let image = memory.tensorBytes + memory.bytes
    let encoding = bytesOfEncoding(image: memory.bytes, hasAlpha: memory.hasAlpha)
    return (max(memory.most, image + encoding), budget == nil ? 0 : image + 2 * bytesOfFile(image: memory.bytes))
  }

  /// The most bytes that encoding takes, with the file.
  private func bytesOfEncoding(image: Int, hasAlpha: Bool) -> Int {
    let pixels = size.pixelCount
    // If planes become a PNG, chroma is enlarged and RGB is made of them first.
    let png = {
      encodesPlanes
        ? pixels * 5 + Self.bytesOfPNG(image: pixels * 3, hasAlpha: false, settings)
        : Self.bytesOfPNG(image: image, hasAlpha: hasAlpha, settings)
    }
    return switch settings.format {
    case .jpeg: 2 * bytesOfJPEG
    case .png: png()
    case .jpegUnlessFlat, .pngIfTransparent: bytesOfJPEG + max(bytesOfJPEG, png())
    case .webp:
      // Gray becomes RGB first.
      WebPEncoder.bytesNeeded(size, isLossless: isLosslessWebP(settings, hasAlpha: transparency != .never))
        + (image < pixels * 3 ? pixels * 4 : 0)
    }
  }

  /// The most bytes of the file.
  private func bytesOfFile(image: Int) -> Int {
    switch settings.format {
    case .jpeg: bytesOfJPEG
    case .png, .jpegUnlessFlat, .pngIfTransparent: max(image + image / 64, bytesOfJPEG)
    case .webp: size.pixelCount * (isLosslessWebP(settings, hasAlpha: transparency != .never) ? 4 : 2)
    }
  }

  /// The most bytes of a JPEG. There are two of them at the end: in the encoder, and as the file.
  ///
  /// Noise of black and white takes the most bytes for each sample that were found: 1.88 at quality 100, 1.55 at 98, 1.22 at 95, 1.02 at 92,
  /// and 0.96 at 90. Such noise in chroma takes less. A gray image stays so unless it is padded with a color, which takes next to nothing.
  private var bytesOfJPEG: Int {
    let isGray = planeCount == 1 && deliveredChannels == .gray
    let isHalved = !isGray && subsampling == .yuv420
    // A JPEG has whole MCUs (T.81 A.2): one block of each plane, or four blocks of luma and one each of halved chroma.
    let side = isHalved ? 16 : 8
    let mcus = ((size.width + side - 1) / side) * ((size.height + side - 1) / side)
    let samples = mcus * (isGray ? 1 : isHalved ? 6 : 3) * 64
    let sixteenths = [(90.0, 16), (92, 17), (95, 20), (98, 26)].first { settings.quality <= $0.0 }?.1 ?? 31
    return samples * sixteenths / 16 + (embeddedProfile?.count ?? 0) + 4_096
  }

  /// The most bytes of a PNG: in its compressors, as their results, and as the file.
  ///
  /// Noise cannot be compressed, and gains the headers of blocks. For ``Recipe/Compression/small`` two results are compared, one of which
  /// is gone when the file is written. If alpha turns out to be opaque, the image without it is made first, and the rest is of that.
  private static func bytesOfPNG(image: Int, hasAlpha: Bool, _ settings: Settings) -> Int {
    let results = 2 * (image + image / 32)
    let compressors = min((settings.compression == .small ? 6 : 2) << 20, 16 * image) + (256 << 10)
    return (hasAlpha ? results * 9 / 8 : results) + compressors
  }
}
