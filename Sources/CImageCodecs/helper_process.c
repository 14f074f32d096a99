#if defined(__linux__)
#define _GNU_SOURCE
#endif

#include "chelper.h"

#if defined(__linux__)

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

bool cic_helper_is_possible(void) { return true; }

// MARK: Shared memory

int32_t cic_memory_create(void) { return memfd_create("gesso", MFD_CLOEXEC | MFD_ALLOW_SEALING); }

bool cic_memory_append(int32_t descriptor, const uint8_t *bytes, size_t count) {
  while (count > 0) {
    ssize_t written = write(descriptor, bytes, count);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes += written;
    count -= (size_t)written;
  }
  return true;
}

bool cic_memory_freeze(int32_t descriptor) {
  return fcntl(descriptor, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0;
}

uint8_t *cic_memory_map(int32_t descriptor, size_t count) {
  if (ftruncate(descriptor, (off_t)count) != 0) return NULL;
  if (fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) return NULL;
  void *bytes = mmap(NULL, count, PROT_READ, MAP_SHARED, descriptor, 0);
  return bytes == MAP_FAILED ? NULL : bytes;
}

void cic_memory_unmap(uint8_t *bytes, size_t count) { munmap(bytes, count); }

void cic_memory_close(int32_t descriptor) { close(descriptor); }

// MARK: Process

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

// Starts the program with `descriptors` as its first descriptors. Each -1 becomes /dev/null.
static int start(const char *path, const char *argument, const int *descriptors, int count, pid_t *process) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  int error = posix_spawn_file_actions_init(&actions);
  if (error) return error;
  if ((error = posix_spawnattr_init(&attributes))) {
    posix_spawn_file_actions_destroy(&actions);
    return error;
  }
  for (int i = 0; i < count && !error; i++) {
    error = descriptors[i] < 0 ? posix_spawn_file_actions_addopen(&actions, i, "/dev/null", O_RDWR, 0)
                               : posix_spawn_file_actions_adddup2(&actions, descriptors[i], i);
  }
  // The process begins with no signal blocked or ignored, and in a process group of its own, so that Ctrl-C in the terminal does not reach
  // it.
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  if (!error) error = posix_spawnattr_setsigmask(&attributes, &none);
  if (!error) error = posix_spawnattr_setsigdefault(&attributes, &all);
  if (!error) error = posix_spawnattr_setpgroup(&attributes, 0);
  if (!error) error = posix_spawnattr_setflags(
      &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  char decoder[] = "gesso-decode", worker[] = "gesso", word[64] = "", quiet[] = "SWIFT_BACKTRACE=enable=no", folders[4096] = "";
  if (argument) snprintf(word, sizeof word, "%s", argument);
  // gesso-decode has no environment. A worker opens libraries, so it gets the folders of the dynamic loader. It gets no other variable,
  // because any of them may be secret.
  const char *given = argument ? getenv("LD_LIBRARY_PATH") : NULL;
  if (given) snprintf(folders, sizeof folders, "LD_LIBRARY_PATH=%s", given);
  char *const arguments[] = {argument ? worker : decoder, argument ? word : NULL, NULL};
  char *const environment[] = {argument ? quiet : NULL, given ? folders : NULL, NULL};
  if (!error) error = posix_spawn(process, path, &actions, &attributes, arguments, environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

int32_t cic_helper_start(
  const char *path, const char *argument, int32_t file, int32_t pixels, int64_t seconds, cic_helper *helper) {
  int ends[2] = {-1, -1}, line[2] = {-1, -1};
  // Copies of the descriptors, with numbers above those that the helper gets, so that none replaces another.
  int high[6] = {-1, -1, -1, -1, -1, -1};
  pid_t process = 0;
  int error = 0;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0 || pipe2(line, O_CLOEXEC) != 0) error = errno;
  const int given[6] = {[GD_SOCKET] = ends[1], -1, -1, [GD_FILE] = file, [GD_PIXELS] = pixels, [GD_LIFELINE] = line[0]};
  for (int i = 0; i < 6 && !error; i++) {
    if (given[i] >= 0 && (high[i] = fcntl(given[i], F_DUPFD_CLOEXEC, 10)) < 0) error = errno;
  }
  if (!error) error = start(path, argument, high, 6, &process);
  for (int i = 0; i < 6; i++) {
    if (high[i] >= 0) close(high[i]);
  }
  if (ends[1] >= 0) close(ends[1]);
  if (line[0] >= 0) close(line[0]);
  if (error) {
    if (ends[0] >= 0) close(ends[0]);
    if (line[1] >= 0) close(line[1]);
    return error;
  }
  *helper = (cic_helper){.process = process, .socket = ends[0], .lifeline = line[1], .deadline = now() + seconds * 1000};
  return 0;
}

int32_t cic_worker_open(const cic_helper *worker, const cic_worker_request *request, int32_t source, cic_helper *image) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return errno;
  int error = 0;
  union {
    char bytes[CMSG_SPACE(2 * sizeof(int))];
    struct cmsghdr header;
  } control = {.bytes = {0}};
  struct iovec content = {.iov_base = (void *)request, .iov_len = sizeof *request};
  struct msghdr message = {
    .msg_iov = &content, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  struct cmsghdr *descriptors = CMSG_FIRSTHDR(&message);
  descriptors->cmsg_level = SOL_SOCKET;
  descriptors->cmsg_type = SCM_RIGHTS;
  descriptors->cmsg_len = CMSG_LEN(2 * sizeof(int));
  memcpy(CMSG_DATA(descriptors), (const int[]){source, ends[1]}, 2 * sizeof(int));
  // The request fits into the empty buffer of the worker's socket.
  if (sendmsg(worker->socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)sizeof *request) error = errno;
  close(ends[1]);
  if (error) {
    close(ends[0]);
    return error;
  }
  *image = (cic_helper){.process = worker->process, .socket = ends[0], .lifeline = -1};
  return 0;
}

int32_t cic_worker_ask(cic_helper *image, const uint8_t *task, uint32_t task_bytes, int64_t seconds) {
  struct iovec parts[] = {{.iov_base = &task_bytes, .iov_len = sizeof task_bytes}, {.iov_base = (void *)task, .iov_len = task_bytes}};
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
  image->deadline = now() + seconds * 1000;
  // The task fits into the buffer of the socket, which is empty after a reply.
  ssize_t sent = sendmsg(image->socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent == (ssize_t)(sizeof task_bytes + task_bytes) ? 0 : sent < 0 ? errno : EMSGSIZE;
}

cic_helper_status cic_helper_send(const cic_helper *helper, const gd_request *request) {
  // The request fits into the empty buffer of the socket.
  ssize_t sent = send(helper->socket, request, sizeof *request, MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent == (ssize_t)sizeof *request ? CIC_HELPER_OK : CIC_HELPER_ENDED;
}

cic_helper_status cic_helper_receive(const cic_helper *helper, void *bytes, size_t count, cic_cancel_flag *cancel) {
  char *next = bytes;
  while (count > 0) {
    if (cancel && cic_cancel_flag_is_raised(cancel)) return CIC_HELPER_CANCELED;
    if (now() >= helper->deadline) return CIC_HELPER_LATE;
    struct pollfd wait = {.fd = helper->socket, .events = POLLIN};
    int ready = poll(&wait, 1, 20);
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    ssize_t received = recv(helper->socket, next, count, MSG_DONTWAIT);
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (received <= 0) return CIC_HELPER_ENDED;
    next += received;
    count -= (size_t)received;
  }
  return CIC_HELPER_OK;
}

int32_t cic_helper_end(cic_helper *helper, bool waits) {
  int status = 0;
  pid_t ended = 0;
  // When a process ends, its socket closes a moment before waitpid reports the end.
  for (int i = 0; waits && i < 200 && (ended = waitpid(helper->process, &status, WNOHANG)) == 0; i++) {
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
  bool ended_before = ended == helper->process;
  if (!ended_before) {
    // Until waitpid was called, the number of the process cannot belong to another one. If the caller of this package has already waited
    // for the process, there is nothing left to end.
    if (ended == 0) kill(helper->process, SIGKILL);
    while (waitpid(helper->process, &status, 0) < 0 && errno == EINTR) {}
  }
  close(helper->socket);
  close(helper->lifeline);
  return ended_before && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

#else

// Other systems can isolate processes too, but none of their ways was tried for this package.
bool cic_helper_is_possible(void) { return false; }

static const int32_t unsupported = ENOSYS;

int32_t cic_memory_create(void) {
  errno = unsupported;
  return -1;
}
bool cic_memory_append(int32_t descriptor, const uint8_t *bytes, size_t count) { return false; }
bool cic_memory_freeze(int32_t descriptor) { return false; }
uint8_t *cic_memory_map(int32_t descriptor, size_t count) { return NULL; }
void cic_memory_unmap(uint8_t *bytes, size_t count) {}
void cic_memory_close(int32_t descriptor) {}
int32_t cic_helper_start(
  const char *path, const char *argument, int32_t file, int32_t pixels, int64_t seconds, cic_helper *helper) {
  return unsupported;
}
int32_t cic_worker_open(const cic_helper *worker, const cic_worker_request *request, int32_t source, cic_helper *image) {
  return unsupported;
}
int32_t cic_worker_ask(cic_helper *image, const uint8_t *task, uint32_t task_bytes, int64_t seconds) { return unsupported; }
cic_helper_status cic_helper_send(const cic_helper *helper, const gd_request *request) { return CIC_HELPER_ENDED; }
cic_helper_status cic_helper_receive(const cic_helper *helper, void *bytes, size_t count, cic_cancel_flag *cancel) {
  return CIC_HELPER_ENDED;
}
int32_t cic_helper_end(cic_helper *helper, bool waits) { return 0; }

#endif
