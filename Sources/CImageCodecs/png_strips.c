// The data of a PNG without libpng: chunks, their checksums, and ISA-L's inflate. What libpng refuses is refused here,
// with its words, so that both readers are interchangeable.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include "png_decoder.h"

enum {
  gathered_bytes = 64 * 1024,  // compressed bytes handed over at a time: chunks of usual encoders are 8 KiB
  gathered_chunks = 64,        // of no more chunks than this
  discarded_bytes = 16 * 1024,
  last_filter = 4,
  longest_window = 32 * 1024,  // of deflate
};

struct cic_png_strips {
  uint8_t chunk[4];          // name of the current chunk
  uint32_t chunk_left;       // bytes of it that are not read yet
  uint32_t crc;              // of what was read, name included
  bool starved;              // no IDAT follows
  cic_status fault;          // met while reading ahead, reported when what came before it is used
  int broken;                // what ISA-L found wrong, reported when what it inflated before is used
  bool ended;                // the deflate stream is complete
  bool has_check;            // and its Adler-32 is read
  uint32_t check;
  uint32_t excess_adler;     // of inflated bytes behind the last row
  size_t excess_count;
  size_t row_bytes;          // with the filter byte
  uint32_t next_row;
  uint64_t longest_data;     // libpng's limits of chunk lengths
  uint64_t longest_chunk;
  uint32_t gathered_count;
  uint32_t chunk_ends[gathered_chunks];  // of those that end within `gathered`
  uint32_t chunk_end_count;
  struct inflate_state inflate;
  uint8_t gathered[gathered_bytes];
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

static cic_status need_source(cic_png_decoder *d) {
  if (d->source->available > 0) return CIC_OK;
  cic_status status = cic_source_refill(d->source);
  if (status == CIC_OK) return CIC_OK;
  if (status == CIC_END) return fail(d, CIC_TRUNCATED, "premature end of PNG data");
  return fail(d, status, status == CIC_CANCELED ? "canceled" : "the source cannot be read");
}

static cic_status take(cic_png_decoder *d, uint8_t *bytes, size_t count) {
  cic_source *source = d->source;
  while (count > 0) {
    cic_status status = need_source(d);
    if (status) return status;
    size_t part = count < source->available ? count : source->available;
    memcpy(bytes, source->next, part);
    source->next += part;
    source->available -= part;
    bytes += part;
    count -= part;
  }
  return CIC_OK;
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
  cic_status status = take(d, header, sizeof header);
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
    cic_status status = need_source(d);
    if (status) return status;
    if (cic_is_canceled(d->cancel)) return fail(d, CIC_CANCELED, "canceled");
    size_t part = s->chunk_left < d->source->available ? s->chunk_left : d->source->available;
    s->crc = crc32_gzip_refl(s->crc, d->source->next, part);
    d->source->next += part;
    d->source->available -= part;
    s->chunk_left -= (uint32_t)part;
  }
  uint8_t stored[4];
  cic_status status = take(d, stored, sizeof stored);
  if (status) return status;
  if (big_endian(stored) == s->crc) return CIC_OK;
  char message[16];
  snprintf(message, sizeof message, "%.4s: CRC error", (const char *)s->chunk);
  return d->limits.policy == CIC_FAIL_ON_NONE ? warn(d, message) : fail(d, CIC_CORRUPT, message);
}

