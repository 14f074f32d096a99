#if defined(__linux__)
#define _DEFAULT_SOURCE
#endif

#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/syscall.h>
#endif

// Does what fstat does. glibc's fstat calls newfstatat. Isolated processes may not call that, because it can also examine any path.
static int look_at(int descriptor, struct stat *status) {
#if defined(__linux__)
  return (int)syscall(SYS_fstat, descriptor, status);
#else
  return fstat(descriptor, status);
#endif
}

// The interval at which the cancel flag is checked while a source waits for its writer.
static const int poll_milliseconds = 20;

int cic_open(const char *path, int32_t *system_error) {
  int descriptor;
  do descriptor = open(path, O_RDONLY | O_CLOEXEC);
  while (descriptor < 0 && errno == EINTR);
  *system_error = descriptor < 0 ? errno : 0;
  struct stat status;
  if (descriptor >= 0 && look_at(descriptor, &status) == 0 && S_ISDIR(status.st_mode)) {
    close(descriptor);
    *system_error = EISDIR;
    return -1;
  }
  return descriptor;
}

void cic_system_error_text(int32_t system_error, char *text, size_t capacity) {
  // This is the POSIX function of this name, not GNU's: SwiftPM does not define _GNU_SOURCE.
  if (strerror_r(system_error, text, capacity) != 0) snprintf(text, capacity, "error %d", system_error);
}

cic_source *cic_source_create_descriptor(int descriptor, bool owned, size_t window, cic_cancel_flag *cancel) {
  cic_source *source = calloc(1, sizeof *source);
  if (source) source->window = malloc(window);
  if (!source || !source->window) {
    free(source);
    if (owned) close(descriptor);
    return NULL;
  }
  source->next = source->window;
  source->capacity = window;
  source->descriptor = descriptor;
  source->owned = owned;
  source->cancel = cancel;
  struct stat status;
  source->blocks = look_at(descriptor, &status) == 0 && !S_ISREG(status.st_mode);
  off_t position = source->blocks ? 0 : lseek(descriptor, 0, SEEK_CUR);
  source->offset = position < 0 ? 0 : position;
  source->limit = INT64_MAX;
#ifdef POSIX_FADV_SEQUENTIAL
  if (!source->blocks) posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL);
#endif
  return source;
}

cic_source *cic_source_create_memory(const uint8_t *bytes, size_t count, cic_cancel_flag *cancel) {
  cic_source *source = calloc(1, sizeof *source);
  if (!source) return NULL;
  source->next = bytes;
  source->available = count;
  source->descriptor = -1;
  source->ended = true;
  source->cancel = cancel;
  return source;
}

int64_t cic_source_byte_count(const cic_source *source) {
  if (source->descriptor < 0) return (int64_t)source->available;
  struct stat status;
  if (source->blocks || look_at(source->descriptor, &status) != 0) return -1;
  int64_t unread = status.st_size - source->offset;
  return (int64_t)source->available + (unread > 0 ? unread : 0);
}

void cic_source_limit(cic_source *source, int64_t bytes) { source->limit = bytes; }

void cic_source_destroy(cic_source *source) {
  if (source->owned) close(source->descriptor);
  free(source->window);
  free(source);
}

// Appends the bytes of one read(2) to the window.
static cic_status append(cic_source *source) {
  if (source->ended) return CIC_END;
  uint8_t *end = source->window + (source->next - source->window) + source->available;
  size_t room = (size_t)(source->window + source->capacity - end);
  for (;;) {
    if (cic_is_canceled(source->cancel)) return CIC_CANCELED;
    if (source->blocks && source->cancel) {
      struct pollfd waiting = {.fd = source->descriptor, .events = POLLIN};
      int ready = poll(&waiting, 1, poll_milliseconds);
      if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    }
    ssize_t got = source->blocks ? read(source->descriptor, end, room)
                                 : pread(source->descriptor, end, room, source->offset);
    if (got > 0) {
      source->offset += got;
      source->available += (size_t)got;
      if (source->blocks && source->offset > source->limit) {
        source->system_error = EFBIG;
        return CIC_READ_FAILED;
      }
      return CIC_OK;
    }
    if (got == 0) {
      source->ended = true;
      return CIC_END;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      struct pollfd waiting = {.fd = source->descriptor, .events = POLLIN};
      poll(&waiting, 1, poll_milliseconds);
      continue;
    }
    source->system_error = errno;
    return CIC_READ_FAILED;
  }
}

