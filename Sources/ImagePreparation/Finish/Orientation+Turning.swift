extension Orientation {
  /// The rectangle of the stored image, of size `stored`, that becomes `rect` of the upright one.
  func storedRect(_ rect: GeometryRecord.SourceRect, stored: ImageSize) -> GeometryRecord.SourceRect {
    // Mirrored axes are measured from the opposite edge.
    let fromRight = Double(stored.width) - (swapsSides ? rect.y + rect.height : rect.x + rect.width)
    let fromBottom = Double(stored.height) - (swapsSides ? rect.x + rect.width : rect.y + rect.height)
    let (mirrorsX, mirrorsY) = mirrors
    let along = swapsSides ? (x: rect.y, y: rect.x) : (x: rect.x, y: rect.y)
    return GeometryRecord.SourceRect(
      x: mirrorsX ? fromRight : along.x, y: mirrorsY ? fromBottom : along.y,
      width: swapsSides ? rect.height : rect.width, height: swapsSides ? rect.width : rect.height)
  }

  /// True for each axis along which stored columns, or rows, run in the opposite direction of the upright image.
  var mirrors: (x: Bool, y: Bool) {
    switch self {
    case .upright, .transposed: (false, false)
    case .mirrored, .turnLeft: (true, false)
    case .upsideDown, .transversed: (true, true)
    case .flipped, .turnRight: (false, true)
    }
  }

  /// Turns a stored image upright.
  ///
  /// - Throws: `canceled` once the flag is raised.
  func upright(_ image: Raster, _ cancellation: CancellationFlag? = nil) throws(PreparationError) -> Raster {
    guard self != .upright else { return image }
    let size = swapsSides ? image.size.transposed : image.size
    var result = Raster(uninitialized: size, channels: image.channels, bitDepth: image.bitDepth)
    let pixelBytes = image.pixelBytes
    let (mirrorsX, mirrorsY) = mirrors
    // The distance in bytes between the sources of two neighboring upright pixels, along each upright axis.
    let alongX = (mirrorsX ? -1 : 1) * pixelBytes
    let alongY = (mirrorsY ? -1 : 1) * image.rowBytes
    let columnStep = swapsSides ? alongY : alongX
    let rowStep = swapsSides ? alongX : alongY
    let origin =
      (mirrorsX ? (image.size.width - 1) * pixelBytes : 0) + (mirrorsY ? (image.size.height - 1) * image.rowBytes : 0)
    for band in Raster.bands(size.height) {
      try cancellation?.check(.orient)
      unsafe image.bytes.withUnsafeBytes { source in
        unsafe result.bytes.withUnsafeMutableBytes { target in
          var position = band.lowerBound * size.width * pixelBytes
          for y in band {
            var from = origin + y * rowStep
            for _ in 0..<size.width {
              for byte in 0..<pixelBytes { unsafe target[position + byte] = source[from + byte] }
              position += pixelBytes
              from += columnStep
            }
          }
        }
      }
    }
    return result
  }
}
