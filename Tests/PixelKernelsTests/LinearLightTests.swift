import Foundation
import PixelKernels
import Testing

/// The definition of light is compared with the curve of sRGB.
@Suite("Linear light")
struct LinearLightTests {
  /// The light of a byte, 0…1 (IEC 61966-2-1:1999, section 5.2).
  static func light(_ byte: Double) -> Double {
    let v = byte / 255
    return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4)
  }

  @Test("the light of a byte is the curve's within a twentieth of a level")
  func curve() {
    #expect(lightReference(0) == 0 && Int32(lightReference(255)) == whiteLight)
    var sum = 0.0
    for byte in UInt8.min...UInt8.max {
      // The error in levels is the distance along the curve from the exact light.
      let exact = Self.light(Double(byte)) * Double(whiteLight)
      let slope = (Self.light(Double(byte) + 0.01) - Self.light(Double(byte) - 0.01)) / 0.02 * Double(whiteLight)
      let error = abs(Double(lightReference(byte)) - exact) / slope
      #expect(error < 0.05, "byte \(byte)")
      sum += error
    }
    #expect(sum / 256 < 0.006)
  }
}
