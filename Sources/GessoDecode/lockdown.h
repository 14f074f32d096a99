#ifndef LOCKDOWN_H
#define LOCKDOWN_H

#include <stdbool.h>
#include <stdint.h>

// Takes from this process, for good, everything that decoding does not need: files, network, other programs, privileges, descriptors
// above `last_descriptor`, and memory and time above the bounds. Threads can still be started.
//
// `lifeline` is a pipe whose other end is held by another process. When that end is closed, this process ends.
//
// Returns NULL, or the name of a protection that could not be installed. In that case the process must not continue.
const char *lock_down(uint32_t seconds, uint64_t memory_bytes, int last_descriptor, int lifeline);

// The two halves of lock_down, for a process that starts others (isolated_worker.c). The first one gives up the rights that none of these
// processes needs; the second one is for a process that begins to work. If `reads_files` is true, the process may read open files at any
// place, and get their size.
const char *lock_down_process(int last_descriptor, int lifeline);
const char *lock_down_work(uint32_t seconds, uint64_t memory_bytes, bool reads_files);

// Limits the memory of this process to `memory_bytes` more than it had when lock_down_process was called. Returns NULL, or the name of the
// call that failed.
const char *bound_memory(uint64_t memory_bytes);

// The version of landlock's interface that is in use; 0 for a kernel without it.
int landlock_version(void);

#endif
