#include "png_metadata.h"

#include <string.h>

#include <isa-l/crc.h>

#include "png_chunk.h"

enum { trailing_bytes = 128 * 1024 };  // of the end of the source, in which metadata are looked for

static bool is_text(const uint8_t *name) {
  return !memcmp(name, "tEXt", 4) || !memcmp(name, "zTXt", 4) || !memcmp(name, "iTXt", 4);
}

static bool keep_text(cic_byte_buffer *texts, const uint8_t *name, const uint8_t *data, size_t count, size_t max_bytes) {
  size_t added = cic_png_chunk_header_bytes + count;
  if (texts->count + added > max_bytes) return true;
  if (!cic_byte_buffer_reserve(texts, added)) return false;
  uint8_t *next = texts->bytes + texts->count;
  memcpy(next, name, 4);
  for (int k = 0; k < 4; k++) next[4 + k] = (uint8_t)(count >> (24 - 8 * k));
  if (count) memcpy(next + cic_png_chunk_header_bytes, data, count);
  texts->count += added;
  return true;
}

bool cic_png_keep_metadata(
    cic_png_metadata *m, const uint8_t *name, const uint8_t *data, size_t count, size_t max_bytes) {
  static const char xmp_keyword[18] = "XML:com.adobe.xmp";
  if (is_text(name)) {
    bool is_xmp = name[0] == 'i' && count >= sizeof xmp_keyword && !memcmp(data, xmp_keyword, sizeof xmp_keyword);
    *(is_xmp ? &m->has_xmp : &m->has_text) = true;
    return keep_text(&m->texts, name, data, count, max_bytes);
  }
  if (memcmp(name, "eXIf", 4) || m->exif || count == 0) return true;
  m->exif = malloc(count);
  if (!m->exif) return false;
  memcpy(m->exif, data, count);
  m->exif_count = count;
  return true;
}

// True where chunks with right checksums lead from `bytes` to IEND.
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

// The offset of the first text or EXIF chunk among the last chunks; `count` if there is none.
static size_t first_trailing_metadata(const uint8_t *bytes, size_t count) {
  // All four names have an X as their second or third letter.
  const uint8_t *letter = bytes;
  while ((letter = memchr(letter, 'X', count - (size_t)(letter - bytes)))) {
    for (size_t before = 6; before >= 5; before--) {
      size_t at = (size_t)(letter - bytes) - before;
      if (letter < bytes + before || count - at < cic_png_chunk_frame_bytes) continue;
      const uint8_t *name = bytes + at + 4;
      if ((is_text(name) || !memcmp(name, "eXIf", 4)) && are_last_chunks(bytes + at, count - at)) return at;
    }
    letter++;
  }
  return count;
}

// ExifTool and others write metadata after the image data. Following the chunks to find it would read a header in every 8 KiB of
// the file. So the end of the file is searched for names; a name is that of a chunk if chunks with right checksums lead from it
// to IEND.
bool cic_png_keep_trailing_metadata(cic_png_metadata *m, const cic_source *source, size_t max_bytes) {
  uint8_t *bytes = malloc(trailing_bytes);
  if (!bytes) return false;
  size_t count = cic_source_copy_end(source, bytes, trailing_bytes);
  bool has_memory = true;
  size_t at = first_trailing_metadata(bytes, count);
  while (has_memory && at < count && memcmp(bytes + at + 4, "IEND", 4)) {
    uint32_t size = cic_png_big_endian(bytes + at);
    has_memory = cic_png_keep_metadata(m, bytes + at + 4, bytes + at + 8, size, max_bytes);
    at += cic_png_chunk_frame_bytes + size;
  }
  free(bytes);
  return has_memory;
}

void cic_png_free_metadata(cic_png_metadata *m) {
  free(m->texts.bytes);
  free(m->exif);
}
