import Foundation
import ImagePreparation

@testable import ScenarioSandbox

/// A PNG codec for stored (uncompressed) 8-bit RGB files.
extension ImageCoding {
  static let test = ImageCoding(
    describe: { (bytes: [UInt8]) throws(PreparationError) in
      if bytes.starts(with: [0xFF, 0xD8, 0xFF]) { return (.jpeg, ImageSize(width: 64, height: 64)) }
      guard bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]), bytes.count > 24 else {
        throw PreparationError(.notAnImage, stage: .open, "no image", remedy: "")
      }
      func number(_ at: Int) -> Int { bytes[at..<at + 4].reduce(0) { $0 << 8 | Int($1) } }
      return (.png, ImageSize(width: number(16), height: number(20)))
    },
    decode: { (bytes: [UInt8], size: ImageSize) throws(PreparationError) in
      if bytes.count < 57 { throw PreparationError(.truncated, stage: .decode, "short", remedy: "") }
      func number(_ at: Int) -> Int { bytes[at..<at + 4].reduce(0) { $0 << 8 | Int($1) } }
      let (w, h) = (number(16), number(20))
      let rowBytes = w * 3 + 1
      var samples: [UInt8] = []
      for y in 0..<size.height {
        for x in 0..<size.width {
          let row = y * h / size.height
          let at = 43 + row * (rowBytes + 5) + 5 + 1 + (x * w / size.width) * 3
          samples += at + 3 <= bytes.count ? bytes[at..<at + 3] : [9, 9, 9]
        }
      }
      return PixelImage(size: size, channels: 3, samples: samples)
    },
    encodePNG: { (image: PixelImage<UInt8>) throws(PreparationError) in TestPNG.encode(image) })
}

enum TestPNG {
  static let table: [UInt32] = (0..<256).map { n in
    (0..<8).reduce(UInt32(n)) { c, _ in c & 1 == 1 ? 0xEDB8_8320 ^ (c >> 1) : c >> 1 }
  }
  static func crc(_ b: [UInt8]) -> UInt32 { ~b.reduce(~UInt32(0)) { table[Int(($0 ^ UInt32($1)) & 255)] ^ ($0 >> 8) } }
  static func be(_ v: UInt32) -> [UInt8] {
    [UInt8(v >> 24), UInt8(v >> 16 & 255), UInt8(v >> 8 & 255), UInt8(v & 255)]
  }
  static func chunk(_ t: String, _ d: [UInt8]) -> [UInt8] {
    be(UInt32(d.count)) + Array(t.utf8) + d + be(crc(Array(t.utf8) + d))
  }
  static func encode(_ image: PixelImage<UInt8>) -> [UInt8] {
    let (w, h) = (image.size.width, image.size.height)
    var z: [UInt8] = [0x78, 1]
    var (a, b): (UInt32, UInt32) = (1, 0)
    for y in 0..<h {
      let row = [0] + image.samples[y * w * 3..<(y + 1) * w * 3]
      for v in row { a = (a + UInt32(v)) % 65521; b = (b + a) % 65521 }
      z += [
        y == h - 1 ? 1 : 0, UInt8(row.count & 255), UInt8(row.count >> 8), UInt8(~row.count & 255),
        UInt8(~row.count >> 8 & 255),
      ]
      z += row
    }
    z += be(b << 16 | a)
    return [0x89, 0x50, 0x4E, 0x47, 13, 10, 26, 10] + chunk("IHDR", be(UInt32(w)) + be(UInt32(h)) + [8, 2, 0, 0, 0])
      + chunk("IDAT", z) + chunk("IEND", [])
  }
}
