// The types that the modules of kernels share with their callers: structures for kernels with many parameters, and the table of all kernels
// of a module. They are plain C, so that they are the same in every module, whatever vectors the module is compiled for.
//
// Each kernel is described beside its definition in Sources/PixelKernels.
#ifndef CPIXEL_KERNELS_H
#define CPIXEL_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

// A vertical pass over bytes that makes one or two output rows.
typedef struct cpi_column_convolution {
  const uint8_t *_Nonnull const *_Nonnull rows;  // `taps` rows of at least `count` samples
  ptrdiff_t taps;                                // even
  const int16_t *weights;                        // the first output row's, for the first `end` rows
  ptrdiff_t end;                                 // even, at most `taps`
  const int16_t *next_weights;                   // the second output row's, for the rows from `begin` to `taps`
  ptrdiff_t begin;                               // even, at most `taps`; equal to `taps` where there is no second output row
  ptrdiff_t count;                               // samples
  int32_t start;                                 // what sums begin with
  int32_t shift;                                 // fraction bits of the sums that the result does not have
  int16_t *output;                               // `count` samples
  int16_t *next_output;                          // the same of the second output row
} cpi_column_convolution;

// A vertical pass over pairs of rows of centered words.
typedef struct cpi_pair_convolution {
  const int16_t *_Nonnull const *_Nonnull rows;  // `pairs` times two rows, sample by sample: `2 * count` words
  ptrdiff_t pairs;
  const int16_t *weights;                        // `2 * pairs` weights
  ptrdiff_t count;                               // samples
  int32_t start;                                 // what sums begin with
  int32_t pair_shift;                            // fraction bits of weights that sums have no room for: each pair's products lose them
  int32_t shift;                                 // fraction bits of the sums that the result does not have
  void *output;                                  // `count` samples
} cpi_pair_convolution;

// A horizontal pass over lanes.
typedef struct cpi_row_convolution {
  ptrdiff_t lanes;             // 16 or 32
  const int32_t *columns;      // pairs of source columns, a word each lane
  const int32_t *first_pairs;  // for each output column, the first pair of its window
  const int16_t *weights;      // `output_count` rows of `2 * pairs` weights
  ptrdiff_t pairs;             // pairs of taps a window, the same for every output column
  ptrdiff_t output_count;
  int32_t start;               // what sums begin with
  int32_t pair_shift;          // fraction bits of weights that sums have no room for: each pair's products lose them
  int32_t shift;               // fraction bits of the sums that the result does not have
  void *output;                // `output_count * lanes` samples
} cpi_row_convolution;

// The part that a block of rows in linear light adds to the sums of one output row.
typedef struct cpi_light_accumulation {
  const int16_t *block;    // pairs of rows as light
  ptrdiff_t stride;        // pairs that the block has
  ptrdiff_t first;         // the first pair to add
  ptrdiff_t pairs;         // the pairs to add
  const int16_t *weights;  // `pairs * 2` weights
  int32_t pair_shift;      // fraction bits of the weights that sums have no room for, at most 6
  bool begins;             // true if the sums begin here; false to add to those in `sums`
  int32_t start;           // the value with which the sums of the first four vectors of each group begin
  int32_t next_start;      // the same for the last four vectors of each group
  ptrdiff_t count;         // sums of the block, a multiple of 64
  int32_t *sums;           // in the order of the block
} cpi_light_accumulation;

// A vertical pass over centered floats.
typedef struct cpi_float_column_convolution {
  const float *_Nonnull const *_Nonnull rows;  // `taps` rows of at least `count` samples
  const float *weights;               // `taps` weights
  ptrdiff_t taps;
  ptrdiff_t count;
  float *output;                      // `count` samples
} cpi_float_column_convolution;