// Gathers compressed bytes from as many chunks as fit: none where the chunks end.
static cic_status gather(cic_png_decoder *d) {
  cic_png_strips *s = d->strips;
  uint32_t count = 0;
  s->chunk_end_count = 0;
  while (count < gathered_bytes && s->chunk_end_count < gathered_chunks && !s->starved && !s->fault) {
    if (s->chunk_left == 0) {
      s->fault = end_chunk(d);
      if (!s->fault) s->fault = next_chunk(d);
      s->starved = !s->fault && !is_chunk(s, "IDAT");
      continue;
    }
    s->fault = need_source(d);
    if (s->fault) break;
    uint32_t part = gathered_bytes - count;
    if (part > s->chunk_left) part = s->chunk_left;
    if (part > d->source->available) part = (uint32_t)d->source->available;
    memcpy(s->gathered + count, d->source->next, part);
    s->crc = crc32_gzip_refl(s->crc, s->gathered + count, part);
    d->source->next += part;
    d->source->available -= part;
    s->chunk_left -= part;
    count += part;
    if (s->chunk_left == 0) s->chunk_ends[s->chunk_end_count++] = count;
  }
  s->gathered_count = count;
  s->inflate.next_in = s->gathered;
  s->inflate.avail_in = count;
  // The message stays; the status waits until the bytes before the fault are used.
  d->status = count > 0 ? CIC_OK : s->fault;
  return d->status;
}

static const char *inflate_message(int code) {
  switch (code) {
  case ISAL_INVALID_BLOCK: return "IDAT: invalid block";
  case ISAL_INVALID_SYMBOL: return "IDAT: invalid code";
  case ISAL_INVALID_LOOKBACK: return "IDAT: invalid distance too far back";
  default: return "IDAT: damaged compressed data";
  }
}

// ISA-L inflates ahead into a buffer of its own, and stops handing that out once it has met damage behind it.
static size_t take_inflated_ahead(cic_png_strips *s, uint8_t *bytes, size_t count) {
  struct inflate_state *state = &s->inflate;
  size_t left = (size_t)(state->tmp_out_valid - state->tmp_out_processed);
  size_t part = count < left ? count : left;
  memcpy(bytes, state->tmp_out_buffer + state->tmp_out_processed, part);
  state->tmp_out_processed += (int32_t)part;
  return part;
}

// Inflates until `count` bytes are there; *written is set even on failure. Past the end of the stream there are none.
static cic_status inflate_into(cic_png_decoder *d, uint8_t *base, size_t count, size_t *written) {
  cic_png_strips *s = d->strips;
  struct inflate_state *state = &s->inflate;
  *written = 0;
  while (*written < count && !s->ended) {
    if (cic_is_canceled(d->cancel)) return fail(d, CIC_CANCELED, "canceled");
    if (s->broken) {
      *written += take_inflated_ahead(s, base + *written, count - *written);
      return *written == count ? CIC_OK : fail(d, CIC_CORRUPT, inflate_message(s->broken));
    }
    uint32_t room = count - *written < UINT32_MAX ? (uint32_t)(count - *written) : UINT32_MAX;
    state->next_out = base + *written;
    state->avail_out = room;
    int code = isal_inflate(state);
    uint32_t got = room - state->avail_out;
    *written += got;
    s->ended = code >= 0 && state->block_state == ISAL_BLOCK_FINISH;
    if (code < 0) s->broken = code;
    if (s->ended || s->broken || got > 0 || state->avail_in > 0) continue;
    cic_status status = gather(d);
    if (status) return status;
    if (state->avail_in == 0) return fail(d, CIC_CORRUPT, "Not enough image data");
  }
  return CIC_OK;
}

// The four bytes behind the deflate stream, some of them in ISA-L's hands.
static cic_status read_check(cic_png_decoder *d) {
  cic_png_strips *s = d->strips;
  struct inflate_state *state = &s->inflate;
  state->read_in >>= state->read_in_length % 8;
  state->read_in_length -= state->read_in_length % 8;
  for (int i = 0; i < 4; i++) {
    uint8_t byte;
    if (state->read_in_length > 0) {
      byte = (uint8_t)state->read_in;
      state->read_in >>= 8;
      state->read_in_length -= 8;
    } else {
      cic_status status = state->avail_in > 0 ? CIC_OK : gather(d);
      if (status) return status;
      if (state->avail_in == 0) return fail(d, CIC_CORRUPT, "Not enough image data");
      byte = *state->next_in++;
      state->avail_in--;
    }
    s->check = s->check << 8 | byte;
  }
  s->has_check = true;
  return CIC_OK;
}

