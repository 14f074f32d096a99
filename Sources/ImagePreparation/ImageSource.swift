/// Where encoded bytes come from.
public enum ImageSource: Sendable {
  /// A file, read through a bounded window.
  case file(String)
  /// An open descriptor such as standard input (0), read from where it stands, through a bounded window. It is not closed.
  ///
  /// What reads a source twice (``Recipe/Fitting/trim``, ``Gravity/attention``, and a ``Recipe/Budget`` where only a smaller image meets
  /// it) sets a file's descriptor back to where it stood; for a pipe or socket it throws an error instead.
  case descriptor(Int32)
  /// Bytes in memory.
  case memory([UInt8])
}
