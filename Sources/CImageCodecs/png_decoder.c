#include "png_decoder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <isa-l/crc.h>

enum {
  longest_side = 0x7FFFFFFF,
  trailing_bytes = 128 * 1024,  // in which metadata behind the image data is looked for
};

_Noreturn static void fail(cic_png_decoder *d, cic_status status, const char *message) {
  d->status = status;
  snprintf(d->message, sizeof d->message, "%s", message);
  _longjmp(d->jump, 1);
}

_Noreturn static void error_fn(png_structp png, png_const_charp message) {
  cic_png_decoder *d = png_get_error_ptr(png);
  fail(d, strstr(message, "emory") ? CIC_OUT_OF_MEMORY : CIC_CORRUPT, message);
}

bool cic_png_warn(cic_png_decoder *d, const char *message) {
  if (d->warning_count++ == 0) snprintf(d->first_warning, sizeof d->first_warning, "%s", message);
  return d->limits.policy < CIC_FAIL_ON_WARNING;
}

static void warning_fn(png_structp png, png_const_charp message) {
  cic_png_decoder *d = png_get_error_ptr(png);
  bool overlooked = cic_png_warn(d, message);
  if (!strncmp(message, "iCCP", 4)) snprintf(d->icc_complaint, sizeof d->icc_complaint, "%s", message);
  // Of zlib, about the Adler checksum: libpng takes it lightly once all rows are there.
  if (d->limits.policy >= CIC_FAIL_ON_TRUNCATED && strstr(message, "incorrect data check"))
    fail(d, CIC_CORRUPT, message);
  if (!overlooked) fail(d, CIC_WARNING, message);
}

static void read_fn(png_structp png, png_bytep bytes, size_t count) {
  cic_png_decoder *d = png_get_io_ptr(png);
  cic_status status = cic_source_read(d->source, bytes, count);
  if (status == CIC_END) fail(d, CIC_TRUNCATED, "premature end of PNG data");
  if (status != CIC_OK) fail(d, status, cic_source_failure_text(status));
  if (count == sizeof d->chunk_header) memcpy(d->chunk_header, bytes, sizeof d->chunk_header);
}

// Appends a chunk as it stands; what would exceed the limit of one chunk is left out.
static bool keep_text(cic_png_decoder *d, png_unknown_chunkp chunk) {
  if (d->texts_count + chunk->size + 8 > d->limits.max_chunk_bytes) return true;
  uint8_t *texts = realloc(d->texts, d->texts_count + chunk->size + 8);
  if (!texts) return false;
  d->texts = texts;
  uint8_t *next = texts + d->texts_count;
  memcpy(next, chunk->name, 4);
  for (int k = 0; k < 4; k++) next[4 + k] = (uint8_t)(chunk->size >> (24 - 8 * k));
  if (chunk->size) memcpy(next + 8, chunk->data, chunk->size);
  d->texts_count += chunk->size + 8;
  return true;
}

static bool is_text(const uint8_t *name) {
  return !memcmp(name, "tEXt", 4) || !memcmp(name, "zTXt", 4) || !memcmp(name, "iTXt", 4);
}

// Text and EXIF, wherever they stand: false without memory.
static bool keep_metadata(cic_png_decoder *d, png_unknown_chunkp chunk) {
  static const char xmp_keyword[18] = "XML:com.adobe.xmp";
  const uint8_t *name = chunk->name;
  if (is_text(name)) {
    bool is_xmp = name[0] == 'i' && chunk->size >= 18 && !memcmp(chunk->data, xmp_keyword, 18);
    *(is_xmp ? &d->has_xmp : &d->has_text) = true;
    return keep_text(d, chunk);
  }
  if (memcmp(name, "eXIf", 4) || d->exif || chunk->size == 0) return true;
  d->exif = malloc(chunk->size);
  if (!d->exif) return false;
  memcpy(d->exif, chunk->data, chunk->size);
  d->exif_count = chunk->size;
  return true;
}

// Chunks of which only the presence matters, or that are easier read raw. Positive: handled, not kept.
static int chunk_fn(png_structp png, png_unknown_chunkp chunk) {
  cic_png_decoder *d = png_get_user_chunk_ptr(png);
  const char *name = (const char *)chunk->name;
  if (png_get_image_width(png, d->info) == 0) fail(d, CIC_CORRUPT, "IHDR is not the first chunk");
  if (!(name[0] & 0x20)) return 0;  // an unknown critical chunk is libpng's to refuse
  if (!memcmp(name, "acTL", 4)) d->animated = true;
  else if (!memcmp(name, "cICP", 4) && chunk->size == 4) {
    d->has_cicp = true;
    memcpy(d->cicp, chunk->data, 4);
  }
  return keep_metadata(d, chunk) ? 1 : -1;
}

