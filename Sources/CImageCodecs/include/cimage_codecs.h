// libpng, libjpeg-turbo, libwebp, libtiff and ISA-L as calls that return a status.
//
// Every call that may jump arms its own setjmp frame, takes and returns plain values, and never calls back into Swift. Nothing is printed.
// The first failure of a handle is kept, and later calls return it again. The exception is cic_png_record_fault, which replaces the
// failure, because bytes that were read before may turn out to be damaged at an earlier row. Calls out of order return CIC_UNSUPPORTED or
// CIC_CORRUPT.
#ifndef CIMAGE_CODECS_H
#define CIMAGE_CODECS_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

// MARK: Cancelling

// A flag that any thread raises, and that the codecs' progress hooks and refills check.
typedef struct cic_cancel_flag {
  atomic_bool raised;
  atomic_ullong looks;  // calls of cic_cancel_flag_is_raised
  struct cic_cancel_flag *_Nullable parent;  // while it is raised, this flag counts as raised
  int64_t deadline;  // nanoseconds of the monotonic clock from which on the flag is raised; INT64_MAX for none
} cic_cancel_flag;

// Makes a flag that is not raised. It counts as raised after `seconds`, and while `parent` is raised. `parent` must outlive it.
void cic_cancel_flag_init(cic_cancel_flag *flag, cic_cancel_flag *_Nullable parent, int64_t seconds);
void cic_cancel_flag_raise(cic_cancel_flag *flag);
bool cic_cancel_flag_is_raised(cic_cancel_flag *flag);
// The number of times that the flag was checked.
uint64_t cic_cancel_flag_looks(cic_cancel_flag *flag);
// True if only the deadline has raised the flag: no thread has raised this flag or one of its parents.
bool cic_cancel_flag_is_late(cic_cancel_flag *flag);

// MARK: Status and report

typedef enum __attribute__((enum_extensibility(closed))) : int32_t {
  CIC_OK = 0,
  CIC_END,            // the source has no more bytes (cic_source_* only)
  CIC_TRUNCATED,      // the source or its image data end early
  CIC_CORRUPT,        // the bytes contradict the format
  CIC_WARNING,        // a warning, and the policy is CIC_FAIL_ON_WARNING
  CIC_UNSUPPORTED,    // a variety of the format that the codec does not handle
  CIC_TOO_LARGE,      // a side is longer than the codec handles, or the picture is too large
  CIC_SCAN_LIMIT,     // more progressive scans than allowed
  CIC_PROFILE_LIMIT,  // more ICC profile bytes than allowed
  CIC_MEMORY_LIMIT,   // more codec memory than allowed
  CIC_OUT_OF_MEMORY,  // malloc failed
  CIC_READ_FAILED,    // read(2) failed; see system_error
  CIC_CANCELED,       // the flag was raised
} cic_status;

// The policy on damage. Each policy refuses everything that the ones before it refuse.
typedef enum __attribute__((enum_extensibility(closed))) : int32_t {
  CIC_FAIL_ON_NONE = 0,
  CIC_FAIL_ON_TRUNCATED,
  CIC_FAIL_ON_ERROR,
  CIC_FAIL_ON_WARNING,
} cic_policy;

// The failure and the warnings of a handle so far. The texts belong to the handle. Each is empty if there was no failure or warning.
typedef struct {
  const char *message;        // of the failure
  const char *first_warning;  // of the first warning
  const char *dropped_chunks; // PNG: the types of chunks after the headers that were left out for a wrong checksum, with commas
  int64_t warning_count;
  int64_t row;                // rows read when the source ended or failed; -1 while neither happened
  int64_t damaged_row;        // first row that is not as the encoder meant it; -1 if none is known
  int32_t scan;               // JPEG: the scan that was being read, from 1
  int32_t system_error;       // errno of a failed read
  bool is_hopeless;           // JPEG: cic_jpeg_start fails like this under every policy
} cic_report;

// MARK: Source

// A bounded window over a descriptor, or borrowed memory.
typedef struct cic_source cic_source;

