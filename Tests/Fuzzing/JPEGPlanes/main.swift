import Driver
@testable import ImagePreparation

/// Reads the planes of a JPEG through libjpeg-turbo and without, and traps where they disagree.
///
/// The lower bits of the first byte pick the damage policy, two more the scale.
func compare(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start, count > 1 else { return 0 }
  let bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
  let policy = DamagePolicy.allCases[Int(start[0] & 3)]
  let scale = JPEGScale.allCases[Int(start[0] >> 2 & 3)]
  let (expected, actual) = (
    readPlanes(bytes, policy, scale, isOwn: false), readPlanes(bytes, policy, scale, isOwn: true)
  )
  if expected != actual { fatalError("libjpeg-turbo: \(expected), own: \(actual)") }
  return 0
}

/// The planes' samples, concatenated, and the damage; or the reason why the planes cannot be read.
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
      try JPEGPlaneReader(decoder, scale: scale), kernels: KernelTable(.best), threads: 1, decodesEntropy: isOwn)
    let rings = feed.planes.map { RowRing(stripRows: $0.stripRows, rowBytes: $0.rowBytes, window: 1, ahead: 1) }
    var planes = Planes()
    for index in 0..<feed.stripCount {
      try feed.readStrip(index, into: rings)
      feed.deferred?.finishStrip(index, in: rings)
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

struct Planes: Equatable {
  var bytes: [UInt8] = []
  var damage = DecodingDamage()
}

fuzz(compare)
