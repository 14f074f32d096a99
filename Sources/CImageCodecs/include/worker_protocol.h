#ifndef WORKER_PROTOCOL_H
#define WORKER_PROTOCOL_H

#include <stdint.h>

// The messages between `gesso` and the processes of the same program that it starts for decoding. Every number of a reply is checked.

enum { CW_MAGIC = 0x57534547, CW_MAX_TEXT = 128, CW_PARTS = 3 };

// The first message of a worker, on its socket.
typedef struct cic_worker_greeting {
  uint32_t magic;
  // The version of landlock; 0 for a kernel without it.
  int32_t landlock;
  // The protection that cannot be installed; empty if all are installed.
  char failed[CW_MAX_TEXT];
} cic_worker_greeting;

// Begins the process of an image. It is sent on the worker's socket with two descriptors: the source, and the socket of the image. On that
// one, tasks and replies follow each other: a task is a uint32_t, the number of its bytes, and these bytes. The process ends when its socket
// is closed.
typedef struct cic_worker_request {
  uint32_t magic;
  // The processor time that the process may use, and its memory in addition to that of the started worker.
  uint32_t seconds;
  uint64_t memory_bytes;
} cic_worker_request;

enum { CW_RESULT = 0, CW_ERROR = 1, CW_UNPROTECTED = 2 };

// A reply, and the bytes that it counts. After the end of the process, an int32_t arrives on the worker's socket: the number of the signal
// that ended it, or 0.
typedef struct cic_worker_reply {
  uint32_t magic;
  uint32_t kind;
  uint64_t record_bytes;
  uint64_t part_bytes[CW_PARTS];
} cic_worker_reply;

#endif