// A horizontal pass over four rows of centered floats.
typedef struct cpi_float_row_convolution {
  const float *rows;        // the first row: interleaved samples; up to four samples after a window are read too, and must be finite
  ptrdiff_t stride;         // samples between the beginnings of two rows
  ptrdiff_t channels;       // samples a pixel
  const int32_t *starts;    // for each output pixel, the first source pixel of its window
  const float *weights;     // `output_count` rows of `taps` weights
  ptrdiff_t taps;           // with one channel, a multiple of four
  ptrdiff_t output_count;
  float *output;            // four rows of `output_count * channels` samples; up to three more are written
  ptrdiff_t output_stride;  // samples between the beginnings of two output rows
} cpi_float_row_convolution;

// A vertical pass over samples of 16 bits with 64-bit sums.
typedef struct cpi_wide_column_convolution {
  const uint16_t *_Nonnull const *_Nonnull rows;  // `taps` rows of at least `count` samples
  const int32_t *weights;                // `taps` weights
  ptrdiff_t taps;
  ptrdiff_t count;
  int64_t shift;
  int64_t *sums;                         // room for `count` sums
  int32_t *output;                       // `count` samples
} cpi_wide_column_convolution;

// A horizontal pass over one row of the samples that the vertical pass made.
typedef struct cpi_wide_row_convolution {
  const int32_t *row;      // interleaved samples with fraction bits
  ptrdiff_t channels;      // samples a pixel
  const int32_t *starts;   // for each output pixel, the first source pixel of its window
  const int32_t *weights;  // `output_count` rows of `taps` weights; windows may not reach past the row's end
  ptrdiff_t taps;
  ptrdiff_t output_count;
  int64_t shift;
  uint16_t maximum;        // the largest output sample
  bool has_alpha;          // true for premultiplied samples with alpha last
  uint16_t *output;        // `output_count * channels` samples
} cpi_wide_row_convolution;

// A row of MCUs, or a part of it, of one scan of a progressive JPEG.
typedef struct cpi_progressive_decoding {
  const uint8_t *bytes;          // entropy-coded, without stuffing; beyond `end`, 8 bytes and those of one MCU may be read
  ptrdiff_t end;                 // bytes that belong to the scan
  ptrdiff_t limit;               // no MCU begins beyond this byte
  uint64_t *state;               // laid out as EntropyState
  const uint64_t *tables;        // decoding tables of HuffmanTable.entries entries each; one for a band
  const uint8_t *natural_order;  // the natural index of each of 64 zigzag positions
  const ptrdiff_t *blocks;       // of an MCU, laid out as EntropyBlock; for DC coefficients
  ptrdiff_t block_count;         // at most 10
  ptrdiff_t first_position;      // of the band, in zigzag order
  ptrdiff_t last_position;
  ptrdiff_t low_bit;             // the lowest bit of a coefficient that this scan has
  ptrdiff_t first;               // MCUs before this one
  ptrdiff_t count;               // MCUs to decode
  int16_t *coefficients;         // 64 a block, in natural order
  uint64_t *nonzero;             // for each block, the zigzag positions whose coefficients are not zero; for a band
} cpi_progressive_decoding;

typedef ptrdiff_t (*cpi_decode_progressive)(cpi_progressive_decoding);
typedef void (*cpi_convolve_pairs)(cpi_pair_convolution);
typedef void (*cpi_convolve_rows)(cpi_row_convolution);

