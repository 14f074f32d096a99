#include "png_idat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <isa-l/crc.h>

enum { most_chunks = 64 };  // of a batch

struct cic_png_idat {
  cic_source *source;
  cic_cancel_flag *cancel;
  cic_png_report *report;
  cic_png_failure failure;
  uint8_t name[4];         // of the current chunk
  uint32_t bytes_left;     // of its data
  uint32_t crc;            // of its name and of the data that were read
  bool is_complete;        // the current chunk is not IDAT: no IDAT follows
  uint64_t longest_idat;   // libpng's limits of a chunk's length
  uint64_t longest_other;
  size_t chunk_ends[most_chunks];  // of the chunks that end within the batch
};

static cic_status set_failure(cic_png_idat *idat, cic_status status, const char *message) {
  return cic_png_set_failure(&idat->failure, status, message);
}

// Counts a fault as a warning or sets it as the failure, according to the policy.
static cic_status judge(cic_png_idat *idat, cic_png_fault fault, const char *message) {
  cic_status status = cic_png_judge(idat->report, fault, message);
  return status ? set_failure(idat, status, message) : CIC_OK;
}

static cic_status checked(cic_png_idat *idat, cic_status status) {
  return status ? cic_png_set_source_failure(&idat->failure, status) : CIC_OK;
}

static bool is_chunk(const cic_png_idat *idat, const char *name) { return !memcmp(idat->name, name, 4); }

static void begin_chunk(cic_png_idat *idat, const uint8_t header[cic_png_chunk_header_bytes]) {
  idat->bytes_left = cic_png_big_endian(header);
  memcpy(idat->name, header + 4, 4);
  idat->crc = crc32_gzip_refl(0, idat->name, 4);
}

// Consumes `count` visible bytes of the current chunk.
static void consume(cic_png_idat *idat, size_t count) {
  idat->crc = crc32_gzip_refl(idat->crc, idat->source->next, count);
  cic_source_consume(idat->source, count);
  idat->bytes_left -= (uint32_t)count;
}

static cic_status next_chunk(cic_png_idat *idat) {
  uint8_t header[cic_png_chunk_header_bytes];
  cic_status status = checked(idat, cic_source_read(idat->source, header, sizeof header));
  if (status) return status;
  begin_chunk(idat, header);
  if (idat->bytes_left > cic_png_longest_chunk)
    return set_failure(idat, CIC_CORRUPT, "PNG unsigned integer out of range");
  for (int i = 0; i < 4; i++)
    if ((idat->name[i] | 0x20) < 'a' || (idat->name[i] | 0x20) > 'z')
      return set_failure(idat, CIC_CORRUPT, "invalid chunk type");
  if (idat->bytes_left > (is_chunk(idat, "IDAT") ? idat->longest_idat : idat->longest_other))
    return judge(idat, CIC_PNG_BENIGN, "chunk data is too large");
  return CIC_OK;
}

// Skips the rest of the chunk and compares its checksum.
static cic_status end_chunk(cic_png_idat *idat) {
  while (idat->bytes_left > 0) {
    cic_status status = checked(idat, cic_source_require(idat->source));
    if (status) return status;
    if (cic_is_canceled(idat->cancel)) return checked(idat, CIC_CANCELED);
    size_t available = idat->source->available;
    consume(idat, idat->bytes_left < available ? idat->bytes_left : available);
  }
  uint8_t stored[4];
  cic_status status = checked(idat, cic_source_read(idat->source, stored, sizeof stored));
  if (status) return status;
  if (cic_png_big_endian(stored) == idat->crc) return CIC_OK;
  if ((idat->name[0] & 0x20) && cic_png_drop(idat->report, (const char *)idat->name)) return CIC_OK;
  char message[16];
  snprintf(message, sizeof message, "%.4s: CRC error", (const char *)idat->name);
  return judge(idat, CIC_PNG_CHECKSUM, message);
}