cic_status cic_source_refill(cic_source *source) {
  source->available = 0;
  if (source->window) source->next = source->window;
  return append(source);
}

cic_status cic_source_require(cic_source *source) {
  return source->available > 0 ? CIC_OK : cic_source_refill(source);
}

cic_status cic_source_read(cic_source *source, uint8_t *bytes, size_t count) {
  while (count > 0) {
    cic_status status = cic_source_require(source);
    if (status) return status;
    size_t part = count < source->available ? count : source->available;
    memcpy(bytes, source->next, part);
    cic_source_consume(source, part);
    bytes += part;
    count -= part;
  }
  return CIC_OK;
}

cic_status cic_source_peek(cic_source *source, size_t wanted, const uint8_t **bytes, size_t *count) {
  if (source->window && wanted > source->capacity) wanted = source->capacity;
  if (source->window && source->available < wanted && source->next != source->window) {
    memmove(source->window, source->next, source->available);
    source->next = source->window;
  }
  cic_status status = CIC_OK;
  while (status == CIC_OK && source->available < wanted) status = append(source);
  *bytes = source->next;
  *count = source->available;
  return status == CIC_END ? CIC_OK : status;
}

void cic_source_skip(cic_source *source, size_t count) { cic_source_consume(source, count); }

// The offset of the next unread byte of a file; -1 for a pipe.
static off_t unread_offset(const cic_source *source) {
  return source->blocks ? -1 : source->offset - (off_t)source->available;
}

uint64_t cic_source_unread(const cic_source *source) {
  if (!source->window) return source->available;
  struct stat status;
  off_t begin = unread_offset(source);
  if (begin < 0 || look_at(source->descriptor, &status) || status.st_size < begin) return 0;
  return (uint64_t)(status.st_size - begin);
}

bool cic_source_pass(cic_source *source, uint64_t count) {
  if (!source->window || count < source->available || cic_source_unread(source) < count) return false;
  source->offset += (off_t)(count - source->available);
  source->next = source->window;
  source->available = 0;
  return true;
}

bool cic_source_can_be_viewed(const cic_source *source) { return !source->window || unread_offset(source) >= 0; }

bool cic_source_view(
    const cic_source *source, uint64_t offset, uint8_t *buffer, size_t capacity, const uint8_t **bytes, size_t *count) {
  if (!source->window) {
    if (offset > source->available) return false;
    *bytes = source->next + offset;
    *count = source->available - offset < capacity ? source->available - (size_t)offset : capacity;
    return true;
  }
  off_t begin = unread_offset(source);
  if (begin < 0 || offset > INT64_MAX - (uint64_t)begin - capacity) return false;
  begin += (off_t)offset;
  *bytes = buffer;
  *count = 0;
  while (*count < capacity) {
    ssize_t got = pread(source->descriptor, buffer + *count, capacity - *count, begin + (off_t)*count);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    if (got == 0) break;
    *count += (size_t)got;
  }
  return true;
}

bool cic_source_copy(const cic_source *source, uint64_t offset, uint8_t *bytes, size_t count) {
  const uint8_t *found;
  size_t got;
  if (!cic_source_view(source, offset, bytes, count, &found, &got) || got < count) return false;
  if (found != bytes) memcpy(bytes, found, count);
  return true;
}

const char *cic_source_failure_text(cic_status status) {
  return status == CIC_CANCELED ? "canceled" : "the source cannot be read";
}

int32_t cic_source_system_error(const cic_source *source) { return source->system_error; }
