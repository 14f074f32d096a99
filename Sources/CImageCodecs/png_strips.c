// The data of a PNG without libpng: chunks and their checksums. What libpng refuses is refused here, with its words, so that
// both readers are interchangeable. Inflating is the caller's.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <isa-l/crc.h>

#include "png_decoder.h"

enum { most_chunks = 64 };  // of a batch

struct cic_png_strips {
  uint8_t chunk[4];          // name of the current chunk
  uint32_t chunk_left;       // bytes of it that are not read yet
  uint32_t crc;              // of what was read, name included
  bool starved;              // no IDAT follows
  cic_status fault;          // met behind a batch, reported after it
  uint64_t longest_data;     // libpng's limits of chunk lengths
  uint64_t longest_chunk;
  size_t chunk_ends[most_chunks];  // of those that end within the batch
};

static cic_status fail(cic_png_decoder *d, cic_status status, const char *message) {
  d->status = status;
  snprintf(d->message, sizeof d->message, "%s", message);
  return status;
}

static cic_status warn(cic_png_decoder *d, const char *message) {
  return cic_png_warn(d, message) ? CIC_OK : fail(d, CIC_WARNING, message);
}

// What libpng calls a benign error.
static cic_status complain(cic_png_decoder *d, const char *message) {
  return d->limits.policy >= CIC_FAIL_ON_ERROR ? fail(d, CIC_CORRUPT, message) : warn(d, message);
}

// A checksum that is not that of its bytes.
static cic_status mismatch(cic_png_decoder *d, const char *message) {
  return d->limits.policy == CIC_FAIL_ON_NONE ? warn(d, message) : fail(d, CIC_CORRUPT, message);
}

// CIC_OK, or a failure to read from the source.
static cic_status checked(cic_png_decoder *d, cic_status status) {
  if (status == CIC_OK) return CIC_OK;
  if (status == CIC_END) return fail(d, CIC_TRUNCATED, "premature end of PNG data");
  return fail(d, status, cic_source_failure_text(status));
}

static bool is_chunk(const cic_png_strips *s, const char *name) { return !memcmp(s->chunk, name, 4); }

static void begin_chunk(cic_png_strips *s, const uint8_t header[8]) {
  s->chunk_left = big_endian(header);
  memcpy(s->chunk, header + 4, 4);
  s->crc = crc32_gzip_refl(0, s->chunk, 4);
}

static cic_status next_chunk(cic_png_decoder *d) {
  cic_png_strips *s = d->strips;
  uint8_t header[8];
  cic_status status = checked(d, cic_source_read(d->source, header, sizeof header));
  if (status) return status;
  begin_chunk(s, header);
  if (s->chunk_left > 0x7FFFFFFF) return fail(d, CIC_CORRUPT, "PNG unsigned integer out of range");
  for (int i = 0; i < 4; i++)
    if ((s->chunk[i] | 0x20) < 'a' || (s->chunk[i] | 0x20) > 'z') return fail(d, CIC_CORRUPT, "invalid chunk type");
  if (s->chunk_left > (is_chunk(s, "IDAT") ? s->longest_data : s->longest_chunk))
    return complain(d, "chunk data is too large");
  return CIC_OK;
}

// Skips what is left of the chunk and looks at its checksum.
static cic_status end_chunk(cic_png_decoder *d) {
  cic_png_strips *s = d->strips;
  while (s->chunk_left > 0) {
    cic_status status = checked(d, cic_source_require(d->source));
    if (status) return status;
    if (cic_is_canceled(d->cancel)) return fail(d, CIC_CANCELED, "canceled");
    size_t part = s->chunk_left < d->source->available ? s->chunk_left : d->source->available;
    s->crc = crc32_gzip_refl(s->crc, d->source->next, part);
    cic_source_consume(d->source, part);
    s->chunk_left -= (uint32_t)part;
  }
  uint8_t stored[4];
  cic_status status = checked(d, cic_source_read(d->source, stored, sizeof stored));
  if (status) return status;
  if (big_endian(stored) == s->crc) return CIC_OK;
  char message[16];
  snprintf(message, sizeof message, "%.4s: CRC error", (const char *)s->chunk);
  return mismatch(d, message);
}

