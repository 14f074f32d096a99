import PixelKernels
import Testing

/// The definitions of the conversion of planes are compared with formulas in double precision.
@Suite("Matrix color")
struct MatrixColorTests {
  /// The formulas are those of ITU-T T.871, section 7, in double precision.
  @Test("Y, Cb and Cr become RGB, and RGB becomes Y, Cb and Cr, within 0.55 of the formula")
  func formula() {
    for y in stride(from: 0, through: 255, by: 3) {
      for cb in stride(from: 0, through: 255, by: 5) {
        for cr in stride(from: 0, through: 255, by: 5) {
          let rgb = splitReference(UInt8(y), UInt8(cb), UInt8(cr))
          let (b, r) = (Double(cb) - 128, Double(cr) - 128)
          let exact = [Double(y) + 1.402 * r, Double(y) - 0.344136 * b - 0.714136 * r, Double(y) + 1.772 * b]
          for (actual, exact) in zip([rgb.red, rgb.green, rgb.blue], exact) {
            #expect(abs(Double(actual) - min(max(exact, 0), 255)) < 0.55)
          }
          // Here the three values are taken as red, green and blue.
          let luma = 0.299 * Double(y) + 0.587 * Double(cb) + 0.114 * Double(cr)
          let blue = min(255, 128 - 0.168736 * Double(y) - 0.331264 * Double(cb) + 0.5 * Double(cr))
          let red = min(255, 128 + 0.5 * Double(y) - 0.418688 * Double(cb) - 0.081312 * Double(cr))
          let chroma = chromaReference(4 * Int32(y), 4 * Int32(cb), 4 * Int32(cr))
          #expect(abs(Double(lumaReference(UInt8(y), UInt8(cb), UInt8(cr))) - luma) < 0.55)
          #expect(abs(Double(chroma.blue) - blue) < 0.55 && abs(Double(chroma.red) - red) < 0.55)
        }
      }
    }
  }
}
