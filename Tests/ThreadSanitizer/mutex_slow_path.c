// Informs ThreadSanitizer about the contended path of Synchronization.Mutex on Linux.
//
// Mutex takes a free lock with an atomic operation that is inlined into our code, so TSan sees it. If the lock is held, Mutex calls into
// libswiftSynchronization.so, which is not instrumented. TSan does not see the order that this call establishes, and reports a race between
// any two uses of the guarded value. The two functions below are preloaded in place of the library's functions. They call these, and then
// report the order to TSan (swift/stdlib/public/Synchronization/Mutex/LinuxImpl.swift). In a process without TSan they only call them.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *

// The runtime's interface for locks that it does not know: sanitizer/tsan_interface.h.
__attribute__((weak)) void __tsan_acquire(void *address);
__attribute__((weak)) void __tsan_release(void *address);

static void *real(const char *symbol) {
  void *function = dlsym(RTLD_NEXT, symbol);
  if (function) return function;
  // If the function is missing, the false reports would come back without a notice.
  fprintf(stderr, "ThreadSanitizer: no %s\n", symbol);
  abort();
}

SWIFT void lock_slow(uint32_t thread, SELF mutex) __asm__(LOCK_SLOW);
SWIFT void lock_slow(uint32_t thread, SELF mutex) {
  ((SWIFT void (*)(uint32_t, SELF))real(LOCK_SLOW))(thread, mutex);
  if (__tsan_acquire) __tsan_acquire(mutex);
}

SWIFT void unlock_slow(SELF mutex) __asm__(UNLOCK_SLOW);
SWIFT void unlock_slow(SELF mutex) {
  if (__tsan_release) __tsan_release(mutex);
  ((SWIFT void (*)(SELF))real(UNLOCK_SLOW))(mutex);
}
