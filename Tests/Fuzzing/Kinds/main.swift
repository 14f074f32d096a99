import Driver
@testable import ImagePreparation

/// Reads a file of a kind other than JPEG and PNG under two policies, and traps where they disagree about a file that is whole.
/// The first byte is not used; the seeds of the other targets have it.
func compare(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start, count > 1 else { return 0 }
  let bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
  guard let strict = try? readRows(bytes, .warning) else {
    _ = try? readRows(bytes, .none)
    return 0
  }
  guard let lenient = try? readRows(bytes, .none) else { fatalError("only the lenient policy refuses it") }
  precondition(strict.bytes == lenient.bytes && lenient.damage == DecodingDamage(), "\(lenient.damage)")
  return 0
}

struct Rows {
  var bytes: [UInt8] = []
  var damage = DecodingDamage()
}

/// All rows of a file; nil for a JPEG or PNG.
func readRows(_ bytes: [UInt8], _ policy: DamagePolicy) throws(PreparationError) -> Rows? {
  let limits = Limits(maxPixels: 1 << 20, maxMemory: 64 << 20, threads: 1)
  let decoder = try SourceDecoder(opening: .memory(bytes), limits: limits, policy: policy)
  let source = decoder.description
  guard source.format != .jpeg, source.format != .png else { return nil }
  let layout = RowLayout(
    channels: source.decodedChannels, bitDepth: source.decodedBits, width: source.storedSize.width)
  let plane = StripPlane(
    layout: layout, height: source.storedSize.height, stripRows: RowStrip.rows, rowBytes: layout.rowBytes)
  let strips = try decoder.strips(
    DecodingPlan(form: .rows, scale: .full, planes: [plane], conversion: nil, threads: 1), kernels: KernelTable(.best))
  let ring = RowRing(stripRows: plane.stripRows, rowBytes: plane.rowBytes, window: 1, ahead: 0)
  var rows = Rows()
  for index in 0..<strips.stripCount {
    try strips.readStrip(index, into: [ring])
    for y in index * plane.stripRows..<plane.rows(inStrips: index + 1) {
      rows.bytes += UnsafeRawBufferPointer(start: ring.row(y), count: layout.rowBytes)
    }
  }
  try strips.finish()
  rows.damage = strips.damage
  return rows
}

fuzz(compare)
