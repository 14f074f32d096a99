#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include "lockdown.h"

#if !defined(__linux__)

// The protections of other systems were never tried, so the helper refuses to work there.
const char *lock_down(uint32_t seconds, uint64_t memory_bytes, int last_descriptor, int lifeline) {
  (void)seconds, (void)memory_bytes, (void)last_descriptor, (void)lifeline;
  return "isolation (only Linux has it here)";
}
const char *lock_down_process(int last_descriptor, int lifeline) {
  (void)last_descriptor, (void)lifeline;
  return "isolation (only Linux has it here)";
}
const char *lock_down_work(uint32_t seconds, uint64_t memory_bytes, bool reads_files) {
  (void)seconds, (void)memory_bytes, (void)reads_files;
  return "isolation (only Linux has it here)";
}
const char *bound_memory(uint64_t memory_bytes) {
  (void)memory_bytes;
  return "isolation (only Linux has it here)";
}
int landlock_version(void) { return 0; }

#else

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// MARK: Memory and time

// The address space of this process in bytes; 0 if the system does not report it.
static uint64_t address_space(void) {
  FILE *file = fopen("/proc/self/statm", "re");
  unsigned long pages = 0;
  if (!file) return 0;
  if (fscanf(file, "%lu", &pages) != 1) pages = 0;
  fclose(file);
  return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

// The address space of the started helper, which is not part of the memory for a picture.
static uint64_t own_memory;

const char *bound_memory(uint64_t memory_bytes) {
  uint64_t all = own_memory + memory_bytes;
  struct rlimit limit = {.rlim_cur = all, .rlim_max = all};
  // The system call is made directly, because the C library's function may also read the old limit. The filter of the helper would allow
  // that, but here the call has to be exactly the one that the filter is written for.
  return syscall(SYS_prlimit64, 0, RLIMIT_AS, &limit, NULL) == 0 ? NULL : "a bound of memory (RLIMIT_AS)";
}

static const char *bound_resources(uint32_t seconds, uint64_t memory_bytes) {
  // One heap for all threads, and small stacks: otherwise each thread of a codec takes tens of MB of address space that it does not use.
  mallopt(M_ARENA_MAX, 1);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 2 << 20);
  pthread_setattr_default_np(&attributes);
  pthread_attr_destroy(&attributes);

  const struct {
    int resource;
    rlim_t value;
  } limits[] = {
      {RLIMIT_CORE, 0}, {RLIMIT_FSIZE, 0}, {RLIMIT_NOFILE, 0}, {RLIMIT_MEMLOCK, 0}, {RLIMIT_MSGQUEUE, 0}, {RLIMIT_CPU, seconds},
  };
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    struct rlimit limit = {.rlim_cur = limits[i].value, .rlim_max = limits[i].value};
    if (setrlimit(limits[i].resource, &limit) != 0) return "bounds of resources (setrlimit)";
  }
  return bound_memory(memory_bytes);
}

// MARK: Descriptors and privileges

static const char *close_descriptors(int last_descriptor) {
  if (syscall(SYS_close_range, last_descriptor + 1, ~0U, 0) == 0) return NULL;
  if (errno != ENOSYS) return "closed descriptors (close_range)";
  // Kernels before 5.9 have no close_range.
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > 1 << 20) return "closed descriptors (close_range)";
  for (int descriptor = last_descriptor + 1; descriptor < (int)limit.rlim_cur; descriptor++) close(descriptor);
  return NULL;
}

static const char *drop_privileges(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
  if (syscall(SYS_capset, &header, none) != 0) return "no capabilities (capset)";
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return "protection against debuggers (PR_SET_DUMPABLE)";
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return "no new privileges (PR_SET_NO_NEW_PRIVS)";
  return NULL;
}

// MARK: Landlock (Documentation/userspace-api/landlock.rst of Linux)

// The structure and the access rights of version 7. They are repeated here because Debian's headers may be older than the running
// kernel. An older kernel knows a part of them.
struct ruleset {
  uint64_t files, network, scoped;
};

static int landlock = 0;
int landlock_version(void) { return landlock; }

