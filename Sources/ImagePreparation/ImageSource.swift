/// Where encoded bytes come from.
public enum ImageSource: Sendable {
  /// A file, read through a bounded window.
  case file(String)
  /// An open descriptor such as standard input (0), read from where it stands, through a bounded window. It is not closed.
  case descriptor(Int32)
  /// Bytes in memory.
  case memory([UInt8])
}
