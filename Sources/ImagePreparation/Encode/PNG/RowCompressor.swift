internal import CImageCodecs
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
  private let filter: PNGEncoderMethod.FilterChoice
  private let batchRows: Int
  private let kernels: PNGEncoderKernels
  private let ending: DeflateEnding
  private let window: AlignedBuffer<UInt8>
  private let noRow: AlignedBuffer<UInt8>
  /// The number of bytes in the window.
  private var start = 0

  /// Makes a compressor. `batchBytes` is the number of filtered bytes that are compressed at a time.
  init(
    rows: Range<Int>, rowBytes: Int, pixelBytes: Int, filter: PNGEncoderMethod.FilterChoice, batchBytes: Int,
    kernels: PNGEncoderKernels, ending: DeflateEnding, deflater: any Deflater
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
    for k in 0..<batch {
      let row = unsafe input + (nextRow + k) * rowBytes
      let above = unsafe nextRow + k == 0 ? UnsafePointer(noRow.base) : row - rowBytes
      let chosen =
        switch filter {
        case .none: 0
        case .sum: unsafe kernels.filterBySum(row, above, rowBytes, pixelBytes)
        case .logarithms: unsafe kernels.filterByLogarithms(row, above, rowBytes, pixelBytes)
        }
      let output = unsafe window.base + start + k * filteredRow
      unsafe output[0] = UInt8(chosen)
      unsafe kernels.applyFilter(row, above, rowBytes, pixelBytes, chosen, output + 1)
    }
    adler = unsafe cic_adler32(adler, window.base + start, bytes)
    nextRow += batch
    try unsafe deflater.compress(
      window.base, from: start, to: start + bytes, position: count - start,
      ending: nextRow == rows.upperBound ? ending : .none)
    start += bytes
    count += bytes
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
