// A helper process that decodes without access to anything else, and the memory that it shares (decode_protocol.h has the messages). This
// is implemented only for Linux.
#ifndef CHELPER_H
#define CHELPER_H

#include <signal.h>

#include "cimage_codecs.h"
#include "decode_protocol.h"
#include "worker_protocol.h"

#pragma clang assume_nonnull begin

// True for systems on which a helper can be isolated.
bool cic_helper_is_possible(void);

// MARK: Shared memory

// Makes memory that another process can map by its descriptor. It has no bytes yet. Returns the descriptor, or -1 with errno.
int32_t cic_memory_create(void);

// Appends bytes. False with errno if there is no memory.
bool cic_memory_append(int32_t descriptor, const uint8_t *bytes, size_t count);

// Makes the memory read-only for every process. Its size is final too.
bool cic_memory_freeze(int32_t descriptor);

// Sets the size, which is then final for every process, and maps the bytes, which are zeros at first. They stay readable whatever another
// process does, but another process may change them at any time. NULL with errno on failure.
uint8_t *_Nullable cic_memory_map(int32_t descriptor, size_t count);
void cic_memory_unmap(uint8_t *bytes, size_t count);

void cic_memory_close(int32_t descriptor);

// MARK: Process

typedef struct {
  int32_t process;
  int32_t socket;
  // A pipe that nobody writes to: closing it ends the helper.
  int32_t lifeline;
  // The time until which the reply is waited for, in milliseconds of the monotonic clock.
  int64_t deadline;
} cic_helper;

typedef enum __attribute__((enum_extensibility(closed))) : int32_t {
  CIC_HELPER_OK = 0,
  CIC_HELPER_ENDED,     // it closed the socket
  CIC_HELPER_LATE,      // the deadline passed
  CIC_HELPER_CANCELED,  // the flag was raised
} cic_helper_status;

// Starts the program at `path`, in a process group of its own, with the descriptors of decode_protocol.h; those that are -1 become
// /dev/null. `argument` is its only argument; a worker also gets the folders of the dynamic loader (LD_LIBRARY_PATH). If `argument` is
// NULL, the program is gesso-decode and gets neither arguments nor environment. Returns 0 or errno.
int32_t cic_helper_start(
  const char *path, const char *_Nullable argument, int32_t file, int32_t pixels, int64_t seconds, cic_helper *helper);

// Sends a request.
cic_helper_status cic_helper_send(const cic_helper *helper, const gd_request *request);

// Receives exactly `count` bytes. While the call waits for them, it checks the flag every 20 ms.
cic_helper_status cic_helper_receive(
  const cic_helper *helper, void *bytes, size_t count, cic_cancel_flag *_Nullable cancel);

// Ends the process if it still runs, and waits for its end. Returns the number of the signal that had ended the process before this call,
// or 0. If `waits` is true, a process that has closed its socket gets time to end by itself.
int32_t cic_helper_end(cic_helper *helper, bool waits);

// MARK: Worker

// Makes a worker begin a process for the image that `source` is open on. Sets `image` to the socket of this process; the caller closes it.
// Returns 0 or errno.
int32_t cic_worker_open(const cic_helper *worker, const cic_worker_request *request, int32_t source, cic_helper *image);

// Gives the process of an image a task. It takes one when it has begun, and another one after each reply. Returns 0 or errno.
int32_t cic_worker_ask(cic_helper *image, const uint8_t *task, uint32_t task_bytes, int64_t seconds);

// In the worker: gives up the rights that no task needs, and sends the greeting. Ends the process if that fails.
void cic_worker_begin(void);

// In the worker: waits for images. For each image, the call returns in a new process, with every protection in place. It sets the
// descriptors of the source, and of the socket for tasks and replies. Ends the worker when there are no more images.
void cic_worker_next(int32_t *source, int32_t *socket);

// Ends the process at once.
_Noreturn void cic_worker_end(void);

// True if a descriptor is a socket.
bool cic_is_socket(int32_t descriptor);

// True if a descriptor cannot be written to.
bool cic_is_read_only(int32_t descriptor);

// The numbers of three signals.
static const int32_t cic_signal_abort = SIGABRT;
static const int32_t cic_signal_processor_time = SIGXCPU;
static const int32_t cic_signal_forbidden_call = SIGSYS;

#pragma clang assume_nonnull end

#endif
