/// A source of encoded bytes.
public enum ImageSource: Sendable {
  /// A file, read through a bounded window.
  case file(String)
  /// An open descriptor such as standard input (0), read from its present position through a bounded window. It is not closed.
  ///
  /// Some recipes read a source twice: ``Recipe/Fitting/trim``, ``Gravity/attention``, and a ``Recipe/Budget`` that only a smaller image
  /// meets. They set the descriptor of a file back to its first position, and throw an error for a pipe or socket.
  case descriptor(Int32)
  /// Bytes in memory.
  case memory([UInt8])
}
