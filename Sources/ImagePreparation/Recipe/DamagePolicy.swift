/// How damaged a source may be before it is refused (libvips' `fail-on` levels).
public enum DamagePolicy: String, Sendable, CaseIterable {
  /// Decode what can be decoded and say what was filled.
  case none
  /// Refuse sources that end early, and anything worse: bad checksums too.
  case truncated
  /// Refuse every error the codec reports.
  case error
  /// Refuse every warning too.
  case warning
}
