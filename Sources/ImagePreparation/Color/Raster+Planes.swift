internal import PixelKernels

extension Raster {
  /// The interleaved image of planes: gray of one, RGB of Y, Cb and Cr. Smaller chroma planes are enlarged first.
  init(planes: [Raster]) {
    let luma = planes[0]
    guard planes.count == 3 else {
      self = luma
      return
    }
    let chroma = planes[1...].map { plane in
      plane.size == luma.size ? plane : Raster.resized(plane, to: luma.size, filter: .triangle)
    }
    self.init(size: luma.size, channels: .rgb, bitDepth: 8)
    unsafe luma.bytes.withUnsafeBufferPointer { y in
      unsafe chroma[0].bytes.withUnsafeBufferPointer { cb in
        unsafe chroma[1].bytes.withUnsafeBufferPointer { cr in
          unsafe bytes.withUnsafeMutableBufferPointer { output in
            unsafe convertYCbCrToRGB(
              luma: y.baseAddress!, blue: cb.baseAddress!, red: cr.baseAddress!, count: y.count,
              output: output.baseAddress!)
          }
        }
      }
    }
  }
}
