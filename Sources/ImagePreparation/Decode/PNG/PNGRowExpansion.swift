internal import CImageCodecs
internal import CPixelIntrinsics

/// Converts the unfiltered rows of a PNG to samples of 8 or 16 bits: indices become colors, and a transparent color becomes alpha.
struct PNGRowExpansion {
  let coding: cic_png_coding
  /// Bits of a coded sample.
  let bitDepth: Int
  /// Samples of a pixel of the result.
  let channelCount: Int
  let kernels: KernelTable

  /// Expands a row.
  ///
  /// - Parameters:
  ///   - source: The unfiltered row without its filter byte. 8 bytes after it may be read.
  ///   - width: The pixels of the row.
  ///   - output: Room for `width` pixels of ``channelCount`` samples.
  func expand(_ source: UnsafePointer<UInt8>, width: Int, to output: UnsafeMutablePointer<UInt8>) {
    unsafe withUnsafePointer(to: coding) { coding in
      let key = unsafe UnsafeRawPointer(coding.pointer(to: \.key)!).assumingMemoryBound(to: UInt16.self)
      if unsafe coding.pointee.indexed {
        let entries = unsafe UnsafeRawPointer(coding.pointer(to: \.entries)!).assumingMemoryBound(to: UInt32.self)
        unsafe kernels.decoding.expand_indices(source, bitDepth, entries, channelCount, width, output)
      } else {
        switch unsafe (bitDepth, coding.pointee.keyed) {
        case (8, false): unsafe output.update(from: source, count: width * channelCount)
        case (8, true): unsafe kernels.decoding.expand_keyed_bytes(source, key, width, output)
        case (_, false): unsafe kernels.decoding.swap_words(source, width * channelCount, output)
        case (_, true): unsafe kernels.decoding.expand_keyed_words(source, key, channelCount - 1, width, output)
        }
      }
    }
  }
}
