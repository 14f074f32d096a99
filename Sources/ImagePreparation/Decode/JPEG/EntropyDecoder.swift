internal import Ground

/// Decodes the scans of a JPEG with Huffman coding into coefficients, without libjpeg-turbo.
///
/// All scans of a progressive file are read in turns, each from its own place in the file. A strip of the image is complete before the next
/// one begins, so that only the coefficients of one strip are in memory.
///
/// This decoder handles only flawless files. At any fault it stops, and libjpeg-turbo reads the file from the first byte of the first scan
/// on. So there is only one way in which damage is found, reported and concealed.
@safe
struct EntropyDecoder: ~Copyable, @unchecked Sendable {
  // Unchecked: no other value uses its buffers.

  /// The frame of the scans.
  let frame: JPEGFrame
  private let source: ScanSource
  private let scans: [ScanDecoder]
  private let coefficientCount: Int
  private let nonzero: AlignedBuffer<UInt64>

  /// Takes over the scans of `handle`, a decoder that was configured for planes and must outlive this value. Nil if libjpeg-turbo has to
  /// decode the scans.
  init?(_ handle: OpaquePointer, kernels: KernelTable, maxScans: Int) {
    guard let coding = unsafe JPEGCoding(handle, kernels: kernels, maxScans: maxScans) else { return nil }
    let (frame, source) = (coding.frame, coding.source)
    let layout = CoefficientLayout(frame)
    var decoders: [ScanDecoder] = []
    for scan in coding.scans {
      guard
        let decoder = ScanDecoder(
          scan, isOnly: coding.scans.count == 1, frame: frame, layout: layout, source: source, kernels: kernels)
      else { return nil }
      decoders.append(decoder)
    }
    self.source = source
    self.scans = decoders
    self.frame = frame
    coefficientCount = layout.coefficientCount
    nonzero = AlignedBuffer(count: layout.coefficientCount / 64, zeroed: true)
  }

  /// The number of reads of the source, all scans together.
  var readCount: Int { source.readCount }

  /// Decodes the next strip.
  ///
  /// - Parameter coefficients: The strip's coefficients, in the layout of ``CoefficientLayout``.
  /// - Returns: False if the file is damaged or cannot be read; the decoder cannot be used after that.
  func decodeStrip(_ coefficients: UnsafeMutablePointer<Int16>) -> Bool {
    // The kernel of sequential scans clears the blocks that it decodes.
    if frame.isProgressive {
      unsafe coefficients.update(repeating: 0, count: coefficientCount)
      unsafe nonzero.base.update(repeating: 0, count: coefficientCount / 64)
    }
    return scans.allSatisfy { unsafe $0.decodeStrip(coefficients, nonzero: nonzero.base) }
  }

  /// True when all scans are complete and the end marker follows.
  func isComplete() -> Bool { scans.allSatisfy { $0.isComplete() } }
}
