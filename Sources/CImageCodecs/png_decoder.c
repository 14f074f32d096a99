#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "libpng_texts.h"
#include "png_idat.h"
#include "png_memory.h"
#include "png_metadata.h"

enum { longest_side = 0x7FFFFFFF };

struct cic_png_decoder {
  png_structp png;
  png_infop info;
  bool lacks_memory;  // libpng was refused some
  jmp_buf jump;
  cic_source *source;
  cic_cancel_flag *cancel;
  cic_png_limits limits;
  cic_png_report report;
  int64_t row, damaged_row;
  enum { by_nobody, by_libpng, by_caller } data_read;  // how the image data are read
  // Headers.
  cic_png_idat_layout layout;
  bool idat_is_readable;
  bool is_animated, has_cicp;
  uint8_t cicp[4];
  cic_png_metadata metadata;
  char icc_complaint[cic_png_text_capacity];
  char damaged_type[4];  // of the chunk about whose checksum libpng warned last
  char dropped[cic_png_text_capacity];  // the report's dropped chunks, of the headers only
  // Rows that libpng reads.
  uint64_t row_bytes;
  uint32_t next_row;
  uint8_t *whole;  // all of an interlaced image
  bool whole_is_read;
  // Bytes that the caller reads.
  cic_png_idat *idat;
};

static cic_status set_failure(cic_png_decoder *d, cic_status status, const char *message) {
  return cic_png_set_failure(&d->report.failure, status, message);
}

// Jumps out of libpng, with the failure that is set.
_Noreturn static void jump(cic_png_decoder *d) { _longjmp(d->jump, 1); }

_Noreturn static void raise_failure(cic_png_decoder *d, cic_status status, const char *message) {
  set_failure(d, status, message);
  jump(d);
}

// MARK: Callbacks of libpng

_Noreturn static void error_fn(png_structp png, png_const_charp message) {
  cic_png_decoder *d = png_get_error_ptr(png);
  raise_failure(d, d->lacks_memory ? CIC_OUT_OF_MEMORY : CIC_CORRUPT, message);
}

static void warning_fn(png_structp png, png_const_charp message) {
  cic_png_decoder *d = png_get_error_ptr(png);
  // If the policy overlooks wrong checksums, libpng only warns: it uses a critical chunk all the same, and drops an ancillary one.
  if (strlen(message) > 4 && !strcmp(message + 4, libpng_wrong_checksum) && (message[0] & 0x20)) {
    if (!cic_png_drop(&d->report, message)) raise_failure(d, CIC_CORRUPT, message);
    memcpy(d->damaged_type, message, sizeof d->damaged_type);
    return;
  }
  bool overlooked = cic_png_warn(&d->report, message);
  if (strstr(message, libpng_chunk_too_large)) d->metadata.is_cut = true;
  if (!strncmp(message, libpng_profile_prefix, sizeof libpng_profile_prefix - 1))
    snprintf(d->icc_complaint, sizeof d->icc_complaint, "%s", message);
  if (d->limits.policy >= CIC_FAIL_ON_TRUNCATED && strstr(message, libpng_wrong_adler))
    raise_failure(d, CIC_CORRUPT, message);
  if (!overlooked) raise_failure(d, CIC_WARNING, message);
}

static void read_fn(png_structp png, png_bytep bytes, size_t count) {
  cic_png_decoder *d = png_get_io_ptr(png);
  cic_status status = cic_source_read(d->source, bytes, count);
  if (status) {
    cic_png_set_source_failure(&d->report.failure, status);
    jump(d);
  }
  // libpng reads a chunk header as one piece of 8 bytes. The last piece before the image data is that of the first IDAT.
  if (count == sizeof d->layout.chunk_header) memcpy(d->layout.chunk_header, bytes, count);
}

