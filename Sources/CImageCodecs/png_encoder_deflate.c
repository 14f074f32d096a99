#include <stdlib.h>

#include <isa-l.h>
#include <isa-l/crc.h>
#include <zlib.h>

#include "byte_buffer.h"
#include "cimage_codecs.h"

enum { level = 1, room = 1 << 16, largest_input = 1 << 30 };

struct cic_deflater {
  struct isal_zstream stream;
  cic_byte_buffer output;
  uint8_t level_buffer[ISAL_DEF_LVL1_DEFAULT];
};

cic_deflater *cic_deflater_create(void) {
  cic_deflater *d = malloc(sizeof *d);
  if (!d) return NULL;
  isal_deflate_init(&d->stream);
  d->stream.gzip_flag = IGZIP_DEFLATE;
  d->stream.level = level;
  d->stream.level_buf = d->level_buffer;
  d->stream.level_buf_size = sizeof d->level_buffer;
  d->output = (cic_byte_buffer){0};
  return d;
}

void cic_deflater_destroy(cic_deflater *d) {
  free(d->output.bytes);
  free(d);
}

cic_status cic_deflater_write(cic_deflater *d, const uint8_t *bytes, size_t count, bool flushed, bool last) {
  struct isal_zstream *z = &d->stream;
  do {
    uint32_t part = count < largest_input ? (uint32_t)count : largest_input;
    z->next_in = (uint8_t *)bytes;
    z->avail_in = part;
    bytes += part;
    count -= part;
    z->flush = flushed && count == 0 ? SYNC_FLUSH : NO_FLUSH;
    z->end_of_stream = last && count == 0;
    do {
      if (!cic_byte_buffer_reserve(&d->output, room)) return CIC_OUT_OF_MEMORY;
      size_t capacity = d->output.capacity - d->output.count;
      uint32_t offered = capacity < largest_input ? (uint32_t)capacity : largest_input;
      z->next_out = d->output.bytes + d->output.count;
      z->avail_out = offered;
      if (isal_deflate(z) != COMP_OK) return CIC_UNSUPPORTED;
      d->output.count += offered - z->avail_out;
    } while (z->avail_in > 0 || z->avail_out == 0 ||
             (z->end_of_stream && z->internal_state.state != ZSTATE_END));
  } while (count > 0);
  return CIC_OK;
}

void cic_deflater_output(const cic_deflater *d, const uint8_t **bytes, size_t *count) {
  *bytes = d->output.bytes;
  *count = d->output.count;
}

uint32_t cic_crc32(uint32_t crc, const uint8_t *bytes, size_t count) { return crc32_gzip_refl(crc, bytes, count); }

uint32_t cic_adler32(uint32_t adler, const uint8_t *bytes, size_t count) { return isal_adler32(adler, bytes, count); }

uint32_t cic_adler32_combine(uint32_t first, uint32_t second, size_t count) {
  return (uint32_t)adler32_combine(first, second, (z_off_t)count);
}