cic_status cic_png_gather(cic_png_decoder *d, uint8_t *bytes, size_t capacity, cic_png_batch *batch) {
  cic_png_strips *s = d->strips;
  *batch = (cic_png_batch){.chunk_ends = s->chunk_ends};
  while (batch->count < capacity && batch->chunk_end_count < most_chunks && !s->starved && !s->fault) {
    if (s->chunk_left == 0) {
      s->fault = end_chunk(d);
      if (!s->fault) s->fault = next_chunk(d);
      s->starved = !s->fault && !is_chunk(s, "IDAT");
      continue;
    }
    s->fault = checked(d, cic_source_require(d->source));
    if (s->fault) break;
    size_t part = capacity - batch->count;
    if (part > s->chunk_left) part = s->chunk_left;
    if (part > d->source->available) part = d->source->available;
    memcpy(bytes + batch->count, d->source->next, part);
    s->crc = crc32_gzip_refl(s->crc, bytes + batch->count, part);
    cic_source_consume(d->source, part);
    s->chunk_left -= (uint32_t)part;
    batch->count += part;
    if (s->chunk_left == 0) s->chunk_ends[batch->chunk_end_count++] = batch->count;
  }
  // The message stays; the status waits until the bytes before the fault are used.
  d->status = CIC_OK;
  return batch->count > 0 ? CIC_OK : s->fault;
}

cic_status cic_png_record_fault(cic_png_decoder *d, cic_png_fault fault, const char *message) {
  switch (fault) {
  case CIC_PNG_BENIGN: return complain(d, message);
  case CIC_PNG_CHECKSUM: return mismatch(d, message);
  case CIC_PNG_DAMAGE: return fail(d, CIC_CORRUPT, message);
  }
}

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

// The limits that libpng sets in png_check_chunk_length: for data, what no image of this size can need.
static void set_chunk_limits(cic_png_decoder *d) {
  cic_png_strips *s = d->strips;
  const uint64_t longest = 0x7FFFFFFF;
  uint64_t row = (uint64_t)png_get_image_width(d->png, d->info) * png_get_channels(d->png, d->info) *
                     (png_get_bit_depth(d->png, d->info) > 8 ? 2 : 1) + 1;
  uint64_t data = d->height > UINT32_MAX / row ? longest : d->height * row;
  data += 6 + 5 * (data / (row > 32566 ? 32566 : row) + 1);  // of zlib, and of deflate for each stored block
  s->longest_chunk = d->limits.max_chunk_bytes;
  if (s->longest_chunk == 0 || s->longest_chunk > longest) s->longest_chunk = longest;
  s->longest_data = data > longest ? longest : data;
  if (s->longest_data < s->longest_chunk) s->longest_data = s->longest_chunk;
}

bool cic_png_can_read_strips(cic_png_decoder *d) {
  const uint8_t *header;
  size_t count;
  if (d->interlaced || big_endian(d->chunk_header) < 2) return false;
  if (cic_source_peek(d->source, 2, &header, &count) || count < 2) return false;
  if ((header[0] << 8 | header[1]) % 31 || (header[0] & 0xF) != 8 || header[0] > 0x78 || header[1] & 0x20) return false;
  uint64_t row = png_get_rowbytes(d->png, d->info) + 1, window = 256u << (header[0] >> 4);
  if (row > UINT32_MAX / d->height) return false;
  return window >= 32 * 1024 || window >= row * d->height;
}

cic_status cic_png_start_strips(cic_png_decoder *d, cic_png_coding *coding) {
  *coding = (cic_png_coding){0};
  if (d->status) return d->status;
  cic_png_strips *s = malloc(sizeof *s);
  if (!s) return fail(d, CIC_OUT_OF_MEMORY, "no memory for the PNG decoder");
  d->strips = s;
  s->starved = false;
  s->fault = CIC_OK;
  if (_setjmp(d->jump)) return d->status;
  describe(d, coding);
  set_chunk_limits(d);
  begin_chunk(s, d->chunk_header);
  // The header of the zlib stream, which cic_png_can_read_strips has looked at.
  uint8_t header[2];
  cic_status status = checked(d, cic_source_read(d->source, header, sizeof header));
  s->crc = crc32_gzip_refl(s->crc, header, sizeof header);
  s->chunk_left -= sizeof header;
  return status;
}

void cic_png_strips_destroy(cic_png_strips *strips) { free(strips); }

cic_status cic_png_strips_finish(cic_png_decoder *d) {
  cic_status status = d->strips->fault;
  while (!status && !is_chunk(d->strips, "IEND")) {
    if (is_chunk(d->strips, "IHDR")) return fail(d, CIC_CORRUPT, "IHDR: out of place");
    status = end_chunk(d);
    if (!status) status = next_chunk(d);
  }
  if (status) return status;
  bool is_empty = d->strips->chunk_left == 0;
  status = end_chunk(d);
  return status || is_empty ? status : complain(d, "IEND: invalid");
}