// Receives the chunks of `raw_chunks` undecoded: metadata, and chunks of which only the presence matters. Returns 1, so that libpng does
// not keep them.
static int chunk_fn(png_structp png, png_unknown_chunkp chunk) {
  cic_png_decoder *d = png_get_user_chunk_ptr(png);
  const char *name = (const char *)chunk->name;
  if (png_get_image_width(png, d->info) == 0) raise_failure(d, CIC_CORRUPT, "IHDR is not the first chunk");
  if (!(name[0] & 0x20)) return 0;  // libpng refuses unknown critical chunks
  // A raw chunk whose checksum is wrong is delivered right after libpng's warning about it.
  bool is_damaged = !memcmp(d->damaged_type, name, sizeof d->damaged_type);
  memset(d->damaged_type, 0, sizeof d->damaged_type);
  if (is_damaged) {
    if (cic_png_is_metadata(chunk->name)) d->metadata.is_cut = true;
    return 1;
  }
  if (!memcmp(name, "acTL", 4)) d->is_animated = true;
  else if (!memcmp(name, "cICP", 4) && chunk->size == 4) {
    d->has_cicp = true;
    memcpy(d->cicp, chunk->data, 4);
  }
  if (!cic_png_keep_metadata(&d->metadata, chunk->name, chunk->data, chunk->size, d->limits.max_chunk_bytes))
    raise_failure(d, CIC_OUT_OF_MEMORY, "no memory for metadata");
  return 1;
}

// MARK: Life cycle

cic_png_decoder *cic_png_decoder_create(cic_source *source, cic_cancel_flag *cancel, cic_png_limits limits) {
  cic_png_decoder *d = calloc(1, sizeof *d);
  if (!d) return NULL;
  d->source = source;
  d->cancel = cancel;
  d->limits = limits;
  d->report.policy = limits.policy;
  d->metadata.max_chunks = limits.max_chunks;
  d->row = d->damaged_row = -1;
  if (_setjmp(d->jump)) {
    cic_png_decoder_destroy(d);
    return NULL;
  }
  d->png = png_create_read_struct_2(
      PNG_LIBPNG_VER_STRING, d, error_fn, warning_fn, &d->lacks_memory, cic_png_allocate, cic_png_free);
  d->info = d->png ? png_create_info_struct(d->png) : NULL;
  if (!d->info) {
    cic_png_decoder_destroy(d);
    return NULL;
  }
  png_set_read_fn(d->png, d, read_fn);
  bool lenient = limits.policy == CIC_FAIL_ON_NONE;
  bool drops = limits.policy < CIC_FAIL_ON_ERROR;  // see cic_png_drop
  png_set_crc_action(
      d->png, lenient ? PNG_CRC_WARN_USE : PNG_CRC_ERROR_QUIT, drops ? PNG_CRC_WARN_DISCARD : PNG_CRC_ERROR_QUIT);
#ifdef PNG_IGNORE_ADLER32
  png_set_option(d->png, PNG_IGNORE_ADLER32, lenient);  // a boolean: PNG_OPTION_OFF is 2, and would turn the option on
#endif
  png_set_option(d->png, PNG_SKIP_sRGB_CHECK_PROFILE, true);
  // libpng reads compressed data in pieces of this size, and loses the piece in which the source ends.
  if (lenient) png_set_compression_buffer_size(d->png, 64);
  png_set_benign_errors(d->png, limits.policy < CIC_FAIL_ON_ERROR);
  png_set_user_limits(d->png, longest_side, longest_side);  // the caller limits the number of pixels, with an error of its own
  png_set_chunk_malloc_max(d->png, limits.max_chunk_bytes);
  static const png_byte raw_chunks[] = CIC_PNG_METADATA_CHUNKS "acTL\0cICP\0sPLT";
  png_set_read_user_chunk_fn(d->png, d, chunk_fn);
  png_set_keep_unknown_chunks(d->png, PNG_HANDLE_CHUNK_ALWAYS, raw_chunks, sizeof raw_chunks / 5);
  return d;
}

void cic_png_decoder_destroy(cic_png_decoder *d) {
  if (d->png) png_destroy_read_struct(&d->png, &d->info, NULL);
  if (d->idat) cic_png_idat_destroy(d->idat);
  cic_png_free_metadata(&d->metadata);
  free(d->whole);
  free(d);
}

cic_report cic_png_decoder_report(const cic_png_decoder *d) {
  return (cic_report){
      .message = d->report.failure.message,
      .first_warning = d->report.first_warning,
      .dropped_chunks = d->report.dropped,
      .warning_count = d->report.warning_count,
      .row = d->row,
      .damaged_row = d->damaged_row,
      .system_error = d->source->system_error,
  };
}

// MARK: Header

