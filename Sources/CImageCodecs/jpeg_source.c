#include <string.h>

#include "jpeg_decoder.h"

#include <jerror.h>

static void init_source(j_decompress_ptr c) { (void)c; }
static void term_source(j_decompress_ptr c) { (void)c; }

// Gives libjpeg-turbo the next window of the source, or an end marker if the source has ended.
static boolean fill_input_buffer(j_decompress_ptr c) {
  static const JOCTET end_marker[2] = {0xFF, JPEG_EOI};
  cic_jpeg_decoder *d = cic_jpeg_decoder_of(c);
  cic_status status = cic_jpeg_is_at_end(d->state) ? CIC_END : cic_source_refill(d->source);
  if (status == CIC_OK) {
    d->reader.next_input_byte = d->source->next;
    d->reader.bytes_in_buffer = d->source->available;
    return TRUE;
  }
  if (status != CIC_END) cic_jpeg_raise(d, status, cic_source_failure_text(status));
  d->reader.next_input_byte = end_marker;
  d->reader.bytes_in_buffer = sizeof end_marker;
  if (cic_jpeg_is_at_end(d->state)) return TRUE;
  cic_jpeg_advance(d, CIC_JPEG_SOURCE_ENDS);
  cic_jpeg_note_row(d);
  // Usually the entropy decoder notices that pixels are missing, when it has no more bits for them. There are two exceptions: the
  // arithmetic decoder never runs out of bits, because it takes zeros for missing ones, and whole scans may be missing.
  if (c->arith_code || cic_jpeg_lacks_scans(d)) {
    cic_jpeg_note_damage(d);
    if (cic_jpeg_has_started(d->state) && d->limits.policy >= CIC_FAIL_ON_TRUNCATED)
      cic_jpeg_raise(d, CIC_TRUNCATED, "premature end of JPEG data");
  }
  WARNMS(c, JWRN_JPEG_EOF);
  return TRUE;
}

void cic_jpeg_skip_bytes(j_decompress_ptr c, long count) {
  cic_jpeg_decoder *d = cic_jpeg_decoder_of(c);
  if (count <= 0) return;
  while ((size_t)count > d->reader.bytes_in_buffer) {
    count -= (long)d->reader.bytes_in_buffer;
    fill_input_buffer(c);
    if (cic_jpeg_is_at_end(d->state)) return;
  }
  d->reader.next_input_byte += count;
  d->reader.bytes_in_buffer -= (size_t)count;
}

uint8_t cic_jpeg_next_byte(j_decompress_ptr c) {
  cic_jpeg_decoder *d = cic_jpeg_decoder_of(c);
  if (d->reader.bytes_in_buffer == 0) fill_input_buffer(c);
  d->reader.bytes_in_buffer--;
  return *d->reader.next_input_byte++;
}

void cic_jpeg_read_bytes(j_decompress_ptr c, uint8_t *bytes, size_t count) {
  cic_jpeg_decoder *d = cic_jpeg_decoder_of(c);
  while (count > 0) {
    if (d->reader.bytes_in_buffer == 0) fill_input_buffer(c);
    if (cic_jpeg_is_at_end(d->state)) return;
    size_t part = count < d->reader.bytes_in_buffer ? count : d->reader.bytes_in_buffer;
    memcpy(bytes, d->reader.next_input_byte, part);
    d->reader.next_input_byte += part;
    d->reader.bytes_in_buffer -= part;
    bytes += part;
    count -= part;
  }
}

void cic_jpeg_install_source(cic_jpeg_decoder *d) {
  d->reader = (struct jpeg_source_mgr){
      .next_input_byte = d->source->next,
      .bytes_in_buffer = d->source->available,
      .init_source = init_source,
      .fill_input_buffer = fill_input_buffer,
      .skip_input_data = cic_jpeg_skip_bytes,
      .resync_to_restart = jpeg_resync_to_restart,
      .term_source = term_source,
  };
  d->codec.src = &d->reader;
}
