internal import CPixelIntrinsics

extension Raster {
  /// Makes the interleaved image of planes: gray from one plane, RGB from Y, Cb and Cr.
  ///
  /// Planes of bytes may have smaller chroma, which is enlarged first, with `kernels`. Planes of words have 256 times the value, and
  /// all have one size.
  init(planes: [Raster], kernels: KernelTable) {
    let luma = planes[0]
    guard planes.count == 3 else {
      self = luma
      return
    }
    let chroma = planes[1...].map { plane in
      plane.size == luma.size ? plane : Raster.resized(plane, to: luma.size, filter: .triangle, kernels: kernels)
    }
    let count = luma.size.pixelCount
    self.init(size: luma.size, channels: .rgb, bitDepth: 8)
    unsafe luma.bytes.withUnsafeBytes { y in
      unsafe chroma[0].bytes.withUnsafeBytes { cb in
        unsafe chroma[1].bytes.withUnsafeBytes { cr in
          unsafe bytes.withUnsafeMutableBufferPointer { output in
            let (y, cb, cr) = (y.baseAddress!, cb.baseAddress!, cr.baseAddress!)
            if luma.bitDepth == 16 {
              unsafe kernels.finishing.convert_fine_ycbcr(
                y.assumingMemoryBound(to: UInt16.self), cb.assumingMemoryBound(to: UInt16.self),
                cr.assumingMemoryBound(to: UInt16.self), count, output.baseAddress!)
            } else {
              unsafe kernels.finishing.convert_ycbcr(
                y.assumingMemoryBound(to: UInt8.self), cb.assumingMemoryBound(to: UInt8.self),
                cr.assumingMemoryBound(to: UInt8.self), count, output.baseAddress!)
            }
          }
        }
      }
    }
  }
}