// The kernels of Sources/ImagePreparation/Resize.
typedef struct cpi_resize_kernels {
  void (*convolve_columns)(cpi_column_convolution);
  cpi_convolve_pairs _Nonnull convolve_pairs_to_words, convolve_pairs_to_bytes, convolve_pairs_to_fine, convolve_pairs_to_sums;
  void (*pair_rows)(const int16_t *first, const int16_t *second, ptrdiff_t count, int16_t *output);
  cpi_convolve_rows _Nonnull convolve_rows_to_bytes, convolve_rows_to_words, convolve_rows_to_fine, convolve_rows_to_sums;
  void (*center_bytes)(const uint8_t *input, ptrdiff_t count, int16_t *output);
  void (*interleave_columns)(const int16_t *rows, ptrdiff_t stride, ptrdiff_t channels, ptrdiff_t pairs, int32_t *columns);
  void (*deinterleave_lanes)(
      const void *lanes, ptrdiff_t sample_bytes, ptrdiff_t channels, ptrdiff_t count, ptrdiff_t row_count, void *output,
      ptrdiff_t stride);
  void (*premultiply_centered)(const uint8_t *input, ptrdiff_t channels, ptrdiff_t pixels, int16_t *output);
  void (*unpremultiply_sums)(
      const int32_t *sums, ptrdiff_t step, ptrdiff_t channels, ptrdiff_t pixels, ptrdiff_t shift, uint8_t *output);
  void (*scale_to_fine)(const uint8_t *input, ptrdiff_t count, uint16_t *output);
  void (*clear_transparent)(void *row, ptrdiff_t sample_bytes, ptrdiff_t channels, ptrdiff_t pixels);
} cpi_resize_kernels;

// The kernels of the resize in linear light.
typedef struct cpi_light_kernels {
  void (*lay_out)(const uint8_t *_Nonnull const *_Nonnull rows, ptrdiff_t pairs, ptrdiff_t offset, ptrdiff_t count, int16_t *block);
  void (*lay_out_premultiplied)(
      const uint8_t *_Nonnull const *_Nonnull rows, ptrdiff_t pairs, ptrdiff_t channels, ptrdiff_t offset, ptrdiff_t count, int16_t *block);
  void (*accumulate_pairs)(cpi_light_accumulation);
  void (*round)(const int32_t *sums, ptrdiff_t count, int32_t shift, int16_t *output);
  void (*round_premultiplied)(const int32_t *sums, ptrdiff_t count, int32_t shift, int16_t *output, int16_t *remainder);
  void (*map_lanes)(
      const uint16_t *lanes, ptrdiff_t channels, ptrdiff_t pixels, ptrdiff_t row_count, const uint8_t *table, uint8_t *output,
      ptrdiff_t stride);
  void (*unpremultiply)(
      const int32_t *high, const int32_t *low, ptrdiff_t channels, ptrdiff_t pixels, ptrdiff_t shift, const uint8_t *table,
      uint8_t *output);
} cpi_light_kernels;

// The kernels of the resize with binary32 sums.
typedef struct cpi_float_kernels {
  void (*convolve_columns)(cpi_float_column_convolution);
  void (*convolve_rows)(cpi_float_row_convolution);
  void (*center_words)(const uint16_t *input, ptrdiff_t count, float *output);
  void (*premultiply)(const uint16_t *input, ptrdiff_t channels, ptrdiff_t pixels, float *output);
  void (*round)(const float *input, ptrdiff_t count, uint16_t *output);
  void (*unpremultiply)(const float *input, ptrdiff_t channels, ptrdiff_t pixels, uint16_t *output);
} cpi_float_kernels;

// The kernels of the resize with 64-bit sums.
typedef struct cpi_wide_kernels {
  void (*convolve_columns)(cpi_wide_column_convolution);
  void (*convolve_row)(cpi_wide_row_convolution);
  void (*widen_bytes)(const uint8_t *input, ptrdiff_t count, uint16_t *output);
  void (*narrow_to_bytes)(const uint16_t *input, ptrdiff_t count, uint8_t *output);
  void (*premultiply_bytes)(const uint8_t *input, ptrdiff_t channels, ptrdiff_t pixels, uint16_t *output);
  void (*unpremultiply_products)(const uint16_t *input, ptrdiff_t channels, ptrdiff_t pixels, uint8_t *output);
  void (*premultiply_words)(uint16_t *row, ptrdiff_t channels, ptrdiff_t pixels);
  void (*unpremultiply_words)(uint16_t *row, ptrdiff_t channels, ptrdiff_t pixels);
} cpi_wide_kernels;

