/// A source whose rows a ``RowReader`` reads.
final class RowSource<Reader: RowReader>: OpenedSource, @unchecked Sendable {
  // Unchecked: it is used by one thread at a time.

  static var format: ImageDescription.Format { Reader.format }
  static func recognizes(_ head: [UInt8]) -> Bool { Reader.recognizes(head) }

  let description: ImageDescription
  let structure: SourceStructure
  private var rows: ReaderRows<Reader>?

  init(_ source: consuming ByteSource, limits: Limits, policy: DamagePolicy) throws(PreparationError) {
    let rows = try ReaderRows<Reader>(source, limits: limits, policy: policy)
    description = rows.description
    structure = rows.structure
    self.rows = consume rows
  }

  func strips(_ plan: DecodingPlan, kernels: KernelTable) throws(PreparationError) -> any StripDecoder {
    guard var rows = rows.take() else { preconditionFailure("a source is decoded once") }
    try rows.start(plan.form)
    if plan.form == .planes { return PlanarStrips(rows, planes: plan.planes) }
    return InterleavedStrips(rows, height: plan.planes[0].height, conversion: plan.conversion)
  }
}

/// The rows of a ``RowReader`` under a damage policy.
struct ReaderRows<Reader: RowReader>: RowDecoder, ~Copyable {
  let description: ImageDescription
  /// The layout of a row of pixels.
  let layout: RowLayout
  let structure: SourceStructure
  /// The planes that are delivered; nil for rows of pixels.
  private var planes: PlaneStructure?
  private var reader: Reader
  private var bytes: ByteReader
  private let failure: CodecFailure
  private var nextRow = 0
  private var firstFilled: (row: Int, error: PreparationError)?

  init(_ source: consuming ByteSource, limits: Limits, policy: DamagePolicy) throws(PreparationError) {
    var failure = CodecFailure(format: Reader.format, policy: policy, limits: limits)
    var bytes = ByteReader(source)
    do throws(ReadFault) {
      reader = try Reader(&bytes, limits: limits, keepsDamaged: policy == .none)
    } catch {
      throw failure.error(error, row: 0)
    }
    let description = reader.description
    failure.rowCount = description.storedSize.height
    self.failure = failure
    self.description = description
    layout = RowLayout(
      channels: description.decodedChannels, bitDepth: description.decodedBits, width: description.storedSize.width)
    structure = SourceStructure(wholeImageBytes: reader.wholeImageBytes, planes: reader.planes)
    self.bytes = bytes
  }

  /// Allocates the memory for pixels.
  ///
  /// - Throws: A ``PreparationError`` of stage `decode`; `tooMuchMemory` before any memory is allocated.
  mutating func start(_ form: DecodingPlan.Form = .rows) throws(PreparationError) {
    if form == .planes { planes = structure.planes }
    try failure.limits.check(
      bytes: planes?.wholeImageBytes ?? structure.wholeImageBytes, of: "decoding this \(Reader.format.name)")
    do throws(ReadFault) {
      if form == .planes { try reader.startPlanes() } else { try reader.start(&bytes) }
    } catch {
      throw failure.error(error, row: 0)
    }
    try checkOverlooked()
  }

  var damage: DecodingDamage {
    var damage = DecodingDamage()
    let overlooked = reader.overlooked
    damage.firstFilledRow = [firstFilled?.row, overlooked?.row].compactMap(\.self).min()
    let messages = [overlooked?.message, firstFilled?.error.message].compactMap(\.self)
    damage.warningCount = messages.count
    damage.firstWarning = messages.first
    return damage
  }

  mutating func readRows(
    into base: UnsafeMutableRawPointer, stride: Int, count: Int
  ) throws(PreparationError) -> Int {
    let wanted = min(count, description.storedSize.height - nextRow)
    guard wanted > 0 else { return 0 }
    var written = 0
    if firstFilled == nil {
      do throws(ReadFault) {
        while written < wanted {
          try unsafe reader.readRow(into: (base + written * stride).assumingMemoryBound(to: UInt8.self), from: &bytes)
          written += 1
        }
      } catch {
        let refusal = failure.error(error, row: nextRow + written)
        guard failure.isOverlooked(error) else { throw refusal }
        firstFilled = (nextRow + written, refusal)
      }
      try checkOverlooked()
    }
    if let planes {
      for y in written..<wanted {
        let row = unsafe (base + y * stride).assumingMemoryBound(to: UInt8.self)
        unsafe row.update(repeating: planes.range.gray, count: layout.width)
      }
    } else {
      unsafe layout.fillGray(base, stride: stride, rows: written..<wanted)
    }
    nextRow += wanted
    return wanted
  }

  /// Copies row `y` of Cb (1) or Cr (2), which has `width` samples. If the first row of luma that belongs to it was filled, this row is
  /// filled too.
  func copyChromaRow(_ y: Int, plane: Int, width: Int, into row: UnsafeMutablePointer<UInt8>) {
    if let planes, let firstFilled, y * planes.rowsOfLuma(plane) >= firstFilled.row {
      unsafe row.update(repeating: 128, count: width)
    } else {
      unsafe reader.copyChromaRow(y, plane: plane, into: row)
    }
  }

  mutating func finish() throws(PreparationError) {}

  private func checkOverlooked() throws(PreparationError) {
    guard failure.policy == .warning, let overlooked = reader.overlooked else { return }
    throw failure.warning(overlooked.message)
  }
}