static const int32_t cic_error_no_such_file = ENOENT;
static const int32_t cic_error_no_such_folder = ENOTDIR;
static const int32_t cic_error_is_a_folder = EISDIR;
static const int32_t cic_error_too_large = EFBIG;

// Opens for reading; -1 and errno in *system_error on failure. A folder is EISDIR.
int cic_open(const char *path, int32_t *system_error);
// The system's text for an errno.
void cic_system_error_text(int32_t system_error, char *text, size_t capacity);

// A source that reads at most `window` bytes ahead. A file is read from the descriptor's present position on, and that position does not
// change. If `owned`, the descriptor is closed with the source. NULL without memory.
cic_source *_Nullable cic_source_create_descriptor(
  int descriptor, bool owned, size_t window, cic_cancel_flag *_Nullable cancel);
// A source over memory that must outlive it.
cic_source *_Nullable cic_source_create_memory(
  const uint8_t *_Nullable bytes, size_t count, cic_cancel_flag *_Nullable cancel);
void cic_source_destroy(cic_source *source);
// The bytes that are still to be read; -1 for a pipe.
int64_t cic_source_byte_count(const cic_source *source);
// Sets the most bytes to read from a pipe. If the pipe has more, reading fails with CIC_READ_FAILED and the system error
// cic_error_too_large.
void cic_source_limit(cic_source *source, int64_t bytes);
// Makes at least `wanted` bytes visible without consuming them. At the end of the source there may be fewer, and there are never more than
// the window holds.
cic_status cic_source_peek(
  cic_source *source, size_t wanted, const uint8_t *_Nullable *_Nonnull bytes, size_t *count);
// Consumes visible bytes, and never more than there are.
void cic_source_skip(cic_source *source, size_t count);
// Consumes the next `count` bytes of a regular file without reading them. False, with nothing consumed, if `count` is below the number of
// visible bytes, if the file has fewer bytes, or for another kind of source.
bool cic_source_pass(cic_source *source, uint64_t count);
// Unread bytes of a file or of memory; 0 for a pipe, whose end is not known.
uint64_t cic_source_unread(const cic_source *source);
// Copies `count` bytes, from `offset` bytes after the next unread one on, and consumes nothing. False for a pipe, or if the source does not
// have these bytes.
bool cic_source_copy(const cic_source *source, uint64_t offset, uint8_t *bytes, size_t count);
int32_t cic_source_system_error(const cic_source *source);

// MARK: JPEG decoder

typedef struct cic_jpeg_decoder cic_jpeg_decoder;

typedef enum __attribute__((enum_extensibility(closed))) : int32_t {
  CIC_JPEG_OTHER = 0,
  CIC_JPEG_GRAY,
  CIC_JPEG_YCBCR,
  CIC_JPEG_RGB,
  CIC_JPEG_CMYK,
  CIC_JPEG_YCCK,
} cic_jpeg_color;

typedef enum __attribute__((enum_extensibility(closed))) : int32_t {
  CIC_ICC_NONE = 0,
  CIC_ICC_COMPLETE,
  CIC_ICC_BROKEN,  // segments missing, doubled or contradicting each other
} cic_icc_state;

// The headers before the first scan. Pointers stay valid until the decoder is destroyed. Width and height are set even
// when reading the header fails after the frame header.
typedef struct {
  uint32_t width, height;
  int32_t components;
  cic_jpeg_color color;
  bool progressive;
  bool has_comment;
  bool has_xmp;
  bool has_gain_map;  // as ISO 21496-1 has it
  int32_t adobe_transform;  // -1 without an APP14 marker
  uint32_t restart_interval;
  uint8_t h_sampling[4], v_sampling[4];
  const uint8_t *_Nullable exif;  // the TIFF structure of the first EXIF segment
  size_t exif_count;
  const uint8_t *_Nullable xmp;  // the first packet
  size_t xmp_count;
  const uint8_t *_Nullable comment;  // the first one
  size_t comment_count;
  // Other segments that may name a place: further EXIF segments and packets, extended XMP, Photoshop's resources. These bytes are the
  // length (four bytes, big-endian) and the content of each segment. Some segments are missing if `segments_are_cut`.
  const uint8_t *_Nullable segments;
  size_t segments_count;
  bool segments_are_cut;
  cic_icc_state icc_state;
  const uint8_t *_Nullable icc;
  size_t icc_count;
  uint64_t whole_image_bytes;  // coefficient memory of a file with several scans; 0 for a file with one, which is read row by row
} cic_jpeg_header;

