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

// A task, sent on the socket with two descriptors: the source, and a socket for this task, which has the task's bytes and takes the reply.
typedef struct cic_worker_request {
  uint32_t magic;
  uint32_t task_bytes;
  // The processor time that the task may use, and the memory in addition to that of the started worker.
  uint32_t seconds;
  uint32_t reserved;
  uint64_t memory_bytes;
} cic_worker_request;

enum { CW_RESULT = 0, CW_ERROR = 1, CW_UNPROTECTED = 2 };

// A reply, and the bytes that it counts. After the reply, an int32_t arrives on the worker's socket: the number of the signal that ended
// the task's process, or 0.
typedef struct cic_worker_reply {
  uint32_t magic;
  uint32_t kind;
  uint64_t record_bytes;
  uint64_t part_bytes[CW_PARTS];
} cic_worker_reply;

#endif
