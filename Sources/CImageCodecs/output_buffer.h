// Encoded bytes that grow as they come, for the encoders of this folder.
#ifndef CIC_OUTPUT_BUFFER_H
#define CIC_OUTPUT_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct {
  uint8_t *bytes;
  size_t count;
  size_t capacity;
} cic_output_buffer;

// Makes room for `extra` more bytes; false without memory.
static inline bool cic_output_reserve(cic_output_buffer *buffer, size_t extra) {
  if (buffer->capacity - buffer->count >= extra) return true;
  size_t capacity = buffer->capacity * 2 > buffer->count + extra ? buffer->capacity * 2 : buffer->count + extra;
  uint8_t *bytes = realloc(buffer->bytes, capacity);
  if (!bytes) return false;
  buffer->bytes = bytes;
  buffer->capacity = capacity;
  return true;
}

#endif