// True where flawless chunks lead from `bytes` to IEND.
static bool are_last_chunks(const uint8_t *bytes, size_t count) {
  while (count >= 12) {
    uint32_t size = big_endian(bytes);
    if (size > count - 12 || big_endian(bytes + 8 + size) != crc32_gzip_refl(0, bytes + 4, size + 4)) return false;
    if (!memcmp(bytes + 4, "IEND", 4)) return true;
    bytes += 12 + size;
    count -= 12 + size;
  }
  return false;
}

// Where text or EXIF begins that stands among the last chunks; `count` if there is none.
static size_t first_trailing_metadata(const uint8_t *bytes, size_t count) {
  // All four names have an X, as third letter or as second.
  const uint8_t *letter = bytes;
  while ((letter = memchr(letter, 'X', count - (size_t)(letter - bytes)))) {
    for (size_t before = 6; before >= 5; before--) {
      size_t at = (size_t)(letter - bytes) - before;
      if (letter < bytes + before || count - at < 12) continue;
      const uint8_t *name = bytes + at + 4;
      if ((is_text(name) || !memcmp(name, "eXIf", 4)) && are_last_chunks(bytes + at, count - at)) return at;
    }
    letter++;
  }
  return count;
}

// Text and EXIF behind the image data, where ExifTool and others put them: false without memory. The data are not walked
// through, which would take a look at every 8 KiB of the file; what leads from a name to IEND with right checksums are chunks.
static bool keep_trailing_metadata(cic_png_decoder *d) {
  uint8_t *bytes = malloc(trailing_bytes);
  if (!bytes) return false;
  size_t count = cic_source_copy_end(d->source, bytes, trailing_bytes);
  bool has_memory = true;
  size_t at = first_trailing_metadata(bytes, count);
  while (has_memory && at < count && memcmp(bytes + at + 4, "IEND", 4)) {
    png_unknown_chunk chunk = {.data = bytes + at + 8, .size = big_endian(bytes + at)};
    memcpy(chunk.name, bytes + at + 4, 4);
    has_memory = keep_metadata(d, &chunk);
    at += 12 + chunk.size;
  }
  free(bytes);
  return has_memory;
}

cic_png_decoder *cic_png_decoder_create(cic_source *source, cic_cancel_flag *cancel, cic_png_limits limits) {
  cic_png_decoder *d = calloc(1, sizeof *d);
  if (!d) return NULL;
  d->source = source;
  d->cancel = cancel;
  d->limits = limits;
  d->row = d->damaged_row = -1;
  if (_setjmp(d->jump)) {
    cic_png_decoder_destroy(d);
    return NULL;
  }
  d->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, d, error_fn, warning_fn);
  d->info = d->png ? png_create_info_struct(d->png) : NULL;
  if (!d->info) {
    cic_png_decoder_destroy(d);
    return NULL;
  }
  png_set_read_fn(d->png, d, read_fn);
  bool lenient = limits.policy == CIC_FAIL_ON_NONE;
  png_set_crc_action(
      d->png, lenient ? PNG_CRC_WARN_USE : PNG_CRC_ERROR_QUIT, lenient ? PNG_CRC_WARN_DISCARD : PNG_CRC_ERROR_QUIT);
#ifdef PNG_IGNORE_ADLER32
  png_set_option(d->png, PNG_IGNORE_ADLER32, lenient);  // a boolean: PNG_OPTION_OFF, which is 2, would turn it on
#endif
  png_set_option(d->png, PNG_SKIP_sRGB_CHECK_PROFILE, true);
  // libpng takes compressed data in pieces of this size and loses the piece in which the source ends.
  if (lenient) png_set_compression_buffer_size(d->png, 64);
  png_set_benign_errors(d->png, limits.policy < CIC_FAIL_ON_ERROR);
  png_set_user_limits(d->png, longest_side, longest_side);  // the caller counts pixels, with its own error
  png_set_chunk_malloc_max(d->png, limits.max_chunk_bytes);
  png_set_chunk_cache_max(d->png, (png_uint_32)limits.max_chunks);
  static const png_byte raw_chunks[] = "tEXt\0zTXt\0iTXt\0eXIf\0acTL\0cICP\0sPLT";
  png_set_read_user_chunk_fn(d->png, d, chunk_fn);
  png_set_keep_unknown_chunks(d->png, PNG_HANDLE_CHUNK_ALWAYS, raw_chunks, sizeof raw_chunks / 5);
  return d;
}

void cic_png_decoder_destroy(cic_png_decoder *d) {
  if (d->png) png_destroy_read_struct(&d->png, &d->info, NULL);
  if (d->strips) cic_png_strips_destroy(d->strips);
  free(d->whole);
  free(d->exif);
  free(d->texts);
  free(d);
}

cic_report cic_png_decoder_report(const cic_png_decoder *d) {
  return (cic_report){
      .message = d->message,
      .first_warning = d->first_warning,
      .warning_count = d->warning_count,
      .row = d->row,
      .damaged_row = d->damaged_row,
      .system_error = d->source->system_error,
  };
}

