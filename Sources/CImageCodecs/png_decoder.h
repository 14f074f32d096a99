// The inside of cic_png_decoder: libpng reads the headers, then either libpng or the strip reader reads the data.
#ifndef CIC_PNG_DECODER_H
#define CIC_PNG_DECODER_H

#include <setjmp.h>

#include <png.h>

#include "source.h"

typedef struct cic_png_strips cic_png_strips;

enum { cic_png_text_capacity = 200, cic_png_chunk_header_bytes = 8 };

struct cic_png_decoder {
  png_structp png;
  png_infop info;
  jmp_buf jump;
  cic_source *source;
  cic_cancel_flag *cancel;
  cic_png_limits limits;
  cic_status status;
  uint32_t height;
  uint64_t row_bytes;
  bool interlaced;
  uint8_t *whole;  // rows of an interlaced image
  bool whole_is_read;
  uint32_t next_row;
  // The last chunk header libpng took: after the headers, that of the first IDAT.
  uint8_t chunk_header[cic_png_chunk_header_bytes];
  cic_png_strips *strips;  // NULL while libpng reads the data
  int64_t row, damaged_row;
  int64_t warning_count;
  bool has_text, has_xmp, animated, has_cicp;
  uint8_t cicp[4];
  uint8_t *exif, *texts;
  size_t exif_count, texts_count;
  char message[cic_png_text_capacity];
  char first_warning[cic_png_text_capacity];
  char icc_complaint[cic_png_text_capacity];
};

// A chunk's length or checksum.
static inline uint32_t big_endian(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

// Counts a warning; false where the policy makes it a failure.
bool cic_png_warn(cic_png_decoder *d, const char *message);
// Whether the data, of which the first chunk header is read, can be read without libpng: not interlaced, less than 4 GiB, and with
// a sound zlib header that promises a whole window. zlib refuses matches beyond a smaller one, depending on how much it was asked for.
bool cic_png_can_read_strips(cic_png_decoder *d);
void cic_png_strips_destroy(cic_png_strips *strips);
cic_status cic_png_strips_finish(cic_png_decoder *d);

#endif
