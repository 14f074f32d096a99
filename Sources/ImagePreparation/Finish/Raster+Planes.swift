internal import CPixelIntrinsics

extension Raster {
  /// Makes the interleaved image of planes: gray from one plane, RGB from Y, Cb and Cr.
  ///
  /// In planes of bytes, chroma may be smaller; it is enlarged first, with `kernels`. Planes of words have one size, and their samples are
  /// 256 times those of bytes.
  ///
  /// - Throws: `canceled` once the flag is raised.
  init(planes: [Raster], kernels: KernelTable, cancellation: CancellationFlag? = nil) throws(PreparationError) {
    let luma = planes[0]
    guard planes.count == 3 else {
      self = luma
      return
    }
    var chroma: [Raster] = []
    for plane in planes[1...] {
      chroma.append(
        try plane.size == luma.size
          ? plane
          : Raster.resized(
            plane, to: luma.size, filter: .triangle, kernels: kernels, cancellation: cancellation, stage: .color))
    }
    let width = luma.size.width
    self.init(uninitialized: luma.size, channels: .rgb)
    for band in Self.bands(luma.size.height) {
      try cancellation?.check(.color)
      let (first, count) = (band.lowerBound * width, band.count * width)
      unsafe luma.bytes.withUnsafeBytes { y in
        unsafe chroma[0].bytes.withUnsafeBytes { cb in
          unsafe chroma[1].bytes.withUnsafeBytes { cr in
            unsafe bytes.withUnsafeMutableBufferPointer { output in
              let output = unsafe output.baseAddress! + first * 3
              let (y, cb, cr) = (y.baseAddress!, cb.baseAddress!, cr.baseAddress!)
              if luma.bitDepth == 16 {
                unsafe kernels.finishing.convert_fine_ycbcr(
                  y.assumingMemoryBound(to: UInt16.self) + first, cb.assumingMemoryBound(to: UInt16.self) + first,
                  cr.assumingMemoryBound(to: UInt16.self) + first, count, output)
              } else {
                unsafe kernels.finishing.convert_ycbcr(
                  y.assumingMemoryBound(to: UInt8.self) + first, cb.assumingMemoryBound(to: UInt8.self) + first,
                  cr.assumingMemoryBound(to: UInt8.self) + first, count, output)
              }
            }
          }
        }
      }
    }
  }
}