// Fills the layout, except for the chunk header, which read_fn keeps.
static void set_layout(cic_png_decoder *d, uint32_t height, bool interlaced) {
  d->layout.height = height;
  d->layout.interlaced = interlaced;
  d->layout.filtered_bytes = png_get_rowbytes(d->png, d->info);
  d->layout.unpacked_bytes = (uint64_t)png_get_image_width(d->png, d->info) * png_get_channels(d->png, d->info) *
                             (png_get_bit_depth(d->png, d->info) > 8 ? 2 : 1);
  d->layout.max_chunk_bytes = d->limits.max_chunk_bytes;
}

cic_status cic_png_read_header(cic_png_decoder *d, cic_png_header *header) {
  *header = (cic_png_header){.srgb_intent = -1};
  if (d->report.failure.status) return d->report.failure.status;
  if (_setjmp(d->jump)) {
    header->width = png_get_image_width(d->png, d->info);
    header->height = png_get_image_height(d->png, d->info);
    return d->report.failure.status;
  }
  png_structp png = d->png;
  png_infop info = d->info;
  png_read_info(png, info);
  if (!cic_png_keep_trailing_metadata(
          &d->metadata, d->source, cic_png_big_endian(d->layout.chunk_header), d->limits.max_chunk_bytes))
    raise_failure(d, CIC_OUT_OF_MEMORY, "no memory for metadata");
  // The chunks that follow are not kept.
  png_set_read_user_chunk_fn(png, NULL, NULL);
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);

  png_uint_32 width = 0, height = 0;
  int interlace = 0, intent = 0, compression = 0;
  png_get_IHDR(png, info, &width, &height, &header->bit_depth, &header->color_type, &interlace, NULL, NULL);
  header->width = width;
  header->height = height;
  header->interlaced = interlace != PNG_INTERLACE_NONE;
  bool transparent = png_get_valid(png, info, PNG_INFO_tRNS) != 0;
  header->has_transparency = transparent || (header->color_type & PNG_COLOR_MASK_ALPHA);
  header->has_text = d->metadata.has_text;
  header->has_xmp = d->metadata.has_xmp;
  header->animated = d->is_animated;
  if (png_get_sRGB(png, info, &intent)) header->srgb_intent = intent;
  header->has_gamma = png_get_gAMA_fixed(png, info, &header->gamma) != 0;
  png_fixed_point *xy = header->chromaticities;
  header->has_chromaticities =
      png_get_cHRM_fixed(png, info, xy, xy + 1, xy + 2, xy + 3, xy + 4, xy + 5, xy + 6, xy + 7) != 0;
  header->has_cicp = d->has_cicp;
  memcpy(header->cicp, d->cicp, sizeof d->cicp);
  header->exif = d->metadata.exif;
  header->exif_count = d->metadata.exif_count;
  header->chunks = d->metadata.chunks.bytes;
  header->chunks_count = d->metadata.chunks.count;
  header->metadata_are_cut = d->metadata.is_cut;
  memcpy(d->dropped, d->report.dropped, sizeof d->dropped);
  d->report.dropped[0] = 0;
  header->dropped_chunks = d->dropped;
  png_charp name = NULL;
  png_bytep profile = NULL;
  png_uint_32 profile_count = 0;
  if (png_get_iCCP(png, info, &name, &compression, &profile, &profile_count)) {
    header->icc = profile;
    header->icc_count = profile_count;
  } else if (d->icc_complaint[0]) {
    header->icc_complaint = d->icc_complaint;
  }
  header->channels = (header->color_type & PNG_COLOR_MASK_COLOR ? 3 : 1) + header->has_transparency;
  header->sample_bits = header->bit_depth == 16 ? 16 : 8;
  header->row_bytes = (uint64_t)width * (uint64_t)header->channels * (uint64_t)header->sample_bits / 8;
  d->row_bytes = header->row_bytes;
  set_layout(d, height, header->interlaced);
  header->idat_is_readable = d->idat_is_readable = cic_png_idat_is_readable(&d->layout, d->source);
  return CIC_OK;
}

// MARK: Rows, by libpng

// Returns the first failure. A call that does not fit the way in which the image data are read is a failure too.
static cic_status expect(cic_png_decoder *d, int data_read) {
  if (d->report.failure.status) return d->report.failure.status;
  return d->data_read == data_read ? CIC_OK : set_failure(d, CIC_UNSUPPORTED, "the image data were not started for this");
}