typedef struct {
  cic_policy policy;
  int32_t max_scans;
  size_t max_profile_bytes;
  size_t max_metadata_bytes;  // of all `segments`
  size_t max_memory;
} cic_jpeg_limits;

typedef enum __attribute__((enum_extensibility(closed))) : int32_t {
  CIC_JPEG_OUT_GRAY = 0,
  CIC_JPEG_OUT_RGB,
  CIC_JPEG_OUT_CMYK,    // 255 is full ink
  CIC_JPEG_OUT_PLANES,  // as coded, no color conversion and no upsampling
} cic_jpeg_output;

// One component as cic_jpeg_read_planes delivers it.
typedef struct {
  uint32_t width, height;     // samples of the whole plane
  uint32_t padded_width;      // samples that are written per row: whole blocks
  uint32_t rows_per_strip;    // rows of one strip, except in the last one
} cic_jpeg_plane;

typedef struct {
  uint32_t width, height;     // after scaling
  int32_t plane_count;        // components of CIC_JPEG_OUT_PLANES, else 0
  uint32_t strip_count;       // calls of cic_jpeg_read_planes that deliver rows
  cic_jpeg_plane planes[4];
} cic_jpeg_layout;

cic_jpeg_decoder *_Nullable cic_jpeg_decoder_create(
  cic_source *source, cic_cancel_flag *_Nullable cancel, cic_jpeg_limits limits);
void cic_jpeg_decoder_destroy(cic_jpeg_decoder *decoder);
cic_report cic_jpeg_decoder_report(const cic_jpeg_decoder *decoder);
cic_status cic_jpeg_read_header(cic_jpeg_decoder *decoder, cic_jpeg_header *header);
// Chooses the form of the output, and reads nothing. `scale_denominator` is 1, 2, 4 or 8.
cic_status cic_jpeg_configure(
  cic_jpeg_decoder *decoder, uint32_t scale_denominator, cic_jpeg_output output, cic_jpeg_layout *layout);
// Starts to decode. A file with several scans is read to its end here. Under CIC_FAIL_ON_NONE, a damaged scan counts as the end of the file
// if cic_jpeg_can_resume is true for this version of the library; otherwise it is CIC_CORRUPT.
cic_status cic_jpeg_start(cic_jpeg_decoder *decoder);
// True if decoding can continue after a damaged scan with this version of libjpeg-turbo (LIBJPEG_TURBO_VERSION_NUMBER). This depends on
// internals of the library.
bool cic_jpeg_can_resume(int32_t version);
// For tests, before cic_jpeg_start: makes the decoder call cic_jpeg_can_resume with `version`, not with the version of the library.
void cic_jpeg_assume_version(cic_jpeg_decoder *decoder, int32_t version);
// Reads up to `count` rows, `stride` bytes apart; *written is set even on failure.
cic_status cic_jpeg_read_rows(
  cic_jpeg_decoder *decoder, uint8_t *base, ptrdiff_t stride, size_t count, size_t *written);
// Reads the next strip: rows_per_strip rows into each plane, or fewer in the last strip. A row has padded_width bytes. After the last
// strip, *delivered is false.
cic_status cic_jpeg_read_planes(
  cic_jpeg_decoder *decoder, uint8_t *_Nullable const *_Nonnull planes, const ptrdiff_t *strides, bool *delivered);
// Reads to the end marker. All rows must have been read.
cic_status cic_jpeg_finish(cic_jpeg_decoder *decoder);

// MARK: JPEG entropy-coded data

// One component.
typedef struct {
  int32_t identifier;         // that scan headers have
  int32_t h_sampling, v_sampling;
  int32_t block_side;         // samples of a block after scaling: 8, 4, 2 or 1
  uint32_t blocks_per_row, block_rows;  // blocks of the image; whole MCUs may have more
  const uint16_t *quantization;  // 64 steps, in natural order
} cic_jpeg_component;

