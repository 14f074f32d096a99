// Tests the rights that a process has under the protections of Sources/GessoDecode/lockdown.c. Each line of the table runs in a child
// process of its own. A forbidden attempt must get an error or be ended by a signal, and the calls that decoding needs must work. Prints "N
// passed, N failed".

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../Sources/GessoDecode/lockdown.h"

// Each function returns true if its attempt succeeded.
static bool open_file(void) { return open("/etc/passwd", O_RDONLY) >= 0; }
static bool open_file_the_old_way(void) {
#if defined(SYS_open)
  return syscall(SYS_open, "/etc/passwd", O_RDONLY) >= 0;
#else
  return syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY) >= 0;
#endif
}
static bool open_file_the_new_way(void) {
  struct { uint64_t flags, mode, resolve; } how = {0};
  return syscall(437, AT_FDCWD, "/etc/passwd", &how, sizeof how) >= 0;
}
static bool write_file(void) { return open("/tmp/gesso-lockdown-test", O_CREAT | O_WRONLY, 0600) >= 0; }
static bool remove_file(void) { return unlink("/tmp/gesso-lockdown-test") == 0 || errno == ENOENT; }
static bool list_folder(void) { return open("/", O_RDONLY | O_DIRECTORY) >= 0; }
static bool look_at_file(void) {
  struct stat status;
  return stat("/etc/passwd", &status) == 0;
}
static bool make_memory_file(void) { return memfd_create("x", 0) >= 0; }
static bool make_internet_socket(void) { return socket(AF_INET, SOCK_STREAM, 0) >= 0; }
static bool make_local_socket(void) { return socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }
static bool make_netlink_socket(void) { return socket(AF_NETLINK, SOCK_RAW, 0) >= 0; }
static bool send_descriptor(void) {
  struct msghdr message = {0};
  return sendmsg(0, &message, 0) >= 0;
}
static bool run_program(void) { return execl("/bin/true", "true", NULL) != -1; }
static bool make_process(void) { return fork() >= 0; }
static bool make_process_by_vfork(void) {
#if defined(SYS_vfork)
  return syscall(SYS_vfork) >= 0;
#else
  return fork() >= 0;
#endif
}
static bool make_process_by_clone(void) { return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) >= 0; }
static bool make_namespace(void) { return syscall(SYS_unshare, 0x10000000) == 0; }
static bool signal_parent(void) { return kill(getppid(), 0) == 0; }
static bool signal_thread_of_parent(void) { return syscall(SYS_tgkill, 1, 1, 0) == 0; }
static bool trace_parent(void) { return ptrace(PTRACE_ATTACH, 1, 0, 0) == 0; }
static bool read_other_memory(void) {
  char byte;
  struct iovec local = {&byte, 1}, remote = {(void *)&byte, 1};
  return process_vm_readv(1, &local, 1, &remote, 1, 0) >= 0;
}
static bool make_runnable_memory(void) { return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED; }
static bool make_memory_runnable(void) {
  void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return mprotect(memory, 4096, PROT_READ | PROT_EXEC) == 0;
}
static bool share_memory(void) { return shmget(IPC_PRIVATE, 4096, IPC_CREAT) >= 0; }
static bool raise_limit(void) {
  struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
  return syscall(SYS_prlimit64, 0, RLIMIT_AS, &limit, NULL) == 0;
}
static bool raise_limit_of_files(void) {
  struct rlimit limit = {100, 100};
  return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}
static bool copy_descriptor(void) { return dup(0) >= 0; }
static bool become_dumpable(void) { return syscall(SYS_prctl, 4, 1, 0, 0, 0) == 0; }
static bool load_kernel_code(void) { return syscall(SYS_bpf, 0, NULL, 0) >= 0; }
static bool use_io_uring(void) {
  char parameters[120] = {0};
  return syscall(425, 1, parameters) >= 0;
}
static bool mount_something(void) { return syscall(SYS_mount, "none", "/mnt", "tmpfs", 0, NULL) == 0; }
static bool use_another_architecture(void) {
#if defined(__x86_64__)
  // In the 32-bit table of calls, the same number means another call.
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(5), "b"("/etc/passwd"), "c"(0), "d"(0) : "memory", "r8", "r9", "r10", "r11");
  return result >= 0;
#else
  return run_program();
#endif
}
static bool use_x32_call(void) {
#if defined(__x86_64__)
  return syscall(0x40000000 + 2, "/etc/passwd", O_RDONLY) >= 0;
#else
  return run_program();
#endif
}
// The pointer is volatile because the compiler otherwise removes memory that is never read.
static char *volatile memory;
static bool allocate_bytes(size_t count) { return (memory = malloc(count)) && memset(memory, 1, count); }
static bool allocate_too_much(void) { return allocate_bytes(256 << 20); }
static bool take_too_long(void) {
  for (volatile unsigned long i = 0; i < 40000000000; i++) {}
  return true;
}

static void *thread_body(void *argument) { return argument; }
static bool start_thread(void) {
  pthread_t thread;
  void *result = NULL;
  char answer;
  return pthread_create(&thread, NULL, thread_body, &answer) == 0 && pthread_join(thread, &result) == 0 && result == &answer;
}
static bool allocate(void) { return allocate_bytes(32 << 20); }
static bool lower_bound(void) { return bound_memory(16 << 20) == NULL && allocate_bytes(1 << 20) && !allocate_bytes(32 << 20); }
// This attempt and the next one may succeed only if the process was given an open file to read.
static bool read_at_place(void) {
  char byte;
  return pread(3, &byte, 1, 2) == 1;
}
static bool ask_for_size(void) {
  struct stat status;
  return syscall(SYS_fstat, 3, &status) == 0 && status.st_size > 0 && lseek(3, 0, SEEK_CUR) == 0;
}
static bool write_descriptor(void) { return write(1, "", 0) == 0; }
static bool has_no_environment(void) { return !getenv("PATH") && !getenv("HOME"); }
static bool has_no_other_descriptor(void) { return write(7, "x", 1) < 0 && errno == EBADF; }

