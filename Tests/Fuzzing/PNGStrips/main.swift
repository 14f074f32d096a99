import Driver
@testable import ImagePreparation

/// Reads a PNG with libpng and without it, and traps if the pixels differ, or if only one of them refuses the file.
///
/// The lowest two bits of the first byte select the damage policy. If the next bit is set, the checksums of the chunks are corrected first,
/// so that strict policies read more of the file. If the bit after it is set, the other bytes are the compressed data of a gray image.
func compare(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start, count > 1 else { return 0 }
  var bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
  let policy = DamagePolicy.allCases[Int(start[0] & 3)]
  if start[0] & 8 != 0 { bytes = grayImage(deflated: bytes) }
  if start[0] & 12 != 0 { repairChecksums(&bytes) }
  var limits = Limits()
  limits.maxPixels = 1 << 18
  limits.maxMemory = 64 << 20
  let source = ImageSource.memory(bytes)

  let strips = Result { () throws(PreparationError) in try readStrips(source, limits, policy) }
  guard case .failure = strips else {
    guard let image = try? strips.get() else { return 0 }
    switch Result(catching: { () throws(PreparationError) in try readRows(source, limits, policy) }) {
    case .failure(let error): fatalError("only libpng refuses it: \(error)")
    case .success(let rows):
      // If the source ends early, libpng drops the rest of its buffer.
      let intact = min(image.intactRows, rows.intactRows)
      precondition(image.intactRows >= rows.intactRows - 1, "\(image.intactRows), libpng \(rows.intactRows) rows")
      precondition(image.bytes.prefix(intact * image.rowBytes) == rows.bytes.prefix(intact * rows.rowBytes))
    }
    return 0
  }
  if case .failure(let error) = strips, (try? readRows(source, limits, policy)) != nil {
    // libpng checks the end of the stream only if it happens to inflate that part.
    precondition(error.message.contains("after the last row"), "libpng takes it: \(error)")
  }
  return 0
}

struct Image {
  var bytes: [UInt8] = []
  var rowBytes: Int
  var intactRows: Int
}

/// The rows through libpng.
func readRows(_ source: ImageSource, _ limits: Limits, _ policy: DamagePolicy) throws(PreparationError) -> Image {
  var decoder = try PNGDecoder(ByteSource(source), limits: limits, policy: policy)
  let (rowBytes, height) = (decoder.layout.rowBytes, decoder.description.storedSize.height)
  try decoder.start()
  var image = Image(bytes: [UInt8](repeating: 0, count: rowBytes * height), rowBytes: rowBytes, intactRows: height)
  try image.bytes.withUnsafeMutableBufferPointer { buffer throws(PreparationError) in
    var y = 0
    while y < height {
      y += try decoder.readRows(into: buffer.baseAddress! + y * rowBytes, stride: rowBytes, count: height - y)
    }
  }
  try decoder.finish()
  image.intactRows = decoder.damage.firstFilledRow ?? height
  return image
}

/// The rows without libpng; nil if libpng has to read the data.
func readStrips(
  _ source: ImageSource, _ limits: Limits, _ policy: DamagePolicy
) throws(PreparationError) -> Image? {
  let decoder = try PNGDecoder(ByteSource(source), limits: limits, policy: policy)
  guard decoder.canReadStrips || decoder.canReadPasses else { return nil }
  var image = Image(rowBytes: decoder.layout.rowBytes, intactRows: decoder.description.storedSize.height)
  let (kernels, height) = (KernelTable(.best), decoder.description.storedSize.height)
  let feed: any StripDecoder =
    decoder.canReadPasses
    ? InterleavedStrips(try PNGPasses(decoder, kernels: kernels), height: height, conversion: nil)
    : try PNGNativeStrips(decoder, kernels: kernels)
  let plane = feed.planes[0]
  let ring = RowRing(stripRows: plane.stripRows, rowBytes: plane.rowBytes, window: 1, ahead: 1)
  for index in 0..<feed.stripCount {
    try feed.readStrip(index, into: [ring])
    _ = feed.deferred?.finishStrip(index, in: [ring])
    for y in index * plane.stripRows..<plane.rows(inStrips: index + 1) {
      image.bytes += UnsafeRawBufferPointer(start: ring.row(y), count: image.rowBytes)
    }
  }
  try feed.finish()
  try feed.check()
  image.intactRows = feed.damage.firstFilledRow ?? plane.height
  return image
}

/// A PNG of 200 by 300 gray pixels with this compressed data. Its checksums are wrong.
func grayImage(deflated data: [UInt8]) -> [UInt8] {
  func chunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: data.count >> (24 - 8 * $0)) } + Array(name.utf8) + data + [0, 0, 0, 0]
  }
  return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    + chunk("IHDR", [0, 0, 0, 200, 0, 0, 1, 44, 8, 0, 0, 0, 0]) + chunk("IDAT", [0x78, 0x01] + data + [0, 0, 0, 0])
    + chunk("IEND", [])
}

/// Writes the right CRC-32 (PNG third edition, annex D) after each chunk.
func repairChecksums(_ bytes: inout [UInt8]) {
  var at = 8
  while at + 12 <= bytes.count {
    let length = bytes[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
    guard at + 12 + length <= bytes.count else { return }
    let crc = ~bytes[at + 4..<at + 8 + length].reduce(UInt32.max) { crc, byte in
      (0..<8).reduce(crc ^ UInt32(byte)) { c, _ in c & 1 == 1 ? 0xEDB8_8320 ^ c >> 1 : c >> 1 }
    }
    for i in 0..<4 { bytes[at + 8 + length + i] = UInt8(truncatingIfNeeded: crc >> (24 - 8 * UInt32(i))) }
    at += 12 + length
  }
}

fuzz(compare)