// The coding of a JPEG with Huffman codes: its frame, and the header of its first scan.
typedef struct {
  bool is_progressive;
  int32_t component_count;
  uint32_t mcus_per_row;      // of an interleaved scan
  uint32_t restart_interval;  // MCUs; 0 for none
  cic_jpeg_component components[4];
  uint8_t scan_header[12];    // of the first scan, as in the file, without its length
} cic_jpeg_coding;

// Call it after cic_jpeg_configure with CIC_JPEG_OUT_PLANES, and instead of cic_jpeg_start. True if the file has Huffman codes of 8-bit
// samples and the source can be read at any place: the caller may then decode the scans itself. It may still call cic_jpeg_start at any
// time after that.
bool cic_jpeg_take_coding(cic_jpeg_decoder *decoder, cic_jpeg_coding *coding);
// The Huffman table of a class and number as in DHT segments: 17 counts of codes of each length from index 1, and 256 symbols. False if the
// table is not defined before the first scan. Pointers stay valid until cic_jpeg_start.
bool cic_jpeg_huffman_table(
  const cic_jpeg_decoder *decoder, uint8_t key, const uint8_t *_Nullable *_Nonnull counts,
  const uint8_t *_Nullable *_Nonnull symbols);
// Sets *bytes to the bytes that follow the first scan's header by `offset` bytes: `capacity` bytes, or fewer at the end of the source. They
// are in `buffer`, or in memory of the source. False when reading failed or was canceled.
bool cic_jpeg_view_scans(
  cic_jpeg_decoder *decoder, uint64_t offset, uint8_t *buffer, size_t capacity,
  const uint8_t *_Nullable *_Nonnull bytes, size_t *count);

// MARK: JPEG encoder

typedef struct cic_jpeg_encoder cic_jpeg_encoder;

typedef struct {
  uint32_t width, height;
  int32_t components;   // 1 gray, 3 RGB (rows) or YCbCr (planes)
  double quality;       // 1 to 100, on the IJG's scale, fractions included
  bool subsampled;      // 4:2:0, else 4:4:4
  bool planes;          // fed by cic_jpeg_write_planes
  bool optimized;       // Huffman tables made for the image
  const uint8_t *_Nullable icc;
  size_t icc_count;
} cic_jpeg_encoder_options;

cic_jpeg_encoder *_Nullable cic_jpeg_encoder_create(void);
void cic_jpeg_encoder_destroy(cic_jpeg_encoder *encoder);
const char *cic_jpeg_encoder_message(const cic_jpeg_encoder *encoder);
cic_status cic_jpeg_encoder_start(cic_jpeg_encoder *encoder, const cic_jpeg_encoder_options *options);
// Writes rows, up to the last row of the image; CIC_UNSUPPORTED after it.
cic_status cic_jpeg_write_rows(cic_jpeg_encoder *encoder, const uint8_t *base, ptrdiff_t stride, size_t count);
// Writes one strip: 8 rows of each plane, or 16 of luma if chroma is subsampled. The last strip may have fewer. Rows must have room for
// whole blocks (widths rounded up to 8), because the last sample is repeated into this padding. CIC_UNSUPPORTED after the last strip.
cic_status cic_jpeg_write_planes(
  cic_jpeg_encoder *encoder, uint8_t *_Nullable const *_Nonnull planes, const ptrdiff_t *strides);
// Ends the file. The bytes stay valid until the encoder is destroyed.
cic_status cic_jpeg_encoder_finish(
  cic_jpeg_encoder *encoder, const uint8_t *_Nullable *_Nonnull bytes, size_t *count);

// MARK: PNG decoder

typedef struct cic_png_decoder cic_png_decoder;