cic_status cic_png_start(cic_png_decoder *d) {
  cic_status status = expect(d, by_nobody);
  if (status) return status;
  bool interlaced = d->layout.interlaced;
  if (interlaced && d->layout.height > SIZE_MAX / d->row_bytes)
    return set_failure(d, CIC_OUT_OF_MEMORY, "an interlaced image that is larger than any memory");
  if (_setjmp(d->jump)) return d->report.failure.status;
  png_set_expand(d->png);  // palette to RGB, gray below 8 bits to 8, tRNS to alpha
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  png_set_swap(d->png);
#endif
  png_set_interlace_handling(d->png);
  png_read_update_info(d->png, d->info);
  if (png_get_rowbytes(d->png, d->info) != d->row_bytes) raise_failure(d, CIC_CORRUPT, "unexpected row size");
  if (interlaced) {
    d->whole = malloc(d->row_bytes * d->layout.height);
    if (!d->whole) raise_failure(d, CIC_OUT_OF_MEMORY, "no memory for an interlaced image");
  }
  d->data_read = by_libpng;
  return CIC_OK;
}

// Fills the image with opaque mid gray, as RowLayout.fillGray does for images that are decoded row by row.
static void fill_gray(cic_png_decoder *d) {
  size_t count = (size_t)d->row_bytes * d->layout.height;
  memset(d->whole, 0x80, count);
  if (!(png_get_color_type(d->png, d->info) & PNG_COLOR_MASK_ALPHA)) return;
  size_t sample_bytes = png_get_bit_depth(d->png, d->info) / 8u;
  size_t pixel_bytes = sample_bytes * png_get_channels(d->png, d->info);
  for (size_t at = pixel_bytes; at <= count; at += pixel_bytes) memset(d->whole + at - sample_bytes, 0xFF, sample_bytes);
}

// Reads all passes. Under CIC_FAIL_ON_NONE, the pixels of early passes also fill the places of later ones.
static cic_status read_whole(cic_png_decoder *d) {
  bool lenient = d->limits.policy == CIC_FAIL_ON_NONE;
  volatile int pass = 0;
  volatile uint32_t y = 0;
  if (_setjmp(d->jump)) {
    d->row = y;
    cic_status status = d->report.failure.status;
    if (!lenient || (status != CIC_CORRUPT && status != CIC_TRUNCATED)) return status;
    cic_png_warn(&d->report, d->report.failure.message);
    d->damaged_row = pass == PNG_INTERLACE_ADAM7_PASSES - 1 ? y : 0;
    return CIC_OK;
  }
  if (lenient) fill_gray(d);
  for (; pass < PNG_INTERLACE_ADAM7_PASSES; pass++)
    for (y = 0; y < d->layout.height; y++) {
      if (cic_is_canceled(d->cancel)) raise_failure(d, CIC_CANCELED, cic_source_failure_text(CIC_CANCELED));
      png_bytep row = d->whole + d->row_bytes * y;
      png_read_row(d->png, lenient ? NULL : row, lenient ? row : NULL);
    }
  return CIC_OK;
}

cic_status cic_png_read_rows(cic_png_decoder *d, uint8_t *base, ptrdiff_t stride, size_t count, size_t *written) {
  *written = 0;
  // The rows of a damaged interlaced image are delivered, although its failure is kept.
  cic_status status = d->whole_is_read ? CIC_OK : expect(d, by_libpng);
  if (status) return status;
  if (d->layout.interlaced) {
    if (!d->whole_is_read) status = read_whole(d);
    if (status) return status;
    d->whole_is_read = true;
    for (; *written < count && d->next_row < d->layout.height; ++*written, d->next_row++)
      memcpy(base + (ptrdiff_t)*written * stride, d->whole + d->row_bytes * d->next_row, d->row_bytes);
    return CIC_OK;
  }
  if (_setjmp(d->jump)) {
    d->row = d->next_row;
    return d->report.failure.status;
  }
  for (; *written < count && d->next_row < d->layout.height; ++*written, d->next_row++) {
    if (cic_is_canceled(d->cancel)) raise_failure(d, CIC_CANCELED, cic_source_failure_text(CIC_CANCELED));
    png_read_row(d->png, base + (ptrdiff_t)*written * stride, NULL);
  }
  return CIC_OK;
}

