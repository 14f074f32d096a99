// The inside of cic_source, for the decoders of this folder.
#ifndef CIC_SOURCE_H
#define CIC_SOURCE_H

#include "cimage_codecs.h"

struct cic_source {
  const uint8_t *next;  // unread bytes that are in memory
  size_t available;
  uint8_t *window;  // NULL when the bytes are borrowed
  size_t capacity;
  int descriptor;  // -1 when the bytes are borrowed
  bool owned;
  bool blocks;  // a pipe, terminal or socket: read(2) may wait for long
  bool ended;
  int32_t system_error;
  cic_cancel_flag *cancel;
};

// Replaces the window by the next bytes; all of the present ones count as consumed.
cic_status cic_source_refill(cic_source *source);

// Copies the last unread bytes, `capacity` at most, and consumes nothing: of a file or of memory; of a pipe there are none.
size_t cic_source_copy_end(const cic_source *source, uint8_t *bytes, size_t capacity);

static inline bool cic_is_canceled(cic_cancel_flag *flag) {
  return flag && atomic_load_explicit(&flag->raised, memory_order_relaxed);
}

#endif
