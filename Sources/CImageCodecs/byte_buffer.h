// A buffer to append to. Its capacity grows by doubling.
#ifndef CIC_BYTE_BUFFER_H
#define CIC_BYTE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct {
  uint8_t *bytes;
  size_t count;
  size_t capacity;
} cic_byte_buffer;

// Makes room for `extra` more bytes; false without memory.
static inline bool cic_byte_buffer_reserve(cic_byte_buffer *buffer, size_t extra) {
  if (buffer->capacity - buffer->count >= extra) return true;
  size_t capacity = buffer->capacity * 2 > buffer->count + extra ? buffer->capacity * 2 : buffer->count + extra;
  uint8_t *bytes = realloc(buffer->bytes, capacity);
  if (!bytes) return false;
  buffer->bytes = bytes;
  buffer->capacity = capacity;
  return true;
}

#endif