void cic_png_idat_read(cic_png_idat *idat, uint8_t *bytes, size_t capacity, cic_png_batch *batch) {
  *batch = (cic_png_batch){.chunk_ends = idat->chunk_ends};
  while (batch->count < capacity && batch->chunk_end_count < most_chunks && !idat->is_complete) {
    if (idat->failure.status) return;
    if (idat->bytes_left == 0) {
      if (end_chunk(idat) || next_chunk(idat)) return;
      idat->is_complete = !is_chunk(idat, "IDAT");
      continue;
    }
    if (checked(idat, cic_source_require(idat->source))) return;
    size_t part = capacity - batch->count;
    if (part > idat->bytes_left) part = idat->bytes_left;
    if (part > idat->source->available) part = idat->source->available;
    memcpy(bytes + batch->count, idat->source->next, part);
    consume(idat, part);
    batch->count += part;
    if (idat->bytes_left == 0) idat->chunk_ends[batch->chunk_end_count++] = batch->count;
  }
}

void cic_png_idat_finish(cic_png_idat *idat) {
  if (idat->failure.status) return;
  while (!is_chunk(idat, "IEND")) {
    if (is_chunk(idat, "IHDR")) {
      set_failure(idat, CIC_CORRUPT, "IHDR: out of place");
      return;
    }
    if (end_chunk(idat) || next_chunk(idat)) return;
  }
  bool is_empty = idat->bytes_left == 0;
  if (!end_chunk(idat) && !is_empty) judge(idat, CIC_PNG_BENIGN, "IEND: invalid");
}

const cic_png_failure *cic_png_idat_failure(const cic_png_idat *idat) { return &idat->failure; }

// The most filter bytes that a row of the image can need: every pass of an interlaced image has its own.
static uint64_t filter_bytes(const cic_png_idat_layout *layout) { return layout->interlaced ? 7 : 1; }

bool cic_png_idat_is_readable(const cic_png_idat_layout *layout, cic_source *source) {
  const uint8_t *header;
  size_t count;
  if (memcmp(layout->chunk_header + 4, "IDAT", 4)) return false;
  if (cic_png_big_endian(layout->chunk_header) < 2) return false;
  if (cic_source_peek(source, 2, &header, &count) || count < 2) return false;
  if ((header[0] << 8 | header[1]) % 31 || (header[0] & 0xF) != 8 || header[0] > 0x78 || header[1] & 0x20) return false;
  uint64_t row = layout->filtered_bytes + filter_bytes(layout), window = 256u << (header[0] >> 4);
  if (row > UINT32_MAX / layout->height) return false;
  return window >= 32 * 1024 || window >= row * layout->height;
}

// The limits of libpng's png_check_chunk_length. The limit of IDAT is the most that an image of this size can need.
static void set_limits(cic_png_idat *idat, const cic_png_idat_layout *layout) {
  const uint64_t longest = cic_png_longest_chunk;
  uint64_t row = layout->unpacked_bytes + filter_bytes(layout);
  uint64_t data = layout->height > UINT32_MAX / row ? longest : layout->height * row;
  data += 6 + 5 * (data / (row > 32566 ? 32566 : row) + 1);  // zlib's header and checksum, and the headers of stored blocks
  idat->longest_other = layout->max_chunk_bytes;
  if (idat->longest_other == 0 || idat->longest_other > longest) idat->longest_other = longest;
  idat->longest_idat = data > longest ? longest : data;
  if (idat->longest_idat < idat->longest_other) idat->longest_idat = idat->longest_other;
}

cic_png_idat *cic_png_idat_create(
    const cic_png_idat_layout *layout, cic_source *source, cic_cancel_flag *cancel, cic_png_report *report) {
  cic_png_idat *idat = calloc(1, sizeof *idat);
  if (!idat) return NULL;
  idat->source = source;
  idat->cancel = cancel;
  idat->report = report;
  set_limits(idat, layout);
  begin_chunk(idat, layout->chunk_header);
  // cic_png_idat_is_readable has checked these 2 bytes, so they are in this chunk and visible.
  consume(idat, 2);
  return idat;
}

void cic_png_idat_destroy(cic_png_idat *idat) { free(idat); }
