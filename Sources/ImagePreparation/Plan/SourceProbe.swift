/// The findings of a read of the source before its run: the trimmed part and the saliency.
struct SourceProbe: Sendable {
  /// The part of the upright source that is not transparent; nil for all of it.
  var trimmed: GeometryRecord.SourceRect?
  /// The saliency of that part; nil if no crop depends on it.
  var attention: Attention?
}
