@testable import ImagePreparation

/// The first byte picks policy, scale and rows or planes; the rest is the file.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJPEG(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  guard count > 1 else { return 0 }
  let choice = Int(start[0])
  let file = [UInt8](UnsafeBufferPointer(start: start + 1, count: count - 1))
  var limits = DecodingLimits()
  limits.maxPixels = 1 << 20
  limits.maxMemory = 1 << 26
  limits.maxScans = 20
  let policy = DamagePolicy.allCases[choice & 3]
  let scale = JPEGScale.allCases[choice >> 2 & 3]
  do {
    var decoder = try JPEGDecoder(ByteSource(.memory(file)), limits: limits, policy: policy)
    if choice & 16 == 0 {
      try decoder.start(scale: scale)
      let rowBytes = decoder.layout.rowBytes
      let rows = UnsafeMutableRawPointer.allocate(byteCount: rowBytes * 3, alignment: 1)
      defer { rows.deallocate() }
      while try decoder.readRows(into: rows, stride: rowBytes, count: 3) > 0 {}
      try decoder.finish()
    } else {
      var reader = try JPEGPlaneReader(decoder, scale: scale)
      let strips = reader.planes.map { plane in
        Optional(UnsafeMutablePointer<UInt8>.allocate(capacity: plane.paddedWidth * plane.rowsPerStrip))
      }
      defer { for strip in strips { strip?.deallocate() } }
      while try reader.readStrip(into: strips, strides: reader.planes.map(\.paddedWidth)) {}
      try reader.finish()
    }
  } catch {}
  return 0
}