// MARK: Image data, by the caller

// Describes how inflated rows become those of cic_png_read_rows.
static void describe(cic_png_decoder *d, cic_png_coding *coding) {
  png_uint_32 width, height;
  int depth, color_type;
  png_get_IHDR(d->png, d->info, &width, &height, &depth, &color_type, NULL, NULL, NULL);
  size_t bits = (size_t)depth * png_get_channels(d->png, d->info);
  coding->filtered_bytes = (width * bits + 7) / 8;
  coding->pixel_bytes = bits < 8 ? 1 : (int32_t)bits / 8;
  png_bytep alpha = NULL;
  png_color_16p key = NULL;
  int alpha_count = 0;
  bool transparent = png_get_tRNS(d->png, d->info, &alpha, &alpha_count, &key) != 0;
  if (color_type == PNG_COLOR_TYPE_PALETTE) {
    coding->indexed = true;
    png_colorp palette = NULL;
    int count = 0;
    png_get_PLTE(d->png, d->info, &palette, &count);
    // An index without an entry is black, as in libpng.
    for (int i = 0; i < 256; i++) {
      uint8_t *entry = coding->entries[i];
      if (i < count) memcpy(entry, (uint8_t[]){palette[i].red, palette[i].green, palette[i].blue}, 3);
      entry[3] = transparent && i < alpha_count ? alpha[i] : 255;
    }
  } else if (color_type == PNG_COLOR_TYPE_GRAY && (depth < 8 || (depth == 8 && transparent))) {
    coding->indexed = true;
    int top = (1 << depth) - 1;
    for (int i = 0; i <= top; i++) {
      coding->entries[i][0] = (uint8_t)(i * 255 / top);
      coding->entries[i][1] = transparent && i == (key->gray & top) ? 0 : 255;
    }
  } else if (transparent) {
    coding->keyed = true;
    uint16_t mask = depth == 8 ? 0xFF : 0xFFFF;
    bool gray = color_type == PNG_COLOR_TYPE_GRAY;
    coding->key[0] = (gray ? key->gray : key->red) & mask;
    coding->key[1] = key->green & mask;
    coding->key[2] = key->blue & mask;
  }
}

// Makes the failure of the IDAT chunks, if there is one, the failure of the decoder.
static cic_status idat_status(cic_png_decoder *d) {
  const cic_png_failure *failure = cic_png_idat_failure(d->idat);
  return failure->status ? set_failure(d, failure->status, failure->message) : CIC_OK;
}

cic_status cic_png_start_idat(cic_png_decoder *d, cic_png_coding *coding) {
  *coding = (cic_png_coding){0};
  cic_status status = expect(d, by_nobody);
  if (status) return status;
  if (!d->idat_is_readable) return set_failure(d, CIC_UNSUPPORTED, "image data that libpng has to read");
  if (_setjmp(d->jump)) return d->report.failure.status;
  describe(d, coding);
  d->idat = cic_png_idat_create(&d->layout, d->source, d->cancel, &d->report);
  if (!d->idat) return set_failure(d, CIC_OUT_OF_MEMORY, "no memory for the PNG decoder");
  d->data_read = by_caller;
  return CIC_OK;
}

cic_status cic_png_read_idat(cic_png_decoder *d, uint8_t *bytes, size_t capacity, cic_png_batch *batch) {
  *batch = (cic_png_batch){0};
  cic_status status = expect(d, by_caller);
  if (status) return status;
  cic_png_idat_read(d->idat, bytes, capacity, batch);
  return batch->count > 0 ? CIC_OK : idat_status(d);
}

cic_status cic_png_record_fault(cic_png_decoder *d, cic_png_fault fault, const char *message) {
  cic_status status = cic_png_judge(&d->report, fault, message);
  return status ? set_failure(d, status, message) : CIC_OK;
}

// MARK: End

cic_status cic_png_finish(cic_png_decoder *d) {
  cic_status status = expect(d, d->data_read == by_caller ? by_caller : by_libpng);
  if (status) return status;
  if (d->data_read == by_caller) {
    cic_png_idat_finish(d->idat);
    return idat_status(d);
  }
  if (_setjmp(d->jump)) {
    d->row = d->layout.height;
    return d->report.failure.status;
  }
  png_read_end(d->png, NULL);
  return CIC_OK;
}
