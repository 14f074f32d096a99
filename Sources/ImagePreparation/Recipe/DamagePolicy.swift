/// The damage of a source that is tolerated (libvips' `fail-on` levels).
public enum DamagePolicy: String, Sendable, CaseIterable {
  /// Decode as many rows as possible, and add a note about rows that were filled.
  case none
  /// Refuse sources that end early, and worse damage such as bad checksums. Damaged chunks of a PNG that hold no pixels are not refused:
  /// they are left out, with a note.
  case truncated
  /// Refuse every error the codec reports.
  case error
  /// Refuse every warning too.
  case warning
}
