#include <stdlib.h>
#include <string.h>

#include "jpeg_decoder.h"

#include <jerror.h>

// Keeps a segment's payload: `head`, which is already read, and the `rest` that follows.
static void keep(
    j_decompress_ptr c, cic_jpeg_segment *segment, const uint8_t *head, size_t head_count, size_t rest) {
  segment->count = head_count + rest;
  segment->bytes = calloc(1, segment->count + 1);
  if (!segment->bytes) cic_jpeg_raise(cic_jpeg_decoder_of(c), CIC_OUT_OF_MEMORY, "no memory for metadata");
  if (head_count) memcpy(segment->bytes, head, head_count);
  cic_jpeg_read_bytes(c, segment->bytes + head_count, rest);
}

// Appends a segment and its length. A segment that would exceed the limit is left out.
static void keep_further(j_decompress_ptr c, const uint8_t *head, size_t head_count, size_t rest) {
  cic_jpeg_decoder *d = cic_jpeg_decoder_of(c);
  cic_byte_buffer *further = &d->metadata.further;
  size_t length = head_count + rest;
  if (further->count + 4 + length > d->limits.max_metadata_bytes) {
    d->metadata.further_is_cut = true;
    cic_jpeg_skip_bytes(c, (long)rest);
    return;
  }
  if (!cic_byte_buffer_reserve(further, 4 + length)) cic_jpeg_raise(d, CIC_OUT_OF_MEMORY, "no memory for metadata");
  uint8_t *next = further->bytes + further->count;
  for (int k = 0; k < 4; k++) next[k] = (uint8_t)(length >> (24 - 8 * k));
  memcpy(next + 4, head, head_count);
  memset(next + 4 + head_count, 0, rest);  // the source may end within the segment
  further->count += 4 + length;
  cic_jpeg_read_bytes(c, next + 4 + head_count, rest);
}

// Keeps a segment with a part of the color profile (ICC.1 B.4). The tag is followed by the number of this part and the number of all parts.
static void keep_icc_segment(j_decompress_ptr c, const uint8_t *head, size_t head_count, size_t rest) {
  cic_jpeg_decoder *d = cic_jpeg_decoder_of(c);
  cic_jpeg_metadata *m = &d->metadata;
  int number = head[12], total = head[13];
  if (number == 0 || number > total || (m->icc_segment_total && total != m->icc_segment_total) ||
      m->icc_segments[number].bytes) {
    m->icc_is_broken = true;
    cic_jpeg_skip_bytes(c, (long)rest);
    return;
  }
  m->icc_segment_total = total;
  m->icc_segment_bytes += head_count - 14 + rest;
  if (m->icc_segment_bytes > d->limits.max_profile_bytes)
    cic_jpeg_raise(d, CIC_PROFILE_LIMIT, "the embedded color profile is too large");
  keep(c, &m->icc_segments[number], head + 14, head_count - 14, rest);
}

// Called by libjpeg-turbo for APP1, APP2, APP13 and COM. It replaces jpeg_save_markers, which keeps all of these segments, however many
// there are.
static boolean read_marker(j_decompress_ptr c) {
  static const char exif_tag[6] = "Exif\0", xmp_tag[29] = "http://ns.adobe.com/xap/1.0/", icc_tag[12] = "ICC_PROFILE";
  static const char extension_tag[35] = "http://ns.adobe.com/xmp/extension/", photoshop_tag[14] = "Photoshop 3.0";
  static const char gain_map_tag[28] = "urn:iso:std:iso:ts:21496:-1";
  cic_jpeg_metadata *m = &cic_jpeg_decoder_of(c)->metadata;
  int marker = c->unread_marker;
  uint8_t high = cic_jpeg_next_byte(c);
  size_t length = (size_t)(high << 8 | cic_jpeg_next_byte(c));
  if (length < 2) ERREXIT(c, JERR_BAD_LENGTH);
  length -= 2;
  uint8_t head[36];
  size_t head_count = length < sizeof head ? length : sizeof head, rest = length - head_count;
  for (size_t i = 0; i < head_count; i++) head[i] = cic_jpeg_next_byte(c);
  if (marker == JPEG_COM) {
    m->has_comment = true;
    if (!m->comment.bytes) {
      keep(c, &m->comment, head, head_count, rest);
      return TRUE;
    }
  } else if (marker == JPEG_APP0 + 1 && head_count >= 6 && !memcmp(head, exif_tag, 6)) {
    if (m->exif.bytes) keep_further(c, head, head_count, rest);
    else keep(c, &m->exif, head + 6, head_count - 6, rest);
    return TRUE;
  } else if (marker == JPEG_APP0 + 1 && head_count >= 29 && !memcmp(head, xmp_tag, 29)) {
    m->has_xmp = true;
    if (m->xmp.bytes) keep_further(c, head, head_count, rest);
    else keep(c, &m->xmp, head + 29, head_count - 29, rest);
    return TRUE;
  } else if ((marker == JPEG_APP0 + 1 && head_count >= 35 && !memcmp(head, extension_tag, 35)) ||
             (marker == JPEG_APP0 + 13 && head_count >= 14 && !memcmp(head, photoshop_tag, 14))) {
    keep_further(c, head, head_count, rest);
    return TRUE;
  } else if (marker == JPEG_APP0 + 2 && head_count >= 14 && !memcmp(head, icc_tag, 12)) {
    keep_icc_segment(c, head, head_count, rest);
    return TRUE;
  } else if (marker == JPEG_APP0 + 2 && head_count >= sizeof gain_map_tag && !memcmp(head, gain_map_tag, sizeof gain_map_tag)) {
    m->has_gain_map = true;
  }
  cic_jpeg_skip_bytes(c, (long)rest);
  return TRUE;
}

void cic_jpeg_install_markers(cic_jpeg_decoder *d) {
  jpeg_set_marker_processor(&d->codec, JPEG_APP0 + 1, read_marker);
  jpeg_set_marker_processor(&d->codec, JPEG_APP0 + 2, read_marker);
  jpeg_set_marker_processor(&d->codec, JPEG_APP0 + 13, read_marker);
  jpeg_set_marker_processor(&d->codec, JPEG_COM, read_marker);
}

static void free_icc_segments(cic_jpeg_metadata *m) {
  for (int k = 1; k <= cic_jpeg_max_icc_segments; k++) {
    free(m->icc_segments[k].bytes);
    m->icc_segments[k].bytes = NULL;
  }
}

void cic_jpeg_join_profile(cic_jpeg_decoder *d) {
  cic_jpeg_metadata *m = &d->metadata;
  for (int k = 1; k <= m->icc_segment_total; k++)
    if (!m->icc_segments[k].bytes) m->icc_is_broken = true;
  if (m->icc_segment_total > 0 && !m->icc_is_broken) {
    m->icc.bytes = malloc(m->icc_segment_bytes + 1);
    if (!m->icc.bytes) cic_jpeg_raise(d, CIC_OUT_OF_MEMORY, "no memory for the color profile");
    for (int k = 1; k <= m->icc_segment_total; k++) {
      memcpy(m->icc.bytes + m->icc.count, m->icc_segments[k].bytes, m->icc_segments[k].count);
      m->icc.count += m->icc_segments[k].count;
    }
  }
  free_icc_segments(m);
}

void cic_jpeg_free_metadata(cic_jpeg_metadata *m) {
  free_icc_segments(m);
  free(m->exif.bytes);
  free(m->xmp.bytes);
  free(m->comment.bytes);
  free(m->further.bytes);
  free(m->icc.bytes);
}