// The state of inflating a deflate stream.
typedef struct cpi_inflate_state {
  uint64_t bitbuf;     // bits that are loaded and not consumed, the first one lowest; the bits above them are zeros
  uint64_t bits_left;  // their number, at most 63
  ptrdiff_t position;  // the next byte of the input to load
  ptrdiff_t written;   // the next byte of the output to write
} cpi_inflate_state;

// The reason why inflating the symbols of a block stopped.
typedef enum cpi_inflate_stop {
  CPI_INFLATE_NEEDS_INPUT,
  CPI_INFLATE_OUTPUT_FULL,
  CPI_INFLATE_END_OF_BLOCK,
  CPI_INFLATE_INVALID_LITLEN,  // the bits are no codeword of a litlen symbol
  CPI_INFLATE_INVALID_OFFSET,  // the bits are no codeword of an offset
  CPI_INFLATE_OFFSET_TOO_FAR   // a match begins in front of the first byte
} __attribute__((enum_extensibility(closed))) cpi_inflate_stop;

typedef void (*cpi_inverse_dct)(
    const int16_t *coefficients, ptrdiff_t block_count, const int16_t *quantization, uint8_t *output, ptrdiff_t stride);

// The kernels of Sources/ImagePreparation/Decode.
typedef struct cpi_decoding_kernels {
  ptrdiff_t (*decode_mcus)(
      const uint8_t *bytes, ptrdiff_t end, ptrdiff_t limit, uint64_t *state, const ptrdiff_t *blocks, ptrdiff_t block_count,
      const uint64_t *tables, const uint8_t *natural_order, ptrdiff_t first, ptrdiff_t count, int16_t *coefficients);
  cpi_decode_progressive _Nonnull decode_dc, refine_dc, decode_ac, refine_ac;
  ptrdiff_t (*remove_stuffing)(const uint8_t *input, ptrdiff_t count, uint8_t *output, ptrdiff_t *written, bool *at_marker);
  cpi_inverse_dct _Nonnull inverse_dct_1, inverse_dct_2, inverse_dct_4, inverse_dct_8;
  bool (*make_litlen_table)(const uint8_t *lengths, ptrdiff_t count, uint32_t *tables, uint32_t *scratch);
  bool (*make_offset_table)(const uint8_t *lengths, ptrdiff_t count, uint32_t *tables, uint32_t *scratch);
  cpi_inflate_stop (*inflate_symbols)(
      const uint8_t *input, ptrdiff_t input_end, uint8_t *output, ptrdiff_t output_end, const uint32_t *tables,
      cpi_inflate_state *state);
  void (*unfilter_rows)(uint8_t *rows, ptrdiff_t row_count, const uint8_t *prior, ptrdiff_t pixel_bytes, ptrdiff_t count);
  void (*expand_indices)(
      const uint8_t *source, ptrdiff_t bits, const uint32_t *entries, ptrdiff_t channels, ptrdiff_t count, uint8_t *output);
  void (*expand_keyed_bytes)(const uint8_t *source, const uint16_t *key, ptrdiff_t count, uint8_t *output);
  void (*swap_words)(const uint8_t *source, ptrdiff_t count, uint8_t *output);
  void (*expand_keyed_words)(const uint8_t *source, const uint16_t *key, ptrdiff_t channels, ptrdiff_t count, uint8_t *output);
} cpi_decoding_kernels;

typedef ptrdiff_t (*cpi_find_matches)(
    const uint8_t *input, ptrdiff_t start, ptrdiff_t end, ptrdiff_t position, uint32_t *table, const uint8_t *bits,
    ptrdiff_t budget, uint64_t *tokens, ptrdiff_t *token_count, uint32_t *frequencies);
typedef ptrdiff_t (*cpi_choose_filter)(const uint8_t *row, const uint8_t *above, ptrdiff_t count, ptrdiff_t pixel_bytes);

