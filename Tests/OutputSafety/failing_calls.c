// A library that is preloaded into the command. It makes one call fail that writes, syncs, names, shortens or closes a file, or ends the
// process before that call.
//
//   GESSO_FAILING="CALL NUMBER ACTION [FOLDER]"  CALL is a function below; the NUMBERth of its calls, from 1, and with ACTION ending in +
//                                       all later ones fail with the errno ACTION (a number), or end the process (kill). With FOLDER only
//                                       calls for files below it count.
//   GESSO_CALLS=FILE                    gets a line with the name of each call that counts.
//
// Only calls for regular files are counted, and syncs of folders. A call of close is counted only if the file was opened for writing. So
// messages to the terminal and to pipes are never affected.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char failing[16], folder[PATH_MAX];
static long number, action;
static int kills, goes_on, list = -1;
static atomic_long count;

__attribute__((constructor)) static void read_settings(void) {
  const char *text = getenv("GESSO_FAILING"), *path = getenv("GESSO_CALLS");
  char word[16] = "";
  if (text && sscanf(text, "%15s %ld %15s %4095s", failing, &number, word, folder) >= 3) {
    kills = strncmp(word, "kill", 4) == 0;
    action = atol(word);
    goes_on = word[strlen(word) - 1] == '+';
  }
  if (path) list = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

// True if the call has to fail; errno is then set.
static int fails(const char *name, const char *path) {
  if (folder[0] && strncmp(path, folder, strlen(folder)) != 0) return 0;
  if (list >= 0) {
    char line[32];
    int length = snprintf(line, sizeof line, "%s\n", name);
    if (syscall(SYS_write, list, line, (size_t)length) < 0) abort();
  }
  if (strcmp(name, failing) != 0) return 0;
  long at = atomic_fetch_add(&count, 1) + 1;
  if (at != number && !(goes_on && at > number)) return 0;
  if (kills) syscall(SYS_kill, getpid(), SIGKILL);
  errno = (int)action;
  return 1;
}

static int fails_for(const char *name, int descriptor) {
  struct stat status;
  if (descriptor == list || fstat(descriptor, &status) != 0) return 0;
  int is_sync = strncmp(name, "f", 1) == 0 && strstr(name, "sync") != NULL;
  if (!S_ISREG(status.st_mode) && !(is_sync && S_ISDIR(status.st_mode))) return 0;
  if (strcmp(name, "close") == 0 && (fcntl(descriptor, F_GETFL) & O_ACCMODE) == O_RDONLY) return 0;
  char link[64], path[PATH_MAX] = "";
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  if (readlink(link, path, sizeof path - 1) < 0) return 0;
  return fails(name, path);
}

static int fails_at(const char *name, const char *path) {
  char whole[PATH_MAX];
  char copy[PATH_MAX];
  snprintf(copy, sizeof copy, "%s", path);
  char *slash = strrchr(copy, '/');
  if (slash) *slash = 0;
  return fails(name, realpath(!slash ? "." : slash == copy ? "/" : copy, whole) ? whole : "");
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int descriptor, const void *bytes, size_t size) {
  return fails_for("write", descriptor) ? -1 : NEXT(write)(descriptor, bytes, size);
}
ssize_t pwrite(int descriptor, const void *bytes, size_t size, off_t offset) {
  return fails_for("write", descriptor) ? -1 : NEXT(pwrite)(descriptor, bytes, size, offset);
}
ssize_t pwrite64(int descriptor, const void *bytes, size_t size, off64_t offset) {
  return fails_for("write", descriptor) ? -1 : NEXT(pwrite64)(descriptor, bytes, size, offset);
}
int fsync(int descriptor) { return fails_for("fsync", descriptor) ? -1 : NEXT(fsync)(descriptor); }
int fdatasync(int descriptor) { return fails_for("fdatasync", descriptor) ? -1 : NEXT(fdatasync)(descriptor); }
int ftruncate(int descriptor, off_t size) { return fails_for("ftruncate", descriptor) ? -1 : NEXT(ftruncate)(descriptor, size); }
int ftruncate64(int descriptor, off64_t size) { return fails_for("ftruncate", descriptor) ? -1 : NEXT(ftruncate64)(descriptor, size); }
int rename(const char *from, const char *to) { return fails_at("rename", to) ? -1 : NEXT(rename)(from, to); }
int link(const char *from, const char *to) { return fails_at("link", to) ? -1 : NEXT(link)(from, to); }
int close(int descriptor) {
  // If close fails, the file is closed nevertheless.
  int failed = fails_for("close", descriptor), reason = errno, status = NEXT(close)(descriptor);
  if (failed) errno = reason;
  return failed ? -1 : status;
}
