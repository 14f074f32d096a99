#include "png_metadata.h"

#include <string.h>

#include <isa-l/crc.h>

#include "png_chunk.h"

enum {
  trailing_bytes = 128 * 1024,  // at the end of the source, searched for the last chunks of the image data
  max_followed_chunks = 64 * 1024,
};

bool cic_png_is_metadata(const uint8_t *name) {
  static const char kept[] = CIC_PNG_METADATA_CHUNKS;
  for (const char *type = kept; *type; type += 5)
    if (!memcmp(name, type, 4)) return true;
  return false;
}

static bool is_text(const uint8_t *name) {
  return !memcmp(name, "tEXt", 4) || !memcmp(name, "zTXt", 4) || !memcmp(name, "iTXt", 4);
}

static bool keep_chunk(cic_png_metadata *m, const uint8_t *name, const uint8_t *data, size_t count, size_t max_bytes) {
  cic_byte_buffer *chunks = &m->chunks;
  size_t added = cic_png_chunk_header_bytes + count;
  if (chunks->count + added > max_bytes || m->chunk_count >= m->max_chunks) {
    m->is_cut = true;
    return true;
  }
  if (!cic_byte_buffer_reserve(chunks, added)) return false;
  uint8_t *next = chunks->bytes + chunks->count;
  memcpy(next, name, 4);
  for (int k = 0; k < 4; k++) next[4 + k] = (uint8_t)(count >> (24 - 8 * k));
  if (count) memcpy(next + cic_png_chunk_header_bytes, data, count);
  chunks->count += added;
  m->chunk_count++;
  return true;
}

static bool keep_exif(cic_png_metadata *m, const uint8_t *data, size_t count) {
  if (count == 0) return true;
  if (m->exif) {
    m->is_cut = true;  // only one eXIf is allowed
    return true;
  }
  m->exif = malloc(count);
  if (!m->exif) return false;
  memcpy(m->exif, data, count);
  m->exif_count = count;
  return true;
}

bool cic_png_keep_metadata(
    cic_png_metadata *m, const uint8_t *name, const uint8_t *data, size_t count, size_t max_bytes) {
  static const char xmp_keyword[18] = "XML:com.adobe.xmp";
  if (!cic_png_is_metadata(name)) return true;
  if (!memcmp(name, "eXIf", 4)) return keep_exif(m, data, count);
  if (is_text(name)) {
    bool is_xmp = count >= sizeof xmp_keyword && !memcmp(data, xmp_keyword, sizeof xmp_keyword);
    *(is_xmp ? &m->has_xmp : &m->has_text) = true;
  }
  return keep_chunk(m, name, data, count, max_bytes);
}

// True if chunks with right checksums lead from `bytes` to IEND.
static bool are_last_chunks(const uint8_t *bytes, size_t count) {
  while (count >= cic_png_chunk_frame_bytes) {
    uint32_t size = cic_png_big_endian(bytes);
    if (size > count - cic_png_chunk_frame_bytes) return false;
    if (cic_png_big_endian(bytes + 8 + size) != crc32_gzip_refl(0, bytes + 4, size + 4)) return false;
    if (!memcmp(bytes + 4, "IEND", 4)) return true;
    bytes += cic_png_chunk_frame_bytes + size;
    count -= cic_png_chunk_frame_bytes + size;
  }
  return false;
}

// The offset of the first IDAT from which chunks with right checksums lead to the end; `count` if there is none.
static size_t last_data_chunks(const uint8_t *bytes, size_t count) {
  const uint8_t *name = bytes + 4, *end = bytes + count;
  while (name < end && (name = memchr(name, 'I', (size_t)(end - name)))) {
    size_t at = (size_t)(name - bytes) - 4;
    if (count - at >= cic_png_chunk_frame_bytes && !memcmp(name, "IDAT", 4) && are_last_chunks(bytes + at, count - at)) return at;
    name++;
  }
  return count;
}

// Keeps the chunk at `at` if its checksum is right. False without memory.
static bool keep_chunk_at(
    cic_png_metadata *m, const cic_source *source, uint64_t at, const uint8_t *header, size_t max_bytes) {
  size_t size = cic_png_big_endian(header);
  if (size > max_bytes) {
    m->is_cut = true;
    return true;
  }
  uint8_t *bytes = malloc(size + 8);  // the name, the data and the checksum
  if (!bytes) return false;
  bool has_memory = true;
  if (!cic_source_copy(source, at + 4, bytes, size + 8) ||
      cic_png_big_endian(bytes + 4 + size) != crc32_gzip_refl(0, bytes, size + 4))
    m->is_cut = true;
  else
    has_memory = cic_png_keep_metadata(m, bytes, bytes + 4, size, max_bytes);
  free(bytes);
  return has_memory;
}

// ExifTool and others write metadata after the image data. Following all chunks of the image data would read a header in every 8 KiB of
// most files. So the end of the file is searched for the last IDAT chunks. An IDAT counts only if chunks with right checksums lead from it
// to IEND. If no such IDAT is found, or the file is small, the chunks are followed from the first one on: they are then long and few.
bool cic_png_keep_trailing_metadata(
    cic_png_metadata *m, const cic_source *source, uint32_t first_idat_bytes, size_t max_bytes) {
  uint64_t unread = cic_source_unread(source), at = (uint64_t)first_idat_bytes + 4;
  if (unread > at + trailing_bytes) {
    uint8_t *bytes = malloc(trailing_bytes);
    if (!bytes) return false;
    size_t found = trailing_bytes;
    if (cic_source_copy(source, unread - trailing_bytes, bytes, trailing_bytes))
      found = last_data_chunks(bytes, trailing_bytes);
    free(bytes);
    if (found < trailing_bytes) at = unread - trailing_bytes + found;
  }
  uint8_t header[cic_png_chunk_header_bytes];
  int followed = 0;
  for (; followed < max_followed_chunks && cic_source_copy(source, at, header, sizeof header); followed++) {
    const uint8_t *name = header + 4;
    if (!memcmp(name, "IEND", 4)) break;
    if (cic_png_is_metadata(name) && !keep_chunk_at(m, source, at, header, max_bytes)) return false;
    at += cic_png_chunk_frame_bytes + (uint64_t)cic_png_big_endian(header);
  }
  if (followed == max_followed_chunks) m->is_cut = true;
  return true;
}

void cic_png_free_metadata(cic_png_metadata *m) {
  free(m->chunks.bytes);
  free(m->exif);
}