// The kernels of Sources/ImagePreparation/Encode.
typedef struct cpi_encoding_kernels {
  cpi_choose_filter _Nonnull filter_by_sum, filter_by_logarithms;
  void (*apply_filter)(
      const uint8_t *row, const uint8_t *above, ptrdiff_t count, ptrdiff_t pixel_bytes, ptrdiff_t filter, uint8_t *output);
  cpi_find_matches _Nonnull find_matches, find_matches_thoroughly;
  void (*count_bytes)(const uint8_t *input, ptrdiff_t count, uint32_t *frequencies);
  void (*estimate_bits)(const uint8_t *lengths, uint8_t *bits);
  void (*make_code)(
      const uint32_t *frequencies, ptrdiff_t count, ptrdiff_t limit, uint8_t *lengths, uint32_t *codes, uint64_t *scratch);
  ptrdiff_t (*collect_precode_items)(const uint8_t *lengths, uint16_t *items, uint32_t *frequencies);
  ptrdiff_t (*write_block)(
      const uint8_t *input, const uint64_t *tokens, ptrdiff_t token_count, const uint8_t *lengths, const uint32_t *codes,
      const uint16_t *items, ptrdiff_t item_count, const uint8_t *precode_lengths, const uint32_t *precode_codes, bool is_last,
      uint8_t *output, uint64_t *bits, ptrdiff_t *bit_count);
} cpi_encoding_kernels;

// The kernels of Sources/ImagePreparation/Finish.
typedef struct cpi_finishing_kernels {
  void (*convert_matrix_bytes)(
      uint8_t *row, ptrdiff_t channels, ptrdiff_t pixels, const int32_t *to_light, const uint8_t *from_light);
  void (*convert_matrix_words)(
      uint16_t *row, ptrdiff_t channels, ptrdiff_t pixels, ptrdiff_t levels, const float *to_light, const float *matrix,
      const float *from_light);
  void (*map_gray_bytes)(uint8_t *row, ptrdiff_t channels, ptrdiff_t pixels, const uint16_t *table);
  void (*map_gray_words)(uint16_t *row, ptrdiff_t channels, ptrdiff_t pixels, const uint16_t *table);
  void (*convert_matrix_planes)(
      uint8_t *luma, ptrdiff_t luma_stride, uint8_t *blue, uint8_t *red, ptrdiff_t chroma_stride, ptrdiff_t width, ptrdiff_t rows,
      bool is_halved, const int32_t *to_light, const uint8_t *from_light, uint16_t *scratch);
  void (*convert_table_bytes)(
      const uint8_t *input, ptrdiff_t input_channels, bool inks, ptrdiff_t pixels, const int32_t *places, const ptrdiff_t *strides,
      const int16_t *nodes, const float *curves, const float *matrix, const uint8_t *from_light, uint8_t *output);
  void (*convert_ycbcr)(const uint8_t *luma, const uint8_t *blue, const uint8_t *red, ptrdiff_t count, uint8_t *output);
  void (*convert_fine_ycbcr)(const uint16_t *luma, const uint16_t *blue, const uint16_t *red, ptrdiff_t count, uint8_t *output);
  void (*expand_to_fine)(const uint16_t *samples, ptrdiff_t count, int32_t gain, int32_t bias, uint16_t *output);
  void (*expand_to_bytes)(const uint16_t *samples, ptrdiff_t count, int32_t gain, int32_t bias, uint8_t *output);
} cpi_finishing_kernels;

// All kernels of one instruction set.
typedef struct cpi_kernels {
  cpi_resize_kernels resize;
  cpi_light_kernels light;
  cpi_float_kernels floats;
  cpi_wide_kernels wide;
  cpi_decoding_kernels decoding;
  cpi_encoding_kernels encoding;
  cpi_finishing_kernels finishing;
} cpi_kernels;

#pragma clang assume_nonnull end

#endif