static const char *deny_files(void) {
  const long create = 444, restrict_self = 446;
  long version = syscall(create, NULL, 0, 1);
  if (version < 0) {
    // The kernel has no landlock, or was started without it. In that case the filter of calls is the only protection of files.
    return errno == ENOSYS || errno == EOPNOTSUPP ? NULL : "landlock";
  }
  const uint64_t rights[] = {0, (1 << 13) - 1, (1 << 14) - 1, (1 << 15) - 1, (1 << 15) - 1, (1 << 16) - 1};
  int last = (int)(sizeof rights / sizeof *rights) - 1;
  struct ruleset ruleset = {
      .files = rights[version < last ? version : last],
      .network = version >= 4 ? 3 : 0,
      .scoped = version >= 6 ? 3 : 0,
  };
  size_t bytes = version >= 6 ? 24 : version >= 4 ? 16 : 8;
  int descriptor = (int)syscall(create, &ruleset, bytes, 0);
  if (descriptor < 0) return "landlock (its rules)";
  // No rule was added, so landlock denies every access that it handles.
  long status = syscall(restrict_self, descriptor, 0);
  close(descriptor);
  if (status != 0) return "landlock";
  landlock = (int)version;
  return NULL;
}

// MARK: Calls

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "the filter of calls is written for x86-64 and arm64"
#endif

// The flags with which glibc and musl start a thread.
enum {
  thread_flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |
                 CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID,
  thread_flags_musl = thread_flags | CLONE_DETACHED,
};

typedef struct filter {
  struct sock_filter code[400];
  unsigned short count;
} filter;

static void add(filter *filter, uint16_t code, uint8_t jump_true, uint8_t jump_false, uint32_t value) {
  filter->code[filter->count++] = (struct sock_filter){code, jump_true, jump_false, value};
}

static void answer(filter *filter, uint32_t answer) { add(filter, BPF_RET | BPF_K, 0, 0, answer); }

static void answer_calls(filter *filter, const int *calls, size_t count, uint32_t value) {
  for (size_t i = 0; i < count; i++) {
    add(filter, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)calls[i]);
    answer(filter, value);
  }
}

// Loads the lower half of an argument. For the arguments that are examined, the kernel ignores the upper half or requires it to be 0.
static void load_argument(filter *filter, int index) {
  add(filter, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)(offsetof(struct seccomp_data, args) + 8 * (size_t)index));
}

// Begins the rules for one call. The rules are the next `length` instructions, and every path through them must end with an answer.
static void only_for(filter *filter, int call, uint8_t length) {
  add(filter, BPF_JMP | BPF_JEQ | BPF_K, 0, length, (uint32_t)call);
}

