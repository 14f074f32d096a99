/// The decoder of an opened source, of one of the supported kinds.
struct SourceDecoder {
  /// The kinds with a signature, in the order in which they are tried.
  static let kinds: [any OpenedSource.Type] = [
    JPEGSource.self, PNGSource.self, RowSource<WebPReader>.self, RowSource<GIFReader>.self, RowSource<PSDReader>.self,
    RowSource<TIFFReader>.self, RowSource<BMPReader>.self, RowSource<HelperReader<HEICKind>>.self,
    RowSource<HelperReader<AVIFKind>>.self,
  ]

  /// The kinds without one. They are tried after the signatures of all kinds, also of those that are not decoded.
  static let kindsWithoutSignature: [any OpenedSource.Type] = [RowSource<TGAReader>.self]

  private let source: any OpenedSource

  /// Opens a source, recognizes its format by its first bytes and reads its headers.
  ///
  /// - Throws: A ``PreparationError`` of stage `open` or `decode`.
  init(
    opening source: ImageSource, limits: Limits = Limits(), policy: DamagePolicy = .truncated,
    cancellation: CancellationFlag? = nil
  ) throws(PreparationError) {
    do throws(PreparationError) {
      self = try SourceDecoder(reading: source, limits, policy, cancellation)
    } catch {
      guard error.stage == .decode, policy != .none, [.corrupt, .truncated, .warning].contains(error.code) else {
        throw error
      }
      let remedy: Remedy =
        if error.code == .warning, Self.canRead(source, limits, .error, cancellation) {
          .acceptWarnings
        } else if Self.canRead(source, limits, .none, cancellation) {
          .either("get an intact copy", or: .acceptDamage)
        } else {
          "get an intact copy"
        }
      throw PreparationError(error.code, stage: error.stage, error.message, remedy: remedy)
    }
  }

  private init(
    reading source: ImageSource, _ limits: Limits, _ policy: DamagePolicy, _ cancellation: CancellationFlag?
  ) throws(PreparationError) {
    let bytes = try ByteSource(source, cancellation: cancellation, limits: limits)
    let byteCount = limits.maxPixelsPerByte < .max ? bytes.unreadByteCount : nil
    let kind = try ImageSniffer.kind(of: bytes.peek(ImageSniffer.byteCount))
    self.source = try kind.init(bytes, limits: limits, policy: policy)
    if let byteCount { try limits.check(self.source.description.size, codedIn: byteCount) }
  }

  /// True if the headers can be read under a policy; false for a source that can be read only once.
  private static func canRead(
    _ source: ImageSource, _ limits: Limits, _ policy: DamagePolicy, _ cancellation: CancellationFlag?
  ) -> Bool {
    if source.isReadOnce { return false }
    do throws(PreparationError) {
      _ = try SourceDecoder(reading: source, limits, policy, cancellation)
      return true
    } catch {
      return false
    }
  }

  /// The content of the headers.
  var description: ImageDescription { source.description }
  /// The file's structure.
  var structure: SourceStructure { source.structure }

  /// Starts decoding. To be called once.
  ///
  /// - Parameters:
  ///   - plan: The form of the delivered rows, from this decoder's ``description`` and ``structure``.
  ///   - kernels: The kernels to decode with.
  /// - Returns: A started decoder, whose first strip is next.
  /// - Throws: A ``PreparationError`` of stage `decode`.
  func strips(_ plan: DecodingPlan, kernels: KernelTable) throws(PreparationError) -> any StripDecoder {
    try source.strips(plan, kernels: kernels)
  }
}
