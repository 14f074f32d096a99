@testable import ImagePreparation

/// The first byte picks the policy; the rest is the file.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPNG(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  guard count > 1 else { return 0 }
  let file = [UInt8](UnsafeBufferPointer(start: start + 1, count: count - 1))
  var limits = DecodingLimits()
  limits.maxPixels = 1 << 20
  limits.maxMemory = 1 << 26
  limits.maxChunkBytes = 1 << 20
  do {
    let policy = DamagePolicy.allCases[Int(start[0]) & 3]
    var decoder = try PNGDecoder(ByteSource(.memory(file)), limits: limits, policy: policy)
    try decoder.start()
    let rowBytes = decoder.layout.rowBytes
    let rows = UnsafeMutableRawPointer.allocate(byteCount: rowBytes * 3, alignment: 1)
    defer { rows.deallocate() }
    while try decoder.readRows(into: rows, stride: rowBytes, count: 3) > 0 {}
    try decoder.finish()
  } catch {}
  return 0
}
