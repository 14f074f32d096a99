// The text and EXIF of a PNG, wherever they stand.
#ifndef CIC_PNG_METADATA_H
#define CIC_PNG_METADATA_H

#include "byte_buffer.h"
#include "source.h"

typedef struct {
  bool has_text, has_xmp;
  cic_byte_buffer texts;  // type, length and data of each chunk
  uint8_t *exif;          // of the first eXIf
  size_t exif_count;
  bool is_cut;  // some text or EXIF is not kept
} cic_png_metadata;

// Keeps a tEXt, zTXt, iTXt or eXIf chunk, and ignores others. Texts that would exceed `max_bytes` in all are left out. False
// without memory.
bool cic_png_keep_metadata(
    cic_png_metadata *metadata, const uint8_t *name, const uint8_t *data, size_t count, size_t max_bytes);
// Keeps metadata after the image data, unless the source is a pipe. False without memory. The source stands at the data of the first
// IDAT, which has `first_idat_bytes`.
bool cic_png_keep_trailing_metadata(
    cic_png_metadata *metadata, const cic_source *source, uint32_t first_idat_bytes, size_t max_bytes);
void cic_png_free_metadata(cic_png_metadata *metadata);

#endif