static const struct {
  const char *name;
  bool (*attempt)(void);
  bool works;
} cases[] = {
#define STOPPED(function) {#function, function, false},
#define WORKS(function) {#function, function, true},
    STOPPED(open_file) STOPPED(open_file_the_old_way) STOPPED(open_file_the_new_way) STOPPED(write_file) STOPPED(remove_file)
    STOPPED(list_folder) STOPPED(look_at_file) STOPPED(make_memory_file) STOPPED(make_internet_socket) STOPPED(make_local_socket)
    STOPPED(make_netlink_socket) STOPPED(send_descriptor) STOPPED(run_program) STOPPED(make_process) STOPPED(make_process_by_vfork)
    STOPPED(make_process_by_clone) STOPPED(make_namespace) STOPPED(signal_parent) STOPPED(signal_thread_of_parent)
    STOPPED(trace_parent) STOPPED(read_other_memory) STOPPED(make_runnable_memory) STOPPED(make_memory_runnable)
    STOPPED(share_memory) STOPPED(raise_limit) STOPPED(raise_limit_of_files) STOPPED(copy_descriptor) STOPPED(become_dumpable)
    STOPPED(load_kernel_code) STOPPED(use_io_uring) STOPPED(mount_something) STOPPED(use_another_architecture)
    STOPPED(use_x32_call) STOPPED(allocate_too_much) STOPPED(take_too_long)
    WORKS(start_thread) WORKS(allocate) WORKS(lower_bound) WORKS(write_descriptor) WORKS(has_no_environment)
    WORKS(has_no_other_descriptor)
};

// The attempts that need an open file to read. All attempts above are also made with such a file.
static const struct {
  const char *name;
  bool (*attempt)(void);
} reading[] = {{"read_at_place", read_at_place}, {"ask_for_size", ask_for_size}};

// The status of a child process that made an attempt, with or without the protections.
static int run(bool (*attempt)(void), bool is_locked, bool reads_files) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    // This descriptor stays open unless the protections close it.
    dup2(1, 7);
    if (reads_files) dup2(open("/proc/self/exe", O_RDONLY), 3);
    const char *failed = is_locked ? lock_down_process(5, -1) : NULL;
    if (is_locked && !failed) failed = lock_down_work(1, 64 << 20, reads_files);
    if (failed) {
      fprintf(stderr, "not installed: %s\n", failed);
      _exit(9);
    }
    _exit(attempt() ? 1 : 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

// A process ends when its lifeline is closed, even if that happens before the process first checks the lifeline.
static bool ends_with_its_parent(bool is_early) {
  int line[2], ready[2];
  if (pipe(line) != 0 || pipe(ready) != 0) return false;
  if (is_early) close(line[1]);
  pid_t child = fork();
  if (child == 0) {
    if (!is_early) close(line[1]);
    dup2(line[0], 5);
    dup2(ready[1], 4);
    if (lock_down(20, 64 << 20, 5, 5)) _exit(9);
    if (write(4, "x", 1) != 1) _exit(8);
    // The process does not wait in a system call, because a decoder does not do so either.
    for (;;) {}
  }
  close(line[0]);
  close(ready[1]);
  char byte;
  ssize_t count = read(ready[0], &byte, 1);
  close(ready[0]);
  if (!is_early) close(line[1]);
  if (count != (is_early ? 0 : 1)) kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGIO;
}

int main(void) {
  int passed = 0, failed = 0;
  for (size_t i = 0; i < 2 * (sizeof cases / sizeof *cases); i++) {
    const bool reads_files = i >= sizeof cases / sizeof *cases;
    const size_t at = i % (sizeof cases / sizeof *cases);
    int status = run(cases[at].attempt, true, reads_files);
    bool has_worked = WIFEXITED(status) && WEXITSTATUS(status) == 1;
    bool was_stopped = (WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
                       (WIFSIGNALED(status) && (WTERMSIG(status) == SIGSYS || WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL));
    if (cases[at].works ? has_worked : was_stopped) {
      passed++;
      continue;
    }
    failed++;
    printf("error: %s %s (status %x)\n", cases[at].name, cases[at].works ? "does not work" : "was not stopped", (unsigned)status);
  }
  // The table proves something only if the same attempts succeed without the protections.
  bool (*const usual[])(void) = {open_file, list_folder, look_at_file, make_memory_file, make_local_socket, make_process, copy_descriptor,
                                 make_runnable_memory, signal_parent, allocate_too_much};
  for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
    int status = run(usual[i], false, false);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 1) passed++;
    else failed++, printf("error: attempt %zu does not work without the wall either\n", i);
  }
  for (size_t i = 0; i < sizeof reading / sizeof *reading; i++) {
    for (int reads_files = 0; reads_files < 2; reads_files++) {
      int status = run(reading[i].attempt, true, reads_files);
      if ((WIFEXITED(status) && WEXITSTATUS(status) == 1) == (bool)reads_files) passed++;
      else failed++, printf("error: %s with%s a file to read (status %x)\n", reading[i].name, reads_files ? "" : "out", (unsigned)status);
    }
  }
  for (int early = 0; early < 2; early++) {
    if (ends_with_its_parent(early)) passed++;
    else failed++, printf("error: it goes on without its parent (%d)\n", early);
  }
  printf("landlock: the kernel %s\n", syscall(444, NULL, 0, 1) > 0 ? "has it" : "does not have it");
  printf("%d passed, %d failed\n", passed, failed);
  return failed > 0;
}
