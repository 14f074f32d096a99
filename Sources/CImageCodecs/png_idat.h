// Reads the IDAT chunks of a PNG without libpng: headers, checksums and limits. It refuses the same files as libpng, with the same
// messages. The data of the chunks are a zlib stream (RFC 1950), which the caller inflates.
#ifndef CIC_PNG_IDAT_H
#define CIC_PNG_IDAT_H

#include "png_chunk.h"
#include "png_report.h"
#include "source.h"

typedef struct cic_png_idat cic_png_idat;

// The image data according to the headers.
typedef struct {
  uint8_t chunk_header[cic_png_chunk_header_bytes];  // of the first IDAT chunk, whose data are the next bytes of the source
  bool interlaced;
  uint32_t height;
  uint64_t filtered_bytes;  // bytes of a row, without the filter byte
  uint64_t unpacked_bytes;  // bytes of a row with 1 or 2 bytes a sample
  size_t max_chunk_bytes;
} cic_png_idat_layout;

// True if the image has less than 4 GiB, and its zlib header is valid with a window of 32 KiB or of the whole image. Other windows are left
// to libpng, because the size of zlib's output buffer then decides which matches zlib refuses.
bool cic_png_idat_is_readable(const cic_png_idat_layout *layout, cic_source *source);
// Consumes the header of the zlib stream. cic_png_idat_is_readable must be true. Warnings are counted in `report`. Source and report must
// outlive the result. NULL without memory.
cic_png_idat *cic_png_idat_create(
    const cic_png_idat_layout *layout, cic_source *source, cic_cancel_flag *cancel, cic_png_report *report);
void cic_png_idat_destroy(cic_png_idat *idat);
// Reads as cic_png_read_idat does. An empty batch means the end of the chunks or a failure: see cic_png_idat_failure.
void cic_png_idat_read(cic_png_idat *idat, uint8_t *bytes, size_t capacity, cic_png_batch *batch);
// Reads the chunks after the data, to the end of IEND. See cic_png_idat_failure.
void cic_png_idat_finish(cic_png_idat *idat);
// The failure that prevents reading beyond the bytes delivered so far. The first failure is kept.
const cic_png_failure *cic_png_idat_failure(const cic_png_idat *idat);

#endif
