/// Puts a part of an image onto another image of the same size, source over destination (Porter and Duff, "Compositing Digital Images",
/// 1984), and fades the part at its edges.
struct Overlay {
  let size: ImageSize
  /// The rows and columns of the part.
  let area: (columns: Range<Int>, rows: Range<Int>)
  /// The number of pixels over which the part fades at its edges, except at edges of the image.
  let feather: Int

  /// Puts the part of `top` onto `bottom`; both are RGBA with straight alpha.
  ///
  /// - Throws: `canceled` once the flag is raised.
  func put(
    _ top: [UInt8], onto bottom: inout [UInt8], _ cancellation: CancellationFlag? = nil
  ) throws(PreparationError) {
    for y in area.rows {
      if y % Raster.bandRows == 0 { try cancellation?.check(.resize) }
      let vertical = distance(y, in: area.rows, of: size.height)
      for x in area.columns {
        let distance = min(vertical, distance(x, in: area.columns, of: size.width))
        let at = (y * size.width + x) * 4
        // Alpha is counted in parts of 255², so that the result of an opaque pixel on an opaque one is exact.
        var alpha = Int(top[at + 3]) * 255
        if distance < feather { alpha = alpha * (2 * distance + 1) / (2 * feather) }
        let below = Int(bottom[at + 3]) * (255 * 255 - alpha) / 255
        let sum = alpha + below
        guard alpha > 0, sum > 0 else { continue }
        for c in at..<at + 3 {
          bottom[c] = UInt8((Int(top[c]) * alpha + Int(bottom[c]) * below + sum / 2) / sum)
        }
        bottom[at + 3] = UInt8((sum + 127) / 255)
      }
    }
  }

  /// The number of pixels between this pixel and the nearest edge of the part that is not an edge of the image.
  private func distance(_ place: Int, in range: Range<Int>, of length: Int) -> Int {
    min(
      range.lowerBound > 0 ? place - range.lowerBound : .max,
      range.upperBound < length ? range.upperBound - 1 - place : .max)
  }
}
