public import CPixelIntrinsics

/// The kernels of this module, for the table that callers choose.
public enum KernelList {
  /// All of them.
  public static var all: cpi_kernels {
    cpi_kernels(
      resize: resize, light: light, floats: floats, wide: wide, decoding: decoding, encoding: encoding,
      finishing: finishing)
  }

  /// The kernels of the resize.
  private static var resize: cpi_resize_kernels {
    cpi_resize_kernels(
      convolve_columns: { convolveColumns($0) },
      convolve_pairs_to_words: { convolvePairsToWords($0) },
      convolve_pairs_to_bytes: { convolvePairsToBytes($0) },
      convolve_pairs_to_fine: { convolvePairsToFine($0) },
      convolve_pairs_to_sums: { convolvePairsToSums($0) },
      pair_rows: { pairRows($0, $1, count: $2, output: $3) },
      convolve_rows_to_bytes: { convolveRowsToBytes($0) },
      convolve_rows_to_words: { convolveRowsToWords($0) },
      convolve_rows_to_fine: { convolveRowsToFine($0) },
      convolve_rows_to_sums: { convolveRowsToSums($0) },
      center_bytes: { centerBytes($0, count: $1, output: $2) },
      interleave_columns: { interleaveColumns(rows: $0, stride: $1, channels: $2, pairs: $3, columns: $4) },
      deinterleave_lanes: {
        deinterleaveLanes(
          lanes: $0, sampleBytes: $1, channels: $2, count: $3, rowCount: $4, output: $5, stride: $6)
      },
      premultiply_centered: { premultiplyCentered($0, channels: $1, pixels: $2, output: $3) },
      unpremultiply_sums: { unpremultiplySums($0, step: $1, channels: $2, pixels: $3, shift: $4, output: $5) },
      scale_to_fine: { scaleToFine($0, count: $1, output: $2) },
      clear_transparent: { clearTransparent($0, sampleBytes: $1, channels: $2, pixels: $3) })
  }

  /// The kernels of the resize in linear light.
  private static var light: cpi_light_kernels {
    cpi_light_kernels(
      lay_out: { layOutLight(rows: $0, pairs: $1, offset: $2, count: $3, block: $4) },
      lay_out_premultiplied: {
        layOutPremultipliedLight(rows: $0, pairs: $1, channels: $2, offset: $3, count: $4, block: $5)
      },
      accumulate_pairs: { accumulatePairs($0) },
      round: { roundLight(sums: $0, count: $1, shift: $2, output: $3) },
      round_premultiplied: { roundPremultipliedLight(sums: $0, count: $1, shift: $2, output: $3, remainder: $4) },
      map_lanes: { mapLanes($0, channels: $1, pixels: $2, rowCount: $3, table: $4, output: $5, stride: $6) },
      unpremultiply: {
        unpremultiplyLight(high: $0, low: $1, channels: $2, pixels: $3, shift: $4, table: $5, output: $6)
      })
  }

  /// The kernels of the resize with binary32 sums.
  private static var floats: cpi_float_kernels {
    cpi_float_kernels(
      convolve_columns: { convolveFloatColumns($0) },
      convolve_rows: { convolveFloatRows($0) },
      center_words: { centerWords($0, count: $1, output: $2) },
      premultiply: { premultiplyToFloats($0, channels: $1, pixels: $2, output: $3) },
      round: { roundFloats($0, count: $1, output: $2) },
      unpremultiply: { unpremultiplyFloats($0, channels: $1, pixels: $2, output: $3) })
  }

  /// The kernels of the resize with 64-bit sums.
  private static var wide: cpi_wide_kernels {
    cpi_wide_kernels(
      convolve_columns: { convolveColumnsWide($0) },
      convolve_row: { convolveRowWide($0) },
      widen_bytes: { widenBytes($0, count: $1, output: $2) },
      narrow_to_bytes: { narrowToBytes($0, count: $1, output: $2) },
      premultiply_bytes: { premultiplyBytes($0, channels: $1, pixels: $2, output: $3) },
      unpremultiply_products: { unpremultiplyProducts($0, channels: $1, pixels: $2, output: $3) },
      premultiply_words: { premultiplyWords($0, channels: $1, pixels: $2) },
      unpremultiply_words: { unpremultiplyWords($0, channels: $1, pixels: $2) })
  }

