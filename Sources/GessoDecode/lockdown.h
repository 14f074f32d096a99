#ifndef LOCKDOWN_H
#define LOCKDOWN_H

#include <stdint.h>

// Takes from this process, for good, everything that decoding does not need: files, network, other programs, privileges, descriptors
// above `last_descriptor`, and memory and time above the bounds. Threads can still be started.
//
// `lifeline` is a pipe whose other end another process holds: when that is closed, this process ends.
//
// Returns NULL, or what could not be installed. The process must not go on then.
const char *lock_down(uint32_t seconds, uint64_t memory_bytes, int last_descriptor, int lifeline);

// Lowers the bound of memory, to as many bytes beyond what the process has now. Returns NULL, or what failed.
const char *bound_memory(uint64_t memory_bytes);

// The version of landlock's interface that is in use; 0 for a kernel without it.
int landlock_version(void);

#endif
