// The metadata of a PNG, wherever they stand.
#ifndef CIC_PNG_METADATA_H
#define CIC_PNG_METADATA_H

#include "byte_buffer.h"
#include "source.h"

// The types of the chunks that hold metadata, each with a zero after it. The chunks are collected from every source, to search them for
// GPS; KeptMetadata in Swift decides which of them are written into a result. libpng delivers all of them undecoded, even those that it
// could decode (`raw_chunks` in png_decoder.c). PNGChunk.Metadata lists the same types.
#define CIC_PNG_METADATA_CHUNKS "tEXt\0zTXt\0iTXt\0eXIf\0"

typedef struct {
  bool has_text, has_xmp;
  int32_t max_chunks;      // set by the caller
  int32_t chunk_count;     // of those kept
  cic_byte_buffer chunks;  // type, length and data of each but eXIf
  uint8_t *exif;          // of the first eXIf
  size_t exif_count;
  bool is_cut;  // some of them are not kept
} cic_png_metadata;

// True for the types of CIC_PNG_METADATA_CHUNKS.
bool cic_png_is_metadata(const uint8_t *name);
// Collects a chunk of CIC_PNG_METADATA_CHUNKS, and ignores others. Chunks that would exceed `max_bytes` or `max_chunks` in all are left
// out. False without memory.
bool cic_png_keep_metadata(
    cic_png_metadata *metadata, const uint8_t *name, const uint8_t *data, size_t count, size_t max_bytes);
// Keeps metadata after the image data, unless the source is a pipe. False without memory. The next byte of the source is the first of the
// data of the first IDAT, which has `first_idat_bytes`.
bool cic_png_keep_trailing_metadata(
    cic_png_metadata *metadata, const cic_source *source, uint32_t first_idat_bytes, size_t max_bytes);
void cic_png_free_metadata(cic_png_metadata *metadata);

#endif