// The headers before the image data. Text and EXIF that follow the image data are included if the source can be read at any place. Pointers
// stay valid until the decoder is destroyed.
typedef struct {
  uint32_t width, height;
  int32_t bit_depth;   // 1, 2, 4, 8, 16
  int32_t color_type;  // 0 gray, 2 RGB, 3 palette, 4 gray and alpha, 6 RGBA
  bool interlaced;
  bool has_transparency;  // an alpha channel or tRNS
  bool has_text;
  bool has_xmp;
  bool animated;
  int32_t srgb_intent;  // -1 without sRGB
  bool has_gamma;
  bool has_chromaticities;
  bool has_cicp;
  int32_t gamma;              // as in gAMA, times 100,000
  int32_t chromaticities[8];  // white, red, green, blue: x, y; times 100,000
  uint8_t cicp[4];            // primaries, transfer, matrix, full range
  const uint8_t *_Nullable exif;
  size_t exif_count;
  const uint8_t *_Nullable chunks;  // CIC_PNG_METADATA_CHUNKS except eXIf: type, length (big-endian) and data of each
  size_t chunks_count;
  bool metadata_are_cut;  // some of them are too large, or are at a place that was not searched
  const char *_Nullable dropped_chunks;  // as in cic_report, of the headers
  const uint8_t *_Nullable icc;
  size_t icc_count;
  const char *_Nullable icc_complaint;  // libpng's reason to drop the profile
  int32_t channels;           // of delivered rows: 1 to 4
  int32_t sample_bits;        // of delivered rows: 8 or 16
  uint64_t row_bytes;         // of delivered rows
  bool idat_is_readable;      // cic_png_start_idat may be used
} cic_png_header;

typedef struct {
  cic_policy policy;
  size_t max_chunk_bytes;
  int32_t max_chunks;  // of CIC_PNG_METADATA_CHUNKS, without eXIf
} cic_png_limits;

// The conversion of inflated rows to delivered ones.
typedef struct {
  size_t filtered_bytes;  // of a row, without the filter byte
  int32_t pixel_bytes;    // of a pixel for the filters, at least 1
  bool indexed;           // samples of up to 8 bits are looked up in `entries`
  uint8_t entries[256][4];  // a pixel takes as many bytes of its entry as rows have channels
  bool keyed;             // pixels equal to `key` are transparent: RGB, or gray of 16 bits
  uint16_t key[3];
} cic_png_coding;

cic_png_decoder *_Nullable cic_png_decoder_create(
  cic_source *source, cic_cancel_flag *_Nullable cancel, cic_png_limits limits);
void cic_png_decoder_destroy(cic_png_decoder *decoder);
cic_report cic_png_decoder_report(const cic_png_decoder *decoder);
cic_status cic_png_read_header(cic_png_decoder *decoder, cic_png_header *header);
// Allocates the row buffers, and the whole image of an interlaced file.
cic_status cic_png_start(cic_png_decoder *decoder);
// Reads up to `count` rows, `stride` bytes apart; *written is set even on failure. The first call reads all of an
// interlaced file.
cic_status cic_png_read_rows(
  cic_png_decoder *decoder, uint8_t *base, ptrdiff_t stride, size_t count, size_t *written);
// Call it instead of cic_png_start, if idat_is_readable. The caller then reads the image data with cic_png_read_idat, and inflates them
// itself.
cic_status cic_png_start_idat(cic_png_decoder *decoder, cic_png_coding *coding);

// Compressed bytes of the image data.
typedef struct {
  size_t count;
  const size_t *_Nullable chunk_ends;  // for each chunk that ends within these bytes, the number of bytes before its end
  size_t chunk_end_count;
} cic_png_batch;

// Reads the next bytes of the IDAT chunks' zlib stream, without its header: up to `capacity`, from at most 64 chunks. An empty batch means
// that the chunks have ended. If a failure ended them, its status is returned with that batch.
cic_status cic_png_read_idat(cic_png_decoder *decoder, uint8_t *bytes, size_t capacity, cic_png_batch *batch);

// Faults of the image data. The policy decides which of them is a failure.
typedef enum __attribute__((enum_extensibility(closed))) : int32_t {
  CIC_PNG_DAMAGE = 0,  // rows are missing or wrong
  CIC_PNG_CHECKSUM,
  CIC_PNG_BENIGN,  // as libpng calls it: no row is lost
} cic_png_fault;

