/// A source of one kind, whose headers are read and whose pixels are not.
///
/// To add a kind, add a case of ``ImageDescription/Format``, a conformer (or a ``RowReader``), and an entry of ``SourceDecoder/kinds``.
/// Conformers are classes for the reason that ``StripDecoder`` gives.
protocol OpenedSource: AnyObject, Sendable {
  /// The kind.
  static var format: ImageDescription.Format { get }

  /// True for the first bytes of a file of this kind: ``ImageSniffer/byteCount``, fewer if the file is shorter.
  static func recognizes(_ head: [UInt8]) -> Bool

  /// Reads the headers.
  ///
  /// - Throws: A ``PreparationError`` of stage `decode`; `tooManyPixels` before memory for pixels is allocated.
  init(_ source: consuming ByteSource, limits: Limits, policy: DamagePolicy) throws(PreparationError)

  /// The content of the headers.
  var description: ImageDescription { get }
  /// The structure of the file, as far as the plan needs it.
  var structure: SourceStructure { get }

  /// Starts decoding. To be called once.
  ///
  /// - Parameters:
  ///   - plan: The form of the delivered rows, from ``description`` and ``structure``.
  ///   - kernels: The kernels to decode with.
  /// - Returns: A started decoder, whose first strip is next.
  /// - Throws: A ``PreparationError`` of stage `decode`.
  func strips(_ plan: DecodingPlan, kernels: KernelTable) throws(PreparationError) -> any StripDecoder
}