cic_status cic_png_read_header(cic_png_decoder *d, cic_png_header *header) {
  *header = (cic_png_header){.srgb_intent = -1};
  if (d->status) return d->status;
  if (_setjmp(d->jump)) {
    header->width = png_get_image_width(d->png, d->info);
    header->height = png_get_image_height(d->png, d->info);
    return d->status;
  }
  png_structp png = d->png;
  png_infop info = d->info;
  png_read_info(png, info);
  if (!keep_trailing_metadata(d)) fail(d, CIC_OUT_OF_MEMORY, "no memory for metadata");
  // From here on nothing is looked at behind the image data, but checksums.
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
  header->has_text = d->has_text;
  header->has_xmp = d->has_xmp;
  header->animated = d->animated;
  if (png_get_sRGB(png, info, &intent)) header->srgb_intent = intent;
  header->has_gamma = png_get_gAMA_fixed(png, info, &header->gamma) != 0;
  png_fixed_point *xy = header->chromaticities;
  header->has_chromaticities =
      png_get_cHRM_fixed(png, info, xy, xy + 1, xy + 2, xy + 3, xy + 4, xy + 5, xy + 6, xy + 7) != 0;
  header->has_cicp = d->has_cicp;
  memcpy(header->cicp, d->cicp, sizeof d->cicp);
  header->exif = d->exif;
  header->exif_count = d->exif_count;
  header->texts = d->texts;
  header->texts_count = d->texts_count;
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
  d->height = height;
  d->row_bytes = header->row_bytes;
  d->interlaced = header->interlaced;
  header->strips = cic_png_can_read_strips(d);
  return CIC_OK;
}

cic_status cic_png_start(cic_png_decoder *d) {
  if (d->status) return d->status;
  if (_setjmp(d->jump)) return d->status;
  png_set_expand(d->png);  // palette to RGB, gray below 8 bits to 8, tRNS to alpha
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  png_set_swap(d->png);
#endif
  png_set_interlace_handling(d->png);
  png_read_update_info(d->png, d->info);
  if (png_get_rowbytes(d->png, d->info) != d->row_bytes) fail(d, CIC_CORRUPT, "unexpected row size");
  if (d->interlaced) {
    d->whole = malloc(d->row_bytes * d->height);
    if (!d->whole) fail(d, CIC_OUT_OF_MEMORY, "no memory for an interlaced image");
  }
  return CIC_OK;
}

// All passes. When damage is to be overlooked, early pixels are spread over the ones that later passes would set.
static cic_status read_whole(cic_png_decoder *d) {
  bool lenient = d->limits.policy == CIC_FAIL_ON_NONE;
  volatile int pass = 0;
  volatile uint32_t y = 0;
  if (_setjmp(d->jump)) {
    d->row = y;
    if (!lenient || (d->status != CIC_CORRUPT && d->status != CIC_TRUNCATED)) return d->status;
    if (d->warning_count++ == 0) memcpy(d->first_warning, d->message, sizeof d->message);
    d->damaged_row = pass == PNG_INTERLACE_ADAM7_PASSES - 1 ? y : 0;
    return CIC_OK;
  }
  if (lenient) memset(d->whole, 0x80, d->row_bytes * d->height);
  for (; pass < PNG_INTERLACE_ADAM7_PASSES; pass++)
    for (y = 0; y < d->height; y++) {
      if (cic_is_canceled(d->cancel)) fail(d, CIC_CANCELED, "canceled");
      png_bytep row = d->whole + d->row_bytes * y;
      png_read_row(d->png, lenient ? NULL : row, lenient ? row : NULL);
    }
  return CIC_OK;
}

cic_status cic_png_read_rows(cic_png_decoder *d, uint8_t *base, ptrdiff_t stride, size_t count, size_t *written) {
  *written = 0;
  if (d->interlaced && !d->whole_is_read) {
    if (d->status) return d->status;
    cic_status status = read_whole(d);
    if (status) return status;
    d->whole_is_read = true;
  }
  if (d->interlaced) {
    for (; *written < count && d->next_row < d->height; ++*written, d->next_row++)
      memcpy(base + (ptrdiff_t)*written * stride, d->whole + d->row_bytes * d->next_row, d->row_bytes);
    return CIC_OK;
  }
  if (d->status) return d->status;
  if (_setjmp(d->jump)) {
    d->row = d->next_row;
    return d->status;
  }
  for (; *written < count && d->next_row < d->height; ++*written, d->next_row++) {
    if (cic_is_canceled(d->cancel)) fail(d, CIC_CANCELED, "canceled");
    png_read_row(d->png, base + (ptrdiff_t)*written * stride, NULL);
  }
  return CIC_OK;
}

cic_status cic_png_finish(cic_png_decoder *d) {
  if (d->status) return d->status;
  if (d->strips) return cic_png_strips_finish(d);
  if (_setjmp(d->jump)) {
    d->row = d->height;
    return d->status;
  }
  png_read_end(d->png, NULL);
  return CIC_OK;
}
