/// What was found out by reading a source before its run: where it is trimmed, and what stands out.
struct SourceProbe: Sendable {
  /// The part of the upright source that is not transparent; nil for all of it.
  var trimmed: GeometryRecord.SourceRect?
  /// What stands out of that part; nil where nothing is cropped by it.
  var attention: Attention?
}
