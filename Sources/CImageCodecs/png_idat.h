// The IDAT chunks of a PNG without libpng: their headers, checksums and limits. What libpng refuses is refused here, in its words,
// so that an image can be read either way. The bytes are a zlib stream (RFC 1950), which the caller inflates.
#ifndef CIC_PNG_IDAT_H
#define CIC_PNG_IDAT_H

#include "png_chunk.h"
#include "png_report.h"
#include "source.h"

typedef struct cic_png_idat cic_png_idat;

// What the headers say of the image data.
typedef struct {
  uint8_t chunk_header[cic_png_chunk_header_bytes];  // of the first IDAT chunk: the source's next byte is its first
  bool interlaced;
  uint32_t height;
  uint64_t filtered_bytes;  // of a row, without the byte that names its filter
  uint64_t unpacked_bytes;  // of a row, if each sample took 1 or 2 whole bytes
  size_t max_chunk_bytes;
} cic_png_idat_layout;

// Whether the data can be read without libpng: not interlaced, less than 4 GiB, and with a sound zlib header that promises a
// window of all that comes before. zlib refuses matches beyond a smaller window, depending on how much it was asked for.
bool cic_png_idat_is_readable(const cic_png_idat_layout *layout, cic_source *source);
// Reads the header of the zlib stream. Counts warnings in `report`, which must outlive this as the source must. NULL without
// memory.
cic_png_idat *cic_png_idat_create(
    const cic_png_idat_layout *layout, cic_source *source, cic_cancel_flag *cancel, cic_png_report *report);
void cic_png_idat_destroy(cic_png_idat *idat);
// As cic_png_read_idat; an empty batch where the chunks end, and where cic_png_idat_failure says why no more can be read.
void cic_png_idat_read(cic_png_idat *idat, uint8_t *bytes, size_t capacity, cic_png_batch *batch);
// Reads the chunks behind the data, to the end of IEND.
void cic_png_idat_finish(cic_png_idat *idat);
// What is wrong behind the bytes that were read. It stays so once it is not CIC_OK.
const cic_png_failure *cic_png_idat_failure(const cic_png_idat *idat);

#endif
