/// A reader of one kind of file, in Swift: headers, then rows from top to bottom as stored.
///
/// ``RowSource`` handles the damage policy, filled rows, limits of memory and errors, in the same way for all kinds. Rows have the form
/// that ``RowDecoder`` describes. If rows are stored from the bottom up, they are delivered in that order, together with the orientation
/// that turns the image upright. So no kind of file needs the whole image in memory for this. One thread at a time may use a reader.
protocol RowReader: AnyObject {
  /// The kind.
  static var format: ImageDescription.Format { get }

  /// True for the first bytes of a file of this kind.
  static func recognizes(_ head: [UInt8]) -> Bool

  /// Reads the headers, up to the first pixel.
  ///
  /// Sizes are checked with ``Limits/allow(_:)`` before anything is allocated that grows with them.
  ///
  /// - Parameters:
  ///   - bytes: The source, at its first byte.
  ///   - limits: The limits of sizes and metadata.
  ///   - keepsDamaged: True if rows that cannot be read are going to be filled.
  /// - Throws: A ``ReadFault``.
  init(_ bytes: inout ByteReader, limits: Limits, keepsDamaged: Bool) throws(ReadFault)

  /// The content of the headers.
  var description: ImageDescription { get }
  /// The bytes that ``start(_:)`` allocates; 0 for a file that is read row by row.
  var wholeImageBytes: Int { get }
  /// The planes that it can deliver instead of rows of pixels; nil for none.
  var planes: PlaneStructure? { get }
  /// Damage that was overlooked: bytes without a meaning, which were read with the most likely one; nil for none.
  var overlooked: OverlookedDamage? { get }

  /// Allocates the memory for pixels. It is called once, when ``wholeImageBytes`` are allowed.
  func start(_ bytes: inout ByteReader) throws(ReadFault)
  /// Does the same as ``start(_:)`` for ``planes``. The rows are then those of luma.
  func startPlanes() throws(ReadFault)

  /// Decodes the next row. It is not called after the last one.
  func readRow(into row: UnsafeMutablePointer<UInt8>, from bytes: inout ByteReader) throws(ReadFault)
  /// Copies row `y` of Cb (1) or Cr (2), after the first row of luma that it belongs to was read.
  func copyChromaRow(_ y: Int, plane: Int, into row: UnsafeMutablePointer<UInt8>)
}

extension RowReader {
  var wholeImageBytes: Int { 0 }
  var planes: PlaneStructure? { nil }
  var overlooked: OverlookedDamage? { nil }
  func start(_ bytes: inout ByteReader) throws(ReadFault) {}
  func startPlanes() throws(ReadFault) { preconditionFailure("\(Self.format) has no planes") }
  func copyChromaRow(_ y: Int, plane: Int, into row: UnsafeMutablePointer<UInt8>) {
    preconditionFailure("\(Self.format) has no planes")
  }
}

/// Damage that a ``RowReader`` has overlooked.
struct OverlookedDamage: Sendable {
  /// The first fault.
  var message: String
  /// The first row that lacks pixels, in stored order; nil if all are there.
  var row: Int?
}

/// A failure to read headers or a row.
enum ReadFault: Error {
  /// The source or its image data end early.
  case truncated
  /// The bytes contradict the format.
  case corrupt(String)
  /// A variety of the format that is not read.
  case unsupported(String)
  /// A system call failed.
  case unreadable(Int32)
  /// The flag was raised.
  case canceled
  /// The system has no memory.
  case outOfMemory
  /// A limit or another refusal that no damage policy changes.
  case refused(PreparationError)

  /// The error of this fault for a caller that only copies the bytes of a source.
  var ofCopy: PreparationError {
    switch self {
    case .refused(let refusal): refusal
    case .canceled: .canceled(.open)
    case .unreadable(let reason): .unreadable(reason, stage: .open)
    case .outOfMemory, .truncated, .corrupt, .unsupported: .outOfMemory("a copy of the source")
    }
  }

  /// The damage; nil for faults with another cause than the source's bytes.
  var damage: String? {
    switch self {
    case .truncated: "the image data end early"
    case .corrupt(let message): message
    case .unsupported, .unreadable, .canceled, .outOfMemory, .refused: nil
    }
  }
}

extension Limits {
  /// Throws for sizes above ``maxPixels``, or with a side above ``longestSide``.
  func allow(_ size: ImageSize) throws(ReadFault) {
    do throws(PreparationError) { try check(size) } catch { throw .refused(error) }
  }

  /// Throws for coded data that do not fit into ``maxMemory``, for kinds that keep all of it.
  func allow(codedBytes count: Int, of format: ImageDescription.Format) throws(ReadFault) {
    do throws(PreparationError) {
      try check(bytes: count, of: "reading this \(format.name)")
    } catch {
      throw .refused(error)
    }
  }

  /// Throws for a color profile above ``maxProfileBytes``.
  func allow(profileBytes count: Int) throws(ReadFault) {
    guard count > maxProfileBytes else { return }
    throw .refused(CodecFailure.profileTooLarge(self))
  }
}
