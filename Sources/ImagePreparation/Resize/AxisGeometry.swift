/// The place of one axis of the output on an axis of the stored source.
struct AxisGeometry: Sendable, Equatable {
  /// The beginning of the kept part, in stored source pixels.
  var origin: Double
  /// The length of the kept part, in stored source pixels.
  var length: Double
  /// Output samples.
  var count: Int
  /// True when stored pixels run against the upright axis.
  var isMirrored: Bool

  /// A whole axis of `length` pixels.
  static func whole(_ length: Int, to count: Int) -> AxisGeometry {
    precondition(count > 0, "an image has at least one pixel")
    return AxisGeometry(origin: 0, length: Double(length), count: count, isMirrored: false)
  }

  /// Source pixels per output sample.
  var step: Double { length / Double(count) }

  /// The axis of a plane with every `factor`th output sample, rounded up. The last sample may reach past the image's
  /// end; on a mirrored axis, that end is the beginning of the stored axis.
  func divided(by factor: Int) -> AxisGeometry {
    let samples = (count + factor - 1) / factor
    let excess = Double(samples * factor - count) * step
    return AxisGeometry(
      origin: isMirrored ? origin - excess : origin, length: length + excess, count: samples, isMirrored: isMirrored)
  }

  /// The same axis on a plane of other resolution.
  func scaled(by scale: Double) -> AxisGeometry {
    AxisGeometry(origin: origin * scale, length: length * scale, count: count, isMirrored: isMirrored)
  }
}