// Records a fault that the caller found in bytes of cic_png_read_idat; any other value of `fault` is CIC_PNG_DAMAGE. CIC_OK if the policy
// counts the fault as a warning only.
cic_status cic_png_record_fault(cic_png_decoder *decoder, cic_png_fault fault, const char *message);
// Reads to IEND. Before this call, all rows must have been read, or, after cic_png_start_idat, all bytes of the image data that the rows
// need.
cic_status cic_png_finish(cic_png_decoder *decoder);

// MARK: PNG encoder

typedef struct cic_png_encoder cic_png_encoder;

typedef struct {
  uint32_t width, height;
  int32_t bit_depth;   // 1, 2, 4, 8
  int32_t color_type;  // 0 gray, 2 RGB, 3 palette, 4 gray and alpha, 6 RGBA
  bool srgb;           // writes sRGB (perceptual); not with icc
  const uint8_t *_Nullable icc;
  size_t icc_count;
  const uint8_t *_Nullable palette;  // red, green, blue of each color
  int32_t palette_count;             // 1 to 256
  const uint8_t *_Nullable alpha;  // of the first colors; the others are opaque
  int32_t alpha_count;             // 0 to palette_count
} cic_png_encoder_options;

cic_png_encoder *_Nullable cic_png_encoder_create(void);
void cic_png_encoder_destroy(cic_png_encoder *encoder);
const char *cic_png_encoder_message(const cic_png_encoder *encoder);
// Writes all chunks before the image data.
cic_status cic_png_encoder_start(cic_png_encoder *encoder, const cic_png_encoder_options *options);
// The bytes written so far. They stay valid until the encoder is destroyed.
void cic_png_encoder_output(
    const cic_png_encoder *encoder, const uint8_t *_Nullable *_Nonnull bytes, size_t *count);

// MARK: Deflate

// ISA-L's deflate at its level 1: one raw stream, or a part of one that ends on a whole byte.
typedef struct cic_deflater cic_deflater;

cic_deflater *_Nullable cic_deflater_create(void);
void cic_deflater_destroy(cic_deflater *deflater);
// Compresses `count` bytes. `flushed` ends a part, `last` the stream.
cic_status cic_deflater_write(
  cic_deflater *deflater, const uint8_t *bytes, size_t count, bool flushed, bool last);
// All output so far. The bytes stay valid until the next call.
void cic_deflater_output(
  const cic_deflater *deflater, const uint8_t *_Nullable *_Nonnull bytes, size_t *count);

// CRC-32 of a PNG's chunks (third edition, annex D); 0 to begin with.
uint32_t cic_crc32(uint32_t crc, const uint8_t *bytes, size_t count);
// Adler-32 (RFC 1950); 1 to begin with.
uint32_t cic_adler32(uint32_t adler, const uint8_t *bytes, size_t count);
// The Adler-32 of two consecutive parts, of which the second has `count` bytes.
uint32_t cic_adler32_combine(uint32_t first, uint32_t second, size_t count);

// MARK: WebP decoder

// libwebp is opened by the first of these calls.
typedef struct cic_webp_decoder cic_webp_decoder;

// 0x010204 is 1.2.4; 0 if libwebp is not installed.
int32_t cic_webp_version(void);

typedef enum __attribute__((enum_extensibility(closed))) : int32_t {
  CIC_WEBP_OUT_RGB = 0,
  CIC_WEBP_OUT_RGBA,
  CIC_WEBP_OUT_PLANES,  // Y, then Cb, then Cr, as coded: the range is limited, and the sides of Cb and Cr are half of Y's, rounded up
} cic_webp_output;

// Makes a decoder that writes into memory of the caller. The rows there have no padding, and the memory must outlive the decoder. NULL
// without memory or without libwebp.
cic_webp_decoder *_Nullable cic_webp_decoder_create(uint8_t *pixels, int32_t width, int32_t height, cic_webp_output output);
void cic_webp_decoder_destroy(cic_webp_decoder *decoder);
// Decodes as many rows as the first `count` bytes of a file allow; each call passes more of them. Sets the number of rows that are done,
// also when decoding fails. Of Cb and Cr, half as many rows are done, rounded up.
cic_status cic_webp_decode(cic_webp_decoder *decoder, const uint8_t *data, size_t count, size_t *rows);

