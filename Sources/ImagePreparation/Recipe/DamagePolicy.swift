/// The damage of a source that is tolerated (libvips' `fail-on` levels).
public enum DamagePolicy: String, Sendable, CaseIterable {
  /// Decode as many rows as possible, and add a note about rows that were filled.
  case none
  /// Refuse sources that end early, and anything worse: bad checksums too, but of a PNG's chunks without pixels, which are left out with a
  /// note.
  case truncated
  /// Refuse every error the codec reports.
  case error
  /// Refuse every warning too.
  case warning
}
