// The inside of cic_source, for the decoders of this folder.
#ifndef CIC_SOURCE_H
#define CIC_SOURCE_H

#include <sys/types.h>

#include "cimage_codecs.h"

struct cic_source {
  const uint8_t *next;  // unread bytes that are in memory
  size_t available;
  uint8_t *window;  // NULL when the bytes are borrowed
  size_t capacity;
  int descriptor;  // -1 when the bytes are borrowed
  bool owned;
  bool blocks;  // a pipe, terminal or socket: read(2) may wait for long
  // The offset of the next byte to read from a file; the descriptor's own position does not change. For a pipe, the number of bytes read.
  off_t offset;
  int64_t limit;  // the most bytes to read from a pipe
  bool ended;
  int32_t system_error;
  cic_cancel_flag *cancel;
};

// Replaces the window by the next bytes. The bytes that were in it count as consumed. CIC_END if there are none.
cic_status cic_source_refill(cic_source *source);
// Refills an empty window only.
cic_status cic_source_require(cic_source *source);
// Copies the next `count` bytes and consumes them. CIC_END if the source has fewer bytes; they are copied and consumed all the same.
cic_status cic_source_read(cic_source *source, uint8_t *bytes, size_t count);

// True if any place of the source can be read, unlike those of a pipe.
bool cic_source_can_be_viewed(const cic_source *source);
// Sets *bytes to the bytes that follow the next unread byte by `offset` bytes: `capacity` bytes, or fewer at the end of the source. They
// are in memory of the source, or are read into `buffer`. Nothing is consumed. False if the bytes cannot be read.
bool cic_source_view(
    const cic_source *source, uint64_t offset, uint8_t *buffer, size_t capacity, const uint8_t **bytes, size_t *count);

// The text of a failure to read: CIC_CANCELED, CIC_READ_FAILED.
const char *cic_source_failure_text(cic_status status);

// Consumes visible bytes, and never more than there are.
static inline void cic_source_consume(cic_source *source, size_t count) {
  if (count > source->available) count = source->available;
  source->next += count;
  source->available -= count;
}

static inline bool cic_is_canceled(cic_cancel_flag *flag) {
  return flag && cic_cancel_flag_is_raised(flag);
}

#endif