// MARK: WebP encoder

// libwebp is opened by the first of these calls.
typedef struct cic_webp_encoder cic_webp_encoder;

typedef struct {
  uint32_t width, height;
  bool has_alpha;   // RGBA, else RGB
  bool lossless;
  float quality;    // of a lossy file, 0 to 100
  int32_t effort;   // libwebp's level of a lossless file, 0 to 9, or its method of a lossy one, 0 to 6
  bool saves_memory;  // from method 3 on, a lossy file takes up to 50 % more time, and a fifth of the memory
} cic_webp_encoder_options;

// False if libwebp is not installed, or only its decoder is.
bool cic_webp_can_encode(void);
// NULL without memory or without libwebp.
cic_webp_encoder *_Nullable cic_webp_encoder_create(cic_cancel_flag *_Nullable cancel);
void cic_webp_encoder_destroy(cic_webp_encoder *encoder);
// Encodes an image. The bytes stay valid until the next call. CIC_TOO_LARGE if a lossy file has no room for its prediction modes.
cic_status cic_webp_encode(
  cic_webp_encoder *encoder, const cic_webp_encoder_options *options, const uint8_t *pixels, int32_t stride,
  const uint8_t *_Nullable *_Nonnull bytes, size_t *count);

// MARK: TIFF decoder

// libtiff is opened by the first of these calls.
typedef struct cic_tiff_decoder cic_tiff_decoder;

// The first directory, as libtiff reads it. Numbers are those of TIFF 6.0.
typedef struct {
  uint32_t width, height;
  uint16_t bits;             // of a sample
  uint16_t samples;          // of a pixel
  uint16_t extra_count;      // the number of samples after the colors
  uint16_t compression;
  uint16_t photometric;
  uint16_t sample_format;
  uint16_t ink_set;
  int32_t alpha;             // the index of the sample of alpha; -1 without one
  bool is_premultiplied;     // by that alpha
  bool has_planes;           // samples are stored one after another, not by pixel
  uint64_t row_bytes;        // of a row that cic_tiff_read_row delivers
  uint64_t coded_bytes;      // of the largest strip or tile, which libtiff holds in memory whole
  uint64_t block_pixels;     // of a strip or tile
  // 0 if the file has strips.
  uint32_t tile_width, tile_height, tiles_across;
  uint64_t tile_row_bytes, tile_bytes;
} cic_tiff_header;

// 0x040500 is 4.5.0; 0 if libtiff is not installed.
int32_t cic_tiff_version(void);
// Makes a decoder of a file or of memory, but not of a pipe. The next unread byte is the first of the TIFF, and the source must outlive the
// decoder. If `keeps_damaged`, a strip or tile that ends early is decoded as far as it goes. NULL without memory or without libtiff.
cic_tiff_decoder *_Nullable cic_tiff_decoder_create(cic_source *source, size_t max_memory, bool keeps_damaged);
void cic_tiff_decoder_destroy(cic_tiff_decoder *decoder);
// libtiff's texts: of the failure of the last call, and of the first warning of all calls. They are empty for none, and belong to the
// decoder.
const char *cic_tiff_message(const cic_tiff_decoder *decoder);
const char *cic_tiff_warning(const cic_tiff_decoder *decoder);
// True if libjpeg had to replace pixels.
bool cic_tiff_is_damaged(const cic_tiff_decoder *decoder);
int32_t cic_tiff_system_error(const cic_tiff_decoder *decoder);
// Call it once. The caller checked the compression before, so that no code for another one runs.
cic_status cic_tiff_read_header(cic_tiff_decoder *decoder, cic_tiff_header *header);
// Call it once. Allocates a row of tiles for each of the first `planes` planes, 1 to 5; `planes` is 1 if samples are stored by pixel.
cic_status cic_tiff_start(cic_tiff_decoder *decoder, uint32_t planes);
// Reads the next row of a plane: row_bytes in native byte order.
cic_status cic_tiff_read_row(cic_tiff_decoder *decoder, uint32_t y, uint32_t plane, uint8_t *row);

#pragma clang assume_nonnull end

#endif
