#ifndef LOCKDOWN_H
#define LOCKDOWN_H

#include <stdbool.h>
#include <stdint.h>

// Takes from this process, for good, everything that decoding does not need: files, network, other programs, privileges, descriptors
// above `last_descriptor`, and memory and time above the bounds. Threads can still be started.
//
// `lifeline` is a pipe whose other end another process holds: when that is closed, this process ends.
//
// Returns NULL, or what could not be installed. The process must not go on then.
const char *lock_down(uint32_t seconds, uint64_t memory_bytes, int last_descriptor, int lifeline);

// The two halves of it, for a process that starts others (isolated_worker.c): what all of them lose, and what one of them gives up before
// it begins to work. With `reads_files` open files may be read at any place, and asked for their size.
const char *lock_down_process(int last_descriptor, int lifeline);
const char *lock_down_work(uint32_t seconds, uint64_t memory_bytes, bool reads_files);

// Lowers the bound of memory, to as many bytes beyond what the process has now. Returns NULL, or what failed.
const char *bound_memory(uint64_t memory_bytes);

// The version of landlock's interface that is in use; 0 for a kernel without it.
int landlock_version(void);

#endif
