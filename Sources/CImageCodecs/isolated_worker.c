// The worker's side of worker_protocol.h. One process, which never reads a byte of an image, waits for images and forks for each of them.
// The work on an image therefore begins with all libraries open, in memory that no other image has touched, and with its own limits.
#if defined(__linux__)
#define _GNU_SOURCE
#endif

#include "chelper.h"
#include "lockdown.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

_Noreturn void cic_worker_end(void) { _exit(0); }

bool cic_is_socket(int32_t descriptor) {
  struct stat status;
  return fstat(descriptor, &status) == 0 && S_ISSOCK(status.st_mode);
}

bool cic_is_read_only(int32_t descriptor) {
  int flags = fcntl(descriptor, F_GETFL);
  return flags >= 0 && (flags & O_ACCMODE) == O_RDONLY;
}

#if defined(__linux__)

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

static void write_all(int descriptor, const void *bytes, size_t count) {
  const char *next = bytes;
  while (count > 0) {
    ssize_t sent = write(descriptor, next, count);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) _exit(1);
    next += sent;
    count -= (size_t)sent;
  }
}

void cic_worker_begin(void) {
  // Sets the name of the process, which would otherwise be `exe`: the process was started as /proc/self/exe.
  prctl(PR_SET_NAME, "gesso-worker");
  cic_worker_greeting greeting = {.magic = CW_MAGIC};
  const char *failed = lock_down_process(GD_LIFELINE, GD_LIFELINE);
  greeting.landlock = landlock_version();
  if (failed) snprintf(greeting.failed, sizeof greeting.failed, "%s", failed);
  write_all(GD_SOCKET, &greeting, sizeof greeting);
  if (failed) _exit(1);
}

// Receives a request and its descriptors; false when there are no more.
static bool receive(cic_worker_request *request, int descriptors[2]) {
  union {
    char bytes[CMSG_SPACE(2 * sizeof(int))];
    struct cmsghdr header;
  } control;
  struct iovec content = {.iov_base = request, .iov_len = sizeof *request};
  struct msghdr message = {
    .msg_iov = &content, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  ssize_t count;
  do count = recvmsg(GD_SOCKET, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL);
  while (count < 0 && errno == EINTR);
  struct cmsghdr *header = count == (ssize_t)sizeof *request ? CMSG_FIRSTHDR(&message) : NULL;
  if (!header || request->magic != CW_MAGIC || header->cmsg_len != CMSG_LEN(2 * sizeof(int))) return false;
  memcpy(descriptors, CMSG_DATA(header), 2 * sizeof(int));
  return true;
}

// Installs the protections of one image, in its process.
static void begin_image(const cic_worker_request *request, pid_t parent, int socket) {
  // When the worker ends, this process is ended too.
  const char *failed = NULL;
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) failed = "an end with its parent (PR_SET_PDEATHSIG)";
  close(GD_SOCKET);
  close(GD_LIFELINE);
  if (!failed) failed = lock_down_work(request->seconds, request->memory_bytes, true);
  if (!failed) return;
  cic_worker_reply message = {.magic = CW_MAGIC, .kind = CW_UNPROTECTED, .record_bytes = strlen(failed)};
  write_all(socket, &message, sizeof message);
  write_all(socket, failed, strlen(failed));
  _exit(0);
}

void cic_worker_next(int32_t *source, int32_t *socket) {
  cic_worker_request request;
  int descriptors[2];
  const pid_t parent = getpid();
  while (receive(&request, descriptors)) {
    pid_t process = fork();
    if (process == 0) {
      begin_image(&request, parent, descriptors[1]);
      *source = descriptors[0];
      *socket = descriptors[1];
      return;
    }
    close(descriptors[0]);
    close(descriptors[1]);
    int status = 0;
    if (process > 0) {
      while (waitpid(process, &status, 0) < 0 && errno == EINTR) {}
    }
    int32_t signal = process > 0 && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    write_all(GD_SOCKET, &signal, sizeof signal);
  }
  _exit(0);
}

#else

void cic_worker_begin(void) { cic_worker_end(); }
void cic_worker_next(int32_t *source, int32_t *socket) { cic_worker_end(); }

#endif
