import Driver
@testable import ImagePreparation

/// Reads a file of a kind other than JPEG and PNG under two policies, as rows and as planes. Traps if the policies disagree about a file
/// that is whole.
///
/// The first byte is not used. It is there because the same seeds serve other targets, which use it.
func compare(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start, count > 1 else { return 0 }
  let bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
  for form in [DecodingPlan.Form.rows, .planes] {
    guard let strict = try? readRows(bytes, .warning, form) else {
      _ = try? readRows(bytes, .none, form)
      continue
    }
    guard let lenient = try? readRows(bytes, .none, form) else { fatalError("only the lenient policy refuses it") }
    precondition(strict.bytes == lenient.bytes && lenient.damage == DecodingDamage(), "\(lenient.damage)")
  }
  return 0
}

struct Rows {
  var bytes: [UInt8] = []
  var damage = DecodingDamage()
}

/// All rows of a file, or those of all its planes. Nil for a JPEG or a PNG, and for planes if the file has none.
func readRows(
  _ bytes: [UInt8], _ policy: DamagePolicy, _ form: DecodingPlan.Form
) throws(PreparationError) -> Rows? {
  let limits = Limits(maxPixels: 1 << 20, maxMemory: 64 << 20, threads: 1)
  let decoder = try SourceDecoder(opening: .memory(bytes), limits: limits, policy: policy)
  let source = decoder.description
  guard source.format != .jpeg, source.format != .png else { return nil }
  let layout = RowLayout(
    channels: source.decodedChannels, bitDepth: source.decodedBits, width: source.storedSize.width)
  var planes = [
    StripPlane(layout: layout, height: source.storedSize.height, stripRows: RowStrip.rows, rowBytes: layout.rowBytes)
  ]
  if form == .planes {
    guard let structure = decoder.structure.planes else { return nil }
    planes = StripPlane.planes(
      of: source.storedSize, samplingFactors: structure.samplingFactors, denominator: 1)
  }
  let strips = try decoder.strips(
    DecodingPlan(form: form, scale: .full, planes: planes, conversion: nil, threads: 1), kernels: KernelTable(.best))
  let rings = planes.map { RowRing(stripRows: $0.stripRows, rowBytes: $0.rowBytes, window: 1, ahead: 0) }
  var rows = Rows()
  for index in 0..<strips.stripCount {
    try strips.readStrip(index, into: rings)
    for (plane, ring) in zip(planes, rings) {
      for y in index * plane.stripRows..<plane.rows(inStrips: index + 1) {
        rows.bytes += UnsafeRawBufferPointer(start: ring.row(y), count: plane.layout.rowBytes)
      }
    }
  }
  try strips.finish()
  rows.damage = strips.damage
  return rows
}

fuzz(compare)