static const char *filter_calls(bool reads_files) {
  const uint32_t kill = SECCOMP_RET_KILL_PROCESS, allow = SECCOMP_RET_ALLOW;
  // The calls that decoders make once everything is loaded.
  static const int allowed[] = {
      __NR_read, __NR_write, __NR_close, __NR_munmap, __NR_mremap, __NR_brk, __NR_madvise, __NR_futex, __NR_exit,
      __NR_exit_group, __NR_rt_sigreturn, __NR_rt_sigprocmask, __NR_sched_yield, __NR_clock_gettime, __NR_clock_nanosleep,
      __NR_nanosleep, __NR_gettimeofday, __NR_set_robust_list, __NR_rseq, __NR_gettid, __NR_getpid, __NR_getrandom,
      __NR_sigaltstack, __NR_restart_syscall,
  };
  // The calls that read an open file at any place, and its size.
  static const int reading[] = {__NR_pread64, __NR_lseek, __NR_fstat};
  // Calls that libraries make and can do without: they fail, and the process continues. If the affinity cannot be read, the libraries start
  // two threads, however many processors there are.
  static const int refused[] = {
#if defined(__x86_64__)
      __NR_open, __NR_stat, __NR_lstat, __NR_access, __NR_readlink, __NR_time,
#endif
      __NR_openat, __NR_newfstatat, __NR_statx, __NR_faccessat, __NR_readlinkat, __NR_getcwd, __NR_fstat, __NR_lseek,
      __NR_ioctl, __NR_fcntl, __NR_uname, __NR_sysinfo, __NR_getcpu, __NR_getrusage, __NR_times, __NR_getuid, __NR_geteuid,
      __NR_getgid, __NR_getegid, __NR_sched_getaffinity, __NR_sched_setaffinity, __NR_sched_getscheduler,
      __NR_sched_setscheduler, __NR_sched_getparam, __NR_setpriority, __NR_get_mempolicy, __NR_membarrier, __NR_rt_sigaction,
      __NR_fadvise64,
  };
  static filter filter;
  add(&filter, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, arch));
  add(&filter, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, ARCHITECTURE);
  answer(&filter, kill);
  add(&filter, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
  answer_calls(&filter, allowed, sizeof allowed / sizeof *allowed, allow);
  if (reads_files) answer_calls(&filter, reading, sizeof reading / sizeof *reading, allow);
  answer_calls(&filter, refused, sizeof refused / sizeof *refused, SECCOMP_RET_ERRNO | EACCES);
  // The flags of clone3 are behind a pointer, which a filter cannot follow. So clone3 fails as if the kernel did not have it, and the C
  // library uses clone.
  answer_calls(&filter, (const int[]){__NR_clone3}, 1, SECCOMP_RET_ERRNO | ENOSYS);

  only_for(&filter, __NR_clone, 5);
  load_argument(&filter, 0);
  add(&filter, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, thread_flags);
  add(&filter, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, thread_flags_musl);
  answer(&filter, allow);
  answer(&filter, kill);

  // Mapping executable memory, or making memory executable, ends the process.
  const int mapping[] = {__NR_mmap, __NR_mprotect};
  for (int i = 0; i < 2; i++) {
    only_for(&filter, mapping[i], 4);
    load_argument(&filter, 2);
    add(&filter, BPF_JMP | BPF_JSET | BPF_K, 0, 1, PROT_EXEC);
    answer(&filter, kill);
    answer(&filter, allow);
  }

  // Only the own process may get a signal, because abort() sends one.
  only_for(&filter, __NR_tgkill, 4);
  load_argument(&filter, 0);
  add(&filter, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)getpid());
  answer(&filter, allow);
  answer(&filter, kill);

  // prctl may only name threads and memory.
  only_for(&filter, __NR_prctl, 5);
  load_argument(&filter, 0);
  add(&filter, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, PR_SET_NAME);
  add(&filter, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0x53564d41);
  answer(&filter, allow);
  answer(&filter, kill);

  // The process may lower its own limit of memory. It can no longer raise the limit, because it has given up that capability.
  only_for(&filter, __NR_prlimit64, 6);
  load_argument(&filter, 0);
  add(&filter, BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0);
  load_argument(&filter, 1);
  add(&filter, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, RLIMIT_AS);
  answer(&filter, allow);
  answer(&filter, kill);

  answer(&filter, kill);

  struct sock_fprog program = {.len = filter.count, .filter = filter.code};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0) return "the filter of calls (seccomp)";
  return NULL;
}

// MARK: All

const char *lock_down_process(int last_descriptor, int lifeline) {
  const char *failed = NULL;
  own_memory = address_space();
  if (own_memory == 0) return "a bound of memory (/proc/self/statm is not there)";
  clearenv();
  umask(077);
  if (chdir("/") != 0) return "another working folder";
  // When the other end of the pipe is closed, a signal ends this process.
  if (lifeline >= 0) {
    int flags = fcntl(lifeline, F_GETFL);
    if (signal(SIGIO, SIG_DFL) == SIG_ERR || fcntl(lifeline, F_SETOWN, getpid()) != 0 || flags < 0 ||
        fcntl(lifeline, F_SETFL, flags | O_ASYNC) != 0)
      return "an end with its parent (O_ASYNC)";
    // The other end may have been closed before the signal was set up.
    struct pollfd line = {.fd = lifeline};
    if (poll(&line, 1, 0) != 0) raise(SIGIO);
  }
  if ((failed = close_descriptors(last_descriptor))) return failed;
  if ((failed = drop_privileges())) return failed;
  return deny_files();
}

const char *lock_down_work(uint32_t seconds, uint64_t memory_bytes, bool reads_files) {
  const char *failed = NULL;
  if ((failed = bound_resources(seconds, memory_bytes))) return failed;
  if ((failed = filter_calls(reads_files))) return failed;
  // Tries the installed filter once.
  if (open("/", O_RDONLY | O_CLOEXEC) >= 0) return "the filter of calls (a folder could be opened)";
  return NULL;
}

const char *lock_down(uint32_t seconds, uint64_t memory_bytes, int last_descriptor, int lifeline) {
  const char *failed = lock_down_process(last_descriptor, lifeline);
  return failed ? failed : lock_down_work(seconds, memory_bytes, false);
}

#endif