  /// The kernels of decoders.
  private static var decoding: cpi_decoding_kernels {
    cpi_decoding_kernels(
      decode_mcus: {
        decodeMCUs(
          bytes: $0, end: $1, limit: $2, state: $3, blocks: $4, blockCount: $5, tables: $6, naturalOrder: $7,
          first: $8, count: $9, coefficients: $10)
      },
      decode_dc: { decodeDC($0) },
      refine_dc: { refineDC($0) },
      decode_ac: { decodeAC($0) },
      refine_ac: { refineAC($0) },
      remove_stuffing: { removeStuffing(input: $0, count: $1, output: $2, written: $3, atMarker: $4) },
      inverse_dct_1: { inverseDCT1(coefficients: $0, blockCount: $1, quantization: $2, output: $3, stride: $4) },
      inverse_dct_2: { inverseDCT2(coefficients: $0, blockCount: $1, quantization: $2, output: $3, stride: $4) },
      inverse_dct_4: { inverseDCT4(coefficients: $0, blockCount: $1, quantization: $2, output: $3, stride: $4) },
      inverse_dct_8: { inverseDCT8(coefficients: $0, blockCount: $1, quantization: $2, output: $3, stride: $4) },
      make_litlen_table: { makeLitlenTable(lengths: $0, count: $1, tables: $2, scratch: $3) },
      make_offset_table: { makeOffsetTable(lengths: $0, count: $1, tables: $2, scratch: $3) },
      inflate_symbols: {
        inflateSymbols(input: $0, inputEnd: $1, output: $2, outputEnd: $3, tables: $4, state: $5)
      },
      unfilter_rows: { unfilterRows(rows: $0, rowCount: $1, prior: $2, pixelBytes: $3, count: $4) },
      expand_indices: { expandIndices(source: $0, bits: $1, entries: $2, channels: $3, count: $4, output: $5) },
      expand_keyed_bytes: { expandKeyedBytes(source: $0, key: $1, count: $2, output: $3) },
      swap_words: { swapWords(source: $0, count: $1, output: $2) },
      expand_keyed_words: { expandKeyedWords(source: $0, key: $1, channels: $2, count: $3, output: $4) })
  }

  /// The kernels of encoders.
  private static var encoding: cpi_encoding_kernels {
    cpi_encoding_kernels(
      filter_by_sum: { filterBySum($0, above: $1, count: $2, pixelBytes: $3) },
      filter_by_logarithms: { filterByLogarithms($0, above: $1, count: $2, pixelBytes: $3) },
      apply_filter: { applyFilter($0, above: $1, count: $2, pixelBytes: $3, filter: $4, output: $5) },
      find_matches: {
        findMatches(
          $0, from: $1, to: $2, position: $3, table: $4, bits: $5, budget: $6, tokens: $7, tokenCount: $8,
          frequencies: $9)
      },
      find_matches_thoroughly: {
        findMatchesThoroughly(
          $0, from: $1, to: $2, position: $3, table: $4, bits: $5, budget: $6, tokens: $7, tokenCount: $8,
          frequencies: $9)
      },
      count_bytes: { countBytes($0, count: $1, frequencies: $2) },
      estimate_bits: { estimateBits($0, bits: $1) },
      make_code: { makeCode($0, count: $1, limit: $2, lengths: $3, codes: $4, scratch: $5) },
      collect_precode_items: { collectPrecodeItems($0, items: $1, frequencies: $2) },
      write_block: {
        writeBlock(
          $0, tokens: $1, tokenCount: $2, lengths: $3, codes: $4, items: $5, itemCount: $6, precodeLengths: $7,
          precodeCodes: $8, isLast: $9, output: $10, bits: $11, bitCount: $12)
      })
  }

  /// The kernels of the finishing steps.
  private static var finishing: cpi_finishing_kernels {
    cpi_finishing_kernels(
      convert_matrix_bytes: { convertMatrixBytes($0, channels: $1, pixels: $2, toLight: $3, fromLight: $4) },
      convert_matrix_words: {
        convertMatrixWords($0, channels: $1, pixels: $2, levels: $3, toLight: $4, matrix: $5, fromLight: $6)
      },
      map_gray_bytes: { mapGrayBytes($0, channels: $1, pixels: $2, table: $3) },
      map_gray_words: { mapGrayWords($0, channels: $1, pixels: $2, table: $3) },
      convert_matrix_planes: {
        convertMatrixPlanes(
          luma: $0, lumaStride: $1, blue: $2, red: $3, chromaStride: $4, width: $5, rows: $6, isHalved: $7,
          toLight: $8, fromLight: $9, scratch: $10)
      },
      convert_table_bytes: {
        convertTableBytes(
          $0, inputChannels: $1, inks: $2, pixels: $3, places: $4, strides: $5, nodes: $6, curves: $7, matrix: $8,
          fromLight: $9, output: $10)
      },
      convert_ycbcr: { convertYCbCrToRGB(luma: $0, blue: $1, red: $2, count: $3, output: $4) },
      convert_fine_ycbcr: { convertFineYCbCrToRGB(luma: $0, blue: $1, red: $2, count: $3, output: $4) },
      expand_to_fine: { expandToFine($0, count: $1, gain: $2, bias: $3, output: $4) },
      expand_to_bytes: { expandToBytes($0, count: $1, gain: $2, bias: $3, output: $4) })
  }
}
