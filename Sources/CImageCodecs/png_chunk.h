// A chunk of a PNG (third edition, 5.3): length, name, data, checksum of name and data.
#ifndef CIC_PNG_CHUNK_H
#define CIC_PNG_CHUNK_H

#include <stdint.h>

enum {
  cic_png_chunk_header_bytes = 8,  // length and name
  cic_png_chunk_frame_bytes = 12,  // all but the data
  cic_png_longest_chunk = 0x7FFFFFFF,
};

// A length or a checksum.
static inline uint32_t cic_png_big_endian(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

#endif