// True where the stream's last byte is not its chunk's: up to four bytes behind it may be in ISA-L's hands.
static bool has_extra_data(const cic_png_strips *s) {
  int64_t end = (int64_t)s->gathered_count - s->inflate.avail_in - s->inflate.read_in_length / 8;
  for (uint32_t i = 0; i < s->chunk_end_count; i++)
    if (s->chunk_ends[i] == end) return false;
  return true;
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
  return window >= longest_window || window >= row * d->height;
}

cic_status cic_png_start_strips(cic_png_decoder *d, cic_png_coding *coding) {
  *coding = (cic_png_coding){0};
  if (d->status) return d->status;
  cic_png_strips *s = malloc(sizeof *s);
  if (!s) return fail(d, CIC_OUT_OF_MEMORY, "no memory for the PNG decoder");
  d->strips = s;
  s->starved = s->ended = s->has_check = false;
  s->check = 0;
  s->excess_adler = 1;
  s->excess_count = 0;
  s->fault = CIC_OK;
  s->broken = 0;
  s->next_row = 0;
  isal_inflate_init(&s->inflate);
  s->inflate.crc_flag = ISAL_DEFLATE;  // the Adler-32 is for those to compute who have the bytes in their cache
  if (_setjmp(d->jump)) return d->status;
  describe(d, coding);
  set_chunk_limits(d);
  s->row_bytes = coding->filtered_bytes + 1;
  begin_chunk(s, d->chunk_header);
  // The header of the zlib stream, which cic_png_can_read_strips has looked at.
  uint8_t header[2];
  cic_status status = take(d, header, sizeof header);
  s->crc = crc32_gzip_refl(s->crc, header, sizeof header);
  s->chunk_left -= sizeof header;
  return status;
}

void cic_png_strips_destroy(cic_png_strips *strips) { free(strips); }

cic_status cic_png_read_strip(cic_png_decoder *d, uint8_t *base, size_t count, size_t *written) {
  *written = 0;
  if (d->status) return d->status;
  cic_png_strips *s = d->strips;
  size_t bytes;
  cic_status status = inflate_into(d, base, count * s->row_bytes, &bytes);
  if (!status && bytes < count * s->row_bytes) status = fail(d, CIC_CORRUPT, "Not enough image data");
  for (; *written < bytes / s->row_bytes; ++*written)
    if (base[*written * s->row_bytes] > last_filter) {
      status = fail(d, CIC_CORRUPT, "bad adaptive filter value");
      break;
    }
  s->next_row += (uint32_t)*written;
  if (status) d->row = s->next_row;
  return status;
}

// The end of the compressed stream: checksums, and what should not be there.
static cic_status end_data(cic_png_decoder *d) {
  cic_png_strips *s = d->strips;
  cic_status status = CIC_OK;
  bool extra = false;
  while (!status && !s->ended) {
    uint8_t discarded[discarded_bytes];
    size_t count;
    status = inflate_into(d, discarded, sizeof discarded, &count);
    s->excess_adler = cic_adler32(s->excess_adler, discarded, count);
    s->excess_count += count;
    extra |= count > 0;
  }
  if (!status) status = read_check(d);
  if (!status && extra) status = complain(d, "IDAT: Too much image data");
  if (!status && has_extra_data(s)) status = complain(d, "IDAT: Extra compressed data");
  return status ? status : s->fault;
}

static cic_status read_end(cic_png_decoder *d) {
  cic_status status = end_data(d);
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

cic_status cic_png_strips_finish(cic_png_decoder *d) {
  cic_status status = read_end(d);
  d->status = status;
  if (status) d->row = d->height;
  return status;
}

cic_status cic_png_check_data(cic_png_decoder *d, uint32_t adler) {
  const cic_png_strips *s = d->strips;
  if (!s->has_check || cic_adler32_combine(adler, s->excess_adler, s->excess_count) == s->check) return CIC_OK;
  static const char message[] = "IDAT: incorrect data check";
  if (d->limits.policy == CIC_FAIL_ON_NONE) return warn(d, message);
  d->row = d->height;
  return fail(d, CIC_CORRUPT, message);
}
