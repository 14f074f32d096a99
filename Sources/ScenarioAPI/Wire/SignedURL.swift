/// A URL that gives access to a file by the signature in its query.
///
/// The whole URL is enough to read the file, so it prints without its query. ``rawValue`` is the whole URL, byte for byte as
/// the service gave it (a changed signature is refused).
public struct SignedURL: RawRepresentable, Hashable, Sendable, Decodable, CustomStringConvertible,
  CustomDebugStringConvertible, CustomReflectable
{
  /// The whole URL. Do not log or store it: request the asset again instead.
  public let rawValue: String

  /// Makes a signed URL from a whole URL, which is not checked.
  public init(rawValue: String) { self.rawValue = rawValue }

  /// The URL up to its query.
  public var description: String {
    guard let query = rawValue.firstIndex(where: { $0 == "?" || $0 == "#" }) else { return rawValue }
    return rawValue[..<query] + "?…"
  }

  /// The URL up to its query.
  public var debugDescription: String { description }

  /// A mirror without children.
  public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
