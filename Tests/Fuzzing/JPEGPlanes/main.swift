import Driver
@testable import ImagePreparation

/// Reads the planes of a JPEG in three ways: through libjpeg-turbo, without it, and in parts that begin at restart markers. Traps if the
/// results differ.
///
/// The lowest two bits of the first byte select the damage policy, and the next two the scale.
func compare(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start, count > 1 else { return 0 }
  let bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
  let policy = DamagePolicy.allCases[Int(start[0] & 3)]
  let scale = JPEGScale.allCases[Int(start[0] >> 2 & 3)]
  let (expected, actual) = (
    readPlanes(bytes, policy, scale, isOwn: false), readPlanes(bytes, policy, scale, isOwn: true)
  )
  if expected != actual { fatalError("libjpeg-turbo: \(expected), own: \(actual)") }
  if let planes = try? readIntervals(bytes, scale), (try? expected.get()) != planes {
    fatalError("libjpeg-turbo: \(expected), from restart markers: \(planes)")
  }
  return 0
}

/// The samples of all planes, concatenated, and the damage; or the error if the planes cannot be read.
func readPlanes(
  _ bytes: [UInt8], _ policy: DamagePolicy, _ scale: JPEGScale, isOwn: Bool
) -> Result<Planes, PreparationError> {
  Result { () throws(PreparationError) in
    var limits = Limits()
    limits.maxPixels = 1 << 18
    limits.maxMemory = 64 << 20
    let decoder = try JPEGDecoder(ByteSource(.memory(bytes)), limits: limits, policy: policy)
    guard [.gray, .ycbcr].contains(decoder.description.colorModel) else { return Planes() }
    let feed = JPEGPlaneStrips(
      try JPEGPlaneReader(decoder, scale: scale), kernels: KernelTable(.best), ahead: 1, decodesEntropy: isOwn)
    let rings = feed.planes.map { RowRing(stripRows: $0.stripRows, rowBytes: $0.rowBytes, window: 1, ahead: 1) }
    var planes = Planes()
    for index in 0..<feed.stripCount {
      try feed.readStrip(index, into: rings)
      _ = feed.deferred?.finishStrip(index, in: rings)
      for (k, plane) in feed.planes.enumerated() {
        for y in index * plane.stripRows..<plane.rows(inStrips: index + 1) {
          planes.bytes += UnsafeRawBufferPointer(start: rings[k].row(y), count: plane.layout.width)
        }
      }
    }
    try feed.finish()
    planes.damage = feed.damage
    return planes
  }
}

/// The planes of a flawless file with restart markers, decoded from the last to the first of the strips that are read ahead; nil for other
/// files.
func readIntervals(_ bytes: [UInt8], _ scale: JPEGScale) throws(PreparationError) -> Planes? {
  var limits = Limits()
  limits.maxPixels = 1 << 18
  limits.maxMemory = 64 << 20
  let source = try JPEGDecoder(ByteSource(.memory(bytes)), limits: limits, policy: .warning)
  let strips = IntervalDecoder.independentStrips(
    interval: source.description.restartInterval, size: source.description.storedSize,
    samplingFactors: source.samplingFactors)
  guard [.gray, .ycbcr].contains(source.description.colorModel), let strips else { return nil }
  let reader = try JPEGPlaneReader(source, scale: scale)
  guard let decoder = IntervalDecoder(reader, strips: strips, ahead: 3 * strips, kernels: KernelTable(.best)) else {
    return nil
  }
  let feed = JPEGIntervalStrips(reader, decoder)
  let ahead = feed.stripsInFlight
  let rings = feed.planes.map { RowRing(stripRows: $0.stripRows, rowBytes: $0.rowBytes, window: 1, ahead: ahead) }
  var planes = Planes()
  for first in stride(from: 0, to: feed.stripCount, by: ahead) {
    let end = min(first + ahead, feed.stripCount)
    for index in first..<end { feed.readStrip(index, into: rings) }
    for index in stride(from: first, to: end, by: strips).reversed() {
      guard decoder.finishStrip(index, in: rings) else { return nil }
    }
    for index in first..<end {
      for (k, plane) in feed.planes.enumerated() {
        for y in index * plane.stripRows..<plane.rows(inStrips: index + 1) {
          planes.bytes += UnsafeRawBufferPointer(start: rings[k].row(y), count: plane.layout.width)
        }
      }
    }
  }
  return planes
}

struct Planes: Equatable {
  var bytes: [UInt8] = []
  var damage = DecodingDamage()
}

fuzz(compare)
