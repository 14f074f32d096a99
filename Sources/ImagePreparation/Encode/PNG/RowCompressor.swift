internal import CImageCodecs
internal import CPixelIntrinsics
internal import Ground
internal import PixelKernels

/// Filters rows of an image and compresses them batch by batch. Filtered rows are compressed in place, in a sliding window.
@safe
final class RowCompressor {
  /// The rows, counted in the whole image.
  let rows: Range<Int>
  /// The first row of the next batch.
  private(set) var nextRow: Int
  /// Adler-32 of the filtered bytes so far.
  private(set) var adler: UInt32 = 1
  /// The number of filtered bytes so far.
  private(set) var count = 0
  let deflater: any Deflater

  private let rowBytes: Int
  private let pixelBytes: Int
  private let isOfWords: Bool
  /// The last two rows with their words in the order of a PNG: row `y` is in place `y % 2`. Empty for bytes.
  private let swapped: AlignedBuffer<UInt8>
  private let filter: PNGEncoderMethod.FilterChoice
  private let batchRows: Int
  private let kernels: KernelTable
  private let ending: DeflateEnding
  private let window: AlignedBuffer<UInt8>
  private let noRow: AlignedBuffer<UInt8>
  /// The number of bytes in the window.
  private var start = 0

  /// Makes a compressor. `isOfWords` is true for rows of words in native byte order; `batchBytes` is the number of filtered bytes that
  /// are compressed at a time.
  init(
    rows: Range<Int>, rowBytes: Int, pixelBytes: Int, isOfWords: Bool, filter: PNGEncoderMethod.FilterChoice,
    batchBytes: Int, kernels: KernelTable, ending: DeflateEnding, deflater: any Deflater
  ) {
    self.rows = rows
    nextRow = rows.lowerBound
    self.rowBytes = rowBytes
    self.pixelBytes = pixelBytes
    self.filter = filter
    self.kernels = kernels
    self.ending = ending
    self.deflater = deflater
    batchRows = max(1, min(batchBytes / (rowBytes + 1), rows.count))
    window = AlignedBuffer(
      count: DeflateTables.window + batchRows * (rowBytes + 1) + DeflateTables.readAhead, zeroed: true)
    noRow = AlignedBuffer(count: rowBytes, zeroed: true)
    self.isOfWords = isOfWords
    swapped = AlignedBuffer(count: isOfWords ? 2 * rowBytes : 0, zeroed: false)
  }

  /// The row after the next batch; the end of the rows when all are compressed.
  var batchEnd: Int { min(nextRow + batchRows, rows.upperBound) }

  /// Compresses the next batch.
  ///
  /// - Precondition: Not all rows are compressed.
  /// - Parameter input: The image's first row; rows have no padding.
  /// - Throws: `outOfMemory`.
  func compressBatch(_ input: UnsafePointer<UInt8>) throws(PreparationError) {
    if start > DeflateTables.window {
      unsafe window.base.update(from: window.base + (start - DeflateTables.window), count: DeflateTables.window)
      start = DeflateTables.window
    }
    let filteredRow = rowBytes + 1
    let batch = batchEnd - nextRow
    let bytes = batch * filteredRow
    var above = unsafe nextRow == 0 ? UnsafePointer(noRow.base) : storedRow(nextRow - 1, input)
    for k in 0..<batch {
      let row = unsafe storedRow(nextRow + k, input)
      let chosen =
        switch filter {
        case .none: 0
        case .sum: unsafe kernels.encoding.filter_by_sum(row, above, rowBytes, pixelBytes)
        case .logarithms: unsafe kernels.encoding.filter_by_logarithms(row, above, rowBytes, pixelBytes)
        }
      let output = unsafe window.base + start + k * filteredRow
      unsafe output[0] = UInt8(chosen)
      unsafe kernels.encoding.apply_filter(row, above, rowBytes, pixelBytes, chosen, output + 1)
      unsafe above = row
    }
    adler = unsafe cic_adler32(adler, window.base + start, bytes)
    nextRow += batch
    try unsafe deflater.compress(
      window.base, from: start, to: start + bytes, position: count - start,
      ending: nextRow == rows.upperBound ? ending : .none)
    start += bytes
    count += bytes
  }

  /// Row `y` as a PNG stores it. Valid until the row after the next one is asked for.
  private func storedRow(_ y: Int, _ input: UnsafePointer<UInt8>) -> UnsafePointer<UInt8> {
    let row = unsafe input + y * rowBytes
    guard isOfWords else { return unsafe row }
    let stored = unsafe swapped.base + y % 2 * rowBytes
    unsafe kernels.decoding.swap_words(row, rowBytes / 2, stored)
    return unsafe UnsafePointer(stored)
  }

  /// Compresses all remaining batches.
  ///
  /// - Throws: `canceled` or `outOfMemory`.
  func compressAll(_ input: UnsafePointer<UInt8>, cancellation: CancellationFlag?) throws(PreparationError) {
    while nextRow < rows.upperBound {
      if let cancellation, cancellation.isCanceled { throw .canceled(.encode) }
      try unsafe compressBatch(input)
    }
  }
}
